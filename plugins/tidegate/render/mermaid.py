"""A plan as a Mermaid flow chart, which GitHub, GitLab and most wikis draw."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.plan.layout import Edge, Plan, PlannedTask

_INDENT = "    "
_ARROWS = {"data": "-->", "rule": "==>", "resource": "-.->"}
_UNSAFE = re.compile(r'["#&<>`\\]')


def to_mermaid(plan: Plan) -> str:
    """The chart's text: groups as subgraphs, labels on edges.

    An edge is drawn plain where it passes data on, thick where a rule asks for it, dotted where a resource does. Mapped tasks are stacked
    boxes, setups and teardowns have slanted sides.
    """
    ids = _ids(plan)
    lines = ["flowchart LR", *_block(plan, None, ids, 1)]
    lines += [f"{_INDENT}{_edge(edge, ids)}" for edge in plan.edges]
    return "\n".join([*lines, ""])


def _ids(plan: Plan) -> dict[str, str]:
    """Ids that Mermaid can read, each used once: letters, digits and underscores, behind ``t_`` or ``g_`` for it reserves words like ``end``."""
    ids: dict[str, str] = {}
    used: set[str] = set()
    named = [*((task.task_id, "t") for task in plan.tasks), *((group.group_id, "g") for group in plan.groups)]
    for name, kind in named:
        wanted = chosen = f"{kind}_{re.sub(r'[^A-Za-z0-9_]', '_', name)}"
        number = 2
        while chosen in used:
            chosen, number = f"{wanted}_{number}", number + 1
        used.add(chosen)
        ids[f"{kind}:{name}"] = chosen
    return ids


def _block(plan: Plan, around: str | None, ids: dict[str, str], depth: int) -> Iterator[str]:
    """The tasks and the groups directly inside of a group."""
    margin = _INDENT * depth
    for task in plan.tasks:
        if task.group == around:
            yield f"{margin}{ids[f't:{task.task_id}']}{_shape(task)}"
    for group in plan.groups:
        if group.parent == around:
            yield f'{margin}subgraph {ids[f"g:{group.group_id}"]}["{_escaped(group.label or group.group_id)}"]'
            yield from _block(plan, group.group_id, ids, depth + 1)
            yield f"{margin}end"


def _shape(task: PlannedTask) -> str:
    label = _escaped(task.label or task.task_id)
    if task.mapped:
        return f'[["{label}"]]'
    if task.setup:
        return f'[/"{label}"\\]'
    return f'[\\"{label}"/]' if task.teardown is not None else f'["{label}"]'


def _edge(edge: Edge, ids: dict[str, str]) -> str:
    arrow = _ARROWS[edge.because]
    label = f'|"{_escaped(edge.label)}"|' if edge.label else ""
    return f"{ids[f't:{edge.upstream}']} {arrow}{label} {ids[f't:{edge.downstream}']}"


def _escaped(text: str) -> str:
    """A label's text: what Mermaid or HTML would read is written by number, and lines become one."""
    return _UNSAFE.sub(lambda found: f"#{ord(found.group())};", " ".join(text.split()))
