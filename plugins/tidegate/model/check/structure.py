"""Names and order: what is needed exists, nothing waits for itself, groups and teardowns hold together."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING

from tidegate.model.check.params import BOUND, TOLD_TO_RUNS, check_params
from tidegate.model.findings import did_you_mean
from tidegate.model.parts import NAME
from tidegate.model.spec import OUTCOME
from tidegate.model.step import Group

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate.model.check.subject import Subject
    from tidegate.model.effort import Effort
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place


def check_structure(subject: Subject, path: Path) -> None:
    """Report what is wrong with names, needs and order."""
    pipeline = subject.pipeline
    if pipeline.pipeline != path.stem:
        otherwise = f", or the pipeline to {path.stem}" if re.match(NAME, path.stem) else ""
        subject.report(
            ("pipeline",),
            f"the pipeline is named '{pipeline.pipeline}', its file '{path.name}'",
            f"A pipeline and its file share one name: rename the file to {pipeline.pipeline}{path.suffix}{otherwise}.",
        )
    check_params(subject)
    for node in subject.tree.nodes.values():
        _names(subject, node)
    _behind_setups(subject)
    _cycles(subject)
    _task_ids(subject)


def _names(subject: Subject, node: Node) -> None:
    body = node.body
    if len(subject.tree.needs(node)) < len(body.needs):
        for index, need in enumerate(body.needs):
            if subject.tree.find(need.step, node) is None:
                subject.unknown_step((*node.at, "needs", index, "step"), need.step, node)
    if body.for_each:
        _repetition(subject, node)
    if node.is_group:
        return
    step = node.step
    if step.holds:
        _holds(subject, node)
    if step.teardown is not None:
        _teardown(subject, node)


def _teardown(subject: Subject, node: Node) -> None:
    owns = {(*node.at, "for_each", node.step.dimension or "", branch): own for branch, own in node.step.own_settings.items()}
    for at, said in {node.at: node.step, **owns}.items():
        if said.trigger_rule is not None:
            subject.report((*at, "trigger_rule"), "a teardown runs when its setups ran; it has no other rule", "Remove trigger_rule.")
    for index, name in enumerate(node.step.teardown or ()):
        at = (*node.at, "teardown", index)
        target = subject.tree.find(name, node)
        if target is None:
            subject.unknown_step(at, name, node)
        elif target.node.is_group:
            subject.report(at, f"'{name}' is a group", "Name the steps that are its setups.")
        elif target.node.step.teardown is not None:
            subject.report(at, f"'{name}' is a teardown itself", "Name the step that sets up what this one takes down.")


def _behind_setups(subject: Subject) -> None:
    """Right behind a setup, Airflow takes one trigger rule only; another one is told where it is said, once."""
    tree = subject.tree
    setups = tree.setups | {node.path for node in tree.steps if node.step.setup}
    told: set[Place] = set()
    for node in tree.steps if setups else ():
        setup = next((other.name for other in _right_before(subject, node) if other.path in setups), None)
        for at, rule in _rules(subject, node) if setup is not None and node.step.teardown is None else ():
            if rule not in {None, "all_success"} and at not in told:
                told.add(at)
                behind = "" if at[: len(node.at)] == node.at else f", where '{node.path}' stands"
                subject.report(
                    at,
                    f"'{setup}' is a setup, right behind which Airflow takes no other rule than all_success{behind}",
                    "Remove trigger_rule, or put a step between the two." if not behind else "Say trigger_rule: all_success of that step.",
                )


def _right_before(subject: Subject, node: Node) -> list[Node]:
    """What a step waits for, with what the groups wait for that begin with it."""
    found = subject.tree.waits_for(node)
    parent = node.parent
    if parent is not None and not any(parent in other.lineage for other in found):
        found += _right_before(subject, parent)
    return found


def _rules(subject: Subject, node: Node) -> Iterator[tuple[Place, str | None]]:
    """The trigger rules that hold for a step's tasks, with the place where each is said: the nearest word, and those of single branches."""
    for here in reversed(node.lineage):
        owns = here.body.own_settings
        for branch, own in owns.items():
            if "trigger_rule" in own.model_fields_set:
                yield (*here.at, "for_each", here.body.dimension or "", branch, "trigger_rule"), own.trigger_rule
        said, at = (here.body.defaults, (*here.at, "defaults")) if isinstance(here.body, Group) else (here.body, here.at)
        if owns and all("trigger_rule" in own.model_fields_set for own in owns.values()):
            return
        if "trigger_rule" in said.model_fields_set:
            yield (*at, "trigger_rule"), said.trigger_rule
            return
    yield ("defaults", "trigger_rule"), subject.pipeline.defaults.trigger_rule


def _repetition(subject: Subject, node: Node) -> None:
    at, dimension = (*node.at, "for_each"), node.body.dimension
    if dimension in TOLD_TO_RUNS:
        subject.report(
            at, f"'{dimension}' already has a meaning in what a run is triggered with", "Name the dimension otherwise, such as region."
        )
    if dimension in BOUND:
        subject.report(at, f"'{dimension}' already has a meaning in every query", "Name the dimension otherwise, such as region.")
    if node.parent is not None and dimension in node.parent.dimensions:
        subject.report(at, f"a group around it is repeated over '{dimension}' already", "Name this dimension otherwise.")
    if node.is_group and node.body.mapped_over is not None:
        subject.report(at, "a group is repeated over branches that the file names", "List them: {region: [a, b]}.")


