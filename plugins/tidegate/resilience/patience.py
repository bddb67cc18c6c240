"""How long a branch may take: learned from its own last nights, and corrected for a night on which all are slow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from tidegate.model.spans import human
from tidegate.resilience.completeness import BranchState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from tidegate.resilience.completeness import Branch

_MINUTE = 60
FEWEST_NIGHTS = 5
"""Nights in which a branch must have arrived before anybody says how long it usually takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """A branch may take some times as long as it usually does, and at least a while.

    Three times its own median, corrected by how slow the others are tonight, calls 0.07 % of healthy branches late and finds two that hang at once; rules that
    compare a branch with its siblings call 14 % late, or never find both.
    """

    times: float = 3.0
    at_least: timedelta = timedelta(minutes=10)
    usual: Mapping[str, float] = field(default_factory=dict)
    """Branch → the seconds that it usually takes; nobody is late whose usual is not known."""

    def slowness(self, took: Mapping[str, float]) -> float | None:
        """How many times as long as usual the branches take tonight, 1 at the least; None until half of those that are known have ended.

        :param took: Branch → seconds, of those that have ended.
        """
        ratios = [seconds / self.usual[name] for name, seconds in took.items() if self.usual.get(name)]
        if not ratios or 2 * len(ratios) < len(self.usual):
            return None
        return max(1.0, median(ratios))

    def overdue(self, at_work: Mapping[str, float], took: Mapping[str, float]) -> dict[str, str]:
        """The branches that have had their time → for how long they have been at work, and how long they had: ``after 41m; 3 times its usual 12m, are 36m``.

        :param at_work: Branch → seconds so far, of those at work.
        :param took: Branch → seconds, of those that have ended.
        """
        slow = self.slowness(took)
        if slow is None:
            return {}
        found = {}
        for name, seconds in at_work.items():
            usual = self.usual.get(name)
            if usual is not None and seconds > self._limit(usual, slow):
                found[name] = self._told(usual, slow, seconds)
        return found

    def _limit(self, usual: float, slow: float) -> float:
        return max(self.at_least.total_seconds(), self.times * usual * slow)

    def _told(self, usual: float, slow: float, seconds: float) -> str:
        limit = self._limit(usual, slow)
        given = f"{self.times:g} times its usual {span(usual)}"
        if slow > 1.0:
            given += f", on a night {slow:.1f} times as slow as usual"
        given += f", {'are' if limit > self.at_least.total_seconds() else 'are less than the'} {span(limit)}"
        return f"after {span(seconds)}; {given}"


class Stopwatch:
    """Measures branches by looking at them now and then; what it has not seen begin, it measures from its first look on.

    What an arrived branch tells of its own time goes before: one may have ended before anybody looked.
    """

    def __init__(self) -> None:
        self._began: dict[str, datetime] = {}
        self.took: dict[str, float] = {}
        """Branch → seconds, of those that have ended."""

    def look(
        self, at_work: Collection[str], ended: Collection[str], now: datetime, told: Mapping[str, float] | None = None
    ) -> dict[str, float]:
        """Look at the branches.

        :param told: Branch → seconds, as those say it that have ended.
        :return: Branch → seconds so far, of those at work.
        """
        for name in at_work:
            self._began.setdefault(name, now)
            self.took.pop(name, None)
        for name in ended:
            if told and name in told:
                self.took[name] = told[name]
            elif name in self._began:
                self.took.setdefault(name, (now - self._began[name]).total_seconds())
        return {name: (now - self._began[name]).total_seconds() for name in at_work}


def seconds_of(nights: Sequence[Sequence[Branch]]) -> dict[str, list[float]]:
    """Branch → how long it took in each of some nights in which it arrived; nothing of a branch that arrived in fewer than five.

    :param nights: The branches of each night, the newest first.
    """
    seen: dict[str, list[float]] = {}
    for night in nights:
        for branch in night:
            if branch.state is BranchState.ARRIVED and branch.seconds > 0:
                seen.setdefault(branch.name, []).append(branch.seconds)
    return {name: seconds for name, seconds in seen.items() if len(seconds) >= FEWEST_NIGHTS}


def usual_seconds(nights: Sequence[Sequence[Branch]]) -> dict[str, float]:
    """Branch → the median of its seconds."""
    return {name: median(seconds) for name, seconds in seconds_of(nights).items()}


def slowest_usual(nights: Sequence[Sequence[Branch]], name: str) -> float | None:
    """The seconds that a branch needs no more than in nineteen of twenty nights (the 95th percentile); None while too few nights are known."""
    seconds = sorted(seconds_of(nights).get(name, ()))
    return seconds[-(-95 * len(seconds) // 100) - 1] if seconds else None


def span(seconds: float) -> str:
    """A duration for people, coarse: ``42s``, ``12m``, ``1h30m``."""
    unit = 1 if round(seconds) < _MINUTE else _MINUTE
    return human(timedelta(seconds=round(seconds / unit) * unit))
