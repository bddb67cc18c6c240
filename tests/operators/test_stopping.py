"""An extract that is to end early: by its task's budget, or by a word from another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from operators.by_hand import context, placed

from tidegate import BarrierOperator, ExtractOperator
from tidegate.data.staging import Staging
from tidegate.errors import Stopped, TidegateError
from tidegate.operators.night import Night
from tidegate.operators.stopping import end_reads_at, run_of, stop_reads
from tidegate.resilience.retry import why_not

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = {"interval_start": "2026-03-02T00:00:00+00:00", "interval_end": "2026-03-03T00:00:00+00:00"}
ASK = """
import sys
from datetime import datetime
from tidegate.data.staging import Staging

root, run, start, end = sys.argv[1:]
Staging(root).ask_to_stop("night", datetime.fromisoformat(start), datetime.fromisoformat(end), run, "stopped, for it cannot be enough any more")
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: sa.URL) -> Any:
    """Give an extract that would take ten minutes."""
    url = postgres_url.set(drivername="postgres").render_as_string(hide_password=False)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_ANNA", url)
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    return placed(ExtractOperator, tmp_path, source_conn_id="shop_anna", query="SELECT pg_sleep(600)", branch="anna", dimension="shop")


@pytest.fixture
def active(postgres_url: sa.URL) -> Callable[[], int]:
    """Count the statements of reads that the server is at."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    count = sa.text("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name LIKE 'tidegate %'")

    def ask() -> int:
        with engine.connect() as connection:
            return int(connection.execute(count).scalar_one())

    return ask


def test_a_budget_ends_the_statement(task: Any, active: Callable[[], int]) -> None:
    """What a hook set before the task began."""
    around = context(task, conf=DAY)
    end_reads_at(around, datetime.now(UTC) + timedelta(seconds=1), "stopped at 04:30 Europe/Berlin, when its barrier decides")
    with pytest.raises(Stopped, match="shop_anna was stopped at 04:30 Europe/Berlin, when its barrier decides"):
        task.execute(around)
    assert active() == 0


def test_a_server_knows_the_timeout_of_a_task(tmp_path: Path, task: Any) -> None:
    """And a minute more, in which a worker that is alive cancels the statement itself."""
    task.query = "SELECT current_setting('statement_timeout') AS allowed"
    for timeout, allowed in ((timedelta(minutes=10), "11min"), (None, "0")):
        task.execution_timeout = timeout
        told = task.execute(context(task, conf=DAY))["manifest"]
        assert pq.read_table(tmp_path / "staging" / told["path"])["allowed"].to_pylist() == [allowed]


def test_another_process_ends_the_statement(task: Any, active: Callable[[], int], tmp_path: Path) -> None:
    """It writes a word into staging; another run's word, or that of the run before it was cleared, ends nothing."""
    around = context(task, conf=DAY)
    run = run_of(around["dag_run"])
    staging = Staging(tmp_path / "staging")
    for other in ("run-2 2026-03-03T02:00:00+00:00", "run-1 2026-03-03T01:00:00.000000+00:00"):
        staging.ask_to_stop("night", *(datetime.fromisoformat(moment) for moment in DAY.values()), other, "wrong")

    def ask() -> None:
        while not active():
            time.sleep(0.05)
        subprocess.run([sys.executable, "-c", ASK, str(tmp_path / "staging"), run, *DAY.values()], check=True)

    asking = threading.Thread(target=ask)
    asking.start()
    with pytest.raises(Stopped, match="shop_anna was stopped, for it cannot be enough any more"):
        task.execute(around)
    asking.join()
    assert active() == 0
    assert staging.committed("night", "asked", *(datetime.fromisoformat(moment) for moment in DAY.values())) == {}


def test_a_task_that_is_killed_ends_the_statement(task: Any, active: Callable[[], int]) -> None:
    """Airflow's signal calls this in the task's process, also when a worker shuts down: it may be tried again."""
    before = signal.signal(signal.SIGUSR1, lambda *_: task.on_kill())

    def kill() -> None:
        while not active():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGUSR1)

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        with pytest.raises(TidegateError, match="shop_anna was stopped, for its task was ended from outside") as caught:
            task.execute(context(task, conf=DAY))
    finally:
        signal.signal(signal.SIGUSR1, before)
    killing.join()
    assert why_not(caught.value, tried=1) is None
    assert active() == 0
    task.on_kill()


def test_a_barrier_that_begins_to_wait_forgets_what_it_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cleared while its run is at work, it has the name that the run had when it stopped the reads."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    with DAG("night", schedule=None):
        extract = ExtractOperator(task_id="extract", source_conn_id="shop_anna", query="SELECT 1", branch="anna")
        barrier = BarrierOperator(task_id="arrived", branches={"anna": "extract"}, on_short="stop")
        extract >> barrier
    around = context(barrier, conf=DAY)
    around["ti"].get_task_breadcrumbs = lambda *_: []
    around["ti"].get_task_states = lambda **_: {"run-1": {"extract": "running"}}
    around["dag_run"].triggering_user_name = None
    night = Night.of(around)
    asked = "night", night.interval.start, night.interval.end, run_of(around["dag_run"])
    stop_reads(night, "stopped, since it cannot be enough any more")
    assert Staging(tmp_path / "staging").asked_to_stop(*asked) == "stopped, since it cannot be enough any more"
    with pytest.raises(TaskDeferred):
        barrier.execute(around)
    assert Staging(tmp_path / "staging").asked_to_stop(*asked) is None
