"""Which values of a column that only grows an interval reads: what lies above the mark up to which the interval before it was read.

Intervals share the values among them. Each keeps its own once a later one has been read, so that reading it again brings what is its own and no more;
and the last one reads on to whatever is newest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Marks:
    """The values that belong to an interval: above the one mark, up to the other. None is below all values."""

    above: Any
    upto: Any


@dataclass(frozen=True, slots=True)
class Asked:
    """What an interval is to read."""

    above: Any
    """None for all values."""
    upto: Any
    """Where :attr:`closed`: up to this, and nothing where it is None."""
    closed: bool
    """Whether what lies above belongs to a later interval; else the newest value is looked for, and becomes the mark."""


def asked(*, own: Marks | None, earlier: Marks | None, later: Marks | None) -> Asked:
    """What an interval is to read.

    :param own: of an attempt of this interval that was committed.
    :param earlier: of the nearest interval before it that has any.
    :param later: of the nearest interval behind it.
    """
    above = own.above if own is not None else earlier.upto if earlier is not None else None
    if later is None:
        return Asked(above, None, closed=False)
    return Asked(above, own.upto if own is not None else later.above, closed=True)
