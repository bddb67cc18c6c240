"""HTTP APIs behind Airflow connections: asked by GET, with a login that goes to no other host, and heard in Tidegate's own errors. Runs in a worker."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import ssl
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlencode

import httpx

from tidegate.data.binding import comment_safe
from tidegate.data.cancelling import hang_up
from tidegate.data.engines import CONNECT_TIMEOUT, PROBE_TIMEOUT
from tidegate.errors import AuthRefused, ConnectionUnknown, DataRefused, ErrorClass, QueryRefused, TidegateError, TimedOut, Unreachable
from tidegate.redaction import without_secrets
from tidegate.resilience.faults import classify
from tidegate.resilience.retry_after import seconds_asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.data.stopping import Stop

log = logging.getLogger(__name__)

READ_TIMEOUT = 60
"""Seconds between two parts of an answer, unless the connection's extra says another ``timeout``."""
PAGE_BYTES = 64 << 20
"""The longest answer, unpacked."""
LONGEST_WAIT = 60.0
"""Seconds that an API which has too much to do may ask to be left alone; who asks for more is asked again by the task's own retries."""
WAITS = 10
"""How often in a row it may ask so."""
_REDIRECTS = 5
_PARAMS = "Put them under params in the extra of an Airflow connection, which are sent with each request and shown nowhere."
_SHOWN = 300
"""Letters of what a server says in a refusal."""
_SECRET, _LONG_SECRET = 6, 16
"""Letters that a word of a header or parameter has at least that is taken for a secret, and a part of the connection's path: ``en`` is none, and stands in
many words; ``orders`` is none in a path.
"""
_BETWEEN, _SCHEMES = re.compile(r"""[\s,;:"']+|=(?=[^\s,;:="'])"""), {"bearer", "digest"}
"""What stands between the words of a header, and words that are no secret."""
_NAME, _VALUE = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII), re.compile(r"([!-~]([ -~]*[!-~])?)?")
"""What a header may be called, and hold."""
_AUTH, _BUSY, _LATE, _UNKNOWN_METHOD = {401, 403, 407}, {429, 503}, {408, 504}, 501
_OF_AIRFLOW = ("stream", "proxies", "proxy", "allow_redirects", "max_redirects", "trust_env", "check_response")
"""What Airflow's own hook finds in a connection's extra besides headers, and means nothing here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Where an API is, and how it lets one in."""

    base: httpx.URL
    """Without a login."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request."""
    auth: tuple[str, str] | None = field(default=None, repr=False)
    verify: ssl.SSLContext | bool = True
    timeout: float = READ_TIMEOUT
    hidden: frozenset[str] = field(default=frozenset(), repr=False)
    """What else no message repeats."""

    def told(self, text: str) -> str:
        """A text from outside in one line of some length, without what lets one in, however it is encoded there."""
        if secrets := sorted(self._secrets(), key=len, reverse=True):
            text = re.sub("|".join("".join(map(_written, secret)) for secret in secrets), "***", text, flags=re.IGNORECASE)
        line = without_secrets(text)
        return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"

    def _secrets(self) -> set[str]:
        """Whole values, their words, and what stands behind the first of them: a server may say the token without its ``Bearer``."""
        basic = [base64.b64encode(":".join(self.auth).encode()).decode()] if self.auth else []
        values = {*self.headers.values(), *self.params.values(), *(self.auth or ()), *basic, *self.hidden}
        words = {word for value in values for word in (value, value.partition(" ")[2], *_BETWEEN.split(value))}
        words |= {word.rstrip("=") for word in words}
        keys = {part for by in ("/", "[/:]") for part in re.split(by, self.base.path) if len(part) >= _LONG_SECRET}
        return {word for word in words if len(word) >= _SECRET and word.lower() not in _SCHEMES} | keys


def _written(letter: str) -> str:
    """A pattern of a letter as it stands, and as URLs, JSON and HTML write it, once or several times over."""
    if letter.isascii() and letter.isalnum():
        return letter
    quoted = "".join(f"%(?:25)*{byte:02X}" for byte in letter.encode("utf-8", "replace"))
    ways = {letter, json.dumps(letter)[1:-1].lstrip("\\"), html.escape(letter), "+" if letter == " " else letter}
    escaped = (rf"\\*{re.escape(way)}" for way in sorted(ways | {f"u{ord(letter):04x}"}) if way)
    return f"(?:{'|'.join([quoted, *escaped])})"


