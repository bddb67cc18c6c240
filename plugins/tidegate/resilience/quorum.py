"""Whether what arrived is enough: one pure function, the same for the barrier, the tests and whoever simulates it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from statistics import median_low
from typing import TYPE_CHECKING, Any

from tidegate.model.quantity import AtLeast, percent
from tidegate.resilience.completeness import Branch, BranchState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

FEWEST_NIGHTS = 3
"""Nights that a branch must have been present in before anybody says what its usual rows are."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """The rule of a barrier: all that it says must hold."""

    at_least: AtLeast | None = None
    """Of the branches expected, by their weight."""
    required: tuple[str, ...] = ()
    """Branches without which it is never enough."""
    coverage: Decimal | None = None
    """Share of the usual rows, 0 to 100."""
    any: tuple[Quorum, ...] = ()
    """Rules of which one must hold besides."""
    weight: Mapping[str, int] = field(default_factory=dict)
    """Branch → how many it counts as; 1 where nothing is said."""

    @classmethod
    def parse(
        cls,
        at_least: str | int | None = None,
        required: Sequence[str] = (),
        *,
        coverage: str | None = None,
        any: Sequence[Mapping[str, Any]] = (),  # noqa: A002  the word of the config
        weight: Mapping[str, int] | None = None,
    ) -> Quorum:
        """A rule from a config's words. All branches are needed where it says neither a number, a share of rows, nor other ways.

        :param any: Rules of which one must hold besides, each by the same words; the weights hold for them too.
        :raises ValueError: ``at_least`` is no quantity, or ``coverage`` no percentage.
        """
        if at_least is None and coverage is None and not any:
            at_least = "100%"
        ways = tuple(cls._of(way.get("at_least"), way.get("required", ()), way.get("coverage"), (), weight or {}) for way in any)
        return cls._of(at_least, required, coverage, ways, weight or {})

    @classmethod
    def _of(
        cls, at_least: str | int | None, required: Sequence[str], share: str | None, ways: tuple[Quorum, ...], weight: Mapping[str, int]
    ) -> Quorum:
        return cls(
            AtLeast.parse(at_least) if at_least is not None else None,
            tuple(required),
            AtLeast.percentage(share) if share is not None else None,
            ways,
            dict(weight),
        )

    def __str__(self) -> str:
        """The rule in words: ``at least 80 %, required us_east, 90 % of the usual rows``."""
        told = [f"at least {self.at_least}"] if self.at_least is not None else []
        told += [f"weighing {name} {weight}" for name, weight in self.weight.items() if self.at_least is not None]
        told += [f"required {', '.join(self.required)}"] if self.required else []
        told += [f"{percent(self.coverage)} of the usual rows"] if self.coverage is not None else []
        told += ["one of: " + "; ".join(str(replace(way, weight={})) for way in self.any)] if self.any else []
        return ", ".join(told)

    @property
    def counts_rows(self) -> bool:
        """Whether it asks for a share of the usual rows anywhere."""
        return self.coverage is not None or any(way.counts_rows for way in self.any)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a quorum says of some branches."""

    met: bool
    needed: int
    """How many had to be there, one at the least; 0 where the rule does not count branches, or not as one each."""
    required_missing: tuple[str, ...]
    coverage: Decimal | None
    """Share of the usual rows that is there, 0 to 100; None where too little is known of earlier nights."""
    lacking: tuple[str, ...]
    """What else was not met, each in words: ``81.2 % of the usual rows, 90 % needed``."""


class Standing(StrEnum):
    """How a decision stands while some branches may still arrive."""

    MET = "met"
    POSSIBLE = "possible"
    IMPOSSIBLE = "impossible"


def decide(rule: Quorum, branches: Sequence[Branch], usual: Mapping[str, int] | None = None) -> Decision:
    """Whether there is enough: of the branches that the run was to bring, and of those that an earlier run has brought.

    Excluded branches leave the denominator, and are not required; held ones are in it, and count. So a catch-up that brings one of two
    missing branches has enough where the night had. Monotone: one arrival more never turns enough into not enough.
    One at the least must have arrived in this run, whatever the rule: else there is nothing to go on with.

    :param usual: Branch → its usual rows, as :func:`usual_rows` finds them; a branch without is left out of the coverage. A rule that
        asks for coverage and no number needs those that are left out.
    """
    expected = [branch for branch in branches if branch.state is not BranchState.EXCLUDED]
    covered = coverage(expected, usual or {})
    lacking = _lacking(rule, expected, covered, usual or {})
    something_new = any(branch.state is BranchState.ARRIVED for branch in expected)
    return Decision(
        met=something_new and not lacking,
        needed=_needed(rule, expected) if rule.at_least is not None and not rule.weight else 0,
        required_missing=_required_missing(rule, expected),
        coverage=covered,
        lacking=tuple(words for what, words in lacking.items() if what not in _TOLD_APART),
    )


