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
    """Whether enough of the branches that were asked for arrived.

    Excluded branches leave the denominator, and are not required. Monotone: one arrival more never turns enough into not enough.
    One at the least must have arrived, whatever the rule: else there is nothing to go on with.
    """
    asked = [branch for branch in branches if branch.state is not BranchState.EXCLUDED]
    arrived = {branch.name for branch in asked if branch.state is BranchState.ARRIVED}
    needed = max(rule.at_least.of(len(asked)), 1)
    required_missing = tuple(branch.name for branch in asked if branch.name in rule.required and branch.name not in arrived)
    return Decision(len(arrived) >= needed and not required_missing, needed, required_missing)
