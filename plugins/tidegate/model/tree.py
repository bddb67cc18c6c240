"""The steps of a pipeline as a tree, and what a name means where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidegate.model.step import Group, Step
from tidegate.model.values import specials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate.model.spec import Pipeline
    from tidegate.model.step import Need
    from tidegate.model.values import Word
    from tidegate.model.yaml_source import Place


def _nested(arguments: dict[str, Any]) -> bool:
    """Whether arguments hold more than texts and numbers, or look like one of the language's own mappings."""
    return "from" in arguments or "import" in arguments or any(isinstance(value, dict | list) for value in arguments.values())


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """One step or group where it stands."""

    name: str
    path: str
    """``regions.clean``: names from the top, without branches."""
    at: Place
    """The place of its body in the document."""
    body: Step | Group
    parent: Node | None = None
    children: dict[str, Node] = field(default_factory=dict)
    before: Node | None = None
    """The step that a serial order puts before this one."""
    is_group: bool = False
    """Whether it holds steps."""
    uses: str = ""
    """What it uses without the version: a kind or an import path; empty for groups and functions."""
    lineage: tuple[Node, ...] = ()
    """The nodes around it and itself, the outermost first."""
    _plain: bool | None = None
    _specials: list[tuple[Place, Word, dict[str, Any]]] | None = None

    @property
    def step(self) -> Step:
        """The body of a node that is no group."""
        assert isinstance(self.body, Step)  # noqa: S101  callers ask leaves only
        return self.body

    @property
    def is_plain(self) -> bool:
        """Whether a step's arguments are texts and numbers alone, as most are."""
        if self._plain is None:
            step = self.step
            self._plain = not (step.expand or step.expand_kwargs or step.for_each or _nested(step.with_))
        return self._plain

    @property
    def specials(self) -> list[tuple[Place, Word, dict[str, Any]]]:
        """What a step's arguments hold in place of plain data, with the places: results of steps, objects, functions."""
        if self._specials is None:
            if self.is_plain:
                self._specials = []
                return self._specials
            step = self.step
            found = list(specials(step.with_, (*self.at, "with")))
            if step.expand:
                found += specials(step.expand, (*self.at, "expand"))
            if step.expand_kwargs is not None:
                found += specials(step.expand_kwargs, (*self.at, "expand_kwargs"))
            for branch, own in step.own_settings.items():
                found += specials(own.with_, (*self.at, "for_each", step.dimension or "", branch, "with"))
            self._specials = found
        return self._specials

    @property
    def reads(self) -> list[str]:
        """The names of the steps whose results the step takes by ``{from: …}``."""
        return [value["from"] for _, word, value in self.specials if word == "from"] if self._specials != [] else []

    @property
    def maps_over(self) -> tuple[str, ...]:
        """The step over whose result a python step is repeated; a transform says in its needs what it waits for."""
        over = self.step.mapped_over
        return (over,) if over is not None and self.step.python is not None else ()

    @property
    def dimensions(self) -> dict[str, tuple[str, ...]]:
        """Dimension → branches, of every fan-out over named branches around it and its own."""
        return {node.body.dimension: node.body.branches for node in self.lineage if node.body.dimension and node.body.branches}

    def within(self) -> Iterator[Node]:
        """All steps inside of a group, in order; the node itself where it is none."""
        if not self.is_group:
            yield self
        for child in self.children.values():
            yield from child.within()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Target:
    """What a name means: a node, and the branches that the name picks on its way."""

    node: Node
    picks: Mapping[str, str]
    """Path of a repeated node → branch."""


