"""The budget of a branch: what begins too late is skipped, what has begun or was cleared goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout, TaskDeferralTimeout
from operators.by_hand import context, placed

from tidegate.operators import Until
from tidegate.operators.budget import budget_of
from tidegate.operators.retrying import JitteredRetryPolicy


def begun(hours: float, *, max_tries: int = 0, server: Any = None, **arguments: Any) -> Any:
    """The context of a task whose run began so many hours ago."""
    found = context(placed(EmptyOperator, Path(), retries=0, **arguments))
    found["dag_run"].start_date = datetime.now(UTC) - timedelta(hours=hours)
    found["dag_run"].run_type = "manual"
    found["ti"].max_tries = max_tries
    found["ti"]._ti_context_from_server = server
    return found


def test_what_would_begin_after_the_time_is_skipped() -> None:
    """And told why; before the time nothing happens."""
    with pytest.raises(AirflowSkipException, match="Too late to begin: its barrier decides 2h after the run began"):
        Until("2h")(begun(3))
    found = begun(1)
    Until("2h")(found)
    assert found["ti"].task.execution_timeout is None


def test_with_stop_a_try_ends_at_the_time() -> None:
    """A shorter timeout of its own stays."""
    found = begun(1)
    Until("2h", stop=True)(found)
    left = found["ti"].task.execution_timeout
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    found = begun(1, execution_timeout=timedelta(minutes=5))
    Until("2h", stop=True)(found)
    assert found["ti"].task.execution_timeout == timedelta(minutes=5)


@pytest.mark.parametrize(
    "server",
    [SimpleNamespace(next_method="resume", task_reschedule_count=0), SimpleNamespace(next_method=None, task_reschedule_count=3)],
    ids=["deferred", "rescheduled"],
)
def test_what_has_begun_in_time_goes_on(server: Any) -> None:
    """Airflow calls the hook again when a trigger has fired, and when a sensor looks again."""
    Until("2h")(begun(3, server=server))
    with pytest.raises(AirflowSkipException):
        Until("2h")(begun(3, server=SimpleNamespace(next_method=None, task_reschedule_count=0)))


def test_what_somebody_has_cleared_goes_on() -> None:
    """Its run may still be at work, and keeps its start."""
    found = begun(3, max_tries=1)
    Until("2h", stop=True)(found)
    assert found["ti"].task.execution_timeout is None


def test_a_retry_that_would_begin_after_the_time_is_not_begun() -> None:
    """The log says why; one that fits is begun."""
    policy = JitteredRetryPolicy(delay=timedelta(hours=2), max_delay=timedelta(hours=2), jitter="none")
    found = begun(1)
    Until("2h")(found)
    assert budget_of(found) is not None
    told = policy.evaluate(AirflowTaskTimeout(), 1, 3, found)
    assert told.action.value == "fail"
    assert "when the barrier decides" in (told.reason or "")
    soon = JitteredRetryPolicy(delay=timedelta(minutes=1), jitter="none").evaluate(TaskDeferralTimeout(), 1, 3, found)
    assert soon.action.value == "retry"


def test_what_else_is_to_be_called_is_called_first() -> None:
    """Such as a condition, or a hook of the file."""
    called: list[Any] = []
    Until("2h", then=called.append)(begun(1))
    assert len(called) == 1