def api_at(
    *,
    conn_id: str,
    conn_type: str,
    host: str | None = None,
    login: str | None = None,
    password: str | None = None,
    schema: str | None = None,
    port: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Api:
    """The API of an Airflow connection of type ``http``, given field by field, as Airflow's own hook understands them.

    The host may be a whole URL; else ``schema`` is ``http`` or ``https``. Login and password make basic authentication, a password alone a bearer's token.
    The extra holds headers, besides ``headers``, ``params``, ``timeout``, ``verify`` and ``cert``.

    :raises ConnectionUnknown: of another type, without a host, or with an extra that cannot be sent.
    """
    kind, extra = conn_type.strip().lower(), dict(extra or {})
    if kind not in {"http", "https"}:
        message = f'Connection "{conn_id}" is of type "{conn_type}", and an HTTP API is read from it.'
        raise ConnectionUnknown(message, hint="Give it the type http, or read a query or a table from it.")
    conn_id = without_secrets(conn_id).partition("?")[0]  # it may be a URL
    base = _base(conn_id, host if host and "://" in host else f"{schema or kind}://{host or ''}{f':{port}' if port else ''}")
    given = (base.username, base.password) if base.username else None
    auth = (login, password or "") if login else given
    timeout = _seconds(conn_id, extra.pop("timeout", READ_TIMEOUT))
    verify, cert = extra.pop("verify", extra.pop("verify_ssl", True)), extra.pop("cert", None)
    params = _texts(conn_id, extra.pop("params", {}))
    headers = {"Authorization": f"Bearer {password}"} if password and not login else {}
    headers |= _texts(conn_id, extra.pop("headers", {}))
    headers |= _texts(conn_id, {name: value for name, value in extra.items() if name not in _OF_AIRFLOW})
    if odd := next((name for name, value in headers.items() if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value))), None):
        raise ConnectionUnknown(
            f'Connection "{conn_id}" has a header {odd!r} that no request can carry.',
            hint="Write it in plain letters, without a space before or behind it.",
        )
    return Api(
        base=base.copy_with(userinfo=b""), headers=headers, params=params, auth=auth, verify=_trust(conn_id, verify, cert), timeout=timeout
    )  # fmt: skip


