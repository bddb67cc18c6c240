"""A pipeline that runs another one hands on what the run is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import DagRunTriggerException
from operators.by_hand import context, placed

from tidegate import PipelineOperator

if TYPE_CHECKING:
    from pathlib import Path

DAY = {"interval_start": "2026-03-02T00:00:00+00:00", "interval_end": "2026-03-03T00:00:00+00:00"}


def asked(include: Path, *, conf: dict[str, Any] | None = None, **arguments: Any) -> DagRunTriggerException:
    """What a task asks of Airflow's supervisor."""
    task = placed(PipelineOperator, include, pipeline="inner", **{name.rstrip("_"): value for name, value in arguments.items()})
    with pytest.raises(DagRunTriggerException) as asking:
        task.execute(context(task, conf=conf))
    return asking.value


def test_interval_and_correlation_id_are_handed_on(tmp_path: Path) -> None:
    """With what the step itself says over them; waited for in the triggerer where that is said."""
    asking = asked(
        tmp_path,
        conf={**DAY, "correlation_id": "whole-7"},
        wait_for_completion=True,
        deferrable=True,
        poke_interval=3,
        conf_={"fail": True},
    )
    assert asking.trigger_dag_id == "inner"
    assert asking.conf == {"correlation_id": "whole-7", **DAY, "fail": True}
    assert (asking.wait_for_completion, asking.deferrable, asking.poke_interval) == (True, True, 3)
    assert asking.logical_date is None, "another logical date would be a second idea of the interval"


def test_a_run_about_no_interval_hands_on_its_correlation_id_alone(tmp_path: Path) -> None:
    """Which is derived where none was given, so that it can be derived again."""
    first, second = (asked(tmp_path).conf for _ in range(2))
    assert first == second
    assert list(first) == ["correlation_id"]
    assert first["correlation_id"].startswith("tg-")


def test_what_the_step_says_wins_over_what_is_handed_on(tmp_path: Path) -> None:
    """A step may ask for another interval."""
    other = {"interval_start": "2026-01-01T00:00:00+00:00", "interval_end": "2026-02-01T00:00:00+00:00"}
    asking = asked(tmp_path, conf=DAY, conf_=other)
    assert {name: asking.conf[name] for name in other} == other


def test_one_try_asks_for_one_run(tmp_path: Path) -> None:
    """A process that died after it asked, and is started again, does not get a second; the next try does."""
    assert asked(tmp_path, conf=DAY).dag_run_id == asked(tmp_path, conf=DAY).dag_run_id == "run-1__night.asked__2"
    assert asked(tmp_path, conf=DAY, trigger_run_id="mine").dag_run_id == "mine"
