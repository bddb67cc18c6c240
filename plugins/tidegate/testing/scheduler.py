"""Airflow's scheduler without Airflow: given what each task does once it starts, what becomes of a run, moment by moment.

Some trigger rules decide before all tasks before them have ended, so it matters who ends first. A run here has a clock for that: tasks start as soon as
they may, all at once, and each takes the time that it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING

from tidegate.testing.trigger_rules import FAILED, RULES, SKIPPED, START, SUCCESS, UPSTREAM_FAILED, Before

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    Work = Callable[[str, "Run"], "Ended | Waits"]

RUNNING = "running"
_BAD = frozenset({FAILED, UPSTREAM_FAILED})


@dataclass(frozen=True, slots=True)
class Task:
    """What the scheduler knows of one task."""

    task_id: str
    upstream: tuple[str, ...] = ()
    rule: str = "all_success"
    setup: bool = False
    teardown: bool = False
    fails_run: bool = False
    """For a teardown: whether its failure fails the run."""
    mapped: bool = False
    mapped_over: tuple[str, ...] = ()
    """The tasks over whose results it is mapped."""
    empty: bool = False
    """Whether the file maps it over nothing at all, so that it is skipped in place of starting."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a task that starts will have done when it has ended."""

    state: str = SUCCESS
    seconds: float = 60.0
    """How long it takes; infinity for one that never ends."""
    skips: Collection[str] = ()
    """Tasks that have not begun and that it skips by itself, as a branch skips some behind it."""
    stops: Collection[str] = ()
    """Tasks that fail with it, those of them that are at work."""


@dataclass(frozen=True, slots=True)
class Waits:
    """What a task that starts waits for."""

    over: Callable[[], Ended | None]
    """Asked whenever something has ended: how the task ends there and then; None where it waits on."""
    until: float | None = None
    """When it is asked in any case, before anything else that happens then: seconds from the run's start."""


@dataclass(slots=True)
class Run:
    """What became of a run."""

    states: dict[str, str] = field(default_factory=dict)
    """Task id → Airflow's state, in the order in which tasks ended."""
    started: set[str] = field(default_factory=set)
    """The tasks that ran, however they ended."""
    state: str = ""
    """Of the run: ``success`` or ``failed``; ``running`` where a task never ends."""
    seconds: float = 0.0
    """From its start to what happened last."""
    running: set[str] = field(default_factory=set)
    waiting: dict[str, Waits] = field(default_factory=dict)
    """Those of the tasks that run which wait."""
    ends: list[tuple[float, int, str, Ended]] = field(default_factory=list)
    """Of the others: when, the number of its start, which, how."""
    queued: Mapping[str, str] = field(default_factory=dict)
    """Tasks that find no slot, each with the one whose end leaves it one."""


