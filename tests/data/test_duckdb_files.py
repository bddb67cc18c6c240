"""One process has a DuckDB file, and the others wait; whoever is killed or breaks leaves it free, and as it was."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from ducks import read
from nights import Night, on_duckdb, sale

from tidegate.data.contract import Accept
from tidegate.data.engines import probe, reading, writing
from tidegate.data.stopping import Stop
from tidegate.errors import DataRefused, Stopped, TimedOut, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.data.manifest import Manifest

HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
connection.execute("BEGIN")
if sys.argv[2] == "write":
    connection.execute("INSERT INTO sales VALUES ('2026-01-01', 'other', 9)")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
"""
ENDLESS = "SELECT count(*) AS n FROM range(1000000000) AS a, range(1000000000) AS b WHERE a.range * b.range % 7 = 3"


@contextmanager
def held(night: Night, what: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process have the file, to ``read`` or to ``write``, until it is told to let go, or the block ends."""
    command = [sys.executable, "-c", HOLD, str(night.url.database), what]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def loading(night: Night, part: Manifest, what: str) -> subprocess.Popen[bytes]:
    """Start a load in a process of its own."""
    (night.folder / "url").write_text(str(night.url))
    script = Path(__file__).with_name("loading.py")
    return subprocess.Popen([sys.executable, str(script), str(night.folder), json.dumps(part.as_dict()), what], stdout=subprocess.DEVNULL)


def let_go(process: subprocess.Popen[str], after: float) -> None:
    """Tell the other process, a while later."""

    def tell() -> None:
        time.sleep(after)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()

    threading.Thread(target=tell).start()


# -- one process at a time --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["read", "write"])
def test_a_load_waits_for_another_process(duck: Night, what: str) -> None:
    """Whether that reads or writes; and finds what it wrote."""
    part = duck.stage([sale("2026-01-01", "emea", 2)])
    with held(duck, what) as process:
        let_go(process, 0.5)
        duck.load(part)
    assert duck.rows() == [("2026-01-01", "emea", 2), *([("2026-01-01", "other", 9)] if what == "write" else [])]


def test_an_extract_waits_for_who_writes_and_not_for_who_reads(duck: Night) -> None:
    """Many read at once."""
    sql = "SELECT region FROM sales ORDER BY 1"
    with held(duck, "read"):
        assert read(duck, sql) == [{"region": "emea"}]
    with held(duck, "write") as process:
        let_go(process, 0.5)
        assert read(duck, sql) == [{"region": "emea"}, {"region": "other"}]


def test_who_waits_is_told_for_whom(duck: Night, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, in the task's log and before whoever sits at the command line, after a while in which most files are free again."""
    monkeypatch.setattr("tidegate.data.dialects.duckdb_driver._SILENT_SECONDS", 0.1)
    with held(duck, "write") as process:
        let_go(process, 1.0)
        read(duck, "SELECT region FROM sales")
        (told,) = [record.getMessage() for record in caplog.records if record.name == "tidegate.data.dialects.duckdb_driver"]
    assert told.startswith(f"Waiting for {duck.url.database}, for ")
    assert f"(PID {process.pid})" in told


@pytest.mark.parametrize("what", ["read", "write"])
def test_who_waits_for_too_long_says_for_whom(duck: Night, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the number of the other process, as something to try again; nothing was written."""
    monkeypatch.setattr("tidegate.data.engines.BUSY_TIMEOUT", 0.2)
    part = duck.stage([sale("2026-01-01", "emea", 2)])
    with held(duck, what) as process, pytest.raises(TimedOut, match="warehouse kept the data locked for too long") as told:
        duck.load(part)
    assert f"(PID {process.pid})" in str(told.value)
    assert "Another process has the file, to read or to write it; try again, or look for one that hangs." in str(told.value)
    assert duck.rows() == [("2026-01-01", "emea", 1)]


def test_a_probe_finds_a_file_that_another_process_has(duck: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there, and who reads it waits: so no catch-up takes a load that goes on for a source that is down. One that is not there is down."""
    monkeypatch.setattr("tidegate.data.engines.PROBE_TIMEOUT", 0.2)
    with held(duck, "write"):
        probe(duck.url.update_query_dict({"threads": "1"}), connection_name="warehouse")
    with pytest.raises(Unreachable, match="finds no database file"):
        probe(duck.url.set(database=f"{duck.url.database}.gone"), connection_name="warehouse")


def test_settings_that_differ_within_a_process(duck: Night) -> None:
    """DuckDB opens a file with one kind of settings at a time, and who waits for itself is told so."""
    with (
        reading(duck.url),
        pytest.raises(TimedOut, match="This process has the file itself, to write it or with other settings: give all connections") as told,
        reading(duck.url.update_query_dict({"threads": "2"}), busy_timeout=0.1),
    ):
        pass
    assert "Another process" not in str(told.value)


def test_threads_of_one_process_take_turns(duck: Night) -> None:
    """They would share one file and stand in each other's way: a writer waits for a writer, a reader for both."""
    with writing(duck.url):
        with pytest.raises(TimedOut, match="another thread of this process writes it"), writing(duck.url, busy_timeout=0.1):
            pass
        with pytest.raises(TimedOut, match="kept the data locked for too long"), reading(duck.url, busy_timeout=0.1):
            pass
    with reading(duck.url), reading(duck.url), pytest.raises(TimedOut), writing(duck.url, busy_timeout=0.1):
        pass
    with writing(duck.url) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM sales")).scalar() == 1


def test_one_process_makes_a_file(tmp_path: Path) -> None:
    """DuckDB would make it anew, empty, where another has made and filled it since it looked: so it looks when nobody else makes one."""
    url, made = on_duckdb(tmp_path), threading.Event()

    def make() -> None:
        with writing(url):
            made.set()

    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    thread = threading.Thread(target=make)
    thread.start()
    assert not made.wait(0.5)
    assert list(tmp_path.iterdir()) == []
    os.close(other)
    thread.join()
    assert made.is_set()


def test_a_load_that_is_killed_leaves_what_was_there(duck: Night) -> None:
    """The next to come, be it to read, finds the file free and the half of it gone."""
    with held(duck, "write") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert read(duck, "SELECT region FROM sales") == [{"region": "emea"}]
    duck.load(duck.stage([sale("2026-01-01", "emea", 2)]))
    assert duck.rows() == [("2026-01-01", "emea", 2)]


def test_four_processes_that_load_take_turns(duck: Night) -> None:
    """None fails because another has the file, and none loses a row."""
    branches = [f"b{number}" for number in range(4)]
    parts = [duck.stage([sale("2026-01-01", branch, amount) for amount in range(9)], branch) for branch in branches]
    processes = [loading(duck, part, "race") for part in parts]
    while len(list(duck.folder.glob("ready-*"))) < len(parts):
        assert [process.poll() for process in processes] == [None] * len(parts)
        time.sleep(0.01)
    (duck.folder / "go").touch()
    assert [process.wait(60) for process in processes] == [0] * len(parts)
    counts = duck.query("SELECT region, count(*) FROM sales WHERE region <> 'emea' GROUP BY 1 ORDER BY 1")
    assert counts == [(branch, 9) for branch in branches]


def test_a_load_of_tidegates_that_is_killed_is_retried(duck: Night) -> None:
    """SIGKILL after the deletes and some inserts: the warehouse is as before, and the retry makes it right."""
    part = duck.stage([sale("2026-01-01", "emea", amount) for amount in range(10, 20)])
    before = duck.rows(), duck.query("SELECT * FROM tidegate_load")
    with loading(duck, part, "hang") as process:
        while not (duck.folder / "marker").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert (duck.rows(), duck.query("SELECT * FROM tidegate_load")) == before
    duck.load(part)
    assert [row[2] for row in duck.rows()] == list(range(10, 20))


def test_a_read_that_breaks_lets_go_of_the_file(duck: Night) -> None:
    """Its reader is closed, or the file would stay with the process."""

    def fail(_rows: int) -> None:
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        read(duck, "SELECT range AS n FROM range(10000000)", batch_rows=100, progress=fail)
    with pytest.raises(DataRefused):
        read(duck, "SELECT range::VARCHAR || 'x' AS n FROM range(1000000)", accept=Accept(columns={"n": "int"}))  # type: ignore[dict-item]
    duck.load(duck.stage([sale("2026-01-01", "emea", 2)]), create=False)


@pytest.mark.parametrize("sql", [ENDLESS, "SELECT a.range AS n FROM range(1000000000) AS a, range(1000000000) AS b"])
def test_a_read_can_be_stopped(duck: Night, sql: str) -> None:
    """In the middle of a computation, or of rows that come."""
    with pytest.raises(Stopped, match="sales_emea was stopped at noon"):
        read(duck, sql, stop=Stop(at=datetime.now(UTC) + timedelta(seconds=0.5), why="stopped at noon"))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tidegate-")]
    duck.load(duck.stage([sale("2026-01-01", "emea", 2)]))
