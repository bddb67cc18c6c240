"""Which earlier intervals' rows may stand in for a branch that an interval lacks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from tidegate.resilience.interval import Interval

ALIKE = 8
"""Intervals are of one length where they differ by no more than this part of it: days of 23 to 25 hours, months of 28 to 31 days."""


def candidates(known: Iterable[Interval], wanted: Interval, no_older_than: timedelta) -> list[Interval]:
    """The intervals whose rows may stand in, the newest first: over before the wanted one begins, not too old, and of its length.

    :param no_older_than: How long before the wanted one they may have begun.
    """
    length = wanted.end - wanted.start
    found = [
        earlier
        for earlier in known
        if earlier.end <= wanted.start
        and wanted.start - earlier.start <= no_older_than
        and ALIKE * abs((earlier.end - earlier.start) - length) <= length
    ]
    return sorted(found, reverse=True)
