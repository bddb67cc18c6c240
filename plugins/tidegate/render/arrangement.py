"""Where everything of a drawing goes: layers of tasks from left to right, groups as boxes around theirs.

Each group is arranged by itself, then stands as one box among its siblings, so that no box covers what is not in it. Edges that pass a layer
get a place of their own there; those to one task share it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from tidegate.render.layers import Node, assign_layers, link, order_and_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.plan.layout import Plan

Point = tuple[float, float]
Ends = tuple[str, str]

PADDING, HEADING = 14.0, 30.0
"""Around a group's content, and above it, where its label stands."""
BETWEEN_LAYERS, MOST_BETWEEN, STEEP, AROUND_LABEL = 52.0, 150.0, 0.3, 44.0
"""The gap between layers grows with the height that lines climb in it, so that they are told apart, and with labels."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, by its left upper corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Half its height down."""
        return self.y + self.height / 2

    def moved(self, x: float, y: float) -> Box:
        """The same elsewhere."""
        return Box(self.x + x, self.y + y, self.width, self.height)


@dataclass(slots=True)
class Arrangement:
    """The places of what stands in an area, whose own corner is 0, 0."""

    width: float = 0.0
    height: float = 0.0
    tasks: dict[str, Box] = field(default_factory=dict)
    groups: dict[str, Box] = field(default_factory=dict)
    """Each behind the one around it."""
    ways: dict[Ends, list[Point]] = field(default_factory=dict)
    """Where edges go, from a right side to a left one; within an area, those that leave it end at its border."""
    labels: dict[Ends, Point] = field(default_factory=dict)
    """The middle of each edge's last curve outside of the task's groups."""

    def moved(self, x: float, y: float) -> Arrangement:
        """The same elsewhere."""
        return Arrangement(
            self.width,
            self.height,
            {name: box.moved(x, y) for name, box in self.tasks.items()},
            {name: box.moved(x, y) for name, box in self.groups.items()},
            {ends: [(a + x, b + y) for a, b in way] for ends, way in self.ways.items()},
            {ends: (a + x, b + y) for ends, (a, b) in self.labels.items()},
        )


@dataclass(frozen=True, slots=True)
class Sizes:
    """What has to find room."""

    tasks: Mapping[str, tuple[float, float]]
    """Width and height, by task id."""
    groups: Mapping[str, float]
    """Widths of labels, by group id."""
    labels: Mapping[Ends, float]
    """Widths of the edges' labels, 0 for none; every edge is here."""


def arrange(plan: Plan, sizes: Sizes) -> Arrangement:
    """Places for all of a plan."""
    parents = {group.group_id: group.parent for group in plan.groups}
    paths: dict[str, list[str]] = {}
    for task in plan.tasks:
        path, around = [f"t:{task.task_id}"], task.group
        while around is not None:
            path.insert(0, f"g:{around}")
            around = parents[around]
        paths[task.task_id] = path
    return _Area(sizes, paths, []).arrangement()