def standing(rule: Quorum, branches: Sequence[Branch], pending: Collection[str], usual: Mapping[str, int] | None = None) -> Standing:
    """Whether there is enough already, whether there may still be, or whether no arrival can help any more.

    :param pending: Branches that may still arrive, whatever their state says now.
    """
    known = usual or {}
    so_far = [replace(branch, state=BranchState.FAILED) if branch.name in pending else branch for branch in branches]
    if decide(rule, so_far, known).met:
        return Standing.MET
    best = [
        replace(branch, state=BranchState.ARRIVED, rows=max(branch.rows, known.get(branch.name, 0))) if branch.name in pending else branch
        for branch in branches
    ]
    return Standing.POSSIBLE if decide(rule, best, known).met else Standing.IMPOSSIBLE


def coverage(expected: Sequence[Branch], usual: Mapping[str, int]) -> Decimal | None:
    """Share of the usual rows that is there, 0 to 100.

    Each branch counts at most its own usual rows: what one brings beyond them makes up for nothing that another one lacks.

    :return: None where no branch has a usual number of rows.
    """
    whole = sum(usual.get(branch.name, 0) for branch in expected)
    if not whole:
        return None
    there = sum(min(branch.rows, usual.get(branch.name, 0)) for branch in expected if branch.present)
    return Decimal(100) * there / whole


def usual_rows(nights: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Branch → its usual rows: the median of those nights in which it was present.

    :param nights: For each of the last nights, branch → rows, of the branches that were present.
    :return: Nothing of a branch that was present in fewer than three of them.
    """
    seen: dict[str, list[int]] = {}
    for night in nights:
        for name, rows in night.items():
            seen.setdefault(name, []).append(rows)
    return {name: median_low(rows) for name, rows in seen.items() if len(rows) >= FEWEST_NIGHTS}


_COUNT, _WEIGHT, _REQUIRED, _COVERAGE, _UNKNOWN, _ANY = "count", "weight", "required", "coverage", "unknown", "any"
_TOLD_APART = frozenset({_COUNT, _REQUIRED})


def _lacking(rule: Quorum, expected: Sequence[Branch], covered: Decimal | None, usual: Mapping[str, int]) -> dict[str, str]:
    """What of a rule does not hold → in words."""
    found = {}
    there, all_of_them = (sum(rule.weight.get(branch.name, 1) for branch in part) for part in (_present(expected), expected))
    if there < (needed := _needed(rule, expected)):
        found[_WEIGHT if rule.weight else _COUNT] = f"{'a weight of ' if rule.weight else ''}{there} of {all_of_them}, {needed} needed"
    if missing := _required_missing(rule, expected):
        found[_REQUIRED] = f"required but missing: {', '.join(missing)}"
    if rule.coverage is not None and covered is not None and covered < rule.coverage:
        found[_COVERAGE] = f"{percent(covered)} of the usual rows, {percent(rule.coverage)} needed"
    if (
        rule.coverage is not None
        and rule.at_least is None
        and (unknown := [one.name for one in expected if not (one.present or usual.get(one.name))])
    ):
        found[_UNKNOWN] = f"missing, and nobody knows yet what is usual of them: {', '.join(unknown)}"
    ways = [_lacking(way, expected, covered, usual) for way in rule.any]
    if ways and all(ways):
        found[_ANY] = "not one of the other ways: " + "; nor ".join(", ".join(way.values()) for way in ways)
    return found


def _present(expected: Sequence[Branch]) -> list[Branch]:
    return [branch for branch in expected if branch.present]


def _needed(rule: Quorum, expected: Sequence[Branch]) -> int:
    """The weight that must be there: something at the least."""
    weight = sum(rule.weight.get(branch.name, 1) for branch in expected)
    return 1 if rule.at_least is None else max(rule.at_least.of(weight), 1)


def _required_missing(rule: Quorum, expected: Sequence[Branch]) -> tuple[str, ...]:
    return tuple(branch.name for branch in expected if branch.name in rule.required and not branch.present)
