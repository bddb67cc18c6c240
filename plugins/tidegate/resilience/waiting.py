"""Whether a barrier that watches its branches has waited long enough: the same for the trigger, the operator and the played night."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tidegate.resilience.completeness import Branch, BranchState, DecidedBy
from tidegate.resilience.quorum import Standing, standing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from tidegate.resilience.quorum import Quorum

SUCCESS = "success"
ENDED = frozenset({SUCCESS, "failed", "skipped", "upstream_failed", "removed"})
"""Airflow's states of tasks that have ended."""
AT_WORK = frozenset({"running", "deferred", "up_for_reschedule", "restarting", "awaiting_input"})
"""Airflow's states of tasks that have begun and not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a barrier waits for."""

    rule: Quorum
    branches: tuple[Branch, ...]
    """All, in order. Those that are excluded or held are not waited for."""
    ends: Mapping[str, Sequence[str]]
    """Branch → ids of the tasks in which it ends."""
    deadline: datetime | None = None
    early: bool = False
    """Whether enough is enough, though more may come."""
    abort: frozenset[str] = frozenset()
    """Branches whose failure ends the waiting."""
    usual: Mapping[str, int] = field(default_factory=dict)

    def over(
        self, states: Mapping[str, Sequence[str | None]], rows: Mapping[str, int], now: datetime, overdue: Collection[str] = ()
    ) -> DecidedBy | None:
        """What brings the decision about; None where it is to be waited for.

        :param rows: Branch → rows, of those that have arrived, for rules that count them.
        :param overdue: Branches that have had their time, and are not waited for where there is enough without them.
        """
        seen = [self._seen(branch, states, rows) for branch in self.branches]
        pending = {branch.name for branch, ended in seen if not ended}
        if not pending:
            return DecidedBy.ALL
        known = [branch for branch, _ in seen]
        if any(branch.name in self.abort and branch.state is BranchState.FAILED for branch, ended in seen if ended):
            return DecidedBy.HOPELESS
        match standing(self.rule, known, pending, self.usual):
            case Standing.IMPOSSIBLE:
                return DecidedBy.HOPELESS
            case Standing.MET if self.early:
                return DecidedBy.ENOUGH
            case Standing.MET if pending <= set(overdue):
                return DecidedBy.PATIENCE
        return DecidedBy.TIME if self.deadline is not None and now >= self.deadline else None

    def arrived(self, states: Mapping[str, Sequence[str | None]]) -> list[str]:
        """The branches that have arrived by now."""
        seen = (self._seen(branch, states, {}) for branch in self.branches)
        return [branch.name for branch, ended in seen if ended and branch.state is BranchState.ARRIVED]

    def at_work(self, states: Mapping[str, Sequence[str | None]]) -> list[str]:
        """The branches whose first end, which carries their rows, is at work."""
        return [name for name, ends in self.ends.items() if AT_WORK.intersection(states.get(ends[0], ()))]

    def _seen(self, branch: Branch, states: Mapping[str, Sequence[str | None]], rows: Mapping[str, int]) -> tuple[Branch, bool]:
        """A branch as its tasks stand, and whether that is for good."""
        if branch.state in {BranchState.EXCLUDED, BranchState.HELD}:
            return branch, True
        ends = [state_of(states.get(task_id, ())) for task_id in self.ends[branch.name]]
        bad = {state for state in ends if state is not None and state != SUCCESS}
        if bad:
            return replace(branch, state=BranchState.NOT_STARTED if bad == {"skipped"} else BranchState.FAILED), True
        if None in ends:
            return branch, False
        return replace(branch, state=BranchState.ARRIVED, rows=rows.get(branch.name, 0)), True


def state_of(states: Sequence[str | None]) -> str | None:
    """How a task ended, all indexes of a mapped one counted in; None where it has not."""
    if not states or any(state not in ENDED for state in states):
        return None
    return next((state for state in states if state not in {SUCCESS, "removed"}), SUCCESS)


def begun(states: Mapping[str, Sequence[str | None]], members: Sequence[str]) -> bool:
    """Whether a branch has begun: one of its tasks is at work, or has succeeded."""
    return any(state in AT_WORK or state == SUCCESS for task_id in members for state in states.get(task_id, ()))