class Tree:
    """All nodes of a pipeline by path, in the order of the file, each group before what it holds."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.nodes: dict[str, Node] = {}
        self.steps: list[Node] = []
        """Every node that is no group, in the order of the file."""
        self._plain: dict[str, Target] = {}
        self._needs: dict[str, list[tuple[Need, Target]]] = {}
        self.top = self._add(pipeline.steps, None, ("steps",), serial=pipeline.serial)

    def _add(self, steps: Mapping[str, Step | Group], parent: Node | None, at: Place, *, serial: bool) -> dict[str, Node]:
        added: dict[str, Node] = {}
        before = None
        for name, body in steps.items():
            node = Node(name, f"{parent.path}.{name}" if parent else name, (*at, name), body, parent)
            node.before = before
            if serial and (isinstance(body, Group) or body.teardown is None):  # as for Airflow, nothing waits for a teardown to go on
                before = node
            added[name] = self.nodes[node.path] = node
            node.lineage = (*parent.lineage, node) if parent else (node,)
            if not isinstance(body, Group):
                self.steps.append(node)
                node.uses = (body.uses or "").partition("@")[0]
            else:
                node.is_group = True
                node.children = self._add(body.steps, node, (*at, name, "steps"), serial=body.serial)
        return added

    def waits_for(self, node: Node) -> list[Node]:
        """The steps and groups that a node waits for, whatever makes it wait."""
        found = [target.node for _, target in self.needs(node)]
        if node.before is not None:
            found.append(node.before)
        if not node.is_group:
            names = (*node.reads, *(node.step.teardown or ()), *node.maps_over)
            found += [target.node for name in names if (target := self.find(name, node))]
        return found

    def beside(self, node: Node) -> dict[str, Node]:
        """The nodes that share a node's parent, itself among them."""
        return node.parent.children if node.parent else self.top

    def find(self, name: str, seen_from: Node) -> Target | None:
        """What a name means in a node: a step beside it, or beside one of those around it; then inwards along the dots."""
        here: Node | None = seen_from
        if "." not in name:
            while here is not None:
                found = (here.parent.children if here.parent is not None else self.top).get(name)
                if found is not None:
                    return self._plain.setdefault(found.path, Target(found, {}))
                here = here.parent
            return None
        first, *rest = name.split(".")
        while here is not None:
            if first in (siblings := self.beside(here)):
                return self._inwards(siblings[first], rest)
            here = here.parent
        return None

    @staticmethod
    def _inwards(node: Node, parts: list[str]) -> Target | None:
        picks: dict[str, str] = {}
        for part in parts:
            if node.path not in picks and part in node.body.branches:
                picks[node.path] = part
            elif part in node.children:
                node = node.children[part]
            else:
                return None
        return Target(node, picks)

    def known_from(self, node: Node) -> list[str]:
        """The names that a node could write under ``needs``."""
        names: dict[str, None] = {}
        here: Node | None = node
        while here is not None:
            names.update(dict.fromkeys(name for name, other in self.beside(here).items() if other is not here))
            here = here.parent
        return list(names)

    def deep_from(self, node: Node) -> list[str]:
        """The dotted names that a node could write: of steps inside of what it sees, and of single branches."""
        names: dict[str, None] = {}
        here: Node | None = node
        while here is not None:
            for other in self.beside(here).values():
                names.update(dict.fromkeys(self._deep(other, other.name)) if other is not here else {})
            here = here.parent
        return list(names)

    def _deep(self, node: Node, name: str) -> Iterator[str]:
        for branch in node.body.branches:
            yield f"{name}.{branch}"
        for child in node.children.values():
            yield f"{name}.{child.name}"
            yield from self._deep(child, f"{name}.{child.name}")

    @cached_property
    def dimensions(self) -> frozenset[str]:
        """What anything in the pipeline is repeated over."""
        return frozenset(node.body.dimension for node in self.nodes.values() if node.body.dimension)

    @cached_property
    def setups(self) -> frozenset[str]:
        """The paths of the steps that a teardown names."""
        named = ((name, node) for node in self.steps if node.step.teardown for name in node.step.teardown)
        return frozenset(target.node.path for name, node in named if (target := self.find(name, node)))

    def needs(self, node: Node) -> list[tuple[Need, Target]]:
        """What a node needs and where that is; names that lead nowhere are left out, for a finding tells them."""
        if node.path not in self._needs:
            found = ((need, self.find(need.step, node)) for need in node.body.needs)
            self._needs[node.path] = [(need, target) for need, target in found if target is not None]
        return self._needs[node.path]
