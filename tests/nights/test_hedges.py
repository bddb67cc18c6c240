"""Databases that never end an answer, on a real scheduler: a copy brings the rows, the task's own timeout and a word in staging end the read."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from town import interval

from tidegate.data.staging import Staging
from tidegate.operators.stopping import run_of

if TYPE_CHECKING:
    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.nights, pytest.mark.timeout(900)]
DAY = date(2026, 2, 2)


class Run:
    """What Airflow's API says of a run, by the names that a task sees."""

    def __init__(self, town: Town, run_id: str) -> None:
        self.run_id = run_id
        self.start_date = datetime.fromisoformat(town.airflow.run("hedged_sales", run_id)["start_date"])


def test_three_reads_without_an_end(town: Town) -> None:
    """Each task ends as it should, while nothing that a signal reaches would end SQLite."""
    town.sell(DAY, ("anna",), each=3)
    run_id = town.airflow.trigger("hedged_sales", conf=interval(DAY))

    def state(task_id: str) -> str | None:
        found: str | None = next(task["state"] for task in town.airflow.tasks("hedged_sales", run_id) if task["task_id"] == task_id)
        return found

    ended = ("extract.emil", "both_endless.emil", "too_long.emil")
    while {state("alone.emil"), state("by_hand.emil")} != {"running"} or not {state(name) for name in ended} <= {"success", "failed"}:
        time.sleep(0.5)
    task = f"/dags/hedged_sales/dagRuns/{run_id}/taskInstances/by_hand.emil"
    town.airflow.api.request("PATCH", task, json={"new_state": "failed"})
    while "Task killed" not in town.airflow.log("hedged_sales", run_id, "by_hand.emil"):
        time.sleep(0.5)
    start = datetime.combine(DAY, datetime.min.time(), UTC)
    staging = Staging(town.airflow.home / "staging")
    run = run_of(Run(town, run_id))
    staging.ask_to_stop("hedged_sales", start, start + timedelta(days=1), run, "stopped, for it cannot be enough any more")
    town.airflow.wait("hedged_sales", run_id, timeout=120)
    states = {task["task_id"]: task["state"] for task in town.airflow.tasks("hedged_sales", run_id)}
    assert states["extract.emil"] == "success"
    report = town.airflow.xcom("hedged_sales", run_id, "extract.emil")
    assert report["branch"]["rows"] >= 3
    assert report["branch"]["read_from"].startswith("shop_anna, ")
    assert "emil was read from shop_anna, " in town.airflow.log("hedged_sales", run_id, "extract.emil")
    assert "endless was stopped, for its task was ended from outside" in town.airflow.log("hedged_sales", run_id, "by_hand.emil")
    reasons = {"alone.emil": "endless was stopped, for it cannot be enough"}
    reasons |= dict.fromkeys(("both_endless.emil", "too_long.emil"), "timed out after")
    for task_id, reason in reasons.items():
        assert states[task_id] == "failed"
        assert town.airflow.xcom("hedged_sales", run_id, task_id, "failure")["reason"].startswith(reason)
    assert {path.name for path in staging.folder("hedged_sales", "x", start, start + timedelta(days=1)).parent.rglob("*.parquet*")} == {
        f"{report['manifest']['attempt']}.parquet"
    }
