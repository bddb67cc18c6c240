"""Many loads into one table at once, and loads that something happens to: nothing is doubled, lost or half done."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from nights import DAY, START, Night, sale
from servers import or_skipped

import bench.servers
from tidegate.data.engines import FILES, reading, writing
from tidegate.errors import LoadRefused, TidegateError, TimedOut, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tidegate.data.load import LoadReport

JAN_1 = "2026-01-01"
ROWS = 40
WAYS: dict[str, dict[str, Any]] = {
    "replace": {"replace": ["day", "region"]},
    "append": {"mode": "append", "replace": ()},
    "merge": {"mode": "merge", "replace": (), "merge": ["region", "amount"]},
}


@pytest.mark.parametrize("mode", WAYS)
def test_fifty_loads_of_parts_of_one_table(anywhere: Night, mode: str) -> None:
    """Each branch by a load of its own, all at once, on a warehouse with neither ledger nor table: none waits for another for ever, none loses a row.

    Of every fifth branch an older attempt comes too.
    """
    count = 12 if anywhere.url.get_backend_name() in FILES else 50
    branches = [f"b{number:02}" for number in range(count)]
    old = {branch: anywhere.stage([sale(JAN_1, branch, -1)], branch) for branch in branches[::5] if mode != "append"}
    new = {branch: anywhere.stage([sale(JAN_1, branch, amount) for amount in range(ROWS)], branch) for branch in branches}
    parts = [*old.values(), *new.values()]
    together = threading.Barrier(len(parts))

    def load(part: Any) -> LoadReport:
        together.wait()
        return anywhere.load(part, batch_rows=15, **WAYS[mode])

    with ThreadPoolExecutor(len(parts)) as pool:
        reports = list(pool.map(load, parts))
    assert sum(report.rows for report in reports[len(old) :]) == count * ROWS
    found = [tuple(row) for row in anywhere.query("SELECT region, amount FROM sales WHERE amount >= 0 ORDER BY 1, 2")]
    assert found == [(branch, amount) for branch in branches for amount in range(ROWS)]
    if mode == "replace":
        assert anywhere.query("SELECT count(*) FROM sales WHERE amount < 0") == [(0,)]
    receipts = anywhere.query("SELECT branch, attempt FROM tidegate_load ORDER BY 1")
    assert receipts == [(branch, new[branch].attempt) for branch in branches]


@pytest.mark.parametrize("mode", [*WAYS, "swap"])
def test_two_attempts_race(anywhere: Night, mode: str) -> None:
    """Whichever comes first, the newer one's rows stay; of two that append the second is refused, or left out as older."""
    words = WAYS.get(mode, {"mode": "swap", "replace": ()})
    for number in range(5):
        start = START + number * DAY
        parts = [anywhere.stage([sale(str(start.date()), "emea", 0)], start=start) for amount in range(2)]
        together, failed = threading.Barrier(2), []

        def load(part: Any, start: Any = start, together: Any = together, failed: Any = failed) -> None:
            together.wait()
            try:
                anywhere.load(part, start=start, **words)
            except LoadRefused as error:
                failed.append(error)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(load, parts))
        held = anywhere.query(f"SELECT attempt FROM tidegate_load WHERE interval_start LIKE '{start.date()}%'")
        assert anywhere.query(f"SELECT count(*) FROM sales WHERE day = '{start.date()}'") == [(1,)]
        if failed:
            assert mode == "append"
            assert held == [(parts[0].attempt,)]
        else:
            assert held == [(parts[1].attempt,)]


def test_first_loads_into_two_tables_do_not_wait_for_each_other(on_postgres: Night) -> None:
    """Each makes its table within its transaction, while the other is at work."""
    first, second = on_postgres.stage([sale(JAN_1, "emea", 1)]), on_postgres.stage([sale(JAN_1, "emea", 2)])
    wide = on_postgres.stage([{**sale(JAN_1, "emea", 3), "more": 1}])
    on_postgres.load(first, target_table="third")
    done: list[int] = []

    def meanwhile(_rows: int) -> None:
        with ThreadPoolExecutor(1) as pool:
            impatient_one = Night(on_postgres.folder, impatient(on_postgres))
            done.append(pool.submit(impatient_one.load, second, target_table="second").result().rows)
            done.append(pool.submit(impatient_one.load, wide, target_table="third", add_columns=True).result().rows)

    on_postgres.load(first, target_table="first", progress=meanwhile)
    assert done == [1, 1]


# -- what happens to a load -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def server(request: pytest.FixtureRequest) -> Night:
    """Give a night on a server whose table holds one row."""
    night: Night = request.getfixturevalue("on_postgres" if request.param == "postgres_url" else "on_mariadb")
    night.load(night.stage([sale(JAN_1, "emea", 1)]))
    return night


