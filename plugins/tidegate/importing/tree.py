"""Where tasks and groups stand in one another, and how a step names another one from where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from tidegate.importing.writing import Block

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_-]*$")
_LONGEST = 100


@dataclass(slots=True)
class Node:
    """A task or a group of dag-factory's."""

    name: str
    """As dag-factory calls it."""
    config: Value
    step: str
    """As the pipeline calls it."""
    is_group: bool = False
    out: Block = field(default_factory=Block)
    """Its step."""
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def path(self) -> tuple[str, ...]:
        """The steps that lead to it from the top."""
        return (*(self.parent.path if self.parent else ()), self.step)


@dataclass(slots=True)
class Tree:
    """All tasks and groups of one DAG."""

    tasks: dict[str, Node] = field(default_factory=dict)
    groups: dict[str, Node] = field(default_factory=dict)
    top: list[Node] = field(default_factory=list)
    """What stands in no group, in the order of the file; a group stands where its first task does."""

    def find(self, name: str) -> Node | None:
        """A task or group by the name that dag-factory's file calls it, or by the id that Airflow shows."""
        if (node := self.tasks.get(name) or self.groups.get(name)) is not None:
            return node
        return next((node for node in self.tasks.values() if ".".join(node.path) == name), None)

    def reference(self, to: Node, at: Node) -> str:
        """How the step ``at`` names the step ``to``: by its name beside it or further out, ``group.step`` where it is inside of one."""
        around, path = at.path[:-1], to.path
        shared = 0
        while shared < min(len(around), len(path) - 1) and around[shared] == path[shared]:
            shared += 1
        return ".".join(path[shared:])


def safe_name(value: Value, desk: Desk, *, kind: str, taken: set[str] | None = None) -> str:
    """A name that the language takes; told of, where it is not the one that is written.

    :param taken: Names that others have.
    """
    name = value.key
    if _NAME.match(name) and len(name) <= _LONGEST:
        return name
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:_LONGEST]
    safe = safe if _NAME.match(safe) else f"_{safe}"[:_LONGEST]
    if safe in (taken or ()):
        safe = next(free for n in count(2) if (free := f"{safe[: _LONGEST - 4]}_{n}") not in (taken or ()))
    message = f"the name of a {kind} has letters, digits, '_' and '-', begins with a letter or '_', and has at most {_LONGEST} characters"
    hint = f"It is called '{safe}' here: history, and others that name it, know it as {name!r}."
    desk.lost(value, message, hint)
    return safe


def named(listed: Value | None, key: str, desk: Desk) -> dict[str, Value]:
    """``tasks`` or ``task_groups`` by name, whether they are written as a mapping or as a list of mappings that hold ``key``."""
    if listed is None or listed.plain is None:
        return {}
    if isinstance(listed.plain, dict):
        return listed.mapping
    found: dict[str, Value] = {}
    for item in listed.items:
        name = item.mapping.get(key)
        if name is None or name.plain is None:
            desk.lost(item, f"it has no {key}", "Give it a name.")
            continue
        if str(name.plain) in found:
            desk.lost(name, f"another one is called {name.plain} too", "Give each its own name.")
            continue
        rest = {word: value for word, value in item.mapping.items() if word != key}
        path = (*item.path[:-1], str(name.plain))
        found[str(name.plain)] = type(item)(rest, path, name.place)
    return found


def grow(tasks: dict[str, Value], groups: dict[str, Value], desk: Desk) -> Tree:
    """The tree of a DAG's tasks and groups."""
    tree = Tree()
    taken = {*tasks, *groups}
    for name, value in groups.items():
        tree.groups[name] = _node(name, value, desk, taken, is_group=True)
    for node in tree.groups.values():
        node.parent = _group(node, "parent_group_name", tree, desk.at(node.out))
    for node in tree.groups.values():
        _cut_circle(node, desk.at(node.out))
    for name, value in tasks.items():
        if name in tree.groups:
            desk.lost(value, f"a group is called {name} too", "Give each its own name.")
        node = _node(name, value, desk, taken, is_group=False)
        node.parent = _group(node, "task_group_name", tree, desk.at(node.out))
        tree.tasks[name] = node
        _plant(node, tree)
    for node in tree.groups.values():
        if not node.children:
            desk.lost(node.config, "the group is empty", "Remove it, or give it steps.")
    return tree


def _node(name: str, value: Value, desk: Desk, taken: set[str], *, is_group: bool) -> Node:
    out = Block()
    step = safe_name(value, desk.at(out), kind="step", taken=taken)
    taken.add(step)
    return Node(name, value, step, is_group, out)


def _group(node: Node, key: str, tree: Tree, desk: Desk) -> Node | None:
    asked = node.config.mapping.get(key)
    if asked is None or asked.plain is None:
        return None
    found = tree.groups.get(str(asked.plain))
    if found is None:
        desk.lost(asked, f"there is no group {asked.plain}", "Correct the name; the step stands outside of any group now.")
    return found


def _cut_circle(node: Node, desk: Desk) -> None:
    seen, around = {id(node)}, node.parent
    while around is not None:
        if id(around) in seen:
            desk.lost(node.config, "the groups stand in a circle", "Correct parent_group_name.")
            node.parent = None
            return
        seen.add(id(around))
        around = around.parent


def _plant(node: Node, tree: Tree) -> None:
    """Put a node among its group's children, and the group among those of the one around it."""
    siblings = node.parent.children if node.parent else tree.top
    if not any(other is node for other in siblings):
        siblings.append(node)
        if node.parent:
            _plant(node.parent, tree)


@dataclass(frozen=True, slots=True)
class Scene:
    """One task or group, and what stands around it."""

    node: Node
    tree: Tree
    below: dict[str, Value]
    """The default arguments that reach it."""
    desk: Desk


def needs(scene: Scene) -> None:
    """Put the steps that a task or group waits for into its step."""
    node, tree, desk = scene.node, scene.tree, scene.desk
    listed = node.config.mapping.get("dependencies")
    found: list[str] = []
    for item in listed.items if listed is not None else []:
        to = tree.find(str(item.plain))
        if to is None or (to.is_group and not to.children):
            desk.lost(item, f"there is no task or group {item.plain}", "Correct the name, or remove it.")
            continue
        reference = tree.reference(to, node)
        if reference not in found:
            found.append(reference)
    if found:
        desk.into["needs"] = found[0] if len(found) == 1 else found
