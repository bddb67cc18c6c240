"""The record of one night: who was expected, what became of each, what was decided, in one dataclass with one sentence.

The log, the alert, the run's note, the ledger and the page all show this record and this sentence.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from tidegate.model.quantity import percent
from tidegate.resilience.interval import Interval, instant_of
from tidegate.resilience.words import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


T = TypeVar("T")

TOLD = 8
"""How many of many branches a sentence names: a run's note has 1,000 characters."""
_LONGEST = 72
"""Characters of a reason, where there are many."""
NOT_LOADED = "its rows were not loaded: superseded by a newer attempt, or lost between its extract and the load"


class BranchState(StrEnum):
    """What became of one branch in one run."""

    ARRIVED = "arrived"
    FAILED = "failed"
    LATE = "late"
    """Still at work when it was decided."""
    NOT_STARTED = "not_started"
    """Had not begun when it was decided, and was skipped then."""
    OPEN = "open"
    """Not read, for its breaker is open."""
    EXCLUDED = "excluded"
    """Not chosen for this run; leaves the denominator."""
    HELD = "held"
    """Not brought by this run, but an earlier run's rows of this interval are in the warehouse."""


class DecidedBy(StrEnum):
    """What brought the decision about."""

    ALL = "all had ended"
    TIME = "its time had come"
    ENOUGH = "enough had arrived"
    PATIENCE = "enough had arrived, and the others had had their time"
    HOPELESS = "it could not be enough any more"


