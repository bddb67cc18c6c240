"""The run that a task belongs to: its interval, its correlation id, its chosen branches. Read in the worker, from Airflow's context."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pendulum import instance

from tidegate.errors import IntervalUnknown
from tidegate.resilience.correlation import CORRELATION_ID, correlation_id
from tidegate.resilience.interval import Interval, requested_interval
from tidegate.resilience.tasks import TaskEnd
from tidegate.timetables import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.sdk import Context


@dataclass(frozen=True)
class Night:
    """What every Tidegate task knows of its run."""

    dag_id: str
    """Also the pipeline's name."""
    run_id: str
    task_id: str
    try_number: int
    correlation_id: str
    asked: Mapping[str, Any]
    """What the trigger asked for: the DAG's params with the run's conf over them."""
    ti: Any
    """Airflow's task instance."""
    context: Context

    @cached_property
    def interval(self) -> Interval:
        """The interval that the run is about.

        :raises IntervalUnknown: neither the trigger nor the schedule says so.
        """
        return _interval(self.asked, self.context)

    @cached_property
    def ended(self) -> tuple[TaskEnd, ...]:
        """How the run's other tasks ended, those that have by now; a mapped task for each of its indexes."""
        crumbs = self.ti.get_task_breadcrumbs(self.dag_id, self.run_id)
        ends = (TaskEnd(crumb["task_id"], str(crumb["state"]), crumb["map_index"]) for crumb in crumbs)
        return tuple(end for end in ends if end.task != self.task_id)

    @classmethod
    def of(cls, context: Context) -> Night:
        """Read the run from a task's context."""
        ti, run = context["ti"], context["dag_run"]
        asked = {**dict(context.get("params") or {}), **(run.conf or {})}
        return cls(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            try_number=ti.try_number,
            correlation_id=correlation_id(ti.dag_id, ti.run_id, asked.get(CORRELATION_ID)),
            asked=asked,
            ti=ti,
            context=context,
        )

    def chosen(self, dimension: str | None, branches: Iterable[str]) -> frozenset[str]:
        """The branches that this run is to bring: all, unless the trigger names some."""
        wanted = self.asked.get(dimension) if dimension else None
        if not wanted:
            return frozenset(branches)
        return frozenset(branches) & ({wanted} if isinstance(wanted, str) else frozenset(wanted))


def _interval(asked: Mapping[str, Any], context: Context) -> Interval:
    """The trigger's interval, else Airflow's data interval, else the schedule's last one before the run."""
    run = context["dag_run"]
    if given := requested_interval(asked):
        return given
    start, end = run.data_interval_start, run.data_interval_end
    if start and end and start < end:
        return Interval(start.astimezone(UTC), end.astimezone(UTC))
    timetable = getattr(context.get("dag"), "timetable", None)
    timetable = getattr(timetable, "timetable", timetable)  # of assets or time, the time
    if isinstance(timetable, Bounds):
        last = timetable.infer_manual_data_interval(run_after=instance(run.run_after))
        if last.start < last.end:
            return Interval(last.start.astimezone(UTC), last.end.astimezone(UTC))
    raise IntervalUnknown(
        f"Run {run.run_id} of {run.dag_id} says no interval of data, and the DAG is no scheduled pipeline to derive one from.",
        hint="Trigger it with interval_start and interval_end, or give the pipeline a schedule.",
    )
