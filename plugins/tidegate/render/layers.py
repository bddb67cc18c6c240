"""A graph in layers from left to right: which layer, in what order, at what height. The method is Sugiyama's."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BETWEEN_NODES, BETWEEN_LINES = 14.0, 9.0
SWEEPS = 8


@dataclass(slots=True)
class Node:
    """A box, or with no size the place of a line in a layer that it passes."""

    width: float = 0.0
    height: float = 0.0
    layer: int = 0
    y: float = 0.0
    """Of its middle."""
    ahead: list[tuple[str, float]] = field(default_factory=list)
    """What lines lead to in the next layer, and how far below this one's middle its own should be for a level line."""
    behind: list[tuple[str, float]] = field(default_factory=list)
    """The same of the layer before."""


def assign_layers(nodes: Mapping[str, Node], links: Iterable[tuple[str, str]]) -> None:
    """By the longest way to each; what nothing leads to stands right before what it leads to. A circle is cut where it closes."""
    before: dict[str, list[str]] = {name: [] for name in nodes}
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for one, other in dict.fromkeys(links):
        before[other].append(one)
        after[one].append(other)
    for name, depth in _depths(before).items():
        nodes[name].layer = depth
    for name, node in nodes.items():
        if after[name] and not before[name]:
            node.layer = max(0, min(nodes[one].layer for one in after[name]) - 1)


def _depths(before: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The length of the longest way to each, without recursion: a pipeline may be a chain of a thousand."""
    done: dict[str, int] = {}
    for name in before:
        waiting = [name]
        while waiting:
            current = waiting[-1]
            nearer = [one for one in before[current] if one not in done and one not in waiting]
            if nearer:
                waiting.append(nearer[0])
            else:
                done.setdefault(current, max((done[one] + 1 for one in before[current] if one in done), default=0))
                waiting.pop()
    return done


def link(nodes: Mapping[str, Node], one: str, other: str, lower: float) -> None:
    """Say that a line leads from one node to another in the next layer, which should be so much lower for the line to be level."""
    if nodes[other].layer == nodes[one].layer + 1:
        nodes[one].ahead.append((other, lower))
        nodes[other].behind.append((one, -lower))


def order_and_place(nodes: Mapping[str, Node]) -> None:
    """Order each layer by barycentres, so that few lines cross, and give heights that keep lines level where there is room."""
    layers: dict[int, list[str]] = defaultdict(list)
    for name, node in nodes.items():
        layers[node.layer].append(name)
    for names in layers.values():
        _stack(nodes, names, [0.0] * len(names))
    for sweep in range(SWEEPS):
        both = sweep >= SWEEPS - 2  # the last two no longer change the order
        for layer in sorted(layers, reverse=sweep % 2 == 1):
            names = layers[layer]
            wanted = {name: _wanted(nodes, nodes[name], forwards=sweep % 2 == 0, both=both) for name in names}
            if not both:
                names.sort(key=wanted.__getitem__)
            _stack(nodes, names, [wanted[name] for name in names])
    top = min((node.y - node.height / 2 for node in nodes.values()), default=0.0)
    for node in nodes.values():
        node.y -= top


def _wanted(nodes: Mapping[str, Node], node: Node, *, forwards: bool, both: bool) -> float:
    """The height at which the lines to the layer that was placed before would be level, or those to both."""
    links = [*node.behind, *node.ahead] if both else node.behind if forwards else node.ahead
    heights = [nodes[other].y - lower for other, lower in links]
    return sum(heights) / len(heights) if heights else node.y


def _stack(nodes: Mapping[str, Node], names: Sequence[str], wanted: Sequence[float]) -> None:
    """Heights in this order, without overlaps, with the least squares to those wanted: neighbours that would overlap move as one."""
    offsets = [0.0]
    for one, other in pairwise(names):
        gap = BETWEEN_NODES if nodes[one].height and nodes[other].height else BETWEEN_LINES
        offsets.append(offsets[-1] + gap + (nodes[one].height + nodes[other].height) / 2)
    blocks: list[tuple[float, int]] = []
    for height, offset in zip(wanted, offsets, strict=False):
        blocks.append((height - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (base, count), (other_base, others) = blocks.pop(-2), blocks.pop()
            blocks.append(((base * count + other_base * others) / (count + others), count + others))
    bases = [base for base, count in blocks for _ in range(count)]
    for name, base, offset in zip(names, bases, offsets, strict=False):
        nodes[name].y = base + offset