def broken(night: Night, kind: type[TidegateError], *, url: sa.URL | None = None, mode: str = "replace", **more: Any) -> str:
    """Give the message of a load that fails so, and see that nothing came of it, and that the next one is right."""
    part = night.stage([sale(JAN_1, "emea", amount) for amount in range(10, 20)])
    before = night.rows(), night.query("SELECT branch, attempt FROM tidegate_load")
    with pytest.raises(kind) as caught:
        Night(night.folder, url or night.url).load(part, batch_rows=2, **WAYS[mode], **more)
    assert (night.rows(), night.query("SELECT branch, attempt FROM tidegate_load")) == before
    night.load(part)
    assert [row[2] for row in night.rows()] == list(range(10, 20))
    return caught.value.message


def sessions(night: Night) -> list[int]:
    """Give the numbers of the server's other sessions."""
    if night.url.get_backend_name() == "postgresql":
        query = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'tidegate%'"
    else:
        query = "SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user <> 'system user'"
    return [row[0] for row in night.query(query)]


def test_a_session_that_is_ended_in_the_middle(server: Night) -> None:
    """As by an administrator, or a proxy: somebody may try again."""
    postgres = server.url.get_backend_name() == "postgresql"

    def end(rows: int) -> None:
        if rows == 4:
            for number in sessions(server):
                with suppress(sa.exc.OperationalError):  # one that has just ended by itself
                    server.run(f"SELECT pg_terminate_backend({number})" if postgres else f"KILL CONNECTION {number}")

    assert broken(server, Unreachable, progress=end).startswith("warehouse stopped answering during the load into sales (127.0.0.1:")


def killed_in_the_middle(night: Night, processes: Callable[[], Iterable[int]]) -> None:
    """A load meets the end of these processes, which the server survives: nothing of it stays, and the next one is right."""
    night.load(night.stage([sale(JAN_1, "emea", 1)]))
    if night.url.get_backend_name() == "postgresql":
        night.run("CHECKPOINT")  # it writes late, to be fast in tests
    part = night.stage([sale(JAN_1, "emea", 2)] * 10)

    def kill(rows: int) -> None:
        if rows == 4:
            for process in processes():
                with suppress(ProcessLookupError):  # one that has just ended by itself
                    os.kill(process, signal.SIGKILL)

    with pytest.raises(Unreachable, match="warehouse stopped answering during the load into sales"):
        night.load(part, batch_rows=2, progress=kill)
    for _ in range(200):
        try:
            night.query("SELECT 1")
            break
        except sa.exc.OperationalError:
            time.sleep(0.1)
    assert [row[2] for row in night.rows()] == [1]
    night.load(part)
    assert [row[2] for row in night.rows()] == [2] * 10


def test_a_postgres_that_restarts_in_the_middle(on_postgres: Night) -> None:
    """A process of PostgreSQL's dies, and so it ends all sessions and recovers from its log."""
    killed_in_the_middle(on_postgres, lambda: sessions(on_postgres))


def test_a_mariadb_that_restarts_in_the_middle(tmp_path: Path) -> None:
    """It is one process, killed and started anew."""
    with or_skipped(bench.servers.mariadb(revived=True)) as url:
        night = Night(tmp_path, url)
        killed_in_the_middle(night, lambda: [int(Path(pid).read_text()) for ((pid,),) in [night.query("SELECT @@pid_file")]])


@contextmanager
def somebody(night: Night, *statements: str) -> Iterator[sa.Connection]:
    """Another session, in a transaction in which these statements were executed."""
    with sa.create_engine(night.url, poolclass=sa.NullPool).connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        yield connection
        connection.rollback()


def impatient(night: Night) -> sa.URL:
    """Give the URL of sessions that wait only shortly for a lock."""
    if night.url.get_backend_name() == "postgresql":
        return night.url.update_query_dict({"options": "-c lock_timeout=100"})
    return night.url.update_query_dict({"init_command": "SET SESSION innodb_lock_wait_timeout = 1"})


def test_a_lock_that_is_not_given(server: Night) -> None:
    """Neither on the table's turn, nor on its rows."""
    for statement in ("SELECT * FROM tidegate_lock FOR UPDATE", "UPDATE sales SET amount = amount"):
        part = server.stage([sale(JAN_1, "emea", 2)])
        with (
            somebody(server, statement),
            pytest.raises(TimedOut, match=r"warehouse kept the data locked for too long|Another load has held"),
        ):
            Night(server.folder, impatient(server)).load(part)
        assert [row[2] for row in server.rows()] == [1]
    server.load(part)
    assert [row[2] for row in server.rows()] == [2]


