"""Which step a step takes its rows from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.model.tree import Node, Tree

FEEDS = {
    "transform": frozenset({"extract", "barrier", "transform"}),
    "load": frozenset({"extract", "barrier", "transform"}),
}
"""Kind → the kinds that it takes rows from."""
_OPERATORS = {"LoadOperator": "load", "BarrierOperator": "barrier"}


def is_a(kind: str, node: Node) -> bool:
    """Whether a step is of one of Tidegate's own kinds, also where it names the operator by its import path."""
    package, _, name = node.uses.rpartition(".")
    return node.uses == kind or (_OPERATORS.get(name) == kind and package.partition(".")[0] == "tidegate")


def sources(tree: Tree, node: Node) -> list[Node]:
    """The steps among a node's needs that hand it rows; for a barrier, the repeated steps or groups that it joins."""
    needed = [target.node for _, target in tree.needs(node)]
    if node.before is not None and node.before not in needed:
        needed.append(node.before)
    if node.uses == "barrier":
        return [other for other in needed if other.body.branches]
    kinds = FEEDS.get(node.uses, frozenset())
    found = [end(tree, other) for other in needed]
    return [other for other in found if other is not None and other.uses in kinds]


def end(tree: Tree, node: Node) -> Node | None:
    """The step that carries rows out of a node: itself, or the last one that carries rows inside of a group; None where none or several do."""
    carriers = [step for step in node.within() if step.uses in FEEDS["load"]]
    passed = {source for step in carriers for source in sources(tree, step)}
    last = [step for step in carriers if step not in passed]
    return last[0] if len(last) == 1 else None


def barrier_before(tree: Tree, node: Node) -> Node | None:
    """The nearest barrier upstream of a step, along the steps that rows flow through."""
    here: Node | None = node
    while here is not None and here.uses != "barrier":
        here = next(iter(sources(tree, here)), None)
    return here


def passed(tree: Tree, load: Node) -> dict[Node, bool]:
    """The steps that a load's rows pass, itself among them, and whether they reach it from there as they are, through no transform."""
    seen: dict[Node, bool] = {}
    ahead = [(load, True)]
    while ahead:
        node, plain = ahead.pop()
        if node not in seen or (plain and not seen[node]):
            seen[node] = plain
            plain = plain and node.uses != "transform"
            ahead += [(inside, plain) for source in _feeding(tree, node) for inside in source.within()]
    return seen


def _feeding(tree: Tree, node: Node) -> list[Node]:
    """As :func:`sources`; of a load that is named by its import path the steps whose results it takes."""
    if node.uses == "load" or not is_a("load", node):
        return sources(tree, node)
    found = [target.node for name in node.reads if (target := tree.find(name, node)) is not None]
    return [last for other in found if (last := end(tree, other)) is not None]
