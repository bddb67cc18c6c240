"""Which half-open ``[start, end)`` of data a run is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidegate.errors import IntervalUnknown
from tidegate.resilience.keys import INTERVAL_END, INTERVAL_START

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """``start`` is inside, ``end`` is not; both are aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise IntervalUnknown(
                f"The interval [{self.start.isoformat()}, {self.end.isoformat()}) holds no time.",
                hint="Give an interval_start that lies before interval_end.",
            )

    def __str__(self) -> str:
        """Short where it can be: ``2017-12-23`` for a whole day in UTC."""
        start, end = self.start, self.end
        midnight = not (start.hour or start.minute or start.second or start.microsecond)
        if midnight and (end - start).total_seconds() == 86400:  # noqa: PLR2004  a day
            return start.date().isoformat()
        return f"{start.isoformat(' ')[:16]} to {end.isoformat(' ')[:16]} UTC"


def requested_interval(params: Mapping[str, Any]) -> Interval | None:
    """The interval that the trigger asked for by ``interval_start`` and ``interval_end``, ISO 8601; a time without a zone is UTC.

    :return: None when the trigger asked for none.
    :raises IntervalUnknown: only one bound is given, or one is no time.
    """
    given = {name: params.get(name) for name in (INTERVAL_START, INTERVAL_END)}
    if not any(given.values()):
        return None
    for name, value in given.items():
        if not value:
            raise IntervalUnknown(f"The trigger gives only one bound of the interval: {name} is missing.", hint="Give both, or neither.")
    return Interval(*(instant_of(name, str(value)) for name, value in given.items()))


def instant_of(name: str, value: str) -> datetime:
    """The instant in UTC that ISO 8601 text means; without a zone it is UTC already.

    :raises IntervalUnknown: the text is no time.
    """
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise IntervalUnknown(f"{name} is {value!r}, which is no time.", hint="Write it as 2026-01-31T00:00:00+00:00.") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
