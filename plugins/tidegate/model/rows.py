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
            ahead += [(inside, plain) for source in sources(tree, node) for inside in source.within()]
    return seen
