"""A pipeline as a play needs it: who waits for whom by which rule, who brings rows, and what a name means."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidegate.model.findings import did_you_mean
from tidegate.plan import Call, Output, Zipped, plan
from tidegate.testing.clock import Clock
from tidegate.testing.errors import Unplayable
from tidegate.testing.scheduler import Scheduler, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from tidegate.model import PipelineSpec
    from tidegate.plan import PlannedGroup, PlannedTask
    from tidegate.resilience.interval import Interval

OURS = "tidegate.operators."
EXTRACT, BARRIER, TRANSFORM, LOAD, OUTCOME, CHOICE, SQL, SHARES = (
    f"{OURS}{name}Operator" for name in ("Extract", "Barrier", "Transform", "Load", "Outcome", "Choice", "Sql", "Shares")
)
TELLING = frozenset({EXTRACT, BARRIER, TRANSFORM, LOAD, OUTCOME, CHOICE, SQL, SHARES})
"""The operators that leave the reason of their failure for the barrier and the outcome."""
RETRIES = 2
"""Of those operators, where nothing is said."""
WHEN, UNTIL = (f"{OURS}{name}" for name in ("When", "Until"))
"""What may be called in the worker before a task begins: one skips it unless something is true, the other when it is too late."""
SHORT_CIRCUIT = "airflow.providers.standard.operators.python.ShortCircuitOperator"


class Script:
    """One pipeline, laid out once for any number of plays."""

    def __init__(self, spec: PipelineSpec) -> None:
        self.spec = spec
        self.plan = plan(spec)
        self.tasks = {task.task_id: task for task in self.plan.tasks}
        self.groups = {group.group_id: group for group in self.plan.groups}
        upstream: dict[str, list[str]] = {task_id: [] for task_id in self.tasks}
        for edge in self.plan.edges:
            upstream[edge.downstream].append(edge.upstream)
        fail_fast = bool(self.plan.arguments.get("fail_fast"))
        self._members: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self._clocks: dict[Interval, Clock] = {}
        self.scheduler = Scheduler([self._task(task, upstream[task.task_id]) for task in self.plan.tasks], fail_fast=fail_fast)

    def _task(self, task: PlannedTask, upstream: list[str]) -> Task:
        return Task(
            task.task_id,
            tuple(upstream),
            self.rule(task),
            setup=task.setup,
            teardown=task.teardown is not None,
            fails_run=task.on_failure_fail_dagrun,
            mapped=task.mapped,
            mapped_over=tuple(dict.fromkeys(_outputs([task.expand, task.expand_kwargs]))),
            empty=any(isinstance(given, list | tuple | dict) and not given for given in (*task.expand.values(), task.expand_kwargs)),
        )

    def rule(self, task: PlannedTask) -> str:
        """The trigger rule of a task."""
        if task.teardown is not None:
            return "all_done_setup_success"
        if task.call.path in {BARRIER, OUTCOME}:
            return str(task.call.arguments.get("trigger_rule", "all_done"))
        return str(self.said(task, "trigger_rule", "all_success"))

    def said(self, task: PlannedTask, name: str, default: Any = None) -> Any:
        """An argument of a task: its own, else of the defaults of the groups around it, else of the pipeline's."""
        around: list[Mapping[str, Any]] = [task.call.arguments]
        group = task.group
        while group is not None:
            around.append(self.groups[group].arguments.get("default_args", {}))
            group = self.groups[group].parent
        around.append(self.plan.arguments.get("default_args", {}))
        return next((said[name] for said in around if name in said), default)

    def tries(self, task: PlannedTask) -> int:
        """How often a task is tried."""
        said = self.said(task, "retries")
        return (said if said is not None else RETRIES if task.call.path in TELLING else 0) + 1

    def timeout(self, task: PlannedTask) -> timedelta | None:
        """How long a try of a task may take."""
        found: timedelta | None = self.said(task, "execution_timeout")
        return found

    @cached_property
    def branches(self) -> dict[str, tuple[str, ...]]:
        """Dimension → the branches that the file names, in its order."""
        found: dict[str, dict[str, None]] = {}
        for task in self.plan.tasks:
            for dimension, branch in task.bindings.items():
                found.setdefault(dimension, {})[branch] = None
        return {dimension: tuple(branches) for dimension, branches in found.items()}

    @property
    def last_good(self) -> timedelta | None:
        """How old rows may be that stand in for a missing branch; None where none do."""
        return next((task.call.arguments.get("last_good") for task in self.of_kind(BARRIER)), None)

    @cached_property
    def own_ledger(self) -> bool:
        """Whether the outcome keeps a ledger, for want of a load."""
        return any("ledger_conn_id" in task.call.arguments for task in self.of_kind(OUTCOME))

    @cached_property
    def teardowns(self) -> frozenset[str]:
        """The tasks whose failure fails no run: the teardowns that do not say otherwise."""
        return frozenset(task.task_id for task in self.plan.tasks if task.teardown is not None and not task.on_failure_fail_dagrun)

    def of_kind(self, *paths: str) -> list[PlannedTask]:
        """The tasks of some operators, in order."""
        return [task for task in self.plan.tasks if task.call.path in paths]

    def around(self, task: PlannedTask) -> Iterator[PlannedGroup]:
        """The groups around a task, the innermost first."""
        group = task.group
        while group is not None:
            yield self.groups[group]
            group = self.groups[group].parent

    def within(self, group_id: str) -> list[PlannedTask]:
        """The tasks inside of a group, at any depth."""
        return [task for task in self.plan.tasks if any(group.group_id == group_id for group in self.around(task))]

    @cached_property
    def hooks(self) -> dict[str, dict[str, Call]]:
        """Task → what is called before it begins, by import path."""
        return {
            task_id: {hook.path: hook for hook in _hooks(task.call.arguments.get("pre_execute"))} for task_id, task in self.tasks.items()
        }

    def watches(self, task: PlannedTask) -> bool:
        """Whether a task is a barrier that may decide before all of its branches have ended."""
        return task.call.path == BARRIER and self.rule(task) == "always"

    @cached_property
    def watched(self) -> dict[str, str]:
        """Task → the barrier that watches it, for those of its branches."""
        return {
            member: barrier.task_id
            for barrier in self.of_kind(BARRIER)
            if self.watches(barrier)
            for branch, ends in self.ends(barrier.task_id).items()
            for member in self.members(branch, ends)
        }

    def clock(self, interval: Interval) -> Clock:
        """The clock of the run about an interval."""
        if interval not in self._clocks:
            self._clocks[interval] = Clock(self.spec.pipeline.schedule, interval)
        return self._clocks[interval]

    def ends(self, barrier: str) -> dict[str, tuple[str, ...]]:
        """Branch → the tasks in which it ends, as a barrier looks at them."""
        said = self.tasks[barrier].call.arguments["branches"]
        return {branch: (ends,) if isinstance(ends, str) else tuple(ends) for branch, ends in said.items()}

    def members(self, branch: str, ends: tuple[str, ...]) -> tuple[str, ...]:
        """The tasks of a branch: all of the group that is named after it, where there is one, else those in which it ends."""
        if (branch, ends) not in self._members:
            around = next((group for group in self.around(self.tasks[ends[0]]) if group.label == branch), None)
            inside = tuple(task.task_id for task in self.within(around.group_id)) if around is not None else ends
            self._members[branch, ends] = inside
        return self._members[branch, ends]

    @cached_property
    def _called(self) -> dict[str, list[PlannedTask]]:
        """Name → tasks: ids of tasks, then steps and groups, then branches; the first of them that has a name keeps it."""
        found: dict[str, list[PlannedTask]] = {task_id: [task] for task_id, task in self.tasks.items()}
        for group in self.plan.groups:
            found.setdefault(group.group_id, self.within(group.group_id))
        steps: dict[str, list[PlannedTask]] = {}
        branches: dict[str, list[PlannedTask]] = {}
        for task in self.plan.tasks:
            parts = task.step.split(".")
            for length in range(len(parts), 0, -1):
                steps.setdefault(".".join(parts[:length]), []).append(task)
            for branch in task.bindings.values():
                branches.setdefault(branch, []).append(task)
        for names in (steps, branches):
            for name, tasks in names.items():
                found.setdefault(name, tasks)
        return found

    def named(self, name: str) -> list[PlannedTask]:
        """The tasks of a name: a task's id, a step, a group, or a branch.

        :raises Unplayable: nothing is called so.
        """
        if name not in self._called:
            raise Unplayable(f"{self.spec.name} has no task, step, group or branch '{name}'.", hint=did_you_mean(name, self._called))
        return self._called[name]

    def struck(self, name: str) -> list[PlannedTask]:
        """The tasks that something which befalls a name befalls first: its extracts, where it has some, else those that it begins with."""
        tasks = self.named(name)
        if len(tasks) == 1 or all(task.step == name for task in tasks):
            return tasks
        if extracts := [task for task in tasks if task.call.path == EXTRACT]:
            return extracts
        ids = {task.task_id for task in tasks}
        return [task for task in tasks if not self.scheduler.above(task.task_id) & ids]


def sources(task: PlannedTask) -> tuple[str, ...]:
    """The tasks whose rows a transform or a load takes."""
    given = [value for name, value in (*task.call.arguments.items(), *task.expand.items()) if name in {"part", "parts"}]
    return tuple(dict.fromkeys(_outputs(given)))


def _hooks(value: Any) -> Iterator[Call]:
    """A hook, and those that it calls in turn."""
    if isinstance(value, Call):
        yield value
        yield from _hooks(value.arguments.get("then"))


def _outputs(value: Any) -> Iterator[str]:
    """The ids of the tasks whose results stand in a value."""
    if isinstance(value, Output):
        yield value.task_id
    elif isinstance(value, Zipped):
        yield from _outputs(dict(value.arguments))
    elif isinstance(value, Call):
        yield from _outputs([dict(value.arguments), list(value.positional)])
    elif isinstance(value, dict):
        for item in value.values():
            yield from _outputs(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _outputs(item)
