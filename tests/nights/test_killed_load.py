"""A load whose process is killed in the middle of its transaction, on a real scheduler."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from datetime import date
from typing import TYPE_CHECKING

import psutil
import pytest
from town import interval

if TYPE_CHECKING:
    from pathlib import Path

    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.slow]
DAG = "big_load"
ROWS = 250_000


def writer_of(path: Path, below: int) -> psutil.Process | None:
    """The process, among the children of a scheduler, that has a file open."""
    for process in psutil.Process(below).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(file.path == str(path) for file in process.open_files()):
                return process
    return None


def test_a_load_killed_in_mid_transaction_leaves_the_warehouse_as_it_was_and_its_retry_makes_it_right(town: Town) -> None:
    """SIGKILL while rows are being replaced: the old rows stay, to the last; the retry brings the new ones, once."""
    day = date(2026, 2, 20)
    town.sell(day, ("anna",), each=1000)
    town.night(day, DAG)
    count = "SELECT count(*), sum(cents) FROM big_sales WHERE day = '2026-02-20'"
    before = town.warehouse(count)
    ledger = "SELECT branch, attempt, rows FROM tidegate_load WHERE pipeline = 'big_load'"
    before_ledger = town.warehouse(ledger)
    assert before[0][0] == 1000

    rows = [("plum", 7, f"{day} 12:00:00")] * ROWS
    with contextlib.closing(sqlite3.connect(town.database("anna"))) as connection, connection:
        connection.executemany("INSERT INTO sales (product, cents, sold_at) VALUES (?, ?, ?)", rows)
    run_id = town.airflow.trigger(DAG, conf=interval(day))
    killed = _kill_writer(town)
    assert killed, "the load was never seen in the middle of its transaction"
    assert town.warehouse(count) == before
    assert town.warehouse(ledger) == before_ledger

    assert town.airflow.wait(DAG, run_id, timeout=120) == "success"
    assert town.warehouse(count) == [(1000 + ROWS, before[0][1] + 7 * ROWS)]
    (load,) = [task for task in town.airflow.tasks(DAG, run_id) if task["task_id"] == "load"]
    assert load["try_number"] == 2


def _kill_writer(town: Town) -> bool:
    """Kill the load once its transaction has written rows into the file itself: what is not committed is undone from the journal."""
    warehouse = town.root / "warehouse.db"
    journal = warehouse.with_name("warehouse.db-journal")
    size = warehouse.stat().st_size
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if journal.exists() and warehouse.stat().st_size > size + 1_000_000:
            process = writer_of(warehouse, town.airflow.pids["scheduler"])
            if process is not None:
                process.kill()
                gone, _ = psutil.wait_procs([process], timeout=10)
                return bool(gone)
        time.sleep(0.01)
    return False
