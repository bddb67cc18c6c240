"""Human durations, ``30s``, ``45m``, ``1h30m``, ``2d``, and times of day."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)")
_WHOLE = re.compile(rf"(?:{_PART.pattern}\s*)+")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
LONGEST = timedelta(days=366)
_SECONDS = {"d": 86400, "h": 3600, "min": 60, "m": 60, "s": 1}


def parse_duration(value: Any) -> timedelta:
    """The time span that a human duration says.

    :raises ValueError: the text is no duration, or it is not longer than nothing.
    """
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _WHOLE.fullmatch(value.strip()):
        raise ValueError(f"{value!r} is no duration; write it with its unit, such as 30s, 45m, 1h30m or 2d")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(value))
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{value!r} is longer than {LONGEST.days} days; write a shorter duration")
    span = timedelta(seconds=seconds)
    if span <= timedelta(0):
        raise ValueError(f"{value!r} is no time at all; write a duration longer than that, such as 30s")
    return span


def parse_moment(value: str) -> time | timedelta:
    """A time of day such as ``04:30``, or a human duration.

    :raises ValueError: the text is neither.
    """
    if found := _CLOCK.fullmatch(value.strip()):
        return time(int(found[1]), int(found[2]))
    try:
        return parse_duration(value)
    except ValueError:
        raise ValueError(f'{value!r} is neither a time of day nor a duration; write "04:30", or 2h30m') from None


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""A pydantic field of this type takes human durations."""
