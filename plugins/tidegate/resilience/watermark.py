"""Which values of a column that only grows an interval reads: what lies from the mark on up to which the interval before it was read.

The mark's own value is read by both, for more rows of it may come behind the read.

Intervals share the values among them. Each keeps its own once a later one has been read, so that reading it again brings what is its own and no more;
and the last one reads on to whatever is newest. What was read and never came to its table is nobody's: the next interval reads it once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  an interval


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
    :param earlier: of the nearest interval before it that has a settled attempt, of the newest such.
    :param later: of the nearest interval behind it, also where its rows are still being read.
    """
    above = own.above if own is not None else earlier.upto if earlier is not None else None
    if later is None:
        return Asked(above, None, closed=False)
    return Asked(above, own.upto if own is not None else later.above, closed=True)


def may_set_back(own: Marks, earlier: Collection[Marks]) -> bool:
    """Whether rows of an interval may be older than those that an earlier one has brought from a later reading.

    What changes moves on to the newest value, so they can where both end in the same moment, in which a row may change twice. Where all that they share is the
    moment in which this one begins, the next interval begins there, too, and mends it.

    :param earlier: of that one's attempts since; none: nobody knows.
    """
    if not earlier or own.upto is None:
        return True
    ends = [marks.upto for marks in earlier if marks.upto is not None]
    return any(end >= own.upto and (own.above is None or end > own.above) for end in ends)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """One attempt at an interval, as far as is known without a look at its marks."""

    key: T
    """What leads to its marks."""
    staged: bool
    """Else it has only begun."""
    settled: bool
    """Whether nobody need bring its rows again: they are in every table that takes them, or staged where none does."""


@dataclass(frozen=True, slots=True)
class Around(Generic[I, T]):
    """The attempts whose marks :func:`asked` is told, of each interval the newest."""

    own: list[T]
    earlier: list[T]
    later: list[T]
    later_interval: I | None
    unsettled: list[I]
    """The intervals between the earlier one and this, in order, that were read in vain so far: this one reads their values, too."""


def around(here: Any, known: Mapping[Any, Collection[Attempt[T]]]) -> Around[Any, T]:
    """Which intervals and attempts have a say in what an interval is to read.

    :param known: Interval → its attempts, one at the least.
    """
    before = sorted(interval for interval in known if interval < here)
    settled = [interval for interval in before if any(attempt.settled for attempt in known[interval])]
    later = min((interval for interval in known if interval > here), default=None)
    behind = known[later] if later is not None else ()
    return Around(
        own=[attempt.key for attempt in known.get(here, ()) if attempt.staged],
        earlier=[attempt.key for attempt in known[settled[-1]] if attempt.settled] if settled else [],
        later=[attempt.key for attempt in behind if attempt.staged] or [attempt.key for attempt in behind],
        later_interval=later,
        unsettled=[
            interval
            for interval in before
            if not (settled and interval <= settled[-1]) and any(attempt.staged for attempt in known[interval])
        ],
    )


def worth_keeping(attempts: Collection[Attempt[T]], newness: Callable[[T], Any]) -> set[T]:
    """The attempts at an interval that have a say from now on: of those that were staged the newest, and the newest that is settled.

    :param newness: Orders what leads to their marks, by when each was read.
    """
    ways = [[attempt.key for attempt in attempts if attempt.staged], [attempt.key for attempt in attempts if attempt.settled]]
    return {max(found, key=newness) for found in ways if found}
