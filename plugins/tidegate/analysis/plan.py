"""From a spec to the tasks and edges that Airflow will see: what the factory builds, and what a person can be shown beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.model.spec import OUTCOME

if TYPE_CHECKING:
    from tidegate.model import PipelineSpec
    from tidegate.model.spec import Step


_PATIENT = frozenset({"all_success", "all_done", "all_done_min_one_success", "none_failed", "none_failed_min_one_success"})
"""Trigger rules under which a task starts only when the one before it has ended."""


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task of the DAG."""

    task_id: str
    """As Airflow shows it: ``extract.florida`` for a branch, else the step's name."""
    step: str
    branch: str | None = None
    """The branch that this task serves, for a step repeated over named branches."""
    mapped_over: str | None = None
    """The step whose arrivals the task is mapped over at run time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All tasks of a pipeline in the order of its file, ``outcome`` last, and who waits for whom."""

    tasks: tuple[PlannedTask, ...]
    edges: tuple[tuple[str, str], ...]
    """Pairs of task ids, upstream first."""

    def of_step(self, step: str) -> tuple[PlannedTask, ...]:
        """The tasks of one step, one for each named branch."""
        return tuple(task for task in self.tasks if task.step == step)


def plan(spec: PipelineSpec) -> Plan:
    """Lay out a pipeline. The order of tasks and edges depends on the file alone, so that equal files make equal DAGs."""
    steps = spec.pipeline.steps
    by_step = {name: _tasks(name, step) for name, step in steps.items()}
    edges = [
        (upstream.task_id, downstream.task_id)
        for name, step in steps.items()
        for need in step.needs
        for upstream in by_step[need]
        for downstream in by_step[name]
    ]
    needed = {need for step in steps.values() for need in step.needs}
    chain = all(_waits(step, sum(len(by_step[need]) for need in step.needs)) for step in steps.values())
    last = [task for name, tasks in by_step.items() if not chain or name not in needed for task in tasks]
    edges += [(task.task_id, OUTCOME) for task in last]
    return Plan((*(task for tasks in by_step.values() for task in tasks), PlannedTask(OUTCOME, OUTCOME)), tuple(edges))


def _waits(step: Step, upstream: int) -> bool:
    """Whether a task of this step that has ended tells that all before it have.

    A barrier waits for all. Others end early, failed or skipped, when one of several before them fails or skips; and by a trigger rule that
    does not wait. Where a pipeline has such a step, the outcome waits for every task itself.
    """
    if step.uses == "barrier":
        return True
    return upstream <= 1 and step.with_.get("trigger_rule", "all_success") in _PATIENT


def _tasks(name: str, step: Step) -> tuple[PlannedTask, ...]:
    if step.branches:
        return tuple(PlannedTask(f"{name}.{branch}", name, branch=branch) for branch in step.branches)
    return (PlannedTask(name, name, mapped_over=step.mapped_over),)
