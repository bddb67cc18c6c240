"""Two reads of the same rows: the first to finish wins, the other is gone from its server, and staging has one attempt."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from nights import END, START, Night

from tidegate.data import hedging
from tidegate.data.contract import Accept
from tidegate.data.extract import extract
from tidegate.data.hedging import Reader, Winner, hedged
from tidegate.data.instants import stamp
from tidegate.data.staging import new_attempt
from tidegate.data.stopping import Stop
from tidegate.errors import QueryRefused, Stopped, TidegateError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tidegate.data.manifest import Manifest

AT_ONCE, NEVER = timedelta(milliseconds=1), timedelta(hours=1)
RUNNING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = :base AND state = 'active' AND application_name = 'tidegate c-1'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = :base AND info LIKE '/* tidegate c-1 %'",
}
LOCK = {"postgresql": "LOCK TABLE numbers IN ACCESS EXCLUSIVE MODE", "mysql": "LOCK TABLES numbers WRITE"}


class Source:
    """One database of numbers, whose readers may be held up."""

    def __init__(self, url: sa.URL, name: str, rows: int) -> None:
        self.url = url
        self.name = name
        self.engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with self.engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER)")
            connection.execute(sa.text("INSERT INTO numbers VALUES (:n)"), [{"n": n} for n in range(rows)])

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let every reader wait."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(LOCK[connection.dialect.name])
            yield

    @property
    def running(self) -> int:
        """How many reads of it the server is at."""
        with self.engine.connect() as connection:
            return int(connection.execute(sa.text(RUNNING[connection.dialect.name]), {"base": self.url.database}).scalar_one())


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def two(request: pytest.FixtureRequest) -> Iterator[tuple[Source, Source]]:
    """Give a source of three numbers, and its replica of four, to tell them apart."""
    url: sa.URL = request.getfixturevalue(request.param)
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    names = ("sales_emea", "replica_emea")
    with engine.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield tuple(Source(url.set(database=name), name, rows) for name, rows in zip(names, (3, 4), strict=True))  # type: ignore[misc]
        for name in names:
            connection.exec_driver_sql(f"DROP DATABASE {name}" + (" WITH (FORCE)" if url.get_backend_name() == "postgresql" else ""))


def reader(night: Night, source: Source, sql: str = "SELECT n FROM numbers", **more: Any) -> Reader:
    """Give the way to a source's rows."""

    def read(stop: Stop) -> Manifest:
        given: dict[str, Any] = {"key": night.key(), "staging": night.staging, "accept": Accept(), "correlation_id": "c-1", "batch_rows": 2}
        given |= {"attempt": new_attempt("run", 1), "connection_name": source.name, "source_name": "sql/x.sql"}
        return extract(source.url, sql, **{**given, "stop": stop, **more})

    return Reader(source.name, read)


@contextmanager
def meanwhile(do: Callable[[], object]) -> Iterator[None]:
    """Do something while the block runs."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            do()
        except BaseException as error:  # noqa: BLE001 -- the test shows it
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join()
    assert failed == []


def until(true: Callable[[], object]) -> None:
    """Wait until it is true; the test's own timeout is the end of that."""
    while not true():
        time.sleep(0.02)


def alone(night: Night, winner: Winner | None, sources: Sequence[Source] = ()) -> bool:
    """The winner's attempt is all that staging has, and no read runs any more."""
    staged = {path.stem for path in night.staging.root.rglob("*") if path.is_file()}
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("tidegate-")]
    return staged == ({winner.manifest.attempt} if winner else set()) and not threads and not any(source.running for source in sources)


def test_the_second_wins(night: Night, two: tuple[Source, Source]) -> None:
    """The first is held up: it is cancelled on its server, and the rows have the moment at which the second began to read."""
    first, second = two
    moments: list[str] = []
    slow, quick = reader(night, first), reader(night, second)

    def late(stop: Stop) -> Manifest:
        until(lambda: first.running)
        moments.append(stamp())
        return quick.read(stop)

    with first.held():
        winner = hedged(slow, Reader(second.name, late), after=AT_ONCE, stop=Stop())
        assert alone(night, winner, two)
    assert winner.manifest.rows == 4
    assert re.fullmatch(r"replica_emea, \d+s after sales_emea had begun", winner.read_from)
    assert winner.manifest.read_at >= moments[0]
    assert night.staging.committed("nightly", "extract", START, END) == {"emea": winner.manifest}


def test_the_second_loses(night: Night, two: tuple[Source, Source]) -> None:
    """The first goes on once the second has begun, and is done before it."""
    first, second = two
    with second.held(), ExitStack() as hold:
        hold.enter_context(first.held())

        def free() -> None:
            until(lambda: first.running and second.running)
            hold.close()

        with meanwhile(free):
            winner = hedged(reader(night, first), reader(night, second), after=AT_ONCE, stop=Stop())
        assert alone(night, winner, two)
    assert winner.manifest.rows == 3
    assert re.fullmatch(r"sales_emea, before replica_emea, which began \d+s after it", winner.read_from)


def test_the_second_is_not_needed(night: Night, two: tuple[Source, Source]) -> None:
    """A first that is done in time is all that was read."""
    first, second = two
    with second.held():
        winner = hedged(reader(night, first), reader(night, second), after=NEVER, stop=Stop())
        assert alone(night, winner, two)
    assert (winner.manifest.rows, winner.read_from) == (3, "")