class Scheduler:
    """The tasks of one DAG; runs of it share nothing else.

    :param tasks: All of them, in any order, without a circle.
    :param fail_fast: Whether the first task that fails ends the run.
    """

    def __init__(self, tasks: Sequence[Task], *, fail_fast: bool = False) -> None:
        self.tasks = {task.task_id: task for task in tasks}
        self.fail_fast = fail_fast
        self._number = {task.task_id: number for number, task in enumerate(tasks)}
        self.downstream: dict[str, list[str]] = {task.task_id: [] for task in tasks}
        for task in tasks:
            for before in task.upstream:
                self.downstream[before].append(task.task_id)
        self._setups = {task.task_id: self._indirect_setups(task) for task in tasks} if any(task.setup for task in tasks) else {}
        self._scope = {task.task_id: self._in_scope(task) for task in tasks if task.teardown}
        watchers: dict[str, dict[str, None]] = {task_id: dict.fromkeys(behind) for task_id, behind in self.downstream.items()}
        for watched in (self._setups, self._scope):
            for task_id, others in watched.items():
                for other in others:
                    watchers[other][task_id] = None
        self._watchers = {task_id: tuple(behind) for task_id, behind in watchers.items()}
        self._leaves = self._effective_leaves()

    def above(self, task_id: str) -> set[str]:
        """All tasks before a task, however far."""
        return self._all(self.tasks[task_id].upstream, lambda other: self.tasks[other].upstream)

    def below(self, task_id: str) -> set[str]:
        """All tasks behind a task, however far."""
        return self._all(self.downstream[task_id], self.downstream.__getitem__)

    @staticmethod
    def _all(first: Iterable[str], more: Callable[[str], Iterable[str]]) -> set[str]:
        found, left = set(first), list(first)
        while left:
            new = set(more(left.pop())) - found
            found |= new
            left += new
        return found

    def _indirect_setups(self, task: Task) -> tuple[str, ...]:
        """The setups that a task needs though they are not right before it: those not taken down yet where it stands."""
        if task.teardown or not task.upstream or task.rule == "always":
            return ()
        ahead = {other for other in self.below(task.task_id) if self.tasks[other].teardown}
        found = []
        for other in sorted(self.above(task.task_id)):
            teardowns = {behind for behind in self.downstream[other] if self.tasks[behind].teardown}
            if self.tasks[other].setup and other not in task.upstream and (not teardowns or teardowns & ahead):
                found.append(other)
        return tuple(found)

    def _in_scope(self, task: Task) -> tuple[str, ...]:
        """The tasks between a teardown and its setups, which it waits for."""
        between: set[str] = set()
        further = self.above(task.task_id) - set(task.upstream)
        for setup in task.upstream:
            if self.tasks[setup].setup:
                between |= further & self.below(setup)
        return tuple(sorted(between))

    def _effective_leaves(self) -> tuple[str, ...]:
        """The tasks whose states are the run's: the last ones, where teardowns do not count."""

        def counts(task: Task) -> bool:
            return not task.teardown or task.fails_run

        found = [
            task_id
            for task_id, task in self.tasks.items()
            if counts(task) and not any(counts(self.tasks[behind]) for behind in self.downstream[task_id])
        ]
        return tuple(found) or tuple(task_id for task_id in self.tasks if not self.downstream[task_id])

    def run(self, work: Work, queued: Mapping[str, str] | None = None) -> Run:
        """Let every task start, be skipped, or be given up, until nothing moves any more.

        :param work: Told a task's id when it starts, and how the run stands then; says what it will have done, or what it waits for.
        :param queued: Tasks that find no slot, each with the one whose end leaves it one.
        """
        run = Run(queued=queued or {})
        look: Iterable[str] = self.tasks
        while True:
            while look:
                look = self._look(look, run, work)
            moved = self._decided(run) if run.waiting else []
            if not moved:
                if (moment := self._next(run)) is None:
                    break
                run.seconds = moment
                in_time = any(waits.until == moment for waits in run.waiting.values())
                moved = (self._decided(run) if in_time else []) or self._ended(run)
            look = self._behind(moved)
            if run.queued:
                look |= {task_id: None for task_id, other in run.queued.items() if other in moved}
        run.states.update((task_id, RUNNING) for task_id in self.tasks if task_id in run.running and task_id not in run.waiting)
        run.state = self._state(run)
        return run

    @staticmethod
    def _next(run: Run) -> float | None:
        """When something happens next; None where nothing does any more."""
        while run.ends and run.ends[0][2] not in run.running:  # stopped by another one
            heappop(run.ends)
        times = [waits.until for waits in run.waiting.values() if waits.until is not None and waits.until > run.seconds]
        times += [run.ends[0][0]] if run.ends and run.ends[0][0] < inf else []
        return min(times, default=None)

    def _decided(self, run: Run) -> list[str]:
        """Ask those that wait; the tasks whose states have changed."""
        moved: list[str] = []
        for task_id, waits in list(run.waiting.items()):
            if task_id in run.running and (ended := waits.over()) is not None:
                del run.waiting[task_id]
                moved += self._end(task_id, ended, run)
        return moved

    def _ended(self, run: Run) -> list[str]:
        """Let all end whose time has come; the tasks whose states have changed."""
        moved: list[str] = []
        while run.ends and run.ends[0][0] == run.seconds:
            _, _, task_id, ended = heappop(run.ends)
            if task_id in run.running:
                moved += self._end(task_id, ended, run)
        return moved

    def _end(self, task_id: str, ended: Ended, run: Run) -> list[str]:
        states, running = run.states, run.running
        running.discard(task_id)
        states[task_id] = ended.state
        moved = [task_id]
        if ended.stops:
            stopped = [other for other in ended.stops if other in running]
            running.difference_update(stopped)
            states.update(dict.fromkeys(stopped, FAILED))
            moved += stopped
        if ended.skips:
            moved += self._skipped(ended.skips, states, running)
        if self.fail_fast and ended.state == FAILED:
            moved += self._failed_fast(states, running)
        return moved

    def _look(self, look: Iterable[str], run: Run, work: Work) -> dict[str, None]:
        """One look at some tasks, all in the light of the same states: give up, skip, start. Returns those to look at next."""
        changed, ready = [], []
        for task_id in look:
            if task_id in run.states or task_id in run.running:
                continue
            told = self._told(self.tasks[task_id], run.states, run.started)
            if told == START:
                if task_id not in run.queued or run.queued[task_id] in run.states:
                    ready.append(task_id)
            elif told is not None:
                changed.append((task_id, told))
        run.states.update(changed)
        run.running.update(ready)
        for task_id in sorted(ready, key=self._number.__getitem__) if len(ready) > 1 else ready:
            does = work(task_id, run)
            run.started.add(task_id)
            if isinstance(does, Waits):
                run.waiting[task_id] = does
            else:
                heappush(run.ends, (run.seconds + does.seconds, len(run.started), task_id, does))
        return self._behind(task_id for task_id, _ in changed)

    def _behind(self, moved: Iterable[str]) -> dict[str, None]:
        return {behind: None for task_id in moved for behind in self._watchers[task_id]}

    def _told(self, task: Task, states: Mapping[str, str], started: Collection[str]) -> str | None:
        """What the scheduler makes of a task that has not started."""
        if not task.upstream or task.rule == "always":
            told: str | None = START
        elif task.teardown:
            told = RULES[task.rule](self._counted(task.upstream, states))
            if told == START and not all(other in states for other in self._scope[task.task_id]):
                return None
        else:
            setups = self._setups.get(task.task_id, ())
            if setups and (given_up := self._without(setups, states)):
                return given_up
            told = RULES[task.rule](self._counted(task.upstream, states))
            if told == START and not all(states.get(setup) == SUCCESS for setup in setups):
                told = None
        told = self._mapping(task, states, started, told) if task.mapped_over else told
        return SKIPPED if task.empty and told == START else told

    def _counted(self, ids: Iterable[str], states: Mapping[str, str]) -> Before:
        found = Before(0)
        for task_id in ids:
            state, setup = states.get(task_id), self.tasks[task_id].setup
            found.total += 1
            found.setups += setup
            if state == SUCCESS:
                found.success += 1
                found.setups_success += setup
            elif state == FAILED:
                found.failed += 1
            elif state == SKIPPED:
                found.skipped += 1
                found.setups_skipped += setup
            elif state == UPSTREAM_FAILED:
                found.upstream_failed += 1
        return found

    @staticmethod
    def _without(needed: Iterable[str], states: Mapping[str, str]) -> str | None:
        """What becomes of a task that cannot be without others, when one of them did not succeed."""
        ended = {states[other] for other in needed if other in states}
        if ended & _BAD:
            return UPSTREAM_FAILED
        return SKIPPED if SKIPPED in ended else None

    def _mapping(self, task: Task, states: Mapping[str, str], started: Collection[str], told: str | None) -> str | None:
        """A mapped task needs what it is mapped over, whatever its trigger rule says. Another mapped task that ran counts: some of it may be there.

        Where a rule would skip the task and a failed dependency would give it up, Airflow does one or the other; here the failure wins.
        """
        needed = [other for other in task.mapped_over if not (self.tasks[other].mapped and other in started)]
        given_up = self._without(needed, states)
        if given_up is not None:
            return told if told == UPSTREAM_FAILED else given_up
        too_early = told == START and any(other not in states for other in task.mapped_over)
        return UPSTREAM_FAILED if too_early else told

    @staticmethod
    def _skipped(skips: Iterable[str], states: dict[str, str], running: Collection[str]) -> list[str]:
        found = [task_id for task_id in skips if task_id not in running and states.get(task_id) not in {SUCCESS, FAILED}]
        states.update(dict.fromkeys(found, SKIPPED))
        return found

    def _failed_fast(self, states: dict[str, str], running: set[str]) -> list[str]:
        """What the first failure ends with it."""
        found = [task_id for task_id, task in self.tasks.items() if not task.teardown and states.get(task_id) not in {SUCCESS, FAILED}]
        states.update({task_id: FAILED if task_id in running else SKIPPED for task_id in found})
        running.difference_update(found)
        return found

    def _state(self, run: Run) -> str:
        if run.running:
            return RUNNING
        if len(run.states) < len(self.tasks):
            return FAILED  # nothing can start any more, though not all has ended
        return FAILED if any(run.states[task_id] in _BAD for task_id in self._leaves) else SUCCESS
