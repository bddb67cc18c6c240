"""Moments as text that sorts like the moments: one form for keys, one for fences, the same in every database."""

from __future__ import annotations

from datetime import UTC, datetime

from tidegate.errors import IntervalUnknown


def aware(moment: datetime) -> datetime:
    """The moment in UTC.

    :raises IntervalUnknown: it has no time zone, so nobody can say which moment it is.
    """
    if moment.tzinfo is None:
        raise IntervalUnknown(f"{moment.isoformat(sep=' ')} has no time zone.", hint="Give interval bounds with an offset, such as +00:00.")
    return moment.astimezone(UTC)


def instant(moment: datetime) -> str:
    """A key: ISO 8601 in UTC, with microseconds only when there are any. Sorts in order of time."""
    return aware(moment).isoformat()


def stamp(moment: datetime | None = None) -> str:
    """A fence: ISO 8601 in UTC, always with microseconds; now, when no moment is given."""
    return aware(moment or datetime.now(UTC)).isoformat(timespec="microseconds")


def compact(moment: datetime) -> str:
    """For file names: ``20260101T020000Z``, with microseconds only when there are any."""
    moment = aware(moment)
    return moment.strftime("%Y%m%dT%H%M%S.%fZ" if moment.microsecond else "%Y%m%dT%H%M%SZ")


def expanded(text: str) -> datetime:
    """The inverse of :func:`compact`.

    :raises ValueError: it is none of its texts.
    """
    return datetime.strptime(text, "%Y%m%dT%H%M%S.%fZ" if "." in text else "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