def test_a_load_that_hangs_is_named(on_postgres: Night) -> None:
    """It holds the table: who waits in vain says which session that is, from where and since when; and how to end it."""
    on_postgres.load(on_postgres.stage([sale(JAN_1, "emea", 1)]))
    hung, part = on_postgres.stage([sale(JAN_1, "emea", 2)] * 9), on_postgres.stage([sale(JAN_1, "emea", 3)])
    (on_postgres.folder / "url").write_text(on_postgres.url.render_as_string(hide_password=False))
    program = [sys.executable, str(Path(__file__).with_name("loading.py")), str(on_postgres.folder), json.dumps(hung.as_dict()), "hang"]
    with subprocess.Popen(program) as process:
        while not (on_postgres.folder / "marker").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(TimedOut) as told:
            Night(on_postgres.folder, impatient(on_postgres)).load(part)
        (session,) = re.findall(r"session (\d+)", told.value.message)
        assert re.fullmatch(
            r'Another load has held the table sales for longer than this one waits, 100ms: session \d+, "tidegate c-1", from 127\.0\.0\.1, '
            r"since \d{4}-\d\d-\d\d \d\d:\d\d UTC\.",
            told.value.message,
        )
        on_postgres.run(f"SELECT pg_terminate_backend({session})")
        on_postgres.load(part)
        process.kill()
    assert [row[2] for row in on_postgres.rows()] == [3]


def test_a_writer_does_not_wait_for_ever(on_postgres: Night) -> None:
    """By itself; and as long as its connection says, where that says something. A reader waits as it likes."""
    for url, waits in ((on_postgres.url, "30min"), (impatient(on_postgres), "100ms")):
        with writing(url) as connection:
            assert connection.execute(sa.text("SHOW lock_timeout")).scalar() == waits
            assert connection.execute(sa.text("SHOW tcp_keepalives_idle")).scalar() == "60"
    with reading(on_postgres.url) as connection:
        assert connection.execute(sa.text("SHOW lock_timeout")).scalar() == "0"


def wait_for_a_waiting_one(night: Night) -> None:
    """Until a session waits for a lock."""
    query = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
    }[night.url.get_backend_name()]
    give_up = time.monotonic() + 60
    while night.query(query) == [(0,)]:
        assert time.monotonic() < give_up
        time.sleep(0.2)  # MariaDB looks anew only when nobody has looked for a tenth of a second


def test_a_deadlock_with_somebody_else(server: Night) -> None:
    """Who holds rows of the table and then wants its turn: the server ends one of the two, and either way the table is right."""
    server.run("CREATE TABLE heavy (n INT)")
    part, ended = server.stage([sale(JAN_1, "emea", 2)]), []
    weight = f"INSERT INTO heavy VALUES {', '.join(['(1)'] * 500)}"  # MariaDB ends who has changed less

    def load() -> None:
        try:
            server.load(part)
        except TidegateError as error:
            ended.append(error)

    with somebody(server, weight, "UPDATE sales SET amount = amount + 100") as other:
        thread = threading.Thread(target=load)
        thread.start()
        wait_for_a_waiting_one(server)  # it has its turn and waits for the row; PostgreSQL looks for deadlocks after a second of that
        other.exec_driver_sql("SELECT * FROM tidegate_lock FOR UPDATE")
        thread.join()
    assert [type(error) for error in ended] == [Unreachable]
    assert ended[0].message.startswith("warehouse ended the load into sales over a lock (127.0.0.1:")
    assert [row[2] for row in server.rows()] == [1]
    server.load(part)
    assert [row[2] for row in server.rows()] == [2]


def test_a_statement_that_takes_too_long(on_postgres: Night) -> None:
    """A whole load is one statement for PostgreSQL."""
    on_postgres.load(on_postgres.stage([sale(JAN_1, "emea", 1)]))
    url = on_postgres.url.update_query_dict({"options": "-c statement_timeout=1000"})
    message = broken(on_postgres, TimedOut, url=url, progress=lambda _rows: time.sleep(0.5))
    assert message.startswith("warehouse ended the load into sales before it was done (127.0.0.1:")


@pytest.mark.parametrize("mode", WAYS)
def test_what_is_raised_in_the_middle(anywhere: Night, mode: str) -> None:
    """A task that is ended between two batches leaves nothing."""
    anywhere.load(anywhere.stage([sale(JAN_1, "apac", 1)], "apac"), **WAYS[mode])

    def stop(rows: int) -> None:
        if rows == 4:
            raise KeyboardInterrupt

    part = anywhere.stage([sale(JAN_1, "emea", amount) for amount in range(10)])
    with pytest.raises(KeyboardInterrupt):
        anywhere.load(part, batch_rows=2, progress=stop, **WAYS[mode])
    assert [row[2] for row in anywhere.rows()] == [1]
    anywhere.load(part, **WAYS[mode])
    assert len(anywhere.rows()) == 11