class Outcome(StrEnum):
    """What became of the interval."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    SHORT = "short"
    """The quorum was missed: nothing was loaded by this run."""
    OVERTAKEN = "overtaken"
    """A later interval's rows are the whole table: nothing was loaded by this run, and nothing lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One member of a fan-out, and what became of it."""

    name: str
    state: BranchState
    rows: int = 0
    seconds: float = 0.0
    """Wall time of the try that ended it."""
    reason: str = ""
    """Why it did not arrive, in words a person can act on."""
    started: str = ""
    """ISO 8601 in UTC; empty when it never started."""
    ended: str = ""
    usual: int | None = None
    """Its usual rows; None where nobody asked, or too little is known."""
    quarantined: int = 0
    """Rows besides those that were set aside, for they broke a rule of its contract."""
    read_from: str = ""
    """Who brought its rows, such as ``replica_emea, 10m after sales_emea had begun``; empty where only one was asked."""
    stale_from: str = ""
    """ISO 8601 in UTC: the start of an earlier interval whose rows stand in for those that are missing; empty where none do."""

    @property
    def present(self) -> bool:
        """Whether the interval has this branch's rows, from this run or an earlier one."""
        return self.state in {BranchState.ARRIVED, BranchState.HELD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """The record of one (pipeline, interval) as one run saw it."""

    pipeline: str
    interval: Interval
    dimension: str
    """What the branches are, such as ``region``."""
    branches: tuple[Branch, ...]
    """In the order of the config. The denominator is theirs."""
    needed: int
    """How many had to be there: of the branches that this run was to bring, and of those held when it decided; 0 where they are not counted."""
    met: bool
    """Whether enough arrived in this run, the required ones among them."""
    required_missing: tuple[str, ...] = ()
    coverage: float | None = None
    """Share of the usual rows that was there when it was decided, 0 to 100; None where nobody asked, or too little is known."""
    lacking: tuple[str, ...] = ()
    """What the quorum lacked, each in words; empty where it was met."""
    rule: str = ""
    """The quorum, in words."""
    deadline: str = ""
    """ISO 8601 in UTC: when it had to be decided; empty where nobody says."""
    decided_at: str = ""
    """ISO 8601 in UTC."""
    decided_by: str = ""
    """What brought the decision about; see :class:`DecidedBy`."""
    overtaken_by: str = ""
    """In words, the later interval whose rows are the whole table, so that this one's were not loaded; empty where none is."""
    run_id: str = ""
    correlation_id: str = ""

    @property
    def asked(self) -> tuple[Branch, ...]:
        """The branches that this run was to bring."""
        return tuple(branch for branch in self.branches if branch.state not in {BranchState.EXCLUDED, BranchState.HELD})

    @property
    def arrived(self) -> tuple[Branch, ...]:
        """The branches that this run brought."""
        return tuple(branch for branch in self.branches if branch.state is BranchState.ARRIVED)

    @property
    def present(self) -> tuple[Branch, ...]:
        """The branches whose rows the interval has."""
        return tuple(branch for branch in self.branches if branch.present)

    @property
    def missing(self) -> tuple[Branch, ...]:
        """The branches whose rows the interval lacks."""
        return tuple(branch for branch in self.branches if not branch.present)

    @property
    def stale(self) -> tuple[Branch, ...]:
        """The branches that are missing and for which an earlier interval's rows stand in."""
        return tuple(branch for branch in self.missing if branch.stale_from)

    @property
    def outcome(self) -> Outcome:
        """The interval's state: short when this run's quorum was missed, else by what is present."""
        if not self.met:
            return Outcome.SHORT
        if self.overtaken_by:
            return Outcome.OVERTAKEN
        return Outcome.PARTIAL if self.missing else Outcome.COMPLETE

    @property
    def rows(self) -> int:
        """Source rows of all that is present."""
        return sum(branch.rows for branch in self.present)

    @property
    def quarantined(self) -> tuple[Branch, ...]:
        """The branches whose rows the interval has but for some that were set aside."""
        return tuple(branch for branch in self.present if branch.quarantined)

    @property
    def sentence(self) -> str:
        """The night in one sentence, for every place where a person reads it."""
        total = len(self.branches)
        subject = f"{self.pipeline} for {self.interval}"
        if self.outcome is Outcome.OVERTAKEN:
            return f"{subject} {overtaken(self.overtaken_by)}."
        rows = _rows(self.rows) + (f" ({percent(self.coverage)} of the usual)" if self.coverage is not None else "")
        if self.quarantined:
            aside = [f"{branch.name} {branch.quarantined:,}" for branch in self.quarantined]
            rows += f" and {sum(branch.quarantined for branch in self.quarantined):,} in quarantine ({some(aside)})"
        if self.outcome is Outcome.COMPLETE:
            held = any(branch.state is BranchState.HELD for branch in self.present)
            told = f"; {some(names(self.arrived))} caught up" if held else ""
            return f"{subject} is complete: {total} of {self._counted(total)}, {rows}{told}."
        if self.outcome is Outcome.PARTIAL:
            return f"{subject} is partial: {len(self.present)} of {self._counted(total)}, {rows}. Missing: {_told(self.missing)}."
        asked = len(self.asked)
        held_before = sum(branch.state is BranchState.HELD for branch in self.branches)
        already = f", {held_before} held already" if held_before else ""
        needed = f"{len(self.arrived)} of {self._counted(asked)} arrived{already}" + (f", {self.needed} needed" if self.needed else "")
        if self.required_missing:
            needed += f"; required but missing: {some(self.required_missing)}"
        if self.lacking:
            needed += f"; {some(self.lacking, '; ')}"
        lacking = [branch for branch in self.asked if branch.state is not BranchState.ARRIVED]
        return f"{subject} is short: {needed}. Nothing was loaded." + (f" Missing: {_told(lacking)}." if lacking else "")

    def _counted(self, number: int) -> str:
        return f"{number} {self.dimension if number == 1 else plural(self.dimension)}"

    def named(self, state: BranchState) -> list[str]:
        """The names of the branches of a state, in order."""
        return names(branch for branch in self.branches if branch.state is state)

    @property
    def line(self) -> str:
        """The decision for whoever searches logs: every name, the rule, the rows, the time, in one line of ``key=value``."""
        told = {
            "decision": str(self.outcome),
            "decided_by": self.decided_by,
            "decided_at": self.decided_at,
            "deadline": self.deadline,
            "pipeline": self.pipeline,
            "interval": f"{self.interval.start.isoformat()}/{self.interval.end.isoformat()}",
            "rule": self.rule,
            "expected": ",".join(names(branch for branch in self.branches if branch.state is not BranchState.EXCLUDED)),
            **{str(state): ",".join(self.named(state)) for state in BranchState},
            "stale": ",".join(names(self.stale)),
            "rows": str(self.rows),
            "quarantined": ",".join(f"{branch.name}:{branch.quarantined}" for branch in self.quarantined),
            "coverage": percent(self.coverage) if self.coverage is not None else "",
            "run_id": self.run_id,
            "correlation_id": self.correlation_id,
        }
        return " ".join(f"{key}={json.dumps(value) if ' ' in value else value}" for key, value in told.items() if value)

    def carrying(self, stale: Mapping[str, str]) -> Completeness:
        """The same record with what stands in for branches that are missing.

        :param stale: Branch → the start of the interval whose rows stand in for it.
        """
        return replace(
            self,
            branches=tuple(replace(branch, stale_from="" if branch.present else stale.get(branch.name, "")) for branch in self.branches),
        )

    def as_loaded(self, held: Mapping[str, int], by_this_run: Collection[str], stale: Mapping[str, str] | None = None) -> Completeness:
        """The same record after the load, when the ledger alone says what is present.

        A branch that arrived but whose rows were not taken, since a newer attempt was there first, is held or failed.

        :param held: Branch name → source rows, of all that the warehouse holds of the interval.
        :param by_this_run: Those of them that this run loaded.
        :param stale: Branch → the start of the interval whose rows the warehouse holds in its place.
        """

        def seen(branch: Branch) -> Branch:
            if branch.state is BranchState.ARRIVED and branch.name in by_this_run:
                return branch
            if branch.name in held:
                return replace(branch, state=BranchState.HELD, rows=held[branch.name])
            if branch.state is BranchState.ARRIVED:
                return replace(branch, state=BranchState.FAILED, reason=NOT_LOADED)
            return branch

        return replace(self, branches=tuple(seen(branch) for branch in self.branches)).carrying(stale or {})

    def as_overtaken(self, by: Interval) -> Completeness:
        """The same record after a load that found the rows of a later interval to be the whole table, and left them there."""
        return replace(self, overtaken_by=str(by)).carrying({})

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types: the stored fields, and the derived ones that readers want."""
        return {
            **asdict(self),
            "interval": {"start": self.interval.start.isoformat(), "end": self.interval.end.isoformat()},
            "branches": [{**asdict(branch), "state": str(branch.state)} for branch in self.branches],
            "required_missing": list(self.required_missing),
            "lacking": list(self.lacking),
            "expected": names(branch for branch in self.branches if branch.state is not BranchState.EXCLUDED),
            **{str(state): self.named(state) for state in BranchState},
            "stale": names(self.stale),
            "outcome": str(self.outcome),
            "rows": self.rows,
            "sentence": self.sentence,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Completeness:
        """The inverse of :meth:`as_dict`; what is derived is derived again."""
        interval = Interval(instant_of("start", data["interval"]["start"]), instant_of("end", data["interval"]["end"]))
        return cls(
            pipeline=data["pipeline"],
            interval=interval,
            dimension=data["dimension"],
            branches=tuple(Branch(**{**branch, "state": BranchState(branch["state"])}) for branch in data["branches"]),
            needed=data["needed"],
            met=data["met"],
            required_missing=tuple(data["required_missing"]),
            coverage=data.get("coverage"),
            lacking=tuple(data.get("lacking", ())),
            **{name: data.get(name, "") for name in ("rule", "deadline", "decided_at", "decided_by", "overtaken_by")},
            run_id=data["run_id"],
            correlation_id=data["correlation_id"],
        )


def overtaken(by: str) -> str:
    """What is told of an interval whose rows came behind those of a later one, which are the whole table."""
    return f"was not loaded: the table already holds {by}, which is newer"


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _why(branch: Branch, *, longest: int | None = None) -> str:
    reason = branch.reason.rstrip(".") or ("not chosen for this run" if branch.state is BranchState.EXCLUDED else "no reason known")
    stands_in = f"; the rows of {_day(branch.stale_from)} stand in" if branch.stale_from else ""
    if longest is not None and len(reason) + len(stands_in) > longest:
        reason = f"{reason[: longest - len(stands_in) - 1]}…"
    return f"{branch.name} ({reason}{stands_in})"


def _day(start: str) -> str:
    """The start of an interval, short where it can be."""
    return start.removesuffix("T00:00:00+00:00").replace("T", " ").replace(":00+00:00", " UTC")


def _told(branches: Sequence[Branch]) -> str:
    """Branches with their reasons; of many the first, and of the others how many became what."""
    first, others = _apart(branches)
    if not others:
        return "; ".join(_why(branch) for branch in first)
    counted = Counter(branch.state.replace("_", " ") for branch in others)
    states = ", ".join(f"{number} {state}" for state, number in counted.items())
    return "; ".join([*(_why(branch, longest=_LONGEST) for branch in first), f"and {len(others)} more: {states}"])


def some(words: Sequence[str], between: str = ", ") -> str:
    """Words, or of many the first and how many there are besides: for a sentence that is read, beside a record that has them all."""
    first, others = _apart(words)
    return between.join([*first, f"and {len(others)} more"] if others else first)


def _apart(items: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
    """Those that are named, and those that are only counted; none is left to be counted alone."""
    return (items, ()) if len(items) <= TOLD + 1 else (items[:TOLD], items[TOLD:])


def names(branches: Iterable[Branch]) -> list[str]:
    """The branches' names, in order."""
    return [branch.name for branch in branches]