def _base(conn_id: str, text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:  # its message could repeat a password
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        message = f'Connection "{conn_id}" gives no address of an HTTP API.'
        raise ConnectionUnknown(message, hint="Write the host, such as https://api.example.com/v1; else the schema is http or https.")
    if url.query or url.fragment:
        message = f'Connection "{conn_id}" has more than an address of an HTTP API: parameters behind a ? or a #.'
        raise ConnectionUnknown(message, hint=_PARAMS)
    return url


def _seconds(conn_id: str, said: Any) -> float:
    try:
        return float(said)
    except (ValueError, TypeError):
        raise ConnectionUnknown(f'Connection "{conn_id}" has a timeout that is no number.', hint="Write seconds.") from None


def _texts(conn_id: str, said: Any) -> dict[str, str]:
    if not isinstance(said, Mapping):
        raise ConnectionUnknown(f'Connection "{conn_id}" has an extra that is no mapping.', hint='Write {"name": "value"}.')
    if odd := next((name for name, value in said.items() if isinstance(value, bool) or not isinstance(value, str | int)), None):
        raise ConnectionUnknown(
            f'Connection "{conn_id}" has "{odd}" in its extra, which is no text.', hint="It is sent as a header: write a text."
        )
    return {str(name): str(value) for name, value in said.items()}


def _trust(conn_id: str, verify: Any, cert: Any) -> ssl.SSLContext | bool:
    """Whom the client believes, and by what it shows who it is."""
    if verify is True and cert is None:
        return True
    try:
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if verify is False:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if cert is not None:
            context.load_cert_chain(*([cert] if isinstance(cert, str) else cert))
    except (OSError, TypeError) as error:
        message = f'Connection "{conn_id}" names certificates that cannot be read: {error}.'
        raise ConnectionUnknown(
            message, hint='"verify" is the path of a file of authorities, "cert" that of a certificate, or [certificate, key].'
        ) from error
    return context


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    url: httpx.URL
    """Where it came from at last."""
    body: bytes
    links: Mapping[str, str]
    """Of its ``Link`` header: relation → address."""
    type: str
    sized: bool
    """Whether the server had said how long it is, so that nothing of it is missing."""


class Line:
    """One read's connection with an API. :meth:`hang_up` may be called from any thread."""

    def __init__(self, api: Api, client: httpx.Client, *, name: str) -> None:
        self.api = api
        self._client = client
        self._name = name
        self._stream: Any = None
        self._over = threading.Event()

    def hang_up(self) -> None:
        """Let what waits for the API wait no longer."""
        self._over.set()
        if self._stream is not None:
            hang_up(self._stream.get_extra_info("socket"))

    def ask(self, url: httpx.URL, *, where: str, stop: Stop) -> Answer:
        """What the API answers to a GET; where it has too much to do and says for how long, it is asked again then.

        :param where: begins the message where the answer cannot be taken.
        :raises Stopped: ``stop`` said so.
        :raises Unreachable: nobody answered, the answer broke off, or the API has too much to do.
        :raises TimedOut: it took too long.
        :raises AuthRefused: it does not let this login in.
        :raises QueryRefused: it refused the request.
        :raises DataRefused: the answer is too long, or stands at another host.
        """
        url = _with(self.api.params, url)
        waits = 0
        while True:
            stop.check(self._name)
            try:
                found = self._asked(url, where=where, stop=stop, patient=waits < WAITS)
            except (httpx.HTTPError, httpx.StreamError) as error:
                stop.check(self._name)  # hung up on
                raise self._broken(error, where) from error
            if isinstance(found, Answer):
                return found
            log.info("%s has too much to do, and is asked again in %.0f s", self._name, found)
            self._over.wait(found)
            waits += 1

    def probe(self) -> None:
        """Ask for nothing but an answer; of what the API has there nothing is said."""
        try:
            response = self._client.head(self.api.base)
        except httpx.HTTPError as error:
            raise self._broken(error, self._name) from error
        status = response.status_code
        if status == 401 or status in _LATE or status == 429 or (status >= 500 and status != _UNKNOWN_METHOD):  # noqa: PLR2004  not its number, its meaning
            raise self._refusal(response, self._name, "")

    def _asked(self, url: httpx.URL, *, where: str, stop: Stop, patient: bool) -> Answer | float:
        """An answer, or the seconds after which one may ask again."""
        for _ in range(_REDIRECTS + 1):
            with self._client.stream("GET", url, extensions={"trace": self._note}) as response:
                if response.has_redirect_location:
                    url = self.within(url, response.headers["location"], where=where)
                    continue
                if not response.is_success:
                    wait = seconds_asked(response.headers.get("retry-after"), datetime.now(UTC)) if response.status_code in _BUSY else None
                    if patient and wait is not None and wait <= LONGEST_WAIT:
                        return wait
                    raise self._refusal(response, where, self._words(response), wait)
                body = bytearray(b"null" if response.status_code == httpx.codes.NO_CONTENT else b"")
                for part in response.iter_bytes():
                    stop.check(self._name)
                    body += part
                    if len(body) > PAGE_BYTES:
                        hint = "Ask for fewer records at once: most APIs have a parameter for that."
                        raise DataRefused(f"{where} is longer than {PAGE_BYTES >> 20} MB.", hint=hint)
                links = {name: link["url"] for name, link in response.links.items() if name and "url" in link}
                sized = "content-length" in response.headers or "transfer-encoding" in response.headers
                return Answer(url, bytes(body), links, response.headers.get("content-type", "nothing"), sized)
        raise QueryRefused(f"{where} leads from one address to the next.", hint="Ask for the address that is the last of them.")

    def within(self, url: httpx.URL, link: str, *, where: str) -> httpx.URL:
        """The address that a link leads to.

        :raises DataRefused: it is none, or at another host, where a login must not go.
        """
        try:
            found = url.join(link)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise DataRefused(
                f"{where} leads to what is no address.", hint="Is it another key that has the next page's address?"
            ) from error
        if _origin(found) != _origin(self.api.base):
            base = self.api.base
            message = f"{where} leads to {found.scheme}://{found.netloc.decode()}, and not to {base.scheme}://{base.netloc.decode()}."
            hint = "A login goes to no host that the connection does not name. If that is the API, write it there: mind http and https."
            raise DataRefused(message, hint=hint)
        return found.copy_with(userinfo=b"", fragment=None)

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the connection that was opened, so that it can be hung up."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._stream = info["return_value"]

    def _words(self, response: httpx.Response) -> str:
        """What the server says in a refusal; nothing of a page for people."""
        if "html" in response.headers.get("content-type", ""):
            return ""
        said = b""
        for part in response.iter_bytes():
            said += part
            if len(said) > PAGE_BYTES >> 10:
                break
        return self.api.told(said.decode("utf-8", "replace"))

    def _refusal(self, response: httpx.Response, where: str, words: str, wait: float | None = None) -> TidegateError:
        status = response.status_code
        said = f"{status} {self.api.told(response.reason_phrase)}".rstrip()
        told = f"{said}: {words}".rstrip(".: ") + "."
        if status in _AUTH:
            hint = "Check login, password, headers and parameters in the Airflow connection, and their rights at the API."
            return AuthRefused(f"{where} is not for this login: {told}", hint=hint)
        if status in _LATE:
            return TimedOut(f"{where} did not come in time: {told}", hint="It is tried again; ask for fewer records at once.")
        if status in _BUSY or status >= 500:  # noqa: PLR2004  as everybody knows it
            asked = f"It asks to be left alone for {wait:.0f} s." if wait is not None else "It is tried again; look whether the API is up."
            return Unreachable(f"{where} cannot be had now: {told}", hint=asked)
        return QueryRefused(f"{where} was refused: {told}", hint="Check path and params against what the API knows.")

    def _broken(self, error: Exception, where: str) -> TidegateError:
        said = self.api.told(str(error) or type(error).__name__).rstrip(".")
        if classify(error) is ErrorClass.TIMEOUT:
            return TimedOut(f"{where} did not come in time: {said}.", hint="It is tried again; ask for fewer records at once.")
        return Unreachable(
            f"{where} cannot be had now: {said}.", hint="Check host and port in the Airflow connection, and that the API is up."
        )


def _with(params: Mapping[str, str], url: httpx.URL) -> httpx.URL:
    """The address with these parameters. What it asks besides stays letter for letter: a mark in a link may be signed."""
    if not params:
        return url
    said = [part for part in url.query.decode().split("&") if part and unquote_plus(part.partition("=")[0]) not in params]
    return url.copy_with(query="&".join([*said, urlencode(params)]).encode())


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


@contextmanager
def dialled(api: Api, *, correlation_id: str = "", name: str, within: float | None = None) -> Iterator[Line]:
    """An API, ready to be asked. Every request says who asks, and carries the correlation id.

    :param name: of the connection, for messages.
    :param within: seconds for each answer, in place of what the connection says.
    """
    headers = {"Accept": "application/json", "User-Agent": f"tidegate/{version('airflow-tidegate')}"}
    if correlation_id:
        headers["X-Correlation-ID"] = comment_safe(correlation_id).encode("ascii", "replace").decode()
    timeout = httpx.Timeout(within or api.timeout, connect=within or CONNECT_TIMEOUT)
    with httpx.Client(headers={**headers, **api.headers}, auth=api.auth, verify=api.verify, timeout=timeout) as client:
        yield Line(api, client, name=name)


def probe(api: Api, *, correlation_id: str = "", connection_name: str = "") -> None:
    """Ask an API for nothing but an answer.

    :raises Unreachable: there is none within :data:`~tidegate.data.engines.PROBE_TIMEOUT` seconds, or it has too much to do.
    :raises AuthRefused: it does not let this login in.
    """
    with dialled(api, correlation_id=correlation_id, name=connection_name or "The API", within=PROBE_TIMEOUT) as line:
        line.probe()


def _host_alone(record: logging.LogRecord) -> bool:
    """Keep keys that stand in parameters, or in the path, out of what httpx logs."""
    if isinstance(record.args, tuple):
        record.args = tuple(f"{arg.scheme}://{arg.netloc.decode()}" if isinstance(arg, httpx.URL) else arg for arg in record.args)
    return True


logging.getLogger("httpx").addFilter(_host_alone)
