"""When nights begin, with the bounds in the timetable itself.

Airflow's own bounds, ``start_date`` and ``end_date`` of a DAG, also forbid tasks: a run that somebody triggers with a logical date outside of them
has no task at all, and succeeds. Bounds of a timetable only say when nights begin by themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.timetables.base import DataInterval, TimeRestriction, Timetable
from airflow.timetables.interval import CronDataIntervalTimetable, DeltaDataIntervalTimetable
from airflow.timetables.trigger import MultipleCronTriggerTimetable
from pendulum import DateTime, instance

if TYPE_CHECKING:
    from airflow.timetables.base import DagRunInfo


class Bounds(Timetable):
    """What the timetables here share: they begin and end by themselves. Runs in scheduler, dag-processor and api-server."""

    start: datetime
    end: datetime | None

    def next_dagrun_info(self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction) -> DagRunInfo | None:
        """Airflow's answer within this timetable's bounds."""
        earliest, latest = instance(self.start), instance(self.end) if self.end else None
        bounds = TimeRestriction(
            earliest=max(earliest, restriction.earliest) if restriction.earliest else earliest,
            latest=min(filter(None, (latest, restriction.latest)), default=None),
            catchup=restriction.catchup,
        )
        return super().next_dagrun_info(  # type: ignore[safe-super]
            last_automated_data_interval=last_automated_data_interval, restriction=bounds
        )

    def _bounds(self) -> dict[str, Any]:
        return {"start": self.start.isoformat(), "end": self.end.isoformat() if self.end else None}


@cache
def _state(cron: str, timezone: str) -> dict[str, Any]:
    """What Airflow makes of a cron, once for each: putting it into words costs more than all of the rest of a timetable."""
    return vars(CronDataIntervalTimetable(cron, timezone))


@cache
def _validated(cron: str, timezone: str) -> None:
    """What Airflow has against a cron; it asks whenever a DAG is taken from a file, and the answer stays the same."""
    CronDataIntervalTimetable(cron, timezone).validate()


def _read(data: dict[str, Any]) -> dict[str, Any]:
    return {"start": datetime.fromisoformat(data["start"]), "end": data["end"] and datetime.fromisoformat(data["end"])}


class NightTimetable(Bounds, CronDataIntervalTimetable):
    """One interval of data for each tick of a cron, between two bounds.

    :param cron: Five fields, or a preset.
    :param timezone: IANA name.
    :param start: Aware; no interval begins before.
    :param end: Aware; no interval begins after.
    """

    def __init__(self, cron: str, *, timezone: str, start: datetime, end: datetime | None = None) -> None:
        vars(self).update(_state(cron, timezone))
        self.start = start
        self.end = end

    def validate(self) -> None:
        """See that Airflow takes the cron.

        :raises AirflowTimetableInvalid: it does not.
        """
        _validated(self._expression, self.timezone)

    @property
    def expression(self) -> str:
        """The cron, as in Airflow's timetables for DAG files."""
        return self._expression

    @property
    def timezone(self) -> str:
        """The zone's name."""
        return str(self._timezone.name)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """The last interval that had ended by then, and at the latest the last one of this timetable."""
        if self.end is not None:
            run_after = min(run_after, self._get_next(self._align_to_prev(instance(self.end))))
        return super().infer_manual_data_interval(run_after=run_after)

    def serialize(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"cron": self._expression, "timezone": self.timezone, **self._bounds()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> NightTimetable:
        """The inverse of :meth:`serialize`."""
        return cls(data["cron"], timezone=data["timezone"], **_read(data))


class EveryTimetable(Bounds, DeltaDataIntervalTimetable):
    """One interval of data after the other, each as long as the one before, between two bounds.

    :param delta: How long.
    :param start: Aware; the first interval begins here.
    :param end: Aware; no interval begins after.
    """

    def __init__(self, delta: timedelta, *, start: datetime, end: datetime | None = None) -> None:
        super().__init__(delta)
        self.start = start
        self.end = end

    def _round(self, dt: DateTime, anchor: DateTime) -> DateTime:  # noqa: ARG002  Airflow's signature
        """The boundary at or before a moment, counted from ``start``; Airflow counts from 1970."""
        first = instance(self.start)
        return first + ((dt - first).as_timedelta() // self._delta) * self._delta

    def infer_manual_data_interval(self, run_after: DateTime) -> DataInterval:
        """The last interval that had ended by then, and at the latest the last one of this timetable."""
        if self.end is not None:
            last = instance(self.end)
            run_after = min(run_after, self._get_next(self._round(last, last)))
        end = self._round(run_after, run_after)
        return DataInterval(start=self._get_prev(end), end=end)

    def serialize(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"delta": self._delta.total_seconds(), **self._bounds()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> EveryTimetable:
        """The inverse of :meth:`serialize`."""
        return cls(timedelta(seconds=data["delta"]), **_read(data))


class MomentsTimetable(Bounds, MultipleCronTriggerTimetable):
    """A run at each tick of several crons, about a moment or about the time before it, between two bounds.

    :param crons: Five fields each, or presets.
    :param timezone: IANA name.
    :param interval: How much time before the tick the run is about; none by default.
    :param start: Aware; no run before.
    :param end: Aware; no run after.
    """

    def __init__(self, *crons: str, timezone: str, start: datetime, end: datetime | None = None, interval: timedelta = timedelta()) -> None:
        super().__init__(*crons, timezone=timezone, interval=interval)
        self.crons = crons
        self.zone = timezone
        self.interval = interval
        self.start = start
        self.end = end

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """What the last tick by then was about, and at the latest the last tick of this timetable; without an interval, the moment itself."""
        if not self.interval:
            return DataInterval.exact(run_after)
        if self.end is not None:
            run_after = min(run_after, instance(self.end))
        tick = max(timetable._align_to_prev(run_after) for timetable in self._timetables)  # noqa: SLF001  of Airflow's own
        return DataInterval(start=tick - self.interval, end=tick)

    def serialize(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"crons": list(self.crons), "timezone": self.zone, "interval": self.interval.total_seconds(), **self._bounds()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> MomentsTimetable:
        """The inverse of :meth:`serialize`."""
        return cls(*data["crons"], timezone=data["timezone"], interval=timedelta(seconds=data["interval"]), **_read(data))
