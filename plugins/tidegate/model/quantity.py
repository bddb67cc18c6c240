"""How many are enough: a count, or a percentage of those expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_ALL = Decimal(100)


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A lower bound on how many of several things must be there."""

    amount: Decimal
    percent: bool

    @classmethod
    def parse(cls, value: str | int) -> AtLeast:
        """``7`` or ``"80%"``.

        :raises ValueError: neither a count nor a percentage between 0 and 100.
        """
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(Decimal(value), percent=False)
        if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())) and Decimal(match[1]) <= _ALL:
            return cls(Decimal(match[1]), percent=True)
        raise ValueError(f"{value!r} is no quantity; write a count such as 7, or a percentage such as 80%")

    @classmethod
    def percentage(cls, value: str | int) -> Decimal:
        """``"90%"`` as 90.

        :raises ValueError: no percentage between 0 and 100.
        """
        if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())) and Decimal(match[1]) <= _ALL:
            return Decimal(match[1])
        raise ValueError(f"{value!r} is no percentage; write it as 90%")

    def of(self, expected: int) -> int:
        """How many of ``expected`` are needed: percentages rounded up, and never more than there are."""
        if not self.percent:
            return min(int(self.amount), expected)
        return int((self.amount * expected / _ALL).to_integral_value(ROUND_CEILING))

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} %" if self.percent else f"{self.amount:f}"


def percent(share: Decimal | float) -> str:
    """A share of 100 for people: one decimal, rounded down, so that 89.99 never reads as the 90 % that were asked for."""
    tenths = (Decimal(share) * 10).to_integral_value(ROUND_FLOOR)
    return f"{(tenths / 10).normalize():f} %"
