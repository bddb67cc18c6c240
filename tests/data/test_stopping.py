"""Stopping a read: its statement is gone from the server, nothing stays in staging, and one clear error says why."""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import threading
import time
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import sqlalchemy as sa
from nights import END, START, Night
from sqlalchemy.exc import OperationalError

from tidegate.data import cancelling
from tidegate.data.contract import Accept
from tidegate.data.extract import extract
from tidegate.data.stopping import Stop
from tidegate.errors import DataRefused, Stopped
from tidegate.resilience.retry import why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tidegate.data.manifest import Manifest

WHY = "stopped at 04:30 Europe/Berlin, when its barrier decides"
TOLD = f"sales_emea was {WHY}."
SLEEP = {"postgresql": "SELECT pg_sleep(600)", "mysql": "SELECT 1 + SLEEP(600) AS n"}
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS n FROM n"
RUNNING = {
    "postgresql": "SELECT query FROM pg_stat_activity WHERE state = 'active' AND application_name = 'tidegate c-1'",
    "mysql": "SELECT info FROM information_schema.processlist WHERE info LIKE '/* tidegate c-1 %'",
}


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def server(request: pytest.FixtureRequest) -> sa.URL:
    """Give a database on a server, with a thousand numbers in it."""
    url: sa.URL = request.getfixturevalue(request.param)
    with session(url) as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS numbers")
        connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER)")
        connection.execute(sa.text("INSERT INTO numbers VALUES (:n)"), [{"n": n} for n in range(1000)])
    return url


@pytest.fixture
def file(tmp_path: Path) -> sa.URL:
    """Give an empty SQLite database."""
    sqlite3.connect(tmp_path / "source.db").close()
    return sa.URL.create("sqlite", database=str(tmp_path / "source.db"))


@contextmanager
def session(url: sa.URL) -> Iterator[sa.Connection]:
    """Give a connection that has nothing to do with the read."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def running(url: sa.URL) -> list[str]:
    """Give the statements of the read that the server is at."""
    with session(url) as connection:
        return list(connection.execute(sa.text(RUNNING[url.get_backend_name()])).scalars())


def when_it_runs(url: sa.URL) -> Callable[[], str | None]:
    """Ask for the end as soon as the server is at the statement."""
    return lambda: WHY if running(url) else None


def eventually(true: Callable[[], object]) -> None:
    """Wait until it is true; the test's own timeout is the end of that."""
    while not true():
        time.sleep(0.05)


def read(night: Night, url: sa.URL, sql: str, stop: Stop, **more: Any) -> Manifest:
    """Extract for emea."""
    given: dict[str, Any] = {"key": night.key(), "staging": night.staging, "accept": Accept(), "attempt": "a1", "correlation_id": "c-1"}
    return extract(url, sql, **{**given, "connection_name": "sales_emea", "source_name": "sql/x.sql", "stop": stop, **more})


def nothing_is_left(night: Night) -> bool:
    """Neither file nor thread of the read."""
    files = [path for path in night.staging.root.rglob("*") if path.is_file()]
    return not files and not [thread for thread in threading.enumerate() if thread.name == "tidegate-stop"]


def test_stopped_at_its_time(night: Night, server: sa.URL) -> None:
    """A statement that would run on for ten minutes is gone from the server."""
    with pytest.raises(Stopped, match=TOLD) as caught:
        read(night, server, SLEEP[server.get_backend_name()], Stop(at=datetime.now(UTC) + timedelta(seconds=1), why=WHY))
    assert why_not(caught.value, tried=1) is not None
    assert running(server) == []
    assert nothing_is_left(night)


def test_stopped_when_somebody_says_so(night: Night, server: sa.URL) -> None:
    """Whoever is asked while the statement runs ends it."""
    with pytest.raises(Stopped, match=TOLD):
        read(night, server, SLEEP[server.get_backend_name()], Stop(asked=when_it_runs(server), every=0.1))
    assert running(server) == []
    assert nothing_is_left(night)


def test_stopped_while_it_waits_for_a_lock(night: Night, server: sa.URL) -> None:
    """A read that another's lock holds up ends as well, and the lock's owner is left alone."""
    lock = {"postgresql": "LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE", "mysql": "LOCK TABLES numbers WRITE"}
    with session(server) as other:
        other.exec_driver_sql("BEGIN")
        other.exec_driver_sql(lock[server.get_backend_name()])
        with pytest.raises(Stopped, match=TOLD):
            read(night, server, "SELECT n FROM numbers", Stop(asked=when_it_runs(server), every=0.1))
        assert running(server) == []
        assert other.exec_driver_sql("SELECT count(*) FROM numbers").scalar() == 1000
    assert nothing_is_left(night)


