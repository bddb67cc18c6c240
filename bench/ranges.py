"""What ``split`` gains: a table of 12 mixed columns read over 1, 2 and 4 connections, from a server on this machine and over a slow line.

``python -m bench.ranges`` prints medians of fresh processes. The slow line lets so many megabytes a second through for each connection.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bench import servers
from bench.data import tables
from bench.data.contenders import DAY
from bench.data.sample import peak, processor
from bench.peers import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

WAYS = (1, 2, 4)
_PIECE = 1 << 16


def sample(url: str, folder: str, into: int) -> dict[str, float]:
    """Read all rows once; in a process of its own."""
    from tidegate.data import ranges, sources
    from tidegate.data.contract import Accept
    from tidegate.data.cuts import Split
    from tidegate.data.extract import extract
    from tidegate.data.manifest import StageKey
    from tidegate.data.sources import mysql, postgres
    from tidegate.data.staging import Staging
    from tidegate.data.table_query import TableQuery

    assert all((ranges, sources, mysql, postgres))  # noqa: S101  imported before the clock starts
    began, busy = time.perf_counter(), processor()
    extract(
        sa.make_url(url), TableQuery(table=tables.MANY), split=Split(by="id", into=into) if into > 1 else None,
        key=StageKey(pipeline="bench", step="extract", branch="all", **DAY), staging=Staging(folder), accept=Accept(), attempt="a",
        correlation_id="bench", connection_name="bench", source_name=tables.MANY,
    )  # fmt: skip
    return {"wall": time.perf_counter() - began, "cpu": processor() - busy, "peak": peak()}


@contextmanager
def slow_line(port: int, megabytes: float) -> Iterator[int]:
    """A port before another one, through which each connection gets so many megabytes a second."""
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), list[int]()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slowly: bool) -> None:
        due = time.monotonic()
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
            if slowly:
                due = max(due, time.monotonic() - 0.1) + len(piece) / megabytes / 1e6
                await asyncio.sleep(max(due - time.monotonic(), 0))
        writer.close()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection("127.0.0.1", port, limit=_PIECE)
        await asyncio.gather(passed_on(reader, before, slowly=False), passed_on(behind, writer, slowly=True), return_exceptions=True)

    async def serve() -> None:
        server = await asyncio.start_server(taken, "127.0.0.1", 0, limit=_PIECE)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    yield ports[0]
    loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
    thread.join()


def measured(url: sa.URL, samples: int) -> None:
    """A line for each number of connections."""
    seen: dict[int, list[dict[str, Any]]] = {into: [] for into in WAYS}
    for _ in range(samples):
        for into in WAYS:
            with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
                asked = ["--sample", url.render_as_string(hide_password=False), folder, str(into)]
                done = subprocess.run([sys.executable, "-m", "bench.ranges", *asked], check=True, capture_output=True, cwd=ROOT)
            seen[into].append(json.loads(done.stdout))
    for into, found in seen.items():
        wall, cpu, top = (statistics.median(one[key] for one in found) for key in ("wall", "cpu", "peak"))
        print(f"  {into} connection{'s' * (into > 1)}: {wall:.1f} s, processor {cpu:.1f} s, peak {top:.0f} MB", flush=True)


def main() -> None:
    """Both servers, near and far."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=20.0, help="a second, of each connection over the slow line")
    parser.add_argument("--sample", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.sample:
        print(json.dumps(sample(asked.sample[0], asked.sample[1], int(asked.sample[2]))))
        return
    for name, server, fill in (("PostgreSQL", servers.postgres, tables.fill_postgres), ("MariaDB", servers.mariadb, tables.fill_mariadb)):
        with server() as url:
            fill(url, asked.rows)
            with tables.autocommitting(url) as connection:
                connection.exec_driver_sql(f"ALTER TABLE {tables.MANY} ADD PRIMARY KEY (id)")
            print(f"{name}, {asked.rows:,} rows, on this machine", flush=True)
            measured(url, asked.samples)
            with slow_line(url.port or 0, asked.megabytes) as port:
                print(f"{name}, {asked.megabytes:g} MB a second for each connection", flush=True)
                measured(url.set(port=port), asked.samples)


if __name__ == "__main__":
    main()