class _Area:
    """A group, or the whole plan: its direct tasks and groups as nodes, and the places of edges between them."""

    def __init__(self, sizes: Sizes, paths: Mapping[str, Sequence[str]], around: Sequence[str]) -> None:
        self.sizes = sizes
        depth = len(around)
        self.inside = {task: path[depth] for task, path in paths.items() if list(path[:depth]) == list(around)}
        """Task → the node of this area that it is, or stands in."""
        self.areas: dict[str, Arrangement] = {}
        self.nodes: dict[str, Node] = {}
        for name in dict.fromkeys(self.inside.values()):
            if name.startswith("t:"):
                self.nodes[name] = Node(*sizes.tasks[name[2:]])
            else:
                area = self.areas[name] = _Area(sizes, paths, [*around, name]).arrangement()
                width = max(area.width + 2 * PADDING, sizes.groups[name[2:]] + 2 * PADDING)
                self.nodes[name] = Node(width, area.height + HEADING + PADDING)

    def arrangement(self) -> Arrangement:
        """Places for everything in this area."""
        nodes, inside = self.nodes, self.inside
        inner = [ends for ends in self.sizes.labels if inside.get(ends[0], "") != inside.get(ends[1], "") and {*ends} <= set(inside)]
        assign_layers(nodes, [(inside[before], inside[after]) for before, after in inner])
        routes = {ends: route for ends in self.sizes.labels if (route := self._route(ends))}
        for ends, route in routes.items():
            for one, other in pairwise(route):
                link(nodes, one, other, self._height_in(one, ends[0]) - self._height_in(other, ends[1]))
        order_and_place(nodes)
        lefts, widths = self._columns(inner, routes)
        last = max(lefts, default=0)
        done = Arrangement(
            width=lefts[last] + widths[last] if lefts else 0.0,
            height=max((node.y + node.height / 2 for node in nodes.values()), default=0.0),
        )
        alike: dict[int, float] = defaultdict(float)  # the tasks of a layer are as wide as the widest of them
        for name, node in nodes.items():
            if name.startswith("t:"):
                alike[node.layer] = max(alike[node.layer], node.width)
        for name, node in nodes.items():
            left, width = lefts[node.layer], widths[node.layer]
            if name.startswith("t:"):
                own = alike[node.layer]
                done.tasks[name[2:]] = Box(left + (width - own) / 2, node.y - node.height / 2, own, node.height)
            elif name in self.areas:
                box = done.groups[name[2:]] = Box(left + (width - node.width) / 2, node.y - node.height / 2, node.width, node.height)
                area = self.areas[name] = self.areas[name].moved(box.x + (box.width - self.areas[name].width) / 2, box.y + HEADING)
                done.tasks |= area.tasks
                done.groups |= area.groups
                done.labels |= area.labels
                done.ways |= area.ways
        for ends, route in routes.items():
            self._draw(ends, route, done, lefts, widths)
        return done

    def _route(self, ends: Ends) -> list[str]:
        """Through which nodes an edge goes; places are made in the layers that it passes. Empty where it stays within one node."""
        here, there = self.inside.get(ends[0]), self.inside.get(ends[1])
        if here == there:
            return []
        first = self.nodes[here].layer + 1 if here else 0
        after_last = self.nodes[there].layer if there else 1 + max(node.layer for node in self.nodes.values())
        key = f"to {ends[1]}" if there else f"from {ends[0]}"
        places = [f"{key} in {layer}" for layer in range(first, after_last)]
        for place, layer in zip(places, range(first, after_last), strict=True):
            self.nodes.setdefault(place, Node(layer=layer))
        return [name for name in (here, *places, there) if name is not None]

    def _height_in(self, name: str, task: str) -> float:
        """How far below a node's middle the edges of a task within it leave it."""
        if name not in self.areas or self.inside.get(task) != name:
            return 0.0
        return HEADING + self.areas[name].tasks[task].middle - self.nodes[name].height / 2

    def _columns(self, inner: Sequence[Ends], routes: Mapping[Ends, Sequence[str]]) -> tuple[dict[int, float], dict[int, float]]:
        """The left sides and the widths of the layers."""
        widths: dict[int, float] = defaultdict(float)
        gaps: dict[int, float] = defaultdict(lambda: BETWEEN_LAYERS)
        for node in self.nodes.values():
            widths[node.layer] = max(widths[node.layer], node.width)
        for ends, route in routes.items():
            for one, other in pairwise(route):
                climbed = self.nodes[one].y + self._height_in(one, ends[0]) - self.nodes[other].y - self._height_in(other, ends[1])
                layer = self.nodes[other].layer
                gaps[layer] = max(gaps[layer], min(abs(climbed) * STEEP, MOST_BETWEEN))
        for ends in inner:
            layer, label = self.nodes[self.inside[ends[1]]].layer, self.sizes.labels[ends]
            gaps[layer] = max(gaps[layer], label + AROUND_LABEL if label else 0.0)
        lefts, x = {}, 0.0
        for layer in sorted(widths):
            x += gaps[layer] if layer else 0.0
            lefts[layer], x = x, x + widths[layer]
        return lefts, widths

    def _draw(self, ends: Ends, route: Sequence[str], done: Arrangement, lefts: Mapping[int, float], widths: Mapping[int, float]) -> None:
        """The way of an edge through this area, with what it goes inside of groups."""
        here, there = self.inside.get(ends[0]), self.inside.get(ends[1])
        way: list[Point] = []
        if here in self.areas:
            box = done.groups[here[2:]]
            way = [*self.areas[here].ways[ends]]
            way.append((box.x + box.width, way[-1][1]))
        elif here:
            box = done.tasks[ends[0]]
            way = [(box.x + box.width, box.middle)]
        for name in route:
            if name not in {here, there}:
                node = self.nodes[name]
                way += [(lefts[node.layer], node.y), (lefts[node.layer] + widths[node.layer], node.y)]
        rest: list[Point] = [(done.width, way[-1][1])] if way else []
        if there in self.areas:
            rest = [*self.areas[there].ways[ends]]
            rest.insert(0, (done.groups[there[2:]].x, rest[0][1]))
        elif there:
            rest = [(done.tasks[ends[1]].x, done.tasks[ends[1]].middle)]
        if here and there:
            (x, y), (end_x, end_y) = way[-1], rest[0]
            done.labels[ends] = ((x + end_x) / 2, (y + end_y) / 2)
        done.ways[ends] = [*([] if here else [(0.0, (way or rest)[0][1])]), *way, *rest]
