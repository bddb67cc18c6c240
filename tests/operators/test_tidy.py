"""The shipped DAG that deletes what was staged long ago: as many days as the configuration says, and never where it says 0."""

from __future__ import annotations

import os
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from airflow.sdk.exceptions import AirflowSkipException

from tidegate.data.instants import stamp
from tidegate.data.manifest import StageKey
from tidegate.data.staging import Staging

if TYPE_CHECKING:
    from tidegate.operators import TidyOperator

SHIPPED = Path(__file__).parents[2] / "dags" / "tidegate_tidy.py"


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staging:
    """Forty days ago and today, each of one branch."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path))
    made = Staging(tmp_path)
    for age in (40, 1):
        end = datetime.now(UTC) - timedelta(days=age)
        key = StageKey(pipeline="nightly", step="extract", interval_start=end - timedelta(days=1), interval_end=end, branch="texas")
        rows = pa.table({"x": [1]})
        with made.writer(key, rows.schema, attempt="a", correlation_id="c", read_at=stamp()) as writer:
            writer.write(rows.to_batches()[0])
        for path in made.folder("nightly", "extract", end - timedelta(days=1), end).rglob("*.*"):
            os.utime(path, (end.timestamp(), end.timestamp()))
    return made


def task() -> TidyOperator:
    """The task of the DAG as it is shipped."""
    found: TidyOperator = runpy.run_path(str(SHIPPED))["dag"].get_task("tidy")
    return found


def test_thirty_days_are_kept(staging: Staging) -> None:
    """And what the task returns says how much has gone."""
    night: Any = None
    done = task().work(night)
    assert (done["intervals"], done["files"]) == (1, 2)
    assert done["bytes"] > 0
    assert len(staging.intervals("nightly")) == 1


@pytest.mark.parametrize(("days", "left"), [("100", 2), ("10", 1)])
def test_as_many_as_the_configuration_says(staging: Staging, monkeypatch: pytest.MonkeyPatch, days: str, left: int) -> None:
    """More, or fewer."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING_DAYS", days)
    night: Any = None
    task().work(night)
    assert len(staging.intervals("nightly")) == left


def test_for_ever(staging: Staging, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the task is skipped, and says why."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING_DAYS", "0")
    night: Any = None
    with pytest.raises(AirflowSkipException, match="staging_days is 0"):
        task().work(night)
    assert len(staging.intervals("nightly")) == 2
