"""In what order tasks are written, and inside of which groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.plan.calls import Call, Output, Zipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.plan.layout import Plan, PlannedGroup, PlannedTask


@dataclass(slots=True)
class Block:
    """What stands inside of one ``with``: tasks and further blocks, in order."""

    group: PlannedGroup | None
    """None for the DAG itself."""
    again: bool = False
    """Whether the group was left before, because something outside had to come in between."""
    items: list[PlannedTask | Block] = field(default_factory=list)


def blocks(plan: Plan) -> Block:
    """The DAG's block. A task stands behind those whose output it takes; apart from that the plan's order is kept, and groups together."""
    groups = {group.group_id: group for group in plan.groups}
    root = Block(None)
    open_blocks = [root]
    first: dict[str | None, Block] = {None: root}
    for task in written_order(plan):
        around = _around(task.group, groups)
        depth = 0
        while depth < min(len(around), len(open_blocks) - 1) and open_blocks[depth + 1].group is around[depth]:
            depth += 1
        del open_blocks[depth + 1 :]
        for group in around[depth:]:
            block = Block(group, again=group.group_id in first)
            open_blocks[-1].items.append(block)
            open_blocks.append(block)
            first.setdefault(group.group_id, block)
        open_blocks[-1].items.append(task)
    for group in plan.groups:
        if group.group_id not in first:  # nothing stands in it
            first[group.group_id] = Block(group)
            first[group.parent].items.append(first[group.group_id])
    return root


def written_order(plan: Plan) -> list[PlannedTask]:
    """The plan's tasks, each behind those whose output it takes."""
    tasks = {task.task_id: task for task in plan.tasks}
    groups = {group.group_id: group for group in plan.groups}
    paths = {task.task_id: [group.group_id for group in _around(task.group, groups)] for task in plan.tasks}
    waiting = {task.task_id: {output for output in taken(task) if output != task.task_id} for task in plan.tasks}
    done: list[str] = []
    while waiting:
        ready = [task_id for task_id, outputs in waiting.items() if outputs.isdisjoint(waiting)]
        if not ready:
            raise ValueError(f"These tasks take each other's output: {', '.join(waiting)}")
        here = paths[done[-1]] if done else []
        chosen = max(ready, key=lambda task_id: _shared(paths[task_id], here))  # the first of those nearest by
        done.append(chosen)
        del waiting[chosen]
    return [tasks[task_id] for task_id in done]


def taken(task: PlannedTask) -> list[str]:
    """The ids of the tasks whose output a task takes, in order, once each."""
    values = [task.call, task.inputs, task.expand, task.expand_kwargs]
    return list(dict.fromkeys(output.task_id for output in outputs(values)))


def outputs(value: Any) -> Iterator[Output]:
    """Every output that a value mentions, at any depth."""
    match value:
        case Output():
            yield value
        case Call():
            yield from outputs([*value.positional, value.arguments])
        case Zipped():
            yield from outputs(value.arguments)
        case list() | tuple():
            for item in value:
                yield from outputs(item)
        case _ if hasattr(value, "values"):
            yield from outputs(list(value.values()))


def _around(group_id: str | None, groups: dict[str, PlannedGroup]) -> list[PlannedGroup]:
    """The groups around something, the outermost first."""
    path: list[PlannedGroup] = []
    while group_id is not None:
        path.insert(0, groups[group_id])
        group_id = groups[group_id].parent
    return path


def _shared(path: list[str], other: list[str]) -> int:
    """How many groups two tasks stand in together, from the outside."""
    count = 0
    for one, two in zip(path, other, strict=False):
        if one != two:
            break
        count += 1
    return count
