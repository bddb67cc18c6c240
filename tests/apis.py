"""A real HTTP server on the loopback, which answers what a test says and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping


class Shop:
    """One server. ``answer(path, params)`` gives the answer to a GET: JSON to be, bytes as they stand, or ``(status, headers, either)``."""

    def __init__(self, answer: Callable[[str, dict[str, list[str]]], Any], tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        """Method, path with what is behind it, and headers of each request."""
        self.over = threading.Event()
        """The test has ended: who hangs goes on."""
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = True  # else an answer in two packets takes 40 ms

            def do_GET(self) -> None:
                shop.asked.append((self.command, self.path, dict(self.headers)))
                parts = urlsplit(self.path)
                found = shop.answer(parts.path, parse_qs(parts.query, keep_blank_values=True))
                status, headers, body = found if isinstance(found, tuple) else (200, {}, found)
                data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
                    if value is not None:
                        self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(data)
                self.close_connection = headers.get("Connection") == "close"

            do_HEAD = do_GET  # noqa: N815  http.server's name

            def log_message(self, *_: Any) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self._scheme = "https" if tls else "http"
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self._scheme}://127.0.0.1:{self.server.server_port}"

    @property
    def paths(self) -> list[str]:
        """What it was asked, in order."""
        return [path for _, path, _ in self.asked]

    def hangs(self) -> Any:
        """An answer that does not come while the test runs."""
        self.over.wait(60)
        return []


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that hang up: that is what tests are about."""


@contextmanager
def serving(answer: Callable[[str, dict[str, list[str]]], Any], tls: ssl.SSLContext | None = None) -> Iterator[Shop]:
    """Let a server answer while the block runs."""
    shop = Shop(answer, tls)
    thread = threading.Thread(target=shop.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        shop.over.set()
        shop.server.shutdown()
        shop.server.server_close()
        thread.join()
