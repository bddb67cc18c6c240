"""A plan as rows, one for each task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.render.plain import last_name, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.plan.layout import Plan, PlannedTask

COLUMNS = ("task", "uses", "needs", "branch", "pool", "retries", "timeout", "trigger rule", "notes")
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One task in texts. What neither the task nor a default says is empty: Airflow's own default holds."""

    task: str
    uses: str
    needs: str
    branch: str
    pool: str
    retries: str
    timeout: str
    trigger_rule: str
    notes: str
    """What it is mapped over, whether it is a setup or a teardown, and of what."""

    def cells(self) -> tuple[str, ...]:
        """The texts in the order of :data:`COLUMNS`."""
        return (
            self.task,
            self.uses,
            self.needs,
            self.branch,
            self.pool,
            self.retries,
            self.timeout,
            self.trigger_rule,
            self.notes,
        )


def rows(plan: Plan) -> list[Row]:
    """The rows of a plan's tasks, in its order."""
    steps = {task.task_id: task.step for task in plan.tasks}
    sizes = {step: len(plan.of_step(step)) for step in dict.fromkeys(steps.values())}
    upstream: dict[str, dict[str, str]] = {task.task_id: {} for task in plan.tasks}
    for edge in plan.edges:
        upstream[edge.downstream].setdefault(edge.upstream, edge.because)
    return [_row(task, _gathered(upstream[task.task_id], steps, sizes), _defaults(task, plan)) for task in plan.tasks]


def _row(task: PlannedTask, needs: str, defaults: Mapping[str, Any]) -> Row:
    said = {**defaults, **task.call.arguments}

    def told(name: str) -> str:
        return words(said[name], most=_WIDEST) if said.get(name) is not None else ""

    slots = said.get("pool_slots", 1)
    return Row(
        task=task.task_id,
        uses=task.function or last_name(task.call.path),
        needs=needs,
        branch=", ".join(f"{dimension}: {branch}" for dimension, branch in task.bindings.items()),
        pool=told("pool") + (f" × {slots}" if slots != 1 else ""),
        retries=told("retries"),
        timeout=told("execution_timeout"),
        trigger_rule=told("trigger_rule"),
        notes="; ".join(_notes(task)),
    )


def _notes(task: PlannedTask) -> list[str]:
    notes = [f"mapped over {name}: {words(value, most=_WIDEST)}" for name, value in task.expand.items()]
    if task.expand_kwargs is not None:
        notes.append(f"mapped over {words(task.expand_kwargs, most=_WIDEST)}")
    if task.setup:
        notes.append("setup")
    if task.teardown is not None:
        notes.append(f"teardown of {', '.join(task.teardown)}" if task.teardown else "teardown")
    if task.on_failure_fail_dagrun:
        notes.append("fails the run")
    return notes


def _gathered(needs: Mapping[str, str], steps: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    """What a task waits for, with reasons that are not data; all the branches of a step in one word: ``extract (10)``.

    :param needs: Task id → reason.
    """
    found: list[str] = []
    for task_id, because in needs.items():
        step = steps[task_id]
        whole = sizes[step] > 1 and sum(steps[other] == step and needs[other] == because for other in needs) == sizes[step]
        notes = [str(sizes[step])] * whole + [because] * (because != "data")
        told = (step if whole else task_id) + (f" ({', '.join(notes)})" if notes else "")
        if told not in found:
            found.append(told)
    return ", ".join(found)


def _defaults(task: PlannedTask, plan: Plan) -> dict[str, Any]:
    """``default_args`` of the DAG and of the groups around a task, the nearest winning."""
    groups = {group.group_id: group for group in plan.groups}
    layers, around = [], task.group
    while around is not None:
        layers.append(groups[around].arguments.get("default_args") or {})
        around = groups[around].parent
    layers.append(plan.arguments.get("default_args") or {})
    return {name: value for layer in reversed(layers) for name, value in layer.items()}