def _holds(subject: Subject, node: Node) -> None:
    step, known, at = node.step, subject.pipeline.resources, (*node.at, "holds")
    for name, slots in step.holds.items():
        if name not in known:
            hint = did_you_mean(name, known) or "Declare it: resources: {" + name + ": {limit: 4}}."
            subject.report(at, f"there is no resource '{name}'", hint)
        elif slots > known[name].limit:
            subject.report(
                at,
                f"'{name}' has {known[name].limit} slots, and each task wants {slots}",
                "Raise the limit or take fewer: such a task would never start.",
            )
    whose: list[tuple[str, Place, Effort]] = [("step", at, step)]
    whose += [("branch", (*node.at, "for_each", step.dimension or "", branch), own) for branch, own in step.own_settings.items()]
    for who, place, said in whose:
        if said.pool is not None or said.pool_slots is not None:
            here = place if who == "step" else (*place, "pool" if said.pool is not None else "pool_slots")
            subject.report(here, f"the {who} names a pool, too; an Airflow task holds slots of one pool only", "Keep one of them.")


def _cycles(subject: Subject) -> None:
    """Report what waits for itself. It does so whatever else is unsure of its steps, so nothing keeps back what is found here."""
    tree = subject.tree
    if _in_order(subject):
        return
    graph: dict[str, set[str]] = {node.path: set() for node in tree.steps}
    for node in tree.nodes.values():
        for source in subject.tree.waits_for(node):
            if source in node.lineage[:-1]:
                subject.document.report(
                    (*node.at, "needs"), f"it stands inside of '{source.name}', so it cannot wait for it", "Remove this need."
                )
                continue
            for step in node.within():
                graph[step.path].update(other.path for other in source.within())
    told: set[Place] = set()
    while circle := _circle(graph):
        pairs = list(pairwise(circle))
        said = [(turn, at) for turn, (step, before) in enumerate(pairs) if (at := _said(subject, step, before))]
        turn, at = said[0] if said else (0, tree.nodes[circle[0]].at)
        circle = [step for step, _ in (*pairs[turn:], *pairs[:turn])]
        graph = {step: before.difference(circle) for step, before in graph.items() if step not in circle}
        if not told.isdisjoint(place for _, place in said):
            continue  # of the steps of two groups that wait for each other, one circle tells enough
        told.update(place for _, place in said)
        if len(circle) == 1:
            subject.document.report(at, "it waits for itself", "Remove this need.")
        else:
            around = " → ".join([*circle, circle[0]])
            subject.document.report(at, f"steps wait for each other in a circle: {around}", "Remove one of these needs.")


def _circle(graph: dict[str, set[str]]) -> list[str]:
    """The steps of one circle, the first again at its end; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def _said(subject: Subject, step: str, before: str) -> Place | None:
    """Where the file says that a step waits for another one; None where only the order of a serial group does."""
    tree = subject.tree
    node = tree.nodes[step]
    for member in reversed(node.lineage):
        for need, target in tree.needs(member):
            if any(other.path == before for other in target.node.within()):
                return (*member.at, "needs", member.body.needs.index(need))
    for key, names in (("with", node.reads), ("teardown", node.step.teardown or ()), ("for_each", node.maps_over)):
        if any((found := tree.find(name, node)) and found.node.path == before for name in names):
            return (*node.at, key)
    return None


def _in_order(subject: Subject) -> bool:
    """Whether every step stands behind those that it waits for, as most people write: then there is no circle, and no need to look for one."""
    tree = subject.tree
    seen: set[str] = set()
    for node in tree.steps:
        if node.parent is not None:
            return False
        simple = not (node.specials or node.step.for_each or node.step.teardown or node.before)
        waits = [target.node for _, target in tree.needs(node)] if simple else subject.tree.waits_for(node)
        for other in waits:
            if other.path not in seen:
                return False
        seen.add(node.path)
    return len(seen) == len(tree.nodes)


def task_id_of(node: Node) -> str:
    """What Airflow calls a task or a group, branches apart: a group without a prefix gives what is in it no path at all."""
    parent = node.parent
    prefixed = parent is not None and isinstance(parent.body, Group) and parent.body.prefix_group_id
    return f"{task_id_of(parent)}.{node.name}" if parent is not None and prefixed else node.name


def _ends(subject: Subject, node: Node) -> None:
    subject.report(node.at, f"'{OUTCOME}' is the id of the task that ends every pipeline", "Name yours otherwise.")


def _task_ids(subject: Subject) -> None:
    """Without prefixes, two tasks may come to share an id, with one another or with the outcome."""
    seen: dict[str, Node] = {}
    if OUTCOME in subject.pipeline.steps:
        _ends(subject, subject.tree.nodes[OUTCOME])
    flat = not any(node.is_group or node.body.for_each for node in subject.tree.nodes.values())
    for node in () if flat else subject.tree.nodes.values():
        task_id = task_id_of(node)
        if task_id == OUTCOME and node.parent is not None:
            _ends(subject, node)
        if node.body.shares is not None and node.body.shares.into is None:
            seen.setdefault(f"{task_id}_values", node)
        if task_id in seen:
            subject.report(
                node.at, f"'{seen[task_id].path}' has the id '{task_id}' already", "Rename one, or leave prefix_group_id as it is."
            )
        seen[task_id] = node
        if not isinstance(node.body, Group) or node.body.prefix_group_id:
            continue
        if node.body.branches:
            subject.report(
                (*node.at, "prefix_group_id"), "a repeated group needs its prefix: its tasks would share ids", "Remove prefix_group_id."
            )
