"""Where a column is cut into ranges: a few values between its least and its greatest, about as far from each other.

Whether every row lies in exactly one range does not hang on them: the first range has no lower end, the last one no upper, each ends where the next
begins, and NULL belongs to the first. Cuts that are badly placed make ranges of unequal length, no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FROM, TO = "split_from", "split_to"
"""The bound names of a range's ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """How a table is read in ranges."""

    by: str
    """The column whose values tell the ranges apart."""
    into: int
    """How many ranges there are at most: connections that are open at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Rows of one range."""

    where: str = ""
    """The condition; empty where it is all rows."""
    values: dict[str, Any] = field(default_factory=dict)
    """What is bound to the names in it."""


def ranges(column: str, low: Any, high: Any, into: int) -> list[Range]:
    """Ranges that hold every row once, whatever the rows are; one for all of them, where there is nothing to cut.

    :param column: quoted.
    :param low: the least value; None where there are no values.
    :param high: the greatest.
    """
    found = cuts(low, high, into)
    if not found:
        return [Range()]
    return [
        Range(where=f"({column} < :{TO} OR {column} IS NULL)", values={TO: found[0]}),
        *(Range(where=f"{column} >= :{FROM} AND {column} < :{TO}", values={FROM: here, TO: there}) for here, there in pairwise(found)),
        Range(where=f"{column} >= :{FROM}", values={FROM: found[-1]}),
    ]


def cuts(low: Any, high: Any, into: int) -> list[Any]:
    """Up to ``into - 1`` values above ``low`` and up to ``high``, each greater than the one before."""
    if low is None or high is None or not low < high:
        return []
    if isinstance(low, float):
        found = [low * (1 - part / into) + high * (part / into) for part in range(1, into)]  # their difference may be no float
        return sorted({cut for cut in found if low < cut <= high})
    first, last, made = _numbered(low, high)
    found = [first + (last - first + 1) * part // into for part in range(1, into)]
    return [made(number) for number in sorted(set(found)) if number > first]


def _numbered(low: Any, high: Any) -> tuple[int, int, Callable[[int], Any]]:
    """Both as whole numbers, and the way back."""
    if isinstance(low, Decimal):
        power = min(int(low.as_tuple().exponent), int(high.as_tuple().exponent))
        return _scaled(low, power), _scaled(high, power), lambda number: _decimal(number, power)
    if isinstance(low, datetime):
        zone = UTC if low.tzinfo is not None else None
        low, high = (moment.astimezone(UTC) if zone else moment for moment in (low, high))
        tick = timedelta(microseconds=1)
        return 0, (high - low) // tick, lambda number: low + number * tick
    if isinstance(low, date):
        return low.toordinal(), high.toordinal(), date.fromordinal
    return int(low), int(high), int


def _scaled(number: Decimal, power: int) -> int:
    """How many times ten to this power it is; exactly, whatever the context's precision."""
    sign, digits, exponent = number.as_tuple()
    shift: int = 10 ** (int(exponent) - power)
    return (-1 if sign else 1) * int("".join(map(str, digits))) * shift


def _decimal(number: int, power: int) -> Decimal:
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), power))