def test_stopped_between_batches(night: Night, server: sa.URL) -> None:
    """A stream of a billion rows ends at the next batch, and the server stops sending."""
    stop = Stop()

    def say(done: int) -> None:
        if done >= 1000:
            stop.now(WHY)

    with pytest.raises(Stopped, match=TOLD):
        read(
            night, server, "SELECT a.n FROM numbers a CROSS JOIN numbers b CROSS JOIN numbers c", stop, batch_rows=100, progress=say
        )  # fmt: skip
    eventually(lambda: not running(server))
    assert nothing_is_left(night)


def test_stopped_before_it_began(night: Night, server: sa.URL) -> None:
    """A read whose time has passed asks its server nothing."""
    with pytest.raises(Stopped, match="sales_emea was stopped at 2026-01-02 00:00:00"):
        read(night, server, "no statement at all", Stop(at=END))
    assert nothing_is_left(night)


def test_sqlite_is_interrupted(night: Night, file: sa.URL) -> None:
    """A computation without an end, which no signal reaches, ends."""
    asked: list[str | None] = [None, None, WHY]
    with pytest.raises(Stopped, match=TOLD):
        read(night, file, ENDLESS, Stop(asked=lambda: asked.pop(0), every=0.1))
    with pytest.raises(Stopped, match=TOLD):
        read(night, file, ENDLESS, Stop(at=datetime.now(UTC) + timedelta(seconds=0.2), why=WHY))
    assert nothing_is_left(night)


def test_duckdb_is_interrupted() -> None:
    """So does one in DuckDB."""
    connection = duckdb.connect()
    cancel = cancelling._cancel_of(connection, sa.make_url("duckdb://"), "c-1")
    assert cancel is not None
    with pytest.raises(duckdb.InterruptException), Stop(at=datetime.now(UTC) + timedelta(seconds=0.2)).watching(cancel):
        connection.sql("SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE (a.range * b.range) % 7 = 3").fetchall()
    connection.close()


def test_a_server_that_does_not_listen(night: Night, postgres_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read whose server takes no cancel hangs up, so that it ends all the same."""
    monkeypatch.setattr(cancelling, "PATIENCE_SECONDS", 1.0)
    find = sa.text("SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY %' AND application_name = 'tidegate c-1'")
    frozen: list[int] = []

    def freeze() -> str | None:
        with session(postgres_url) as connection:
            frozen.extend(connection.execute(find).scalars())
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        return WHY if frozen else None

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # SQLAlchemy leaves the cursor of a lost connection to Python's collector
            with pytest.raises(Stopped, match=TOLD):
                read(night, postgres_url, SLEEP["postgresql"], Stop(asked=freeze, every=0.1))
            gc.collect()
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    eventually(lambda: not running(postgres_url))
    assert nothing_is_left(night)


def test_only_its_own_statement_is_killed(mariadb_url: sa.URL) -> None:
    """Behind a balancer the second connection may reach another server, where the number is someone else's."""
    sleeping = sa.create_engine(mariadb_url, poolclass=sa.NullPool).connect()
    number = sleeping.connection.driver_connection.thread_id()  # type: ignore[union-attr]

    def sleep() -> None:
        with pytest.raises(OperationalError, match="interrupted"):
            sleeping.exec_driver_sql("/* tidegate c-1 */ SELECT SLEEP(600)")

    thread = threading.Thread(target=sleep)
    thread.start()
    eventually(lambda: running(mariadb_url))
    cancelling._kill(mariadb_url, number, "c-2")
    assert running(mariadb_url)
    cancelling._kill(mariadb_url, number, "c-1")
    thread.join()
    sleeping.close()


def test_a_read_in_time_is_left_alone(night: Night, server: sa.URL) -> None:
    """It arrives whole; what is said afterwards comes too late; its thread is gone."""
    stop = Stop(at=datetime.now(UTC) + timedelta(hours=1), asked=lambda: None, every=0.05)
    assert read(night, server, "SELECT n FROM numbers", stop, batch_rows=10).rows == 1000
    stop.now(WHY)
    assert stop.why is None
    assert "emea" in night.staging.committed("nightly", "extract", START, END)
    assert not [thread for thread in threading.enumerate() if thread.name == "tidegate-stop"]


def test_nobody_can_be_asked(night: Night, file: sa.URL, caplog: pytest.LogCaptureFixture) -> None:
    """A read goes on when the one who might end it cannot be asked, and the log says so."""

    def broken() -> str | None:
        raise OSError("the bucket is away")

    stop = Stop(asked=broken)
    with stop.watching(lambda: None):
        eventually(lambda: "it goes on" in caplog.text)
    assert read(night, file, "SELECT 1 AS n", stop).rows == 1


def test_what_else_is_wrong_is_told(night: Night, file: sa.URL) -> None:
    """Rows that are refused are refused, whatever is said in the same moment."""
    stop = Stop()
    with pytest.raises(DataRefused):
        read(night, file, "SELECT 1 AS n WHERE 1 = 0", stop, progress=lambda _rows: stop.now(WHY))
    with pytest.raises(Stopped, match=TOLD):
        read(night, file, "SELECT 1 AS n", stop)
