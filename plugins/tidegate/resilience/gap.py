"""What an interval lacks, from the run that missed it until it is brought, waived or given up. Pure: the clock is passed in.

What a run's record opens and closes, when a gap is tried again, and how gaps are put together into catch-up runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tidegate.resilience.completeness import BranchState, Outcome
from tidegate.resilience.keys import ADOPT, CATCH_UP, INTERVAL_END, INTERVAL_START

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tidegate.resilience.completeness import Branch, Completeness
    from tidegate.resilience.interval import Interval

FIRST_WAIT = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=24)
TOO_LITTLE = "arrived, but too little did"


class Status(StrEnum):
    """What became of a gap."""

    OPEN = "open"
    CLOSED = "closed"
    """The rows are in the warehouse, or those of a later interval in their place, which are the whole table."""
    WAIVED = "waived"
    """A person said that nobody needs them."""
    EXPIRED = "expired"
    """It was open for too long, and is not tried any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One branch that one interval lacks, or lacked."""

    pipeline: str
    interval: Interval
    branch: str
    dimension: str
    """What branches are, such as ``region``: also the word by which a run is told which of them to bring."""
    state: str
    """What became of the branch in the run that looked last; see :class:`~tidegate.resilience.completeness.BranchState`."""
    reason: str
    owner: str
    opened_at: datetime
    expires_at: datetime
    attempts: int = 0
    """Tries to bring it after the run that opened it."""
    last_attempt_at: datetime | None = None
    run_id: str = ""
    """The run that tried last, which counts once."""
    status: Status = Status.OPEN
    closed_at: datetime | None = None
    closed_by: str = ""
    """The run that loaded it, or the person who waived it."""
    note: str = ""

    @property
    def next_attempt(self) -> datetime:
        """When it is to be tried again: after an hour, then after twice as long each time, up to a day."""
        wait = FIRST_WAIT
        for _ in range(self.attempts):
            if wait >= LONGEST_WAIT:
                break
            wait *= 2
        return (self.last_attempt_at or self.opened_at) + min(wait, LONGEST_WAIT)

    def tried(self, now: datetime, *, run_id: str = "", reason: str = "") -> Gap:
        """The same after one try more.

        :param run_id: The run that tries; none where it was only found out that it would be in vain.
        """
        return replace(self, attempts=self.attempts + 1, last_attempt_at=now, run_id=run_id or self.run_id, reason=reason or self.reason)

    def waived(self, now: datetime, *, by: str, because: str) -> Gap:
        """The same, not wanted any more."""
        return replace(self, status=Status.WAIVED, closed_at=now, closed_by=by, note=because)


def settled(
    record: Completeness, known: Mapping[str, Gap], held: Collection[str], *, owner: str, expire: timedelta, now: datetime
) -> list[Gap]:
    """What a run's record changes: the gaps that it opens, refreshes and closes, as they are from now on.

    A branch that was not chosen for the run opens nothing, and one that the warehouse holds closes what was open. Where a later interval's rows are the whole
    table, nothing can be brought any more: all that was open is closed.

    :param known: Branch → its gap of this interval, whatever became of it.
    :param held: The branches that the warehouse holds.
    :param expire: How long after it was opened a gap is given up.
    """
    if record.outcome is Outcome.OVERTAKEN:
        still = [gap for gap in known.values() if gap.status is Status.OPEN]
        return [replace(gap, status=Status.CLOSED, closed_at=now, closed_by=record.run_id, note=record.sentence) for gap in still]
    changed = []
    for branch in record.branches:
        gap = known.get(branch.name)
        if branch.name in held:
            if gap is not None and gap.status is not Status.CLOSED:
                changed.append(replace(gap, status=Status.CLOSED, closed_at=now, closed_by=record.run_id))
        elif branch.state is not BranchState.EXCLUDED:
            changed.append(_missed(record, branch, gap, owner=owner, expire=expire, now=now))
    return changed


def _missed(record: Completeness, branch: Branch, gap: Gap | None, *, owner: str, expire: timedelta, now: datetime) -> Gap:
    """The gap of a branch that is not there. Another run than the one that tried last has tried, whatever became of the gap."""
    told: dict[str, Any] = {
        "dimension": record.dimension,
        "state": str(branch.state),
        "reason": TOO_LITTLE if branch.state is BranchState.ARRIVED else branch.reason,
        "owner": owner,
        "run_id": record.run_id,
    }
    if gap is None or gap.status is Status.CLOSED:
        return Gap(pipeline=record.pipeline, interval=record.interval, branch=branch.name, opened_at=now, expires_at=now + expire, **told)
    told["expires_at"] = gap.opened_at + expire
    if gap.run_id != record.run_id:
        told |= {"attempts": gap.attempts + 1, "last_attempt_at": now}
    return replace(gap, **told)


def expired(gaps: Iterable[Gap], now: datetime) -> list[Gap]:
    """Those that were open for too long, as given up."""
    return [replace(gap, status=Status.EXPIRED, closed_at=now) for gap in gaps if gap.status is Status.OPEN and gap.expires_at <= now]


def due(gaps: Iterable[Gap], now: datetime) -> list[Gap]:
    """Those that are to be tried now."""
    return [gap for gap in gaps if gap.status is Status.OPEN and now < gap.expires_at and gap.next_attempt <= now]


def pinned(interval: Interval, dimension: str, branches: Iterable[str], *, adopt: bool) -> dict[str, Any]:
    """What a run is told that brings some branches of an earlier run's interval.

    :param adopt: Whether it takes staged rows, where there are any, in place of reading the sources.
    """
    return {
        dimension: list(branches),
        INTERVAL_START: interval.start.isoformat(),
        INTERVAL_END: interval.end.isoformat(),
        ADOPT: adopt,
        CATCH_UP: True,
    }


def run_id_of(interval: Interval, asked_by: str) -> str:
    """The id of such a run."""
    return f"catch_up__{interval.start.isoformat()}__{asked_by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """A run that is to bring gaps of one interval."""

    pipeline: str
    interval: Interval
    gaps: tuple[Gap, ...]
    """One at the least, in the order of their branches' names."""
    whole: bool
    """Whether nothing of the interval was loaded yet: then the quorum must see all that is missing, or it would judge a part."""

    @property
    def branches(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(gap.branch for gap in self.gaps)

    @property
    def conf(self) -> dict[str, Any]:
        """What the run is told. Where everything had arrived and was still too little, reading it again is the only thing that may help."""
        adopt = any(gap.state != BranchState.ARRIVED for gap in self.gaps)
        return pinned(self.interval, self.gaps[0].dimension, self.branches, adopt=adopt)

    def run_id(self, asked_by: str) -> str:
        """The run's id: one for each interval and each time that somebody asks for it."""
        return run_id_of(self.interval, asked_by)

    def without(self, down: Collection[str]) -> CatchUp | None:
        """The same run without the branches that cannot be brought now; None where there is no use in it.

        Of an interval that nothing was loaded of, all stay: it is worth a run where one of those that had failed may come.
        """
        if self.whole:
            hopeful = self.conf[ADOPT] is False or any(gap.state != BranchState.ARRIVED and gap.branch not in down for gap in self.gaps)
            return self if hopeful else None
        left = tuple(gap for gap in self.gaps if gap.branch not in down)
        return replace(self, gaps=left) if left else None


def runs(gaps: Iterable[Gap], unfilled: Iterable[Gap] = (), short: Collection[tuple[str, Interval]] = ()) -> list[CatchUp]:
    """The runs that bring some gaps: one for each interval of each pipeline, the one that has waited longest first.

    :param unfilled: Every open gap, for the intervals that nothing was loaded of.
    :param short: Those intervals, with their pipelines.
    """
    chosen = {(gap.pipeline, gap.interval, gap.branch): gap for gap in gaps}
    meant = {(gap.pipeline, gap.interval) for gap in chosen.values()}
    for gap in unfilled:
        if (gap.pipeline, gap.interval) in meant and (gap.pipeline, gap.interval) in short:
            chosen.setdefault((gap.pipeline, gap.interval, gap.branch), gap)
    together: dict[tuple[str, Interval], list[Gap]] = {}
    for key in sorted(chosen):
        together.setdefault(key[:2], []).append(chosen[key])
    made = [
        CatchUp(pipeline=pipeline, interval=interval, gaps=tuple(found), whole=(pipeline, interval) in short)
        for (pipeline, interval), found in together.items()
    ]
    return sorted(made, key=lambda run: (min(gap.next_attempt for gap in run.gaps), run.pipeline, run.interval))
