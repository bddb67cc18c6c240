"""A barrier that stops what is late, on a real scheduler, held to the same night played."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tidegate.testing import Night

if TYPE_CHECKING:
    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.nights, pytest.mark.timeout(900)]
DAY = date(2026, 2, 3)
PIPELINE = Path(__file__).parent / "project" / "include" / "pipelines" / "ended_sales.yaml"


def test_a_branch_that_its_time_has_ended_is_told_as_late(town: Town) -> None:
    """Though its task has failed already when the barrier looks."""
    town.sell(DAY, ("anna",), each=3)
    run_id, state = town.night(DAY, "ended_sales")
    rows = town.airflow.xcom("ended_sales", run_id, "extract.anna")["branch"]["rows"]
    played = Night.of(PIPELINE, day=DAY).when(emil="hangs", anna=rows, takes={"extract.anna": "2s"}).play()
    assert state == played.state == "success"
    assert {task["task_id"]: task["state"] for task in town.airflow.tasks("ended_sales", run_id)} == played.states
    assert (played.late, played.states["extract.emil"]) == (("emil",), "failed")
    record = town.record(run_id, "ended_sales")
    assert (record["sentence"], record["decided_by"], record["late"]) == (played.sentence, "its time had come", ["emil"])
    reason = town.airflow.xcom("ended_sales", run_id, "extract.emil", "failure")["reason"]
    assert reason.startswith(("shop_emil was stopped 20s after the run began", "timed out after"))
