"""Dates and durations of dag-factory's, as the pipeline language writes them."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidegate.model.durations import LONGEST
from tidegate.model.spans import human

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value

_RELATIVE = re.compile(r"\s*(\d+)\s+(hour|minute|second|day)", re.IGNORECASE)
"""What dag-factory reads of a relative time: its first number and unit, and nothing behind them."""
_PARTS = {
    "timedelta": ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"),
    "duration": ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"),
    "datetime": ("year", "month", "day", "hour", "minute", "second", "microsecond"),
    "date": ("year", "month", "day"),
}
"""Class → its positional parameters."""
_DURATIONS = {"datetime.timedelta", "pendulum.duration"}
_MOMENTS = {"datetime.datetime", "datetime.date", "pendulum.datetime"}


def made(value: Value) -> Any:
    """The date, time or time span that a ``__type__`` makes, without making it; None where it is something else, or its parts are no numbers."""
    kind = value.mapping.get("__type__")
    if kind is None or kind.text not in _DURATIONS | _MOMENTS:
        return None
    positional = value.mapping["__args__"].items if "__args__" in value.mapping else []
    names = _PARTS[kind.text.rpartition(".")[2]]
    parts = {name: item.plain for name, item in zip(names, positional, strict=False)}
    parts |= {name: item.plain for name, item in value.mapping.items() if name in names}
    if not all(isinstance(part, int | float) for part in parts.values()):
        return None
    try:
        if kind.text in _DURATIONS:
            return timedelta(**parts)
        return date(**parts) if kind.text == "datetime.date" else datetime(**parts)  # noqa: DTZ001  the zone is said beside it
    except (TypeError, ValueError, OverflowError):
        return None


def span(value: Value) -> timedelta | None:
    """The time span that a value means: an object, a number of seconds, or words such as ``2 hours``."""
    thing = made(value)
    if isinstance(thing, timedelta):
        return thing
    if isinstance(value.plain, int | float) and not isinstance(value.plain, bool):
        return timedelta(seconds=value.plain)
    if value.text and (found := _RELATIVE.match(value.text)):
        return timedelta(**{f"{found[2].lower()}s": int(found[1])})
    return None


def duration(value: Value, desk: Desk) -> str | None:
    """A human duration; None, and told of, where the value is none."""
    found = span(value)
    if found is None:
        shown = value.plain if value.text is not None else "this"
        desk.lost(value, f"{shown!r} is no duration", "Write it with its unit, such as 30s, 45m or 1h30m.")
        return None
    if not timedelta(0) < found <= LONGEST:
        desk.lost(value, f"{found} is no duration that a pipeline takes", f"Write one from 1s to {LONGEST.days}d.")
        return None
    return human(found)


def zone(value: Value | None, desk: Desk) -> str:
    """A time zone's name; UTC where none is said, or none of this name is known."""
    if value is None or value.plain is None:
        return "UTC"
    try:
        return ZoneInfo(str(value.plain)).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        desk.lost(value, f"{value.plain!r} is no time zone", "Write an IANA name, such as Europe/Berlin.")
        return "UTC"


def moment(value: Value, desk: Desk) -> datetime | None:
    """The moment that a ``start_date`` or ``end_date`` means, on the clock of the zone beside it; None, and told of, where it is none."""
    thing = made(value)
    plain = thing if isinstance(thing, date) else value.plain
    if isinstance(plain, str):
        plain = _read(plain)
    if isinstance(plain, date):
        return plain.replace(tzinfo=None) if isinstance(plain, datetime) else datetime.combine(plain, time.min)
    if isinstance(value.text, str) and (back := span(value)) is not None:
        fixed = datetime.combine(desk.today, time.min) - back
        message = f"{value.text.strip()!r} moves on with every day in dag-factory; here it is fixed to {fixed:%Y-%m-%d}"
        desk.note(value, message, "Write the day from which on the pipeline is to run.")
        return fixed
    desk.lost(value, "it is no date", "Write it as 2026-01-31.")
    return None


def _read(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return text


def on_clock(moment: datetime, of: str, to: str) -> datetime:
    """What the clock of another zone shows at a moment of one."""
    return moment.replace(tzinfo=ZoneInfo(of)).astimezone(ZoneInfo(to)).replace(tzinfo=None)


def shortest(moment: datetime) -> date | datetime:
    """A date for a midnight, else the moment."""
    return moment.date() if moment.time() == time.min else moment
