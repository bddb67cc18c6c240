"""By when a barrier decides: a time of day, or so long after the run began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tidegate.model.durations import parse_moment


@dataclass(frozen=True, slots=True)
class DecideBy:
    """``"04:30"`` in a zone, or ``"2h30m"`` from the run's start."""

    text: str
    """As the config says it."""
    zone: str = "UTC"
    """Of the time of day."""

    @property
    def said(self) -> time | timedelta:
        """The time of day, or the duration.

        :raises ValueError: the text is neither.
        """
        return parse_moment(self.text)

    def __str__(self) -> str:
        """In words: ``at 04:30 Europe/Berlin``, ``2h30m after the run began``."""
        return f"at {self.text} {self.zone}" if isinstance(self.said, time) else f"{self.text} after the run began"

    def instant(self, *, began: datetime, due: datetime | None, scheduled: bool) -> datetime:
        """When that is for one run, in UTC.

        A time of day is the first one after the tick at which the run was due. A run that begins later than that, and every run that no tick
        has started (by hand, a backfill, a catch-up), gets as long from its own beginning as a run in time has.

        :param began: When the run began.
        :param due: For a scheduled run its tick, for any other the schedule's last tick before it began; None where there is no schedule.
        :param scheduled: Whether the schedule started the run.
        """
        clock = self.said
        if isinstance(clock, timedelta):
            return began.astimezone(UTC) + clock
        if due is None:
            return first_after(began, clock, self.zone)
        moment = first_after(due, clock, self.zone)
        return moment if scheduled and began < moment else began.astimezone(UTC) + (moment - due)


def first_after(moment: datetime, clock: time, zone: str) -> datetime:
    """The first instant after a moment at which the clocks of a zone show a time of day, in UTC.

    Where they skip it on a spring night, it is as late as if they had not been put forward; where they show it twice in autumn, it is the first
    of the two that lies after the moment.
    """
    tz = ZoneInfo(zone)
    day = moment.astimezone(tz).date()
    days = (day + timedelta(days=number) for number in (-1, 0, 1))
    shown = sorted(
        datetime.combine(each, clock.replace(fold=fold), tz).astimezone(UTC) for each in days for fold in _folds(each, clock, tz)
    )
    return next(instant for instant in shown if instant > moment)


def _folds(day: date, clock: time, tz: ZoneInfo) -> tuple[int, ...]:
    """Which readings of a wall time there are: one, two where it is shown twice; of one that is never shown the one before the jump."""
    first = datetime.combine(day, clock, tz)
    shown_twice = first.astimezone(UTC) < first.replace(fold=1).astimezone(UTC)
    return (0, 1) if shown_twice else (0,)
