"""Which values of a column that only grows an interval reads: what lies from the mark on up to which the interval before it was read.

The mark's own value is read by both, for more rows of it may come behind the read.

Intervals share the values among them. Each keeps its own once a later one has been read, so that reading it again brings what is its own and no more;
and the last one reads on to whatever is newest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Marks:
    """The values that belong to an interval: from the one mark up to the other, both inside. None is below all values."""

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

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to read: the later interval begins where this one does, and so has all of it."""
        return self.closed and (self.upto is None or self.upto == self.above)


def asked(*, own: Marks | None, earlier: Marks | None, later: Marks | None) -> Asked:
    """What an interval is to read.

    :param own: of an attempt of this interval that was committed.
    :param earlier: of the nearest interval before it that has any.
    :param later: of the nearest interval behind it, also where its rows are still being read.
    """
    above = own.above if own is not None else earlier.upto if earlier is not None else None
    if later is None:
        return Asked(above, None, closed=False)
    return Asked(above, own.upto if own is not None else later.above, closed=True)
