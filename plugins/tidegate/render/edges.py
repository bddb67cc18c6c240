"""Edges as few statements: ``[a, b] >> c >> [d, e]``."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from tidegate.render.source import INDENT, WIDTH, Bracketed, Chain, Node, Text, flat, quoted, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate.plan.layout import Edge, Plan
    from tidegate.render.names import Names

Side = tuple[str, ...]
Star = tuple[Side, Side]

ACROSS = f"{INDENT}# Across groups: `a >> Label(…) >> b` would draw these from, or to, every end of the group."


def edge_statements(plan: Plan, names: Names) -> list[str]:
    """The statements that draw a plan's edges, indented, in the order of its tasks. What a teardown's setups draw themselves is left out."""
    drawn = {(setup, task.task_id) for task in plan.tasks for setup in task.teardown or ()}
    edges = [edge for edge in plan.edges if edge.label or (edge.upstream, edge.downstream) not in drawn]
    order = {task.task_id: number for number, task in enumerate(plan.tasks)}
    lines = [_statement(chain, names) for chain in chains(stars((edge for edge in edges if not edge.label), order))]
    groups = {task.task_id: task.group for task in plan.tasks}
    inside, across = [], []
    for label in dict.fromkeys(edge.label for edge in edges if edge.label):
        for star in stars((edge for edge in edges if edge.label == label), order):
            if len({groups[task] for side in star for task in side}) == 1:
                inside.append(_statement(star, names, label))
            else:
                across += _across(star, names, label)
    return [*lines, *inside, *([ACROSS, *across] if across else [])]


def stars(edges: Iterable[Edge], order: dict[str, int]) -> list[Star]:
    """Edges gathered: tasks that wait for exactly the same ones wait together. Each edge is in one star."""
    upstream: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        upstream[edge.downstream].add(edge.upstream)
    together: dict[Side, list[str]] = defaultdict(list)
    for task in sorted(upstream, key=order.__getitem__):
        together[tuple(sorted(upstream[task], key=order.__getitem__))].append(task)
    return [(before, tuple(after)) for before, after in together.items()]


def chains(found: list[Star]) -> list[tuple[Side, ...]]:
    """Stars put one behind the other where one begins with what another ends with, and no list stands beside a list."""
    following = {before: after for before, after in found if min(len(before), len(after)) == 1}
    inner = set(following.values())
    begins = [star for star in found if star[0] not in inner or star[0] not in following]
    linked = []
    for before, after in begins:
        chain = [before, after]
        while before in following and chain[-1] in following:
            chain.append(following[chain[-1]])
        linked.append(tuple(chain))
    return linked


def _statement(sides: tuple[Side, ...], names: Names, label: str = "") -> str:
    """``a >> b``; lists on both sides want a label between them, or ``cross_downstream``."""
    if not label and any(len(one) > 1 and len(other) > 1 for one, other in pairwise(sides)):
        function = names.path("airflow.sdk.cross_downstream")
        return write(Bracketed(function, "()", tuple(("", _side(side, names)) for side in sides)), depth=1)
    before, *after = (_side(side, names) for side in sides)
    operands = [before, Text(_label(names, label)), *after] if label else [before, *after]
    line = f"{INDENT}{' >> '.join(map(flat, operands))}"
    if len(line) <= WIDTH:
        return line
    if len(operands) == 2:  # noqa: PLR2004  one arrow
        return write(Chain((before, Text(" >> "), *after)), depth=1)
    rest = (write(operand, before=">> ", depth=2) for operand in operands[1:])
    return "\n".join([f"{INDENT}(", write(before, depth=2), *rest, f"{INDENT})"])


def _across(star: Star, names: Names, label: str) -> list[str]:
    """One call for each task on the narrower side."""
    before, after = star
    ends, method, others = (after, "set_upstream", before) if len(after) < len(before) else (before, "set_downstream", after)
    arguments = (("", _side(others, names)), ("edge_modifier=", Text(_label(names, label))))
    return [write(Bracketed(f"{names.variables[end]}.{method}", "()", arguments), depth=1) for end in ends]


def _label(names: Names, label: str) -> str:
    return f"{names.path('airflow.sdk.Label')}({quoted(label)})"


def _side(side: Side, names: Names) -> Node:
    variables = [names.variables[task] for task in side]
    return Text(variables[0]) if len(side) == 1 else Bracketed("", "[]", tuple(("", Text(variable)) for variable in variables))
