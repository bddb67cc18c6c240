"""The time that a branch has until its barrier decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException
from pendulum import instance

from tidegate.operators.stopping import end_reads_at
from tidegate.resilience.deadline import DecideBy
from tidegate.timetables import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

_BUDGET = "_tidegate_deadline"
"""Attribute of a task that is at work."""


class Until:
    """Holds a task to the time at which its barrier decides. Called in the worker, right before the task executes.

    What would begin after that time is skipped, unless somebody has cleared it. With ``stop``, the try is ended then. The task's retry policy begins no retry that late.

    :param decide_by: A time of day, or a duration from the run's start.
    :param zone: Of the time of day.
    :param stop: Whether a try that is at work then is ended.
    :param then: What else is to be called before the task executes.
    """

    def __init__(self, decide_by: str, *, zone: str = "UTC", stop: bool = False, then: Callable[[Context], Any] | None = None) -> None:
        self.decide_by = DecideBy(decide_by, zone)
        self.stop = stop
        self.then = then

    def __call__(self, context: Context) -> None:
        """Airflow's ``pre_execute`` hook."""
        if self.then is not None:
            self.then(context)
        task: Any = context["ti"].task
        deadline = deadline_of(self.decide_by, context)
        left = deadline - datetime.now(UTC)
        if left <= timedelta(0):
            if _has_begun(context) or was_cleared(context):
                return
            raise AirflowSkipException(f"Too late to begin: its barrier decides {self.decide_by}")
        setattr(task, _BUDGET, deadline)
        if self.stop:
            task.execution_timeout = min(left, task.execution_timeout or left)
            end_reads_at(context, deadline, f"stopped {self.decide_by}, when its barrier decides")


def _has_begun(context: Context) -> bool:
    """Whether the try goes on, after its trigger has fired or its sensor looks again: Airflow calls the hook at each start of a process."""
    ti: Any = context["ti"]
    server = ti._ti_context_from_server  # noqa: SLF001  nothing else tells
    return server is not None and bool(server.next_method or server.task_reschedule_count)


def was_cleared(context: Context) -> bool:
    """Whether somebody has cleared the task: its tries are counted anew from there, while its run, where that is still at work, keeps its start."""
    ti: Any = context["ti"]
    return bool(ti.max_tries > (ti.task.retries or 0))


def budget_of(context: Context | None) -> datetime | None:
    """When the barrier behind the task that is at work decides; None where no time is set."""
    return getattr(context["ti"].task, _BUDGET, None) if context is not None else None


def deadline_of(decide_by: DecideBy, context: Context) -> datetime:
    """When the barrier of a run decides, in UTC; the same for all tasks of the run until it is cleared."""
    run = context["dag_run"]
    began = run.start_date or datetime.now(UTC)
    scheduled = run.run_type == "scheduled"
    return decide_by.instant(began=began, due=run.run_after if scheduled else _last_tick(context, began), scheduled=scheduled)


def _last_tick(context: Context, moment: datetime) -> datetime | None:
    """The schedule's last tick before a moment; None where there is no schedule by time."""
    timetable = getattr(context.get("dag"), "timetable", None)
    timetable = getattr(timetable, "timetable", timetable)  # of assets or time, the time
    if not isinstance(timetable, Bounds):
        return None
    tick: datetime = timetable.infer_manual_data_interval(run_after=instance(moment)).end
    return tick
