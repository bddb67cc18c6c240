"""What a barrier finds, and what it orders, when it decides though branches may be at work: the same for the operator and the played night."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tidegate.resilience.completeness import BranchState, Completeness, DecidedBy
from tidegate.resilience.quorum import decide
from tidegate.resilience.waiting import AT_WORK, begun

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tidegate.resilience.completeness import Branch
    from tidegate.resilience.deadline import DecideBy
    from tidegate.resilience.quorum import Decision, Quorum

_UNARRIVED = frozenset({BranchState.NOT_STARTED, BranchState.FAILED, BranchState.LATE})


@dataclass(frozen=True, slots=True)
class Absence:
    """Why a branch has not arrived."""

    state: BranchState
    reason: str = ""
    """Empty where a task left it."""
    task: str | None = None
    """The task of which a try failed, where one did."""


def absence(
    end: str,
    *,
    before: Collection[str],
    members: Sequence[str],
    ended: Mapping[str, str],
    states: Mapping[str, Sequence[str | None]],
    late: str | None,
) -> Absence:
    """What became of a branch that did not arrive.

    :param end: The task in which it should have ended.
    :param before: All tasks before that one, of the branch or not.
    :param members: The branch's tasks, in order.
    :param ended: Task → Airflow's state, of those that have ended.
    :param states: Task → the states of its task instances, of all members.
    :param late: When it was decided, such as ``at 04:30 UTC``; None where all must have ended.
    """
    on_the_way = (task for task in members if task in before and ended.get(task) == "failed")
    failed = end if ended.get(end) == "failed" else next(on_the_way, end)
    state = ended.get(failed, "")
    if state == "failed":
        return Absence(BranchState.FAILED, task=failed)
    if state == "skipped" and late is not None and not begun(states, members):
        # by its budget, or by an earlier try of the barrier that died before it could tell of it
        return Absence(BranchState.NOT_STARTED, "was skipped before it had run")
    if state or late is None:
        return Absence(BranchState.FAILED, f"never ran: {state or 'no state'}")
    if (retrying := next((task for task in members if "up_for_retry" in states.get(task, ())), None)) is not None:
        return Absence(BranchState.FAILED, task=retrying)
    if begun(states, members):
        return Absence(BranchState.LATE, f"still at work {late}")
    return Absence(BranchState.NOT_STARTED, f"had not begun {late}")


def unbegun(members: Sequence[str], *, ended: Collection[str], states: Mapping[str, Sequence[str | None]]) -> list[str]:
    """The tasks of a branch that have neither ended nor begun, those that wait for another try among them."""
    return [task for task in members if task not in ended and not AT_WORK.intersection(states.get(task, ()))]


def moment(by: DecidedBy, decide_by: DecideBy | None) -> str:
    """The moment of a decision, for the reason of a branch that was too late for it."""
    return str(decide_by) if by is DecidedBy.TIME and decide_by is not None else f"when {by}"


def in_time(branches: tuple[Branch, ...], deadline: datetime | None, decide_by: DecideBy | None) -> tuple[Branch, ...]:
    """The branches as they stood when their barrier's time came: one that failed only then or after, such as by being stopped, was at work.

    :param deadline: That time; None where nobody says one.
    """
    if deadline is None:
        return branches
    return tuple(
        replace(branch, state=BranchState.LATE, reason=f"still at work {decide_by}")
        if branch.state is BranchState.FAILED and branch.ended and datetime.fromisoformat(branch.ended) >= deadline
        else branch
        for branch in branches
    )


_ENDING = {BranchState.FAILED: "failed", BranchState.OPEN: "was not read"}


def judged(rule: Quorum, branches: Sequence[Branch], usual: Mapping[str, int], abort: Collection[str] | None) -> tuple[Decision, list[str]]:
    """What the quorum says of some branches, and those whose failure ends the night whatever it says.

    :param abort: The branches whose failure would; None for all.
    """
    decision = decide(rule, branches, usual)
    ending = [branch for branch in branches if branch.state in _ENDING and (abort is None or branch.name in abort)]
    told = (*decision.lacking, *(f"{branch.name} {_ENDING[branch.state]}, which ends the night" for branch in ending))
    return replace(decision, met=decision.met and not ending, lacking=told), [branch.name for branch in ending]


def recorded(
    rule: Quorum, decision: Decision, branches: tuple[Branch, ...], *, by: DecidedBy, at: datetime, deadline: datetime | None, **of: Any
) -> Completeness:
    """The record of a decision.

    :param at: When it was decided.
    :param deadline: When it had to be decided.
    :param of: What it is the record of: pipeline, interval, dimension, run and correlation id.
    """
    return Completeness(
        branches=branches,
        needed=decision.needed,
        met=decision.met,
        required_missing=decision.required_missing,
        coverage=float(decision.coverage) if decision.coverage is not None else None,
        lacking=decision.lacking,
        rule=str(rule),
        deadline=deadline.isoformat() if deadline is not None else "",
        decided_at=at.isoformat(),
        decided_by=str(by),
        **of,
    )


@dataclass(frozen=True, slots=True)
class Orders:
    """What becomes of the branches that have not ended."""

    skip: tuple[str, ...] = ()
    """Those of which it is skipped what has not begun."""
    stop: str = ""
    """Why what is at work is stopped; empty where it goes on."""


def orders(record: Completeness, *, late: str, on_short: str, aborted: bool) -> Orders:
    """What follows from a decision.

    :param late: ``catch_up`` or ``stop``.
    :param on_short: ``finish`` or ``stop``.
    :param aborted: Whether a branch failed that must not.
    """
    hopeless = record.decided_by == DecidedBy.HOPELESS
    stop = (late == "stop" and not hopeless) or (not record.met and (on_short == "stop" or aborted))
    if hopeless and not stop:
        return Orders()  # they may finish, for a catch-up
    skip = tuple(branch.name for branch in record.branches if branch.state in _UNARRIVED and (stop or branch.state is not BranchState.LATE))
    why = "stopped, since it was decided" if record.met else "stopped, since it cannot be enough any more"
    return Orders(skip, why if stop and record.named(BranchState.LATE) else "")
