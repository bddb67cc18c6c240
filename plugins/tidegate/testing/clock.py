"""When the run of a played night begins, and what the times of day of its pipeline mean then. Nothing here looks at a real clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tidegate.model.schedule import Schedule
    from tidegate.resilience.deadline import DecideBy
    from tidegate.resilience.interval import Interval


class Clock:
    """Of a run that the schedule has started in time: it begins with the first tick after its interval, or with the interval's end where there are no ticks."""

    def __init__(self, schedule: Schedule | None, interval: Interval) -> None:
        self.due = tick(schedule, interval.end) if schedule is not None else None
        self.began = self.due or interval.end
        self._left: dict[DecideBy, float] = {}

    def at(self, seconds: float) -> datetime:
        """The instant so many seconds after the run's start."""
        return self.began + timedelta(seconds=seconds)

    def deadline(self, decide_by: DecideBy) -> datetime:
        """When a barrier decides, in UTC."""
        return decide_by.instant(began=self.began, due=self.due, scheduled=True)

    def seconds(self, decide_by: DecideBy) -> float:
        """When a barrier decides, in seconds from the run's start."""
        if decide_by not in self._left:
            self._left[decide_by] = (self.deadline(decide_by) - self.began).total_seconds()
        return self._left[decide_by]


def tick(schedule: Schedule, moment: datetime) -> datetime | None:
    """The schedule's first tick that is not before a moment, in UTC; None where it has no ticks."""
    if schedule.cron:
        return min(_next(cron, ZoneInfo(schedule.timezone), moment) for cron in schedule.cron)
    if schedule.every is not None and schedule.start is not None:
        start = schedule.instant(schedule.start).astimezone(UTC)
        return start + max(-((start - moment) // schedule.every), 0) * schedule.every
    return None


def _next(cron: str, zone: ZoneInfo, moment: datetime) -> datetime:
    """As Airflow reads a cron: by the clocks on the wall; an hour that is shown twice is the second one, one that is skipped as late as before."""
    from croniter import croniter

    shown = moment.astimezone(zone).replace(tzinfo=None) - timedelta(seconds=1)
    found: datetime = croniter(cron, shown).get_next(datetime)
    return max(found.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
