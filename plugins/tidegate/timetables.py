"""When nights begin, with the bounds in the timetable itself."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from pendulum import DateTime, instance

if TYPE_CHECKING:
    from airflow.timetables.base import DagRunInfo, DataInterval


class NightTimetable(CronDataIntervalTimetable):
    """One interval of data for each tick of a cron, between two bounds. Runs in scheduler, dag-processor and api-server.

    Airflow's own bounds, ``start_date`` and ``end_date`` of a DAG, also forbid tasks: a run that somebody triggers with a logical date
    outside of them has no task at all, and succeeds. Bounds of the timetable only say when nights begin by themselves.

    :param cron: Five fields, or a preset.
    :param timezone: IANA name.
    :param start: Aware; no interval begins before.
    :param end: Aware; no interval begins after.
    """

    def __init__(self, cron: str, *, timezone: str, start: datetime, end: datetime | None = None) -> None:
        super().__init__(cron, timezone)
        self.start = start
        self.end = end

    @property
    def expression(self) -> str:
        """The cron, as in Airflow's timetables for DAG files."""
        return self._expression

    @property
    def timezone(self) -> str:
        """The zone's name."""
        return str(self._timezone.name)

    def next_dagrun_info(self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction) -> DagRunInfo | None:
        """Airflow's answer within this timetable's bounds."""
        earliest, latest = instance(self.start), instance(self.end) if self.end else None
        bounds = TimeRestriction(
            earliest=max(earliest, restriction.earliest) if restriction.earliest else earliest,
            latest=min(filter(None, (latest, restriction.latest)), default=None),
            catchup=restriction.catchup,
        )
        return super().next_dagrun_info(last_automated_data_interval=last_automated_data_interval, restriction=bounds)

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """The last interval that had ended by then, and at the latest the last one of this timetable."""
        if self.end is not None:
            run_after = min(run_after, self._get_next(self._align_to_prev(instance(self.end))))
        return super().infer_manual_data_interval(run_after=run_after)

    def serialize(self) -> dict[str, Any]:
        """Plain JSON types."""
        end = self.end.isoformat() if self.end else None
        return {"cron": self._expression, "timezone": self.timezone, "start": self.start.isoformat(), "end": end}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> NightTimetable:
        """The inverse of :meth:`serialize`."""
        start, end = datetime.fromisoformat(data["start"]), data["end"] and datetime.fromisoformat(data["end"])
        return cls(data["cron"], timezone=data["timezone"], start=start, end=end)
