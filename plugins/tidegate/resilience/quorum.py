"""Whether what arrived is enough: one pure function, the same for the barrier, the tests and whoever simulates it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.model.quantity import AtLeast
from tidegate.resilience.completeness import Branch, BranchState

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Quorum:
    """The rule of a barrier."""

    at_least: AtLeast
    required: tuple[str, ...] = ()

    @classmethod
    def parse(cls, at_least: str | int, required: Sequence[str] = ()) -> Quorum:
        """A rule from a config's words.

        :raises ValueError: ``at_least`` is no quantity.
        """
        return cls(AtLeast.parse(at_least), tuple(required))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a quorum says of some branches."""

    met: bool
    needed: int
    required_missing: tuple[str, ...]


def decide(rule: Quorum, branches: Sequence[Branch]) -> Decision:
    """Whether there is enough: of the branches that the run was to bring, and of those that an earlier run has brought.

    Excluded branches leave the denominator, and are not required; held ones are in it, and count. So a catch-up that brings one of two
    missing branches has enough where the night had. Monotone: one arrival more never turns enough into not enough.
    One at the least must have arrived in this run, whatever the rule: else there is nothing to go on with.
    """
    expected = [branch for branch in branches if branch.state is not BranchState.EXCLUDED]
    present = {branch.name for branch in expected if branch.present}
    needed = max(rule.at_least.of(len(expected)), 1)
    required_missing = tuple(branch.name for branch in expected if branch.name in rule.required and branch.name not in present)
    something_new = any(branch.state is BranchState.ARRIVED for branch in expected)
    return Decision(something_new and len(present) >= needed and not required_missing, needed, required_missing)
