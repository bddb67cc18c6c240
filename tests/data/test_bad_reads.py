"""Reads that break on their way, after their first rows have come: a clear error, nothing staged, nothing left at work on the server."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from servers import or_skipped

from bench import servers
from tidegate.data.contract import Accept
from tidegate.data.extract import extract
from tidegate.errors import TidegateError, TimedOut, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nights import Night

ENDLESS = {
    "postgresql": "SELECT a, b, md5(b::text) AS v FROM generate_series(1, 100000) AS a CROSS JOIN generate_series(1, 100000) AS b",
    "mysql": "SELECT seq, MD5(seq) AS v FROM seq_1_to_1000000000",
}
RUNNING = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND application_name = 'tidegate c-9'",
    "mysql": "SELECT id FROM information_schema.processlist WHERE info LIKE '/* tidegate c-9 */%'",
}
END = {"postgresql": "SELECT pg_terminate_backend({0})", "mysql": "KILL CONNECTION {0}"}


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def url(request: pytest.FixtureRequest) -> sa.URL:
    """Give a server of each kind."""
    found: sa.URL = request.getfixturevalue(request.param)
    return found


def read(night: Night, url: sa.URL, **more: Any) -> None:
    """Stage rows without end."""
    given = {
        "key": night.key(), "staging": night.staging, "accept": Accept(), "attempt": "a", "correlation_id": "c-9", "connection_name": "sales_emea",
        "source_name": "sql/x.sql",
    }  # fmt: skip
    extract(url, ENDLESS[url.get_backend_name()], **(given | more))


def running(url: sa.URL) -> list[int]:
    """The sessions that are at work for it."""
    with sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect() as connection:
        return list(connection.exec_driver_sql(RUNNING[url.get_backend_name()].replace("%", "%%")).scalars())


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[Callable[[int], None]]:
    """Do something in another thread once the first rows have been staged; gives what is to be called with each batch."""
    begun = threading.Event()

    def later() -> None:
        if begun.wait(60):
            work()

    thread = threading.Thread(target=later)
    thread.start()
    try:
        yield lambda _rows: begun.set()
    finally:
        begun.set()
        thread.join()


def nothing_is_left(night: Night, url: sa.URL) -> None:
    """No file, no thread, no statement."""
    assert [path.name for path in night.folder.rglob("*") if path.is_file()] == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("tidegate-")] == []
    until = time.monotonic() + 20
    while running(url) and time.monotonic() < until:
        time.sleep(0.1)
    assert running(url) == []


def test_a_connection_that_is_dropped(night: Night, url: sa.URL) -> None:
    """By a person, a proxy, or a server that is short of memory: worth a retry."""

    def drop() -> None:
        with sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect() as connection:
            for number in running(url):
                connection.exec_driver_sql(END[url.get_backend_name()].format(number))

    with meanwhile(drop) as batch, pytest.raises(Unreachable, match=r"sales_emea stopped answering during sql/x.sql"):
        read(night, url, progress=batch)
    nothing_is_left(night, url)


def test_a_statement_that_takes_too_long(night: Night, url: sa.URL) -> None:
    """The server ends it after rows have come."""
    login, second = url.username, 1
    setting = {
        "postgresql": (f"ALTER ROLE {login} SET statement_timeout = '{second}s'", f"ALTER ROLE {login} RESET statement_timeout"),
        "mysql": (f"SET GLOBAL max_statement_time = {second}", "SET GLOBAL max_statement_time = 0"),
    }[url.get_backend_name()]
    with sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect() as connection:
        connection.exec_driver_sql(setting[0])
        try:
            with pytest.raises(TimedOut, match=r"sales_emea ended sql/x.sql before it was done"):
                read(night, url)
        finally:
            connection.exec_driver_sql(setting[1])
    nothing_is_left(night, url)


def test_a_disk_that_is_full(night: Night, url: sa.URL) -> None:
    """The server does not go on for nobody."""
    folder = night.staging.folder("nightly", "extract", night.key().interval_start, night.key().interval_end) / "emea"
    folder.mkdir(parents=True)
    (folder / "a.parquet.tmp").symlink_to("/dev/full")
    with pytest.raises(TidegateError, match=r"Staging cannot write .*a.parquet: No space left on device"):
        read(night, url)
    nothing_is_left(night, url)


def test_a_caller_that_gives_up(night: Night, url: sa.URL) -> None:
    """Airflow's timeout reaches the task between two batches."""

    def enough(rows: int) -> None:
        if rows > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(night, url, progress=enough)
    nothing_is_left(night, url)


def test_a_server_that_dies(night: Night) -> None:
    """Without a word: its processes are killed."""
    with or_skipped(servers.postgres()) as url:
        with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
            folder = connection.exec_driver_sql("SHOW data_directory").scalar_one()
        postmaster = int((Path(folder) / "postmaster.pid").read_text().splitlines()[0])
        with (
            meanwhile(lambda: os.kill(postmaster, signal.SIGQUIT)) as batch,
            pytest.raises(Unreachable, match=r"sales_emea stopped answering during sql/x.sql"),
        ):
            read(night, url, progress=batch)
        assert [path.name for path in night.folder.rglob("*") if path.is_file()] == []
