"""What a barrier does in a play: waits where it watches its branches, looks at them, decides. All of it by the functions that the operator calls."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from tidegate.resilience.aftermath import absence, judged, moment, orders, recorded, unbegun
from tidegate.resilience.completeness import Branch, BranchState, Completeness, DecidedBy
from tidegate.resilience.deadline import DecideBy
from tidegate.resilience.quorum import Quorum
from tidegate.resilience.waiting import Waiting
from tidegate.testing.scheduler import RUNNING, Ended, Waits
from tidegate.testing.script import LOAD, TELLING
from tidegate.testing.trigger_rules import FAILED, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.plan import PlannedTask
    from tidegate.testing.acting import Play
    from tidegate.testing.clock import Clock
    from tidegate.testing.scheduler import Run

RUN_ID = "play"
_WORDS = ("at_least", "required", "coverage", "any", "weight")


class Barrier:
    """One barrier in one play."""

    def __init__(self, play: Play, task: PlannedTask) -> None:
        self.play = play
        self.script = play.script
        self.task = task
        self.said = task.call.arguments
        self.ends = self.script.ends(task.task_id)
        self.rule = Quorum.parse(**{word: self.said[word] for word in _WORDS if word in self.said})
        self.usual = play.given.usual if self.rule.counts_rows else {}

    @cached_property
    def clock(self) -> Clock:
        """That of the run."""
        assert self.play.interval is not None  # noqa: S101  a barrier is not played without one
        return self.script.clock(self.play.interval)

    @property
    def decide_by(self) -> DecideBy | None:
        """When it decides at the latest."""
        return DecideBy(self.said["decide_by"], self.said.get("timezone", "UTC")) if "decide_by" in self.said else None

    @cached_property
    def absent(self) -> dict[str, Branch]:
        """The branches that the run is not to bring, as the warehouse has them."""
        wanted = self.play.given.chosen.get(self.said["dimension"])
        if not wanted:
            return {}
        below = self.script.scheduler.below(self.task.task_id)
        known = self.script.own_ledger or any(self.script.tasks[other].call.path == LOAD for other in below)
        held = self.play.given.held if known else {}
        return {
            name: Branch(name=name, state=BranchState.HELD, rows=held[name])
            if name in held
            else Branch(name=name, state=BranchState.EXCLUDED)
            for name in self.ends
            if name not in wanted
        }

    # -- Waiting -----------------------------------------------------------------------------------------------------

    def waits(self, run: Run) -> Waits:
        """Watch the branches from the run's start on."""
        abort = self.said.get("abort", ())
        by = self.decide_by
        waiting = Waiting(
            rule=self.rule,
            branches=tuple(self.absent.get(name, Branch(name=name, state=BranchState.NOT_STARTED)) for name in self.ends),
            ends=self.ends,
            deadline=self.clock.deadline(by) if by is not None else None,
            early=self.said.get("early", False),
            abort=frozenset(self.ends if abort is None else abort),
            usual=self.usual,
        )
        return Waits(lambda: self._over(waiting, run), self.clock.seconds(by) if by is not None else None)

    def _over(self, waiting: Waiting, run: Run) -> Ended | None:
        ended = {task_id: (run.states.get(task_id),) for ends in self.ends.values() for task_id in ends}
        rows = {name: self.play.rows.get(ends[0], 0) for name, ends in self.ends.items()}
        by = waiting.over(ended, rows, self.clock.at(run.seconds))
        if by is None:
            return None
        states = {task_id: (self._state(task_id, run),) for name in self.ends for task_id in self._members(name)}
        record, aborted = self.decide(run, by, states)
        found = orders(record, late=self.said.get("late", "catch_up"), on_short=self.said.get("on_short", "finish"), aborted=bool(aborted))
        skips = [task_id for name in found.skip for task_id in unbegun(self._members(name), ended=run.states, states=states)]
        return Ended(
            SUCCESS if record.met else FAILED,
            0.0,
            skips=[task_id for task_id in skips if not self.script.scheduler.tasks[task_id].teardown],
            stops=self.play.stop(found.stop, run) if found.stop else (),
        )

    @staticmethod
    def _state(task_id: str, run: Run) -> str | None:
        return RUNNING if task_id in run.running else run.states.get(task_id)

    def _members(self, name: str) -> tuple[str, ...]:
        return self.script.members(name, self.ends[name])

    # -- Deciding ----------------------------------------------------------------------------------------------------

    def decide(
        self, run: Run, by: DecidedBy = DecidedBy.ALL, states: Mapping[str, Sequence[str | None]] | None = None
    ) -> tuple[Completeness, list[str]]:
        """Decide about every branch; the record, and the branches whose failure has ended the night.

        :param states: Of all tasks of all branches, for a barrier that watches them.
        """
        late = moment(by, self.decide_by) if states is not None else None
        branches = tuple(self.absent.get(name) or self._look(name, run, states or {}, late) for name in self.ends)
        if self.usual:
            branches = tuple(replace(branch, usual=self.usual.get(branch.name)) for branch in branches)
        decision, aborted = judged(self.rule, branches, self.usual, self.said.get("abort", ()))
        assert self.play.interval is not None  # noqa: S101  a barrier is not played without one
        record = recorded(
            self.rule,
            decision,
            branches,
            by=by,
            at=self.clock.at(run.seconds),
            deadline=self.clock.deadline(self.decide_by) if self.decide_by is not None else None,
            pipeline=self.script.spec.name,
            interval=self.play.interval,
            dimension=self.said["dimension"],
            run_id=RUN_ID,
            correlation_id=self.play.correlation_id,
        )
        if record.met:
            record = record.carrying(self.play.given.stands_in(record, self.said.get("last_good")))
        self.play.records[self.task.task_id] = record
        self.play.rows[self.task.task_id] = sum(branch.rows for branch in record.arrived)
        if not record.met:
            self.play.reasons[self.task.task_id] = record.sentence
        return record, aborted

    def _look(self, name: str, run: Run, states: Mapping[str, Sequence[str | None]], late: str | None) -> Branch:
        """What became of one branch."""
        ends = self.ends[name]
        missing = next((end for end in ends if run.states.get(end) != SUCCESS), None)
        if missing is None:
            rows, aside = (handed.get(ends[0], 0) for handed in (self.play.rows, self.play.aside))
            return Branch(name=name, state=BranchState.ARRIVED, rows=rows, quarantined=aside)
        found = absence(
            missing,
            before=self.script.scheduler.above(missing),
            members=self.script.members(name, ends),
            ended=run.states,
            states=states,
            late=late,
        )
        if found.task is None:
            return Branch(name=name, state=found.state, reason=found.reason)
        known = self.script.tasks[found.task].call.path in TELLING
        reason = self.play.reasons[found.task] if known else f"{found.task} failed: see its log"
        return Branch(name=name, state=BranchState.OPEN if found.task in self.play.opened else found.state, reason=reason)
