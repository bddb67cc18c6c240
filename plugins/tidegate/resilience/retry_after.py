"""How long a server asks to be left alone, by its ``Retry-After`` header."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def seconds_asked(said: str | None, now: datetime) -> float | None:
    """The seconds until one may ask again, 0 for a moment that has passed; None where nothing is said that means any.

    :param said: a number of seconds, or a date as HTTP writes it.
    :param now: with a time zone.
    """
    text = (said or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds(), 0.0)