def test_nobody_answers_the_first(night: Night, two: tuple[Source, Source]) -> None:
    """The second begins at once."""
    first, second = two
    first.url = first.url.set(port=9)
    winner = hedged(reader(night, first), reader(night, second), after=NEVER, stop=Stop())
    assert winner.manifest.rows == 4
    assert re.fullmatch(r"replica_emea, \d+s after sales_emea had begun", winner.read_from)
    assert alone(night, winner)


def test_the_first_is_refused(night: Night, two: tuple[Source, Source]) -> None:
    """A wrong question is not asked again elsewhere."""
    first, second = two
    with second.held(), pytest.raises(QueryRefused, match="sales_emea refused"):
        hedged(reader(night, first, "SELECT n FROM wrong"), reader(night, second), after=NEVER, stop=Stop())
    assert alone(night, None, two)


def test_the_second_fails(night: Night, two: tuple[Source, Source]) -> None:
    """The first goes on as if there were none."""
    first, second = two
    with ExitStack() as hold:
        hold.enter_context(first.held())

        def fails(stop: Stop) -> Manifest:
            try:
                return reader(night, second, "SELECT n FROM wrong").read(stop)
            finally:
                hold.close()

        winner = hedged(reader(night, first), Reader(second.name, fails), after=AT_ONCE, stop=Stop())
    assert winner.manifest.rows == 3
    assert alone(night, winner, two)


def test_both_fail(night: Night, two: tuple[Source, Source]) -> None:
    """The first error is raised, and its hint tells of the other."""
    first, second = two
    first.url = first.url.set(port=9)
    with pytest.raises(Unreachable, match="sales_emea does not answer") as caught:
        hedged(reader(night, first), reader(night, second, "SELECT n FROM wrong"), after=NEVER, stop=Stop())
    assert "replica_emea, which was read as well, failed too: replica_emea refused sql/x.sql" in caught.value.hint
    assert alone(night, None, two)


def test_both_are_stopped(night: Night, two: tuple[Source, Source]) -> None:
    """Whoever stops the extract stops both reads on their servers."""
    first, second = two
    stop = Stop()

    def say() -> None:
        until(lambda: first.running and second.running)
        stop.now("stopped at 04:30, when its barrier decides")

    with first.held(), second.held(), meanwhile(say), pytest.raises(Stopped, match=r"_emea was stopped at 04:30") as caught:
        hedged(reader(night, first), reader(night, second), after=AT_ONCE, stop=stop)
    assert "failed too" not in str(caught.value)
    assert alone(night, None, two)


@pytest.mark.parametrize("reads", [1, 2])
def test_the_task_is_ended(night: Night, two: tuple[Source, Source], reads: int) -> None:
    """A signal, such as that of Airflow's own timeout, reaches the task's thread, and with it the reads on their servers."""
    first, second = two

    class TimeIsUp(BaseException):
        pass

    def up(*_: object) -> None:
        raise TimeIsUp

    def kill() -> None:
        until(lambda: first.running + second.running == reads)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, up)
    try:
        with first.held(), second.held(), meanwhile(kill), pytest.raises(TimeIsUp):
            hedged(reader(night, first), reader(night, second) if reads > 1 else None, after=AT_ONCE, stop=Stop())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert alone(night, None, two)


def test_both_are_done_at_once(night: Night, two: tuple[Source, Source]) -> None:
    """Of two reads that end in the same moment one commits, every time."""
    first, second = two
    for _ in range(20):
        together = threading.Barrier(2)

        def meet(_rows: int, *, together: threading.Barrier = together) -> None:
            together.wait()

        one, other = (reader(night, source, progress=meet, batch_rows=100) for source in (first, second))
        winner = hedged(one, other, after=AT_ONCE, stop=Stop())
        assert alone(night, winner, two)
        night.staging.root.joinpath(*winner.manifest.path.split("/")).unlink()
        night.staging.root.joinpath(*winner.manifest.path.split("/")).with_suffix(".json").unlink()


def test_the_first_to_end_cannot_commit(night: Night) -> None:
    """The other may, then."""
    manifest, begun = night.stage([{"n": 1}]), threading.Event()

    def full(stop: Stop) -> Manifest:
        begun.wait()
        stop.settle("sales_emea")
        raise TidegateError("Staging cannot write.")

    def waits(stop: Stop) -> Manifest:
        begun.set()
        until(lambda: not [thread for thread in threading.enumerate() if thread.name == "tidegate-sales_emea"])
        stop.settle("replica_emea")
        return manifest

    winner = hedged(Reader("sales_emea", full), Reader("replica_emea", waits), after=AT_ONCE, stop=Stop())
    assert (winner.manifest, winner.read_from[:12]) == (manifest, "replica_emea")


def test_a_read_that_cannot_be_stopped(night: Night, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The winner does not wait for it for ever, the log tells of it, and what it brings at last is not committed."""
    monkeypatch.setattr(hedging, "FAREWELL_SECONDS", 0.2)
    manifest, over = night.stage([{"n": 1}]), threading.Event()
    refused: list[TidegateError] = []

    def deaf(stop: Stop) -> Manifest:
        over.wait()
        try:
            stop.settle("sales_emea")
        except Stopped as error:
            refused.append(error)
            raise
        return manifest

    def quick(stop: Stop) -> Manifest:
        stop.settle("replica_emea")
        return manifest

    hedged(Reader("sales_emea", deaf), Reader("replica_emea", quick), after=AT_ONCE, stop=Stop())
    assert "sales_emea cannot be stopped: its statement may still run on its server" in caplog.text
    over.set()
    until(lambda: refused)
    assert str(refused[0]).startswith("sales_emea was overtaken by replica_emea.")
