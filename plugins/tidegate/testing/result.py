"""What became of a night that was played."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate.resilience.completeness import BranchState, Completeness, names
from tidegate.testing.judging import alerts, published
from tidegate.testing.trigger_rules import FAILED, SKIPPED, SUCCESS, UPSTREAM_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tidegate.resilience.verdict import Verdict
    from tidegate.testing.judging import Alert
    from tidegate.testing.scheduler import Run
    from tidegate.testing.script import Script


@dataclass(frozen=True, repr=False)
class Result:
    """One run: the state of every task, and what its outcome tells."""

    run: Run = field(repr=False)
    verdict: Verdict
    """What the run amounts to, as the operators know it."""
    records: Mapping[str, Completeness]
    """Barrier → what it decided."""
    _script: Script = field(repr=False)

    @property
    def states(self) -> Mapping[str, str]:
        """Task id → ``success``, ``failed``, ``skipped`` or ``upstream_failed``, in the order in which tasks ended.

        Last come those that hang, as ``running``; what would follow them in their branches has none.
        """
        return self.run.states

    @property
    def state(self) -> str:
        """Airflow's state of the run: ``success`` or ``failed``; ``running`` as long as a branch hangs, whatever its outcome."""
        return self.run.state

    @property
    def outcome(self) -> str:
        """``complete``, ``partial``, ``short`` where a quorum was missed, or ``failed``."""
        if self.verdict.failures:
            return "failed"
        record = self.verdict.completeness
        return "complete" if record is None else str(record.outcome)

    @property
    def sentence(self) -> str:
        """The run in one sentence, as its note and its alerts tell it."""
        return self.verdict.sentence

    @property
    def ran(self) -> frozenset[str]:
        """The tasks that ran to an end, good or bad."""
        return frozenset(task_id for task_id in self.run.started if self.states.get(task_id) in {SUCCESS, FAILED})

    @property
    def skipped(self) -> frozenset[str]:
        """The tasks that were skipped, or skipped themselves."""
        return self._that_are(SKIPPED)

    @property
    def failed(self) -> frozenset[str]:
        """The tasks that failed."""
        return self._that_are(FAILED)

    @property
    def given_up(self) -> frozenset[str]:
        """The tasks that could not run because others had failed: Airflow's ``upstream_failed``."""
        return self._that_are(UPSTREAM_FAILED)

    def _that_are(self, state: str) -> frozenset[str]:
        return frozenset(task_id for task_id, found in self.states.items() if found == state)

    @property
    def record(self) -> Completeness | None:
        """Who was expected and what became of each; None where no barrier decided."""
        return self.verdict.completeness

    @property
    def needed(self) -> int:
        """How many branches had to be there; 0 where no barrier decided."""
        return self.record.needed if self.record else 0

    @property
    def arrived(self) -> tuple[str, ...]:
        """The branches that this run brought."""
        return tuple(names(self.record.arrived)) if self.record else ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The branches whose rows the interval lacks."""
        return tuple(names(self.record.missing)) if self.record else ()

    @property
    def late(self) -> tuple[str, ...]:
        """The branches that were at work when it was decided."""
        return tuple(self.record.named(BranchState.LATE)) if self.record else ()

    @property
    def not_started(self) -> tuple[str, ...]:
        """The branches that had not begun when it was decided."""
        return tuple(self.record.named(BranchState.NOT_STARTED)) if self.record else ()

    @property
    def events(self) -> frozenset[str]:
        """What alerts may be set on: ``complete``, ``partial``, ``failed``, ``recovered``."""
        return self.verdict.events

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The routes along which people are told of this run."""
        told = self.states.get("outcome") in {SUCCESS, FAILED}
        return tuple(route for route in alerts(self._script) if told and self.events.intersection(route.on))

    @property
    def published(self) -> tuple[str, ...]:
        """The assets that the outcome updated."""
        return published(self._script) if self.states.get("outcome") == SUCCESS else ()

    def of(self, step: str) -> dict[str, str]:
        """Branch → state, of one step's tasks; for a step that is not repeated the task's id is the key."""
        tasks: Iterable[tuple[str, str | None]] = ((task.task_id, task.branch) for task in self._script.plan.of_step(step))
        return {branch or task_id: self.states[task_id] for task_id, branch in tasks if task_id in self.states}

    def __repr__(self) -> str:
        """What a failed assertion shows."""
        return f"<{self.outcome}, {self.sentence} {dict(self.states)}>"
