"""From a spec to tasks, groups and edges."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tidegate.model.kind import CARRIERS
from tidegate.model.spec import OUTCOME
from tidegate.model.step import Group
from tidegate.model.tree import Target
from tidegate.plan.arguments import dag_arguments, group_arguments
from tidegate.plan.budgets import budgets
from tidegate.plan.dealing import with_values
from tidegate.plan.layout import Edge, Plan, PlannedGroup, PlannedTask
from tidegate.plan.operators import outcome_task, task_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tidegate.model import Loaded, PipelineSpec
    from tidegate.model.step import Need
    from tidegate.model.tree import Node

_PATIENT = frozenset({"all_success", "all_done", "all_done_min_one_success", "none_failed", "none_failed_min_one_success"})
"""Trigger rules under which a task starts only when the one before it has ended."""


@dataclass(slots=True, eq=False, repr=False)
class Instance:
    """One task of a step: the step itself, or the step for one branch."""

    node: Node
    task_id: str
    label: str
    group: str | None
    branches: Mapping[str, str] = field(default_factory=dict)
    """Path of a repeated node → branch, of all fan-outs around the task."""
    bindings: Mapping[str, str] = field(default_factory=dict)
    """The same by dimension."""


def has_outcome(spec: PipelineSpec) -> bool:
    """Whether the pipeline ends in an outcome."""
    pipeline = spec.pipeline
    if pipeline.outcome is not None:
        return pipeline.outcome
    return bool(pipeline.alerts or pipeline.publish) or any(node.uses in CARRIERS for node in spec.tree.steps)


def plan(spec: PipelineSpec) -> Plan:
    """Lay out a pipeline. The order of everything depends on the file alone, so that equal files make equal DAGs."""
    layout = laid_out(spec)
    tasks = [task for instance in layout.instances for task in with_values(spec, task_of(spec, layout, instance), layout.edges)]
    if has_outcome(spec):
        layout.edges |= {(task_id, OUTCOME): Edge(task_id, OUTCOME) for task_id in layout.last(tasks)}
        tasks.append(outcome_task(spec, tasks))
    return Plan(spec.name, dag_arguments(spec), tuple(layout.groups), tuple(tasks), tuple(layout.edges.values()), spec.functions)


def judged(loaded: Loaded) -> Loaded:
    """A pipeline with all that its kinds cannot build told as findings; any other as it is."""
    if loaded.spec is None or loaded.document is None or not loaded.spec.kinds:
        return loaded
    from tidegate.plan.custom import refusals

    refused = refusals(laid_out(loaded.spec))
    for instance, error in refused.values():
        loaded.document.report((*instance.node.at, "uses"), error.message.rstrip("."), error.hint)
    return replace(loaded, spec=None, findings=tuple(loaded.document.findings)) if refused else loaded


def laid_out(spec: PipelineSpec) -> Layout:
    """Where every task of a pipeline stands, and who waits for whom."""
    layout = Layout(spec)
    layout.lay(spec.tree.top.values(), None, prefix=True, branches={}, bindings={})
    layout.connect()
    return layout


class Layout:
    """Where every task stands, and who waits for whom."""

    def __init__(self, spec: PipelineSpec) -> None:
        self.spec = spec
        self.budgets = budgets(spec)
        self.groups: list[PlannedGroup] = []
        self.instances: list[Instance] = []
        self.edges: dict[tuple[str, str], Edge] = {}
        self._by_path: dict[str, list[Instance]] = {}

    def lay(self, nodes: Iterable[Node], group: str | None, *, prefix: bool, branches: dict[str, str], bindings: dict[str, str]) -> None:
        """Place nodes inside of a group, in order."""
        for node in nodes:
            body = node.body
            if not body.branches:
                self._place(node, node.name, group, prefix=prefix, branches=branches, bindings=bindings)
                continue
            outer = self._group(node, node.name, group, prefix=prefix, branches=branches)
            for branch in body.branches:
                here, bound = {**branches, node.path: branch}, {**bindings, body.dimension or "": branch}
                self._place(node, branch, outer, prefix=True, branches=here, bindings=bound)

    def _place(
        self, node: Node, label: str, group: str | None, *, prefix: bool, branches: dict[str, str], bindings: dict[str, str]
    ) -> None:
        if isinstance(node.body, Group):
            inner = self._group(node, label, group, prefix=prefix, branches=branches)
            self.lay(node.children.values(), inner, prefix=node.body.prefix_group_id, branches=branches, bindings=bindings)
            return
        instance = Instance(node, _child(group, label, prefix=prefix), label, group, branches, bindings)
        self.instances.append(instance)
        for here in node.lineage:
            self._by_path.setdefault(here.path, []).append(instance)

    def _group(self, node: Node, label: str, parent: str | None, *, prefix: bool, branches: Mapping[str, str]) -> str:
        group_id, branch = _child(parent, label, prefix=prefix), branches.get(node.path)
        whole = isinstance(node.body, Group) and (branch is not None or not node.body.branches)
        arguments = group_arguments(self.spec, node, branches) if whole else {}
        self.groups.append(PlannedGroup(group_id, arguments, step=node.path, branch=branch, label=label, parent=parent))
        return group_id

    def connect(self) -> None:
        """Draw all edges, those inside of groups first: what a group begins and ends with depends on them."""
        for node in sorted(self.spec.tree.nodes.values(), key=lambda node: -len(node.lineage)):
            for target, because, label in self._before(node):
                for task in self.first(node):
                    for source in self.last_of(target, task):
                        self.edges.setdefault((source.task_id, task.task_id), Edge(source.task_id, task.task_id, because, label))  # type: ignore[arg-type]

    def _before(self, node: Node) -> Iterator[tuple[Target, str, str]]:
        """What a node waits for, with the reason and the words on the edge."""
        tree = self.spec.tree
        for need, target in tree.needs(node):
            yield target, need.because or "data", _label(need)
        if node.before is not None:
            yield Target(node.before, {}), "data", ""
        if node.is_group:
            return
        step = node.step
        names = node.reads if node.path not in self.spec.settings else []
        names = [*names, step.mapped_over] if step.mapped_over is not None and step.python is not None else names
        for name in [*names, *(step.teardown or ())]:
            if (found := tree.find(name, node)) is not None:
                yield found, "data", ""

    def inside(self, node: Node, like: Instance | None = None, picks: Mapping[str, str] | None = None) -> list[Instance]:
        """The tasks of a node; of those, the ones in the branches of ``like`` and of ``picks``."""
        found = self._by_path.get(node.path, [])
        if len(found) == 1:
            return found
        shared = {here.path for here in like.node.lineage} & {here.path for here in node.lineage} if like else set()
        wanted = {path: like.branches[path] for path in shared if path in like.branches} if like else {}
        wanted |= picks or {}
        if not wanted:
            return found
        return [task for task in found if all(task.branches.get(path) == branch for path, branch in wanted.items())]

    def first(self, node: Node) -> list[Instance]:
        """The tasks that a node begins with."""
        tasks = self.inside(node)
        if not node.is_group:
            return tasks
        ids = {task.task_id for task in tasks}
        waiting = {edge.downstream for edge in self.edges.values() if edge.upstream in ids}
        return [task for task in tasks if task.task_id not in waiting]

    def last_of(self, target: Target, like: Instance | None) -> list[Instance]:
        """The tasks that a node ends with, in the branches of ``like``. What is behind a group does not wait for its teardowns."""
        tasks = self.inside(target.node, like, target.picks)
        if not target.node.is_group:
            return tasks
        lasting = [task for task in tasks if task.node.step.teardown is None] or tasks
        ids = {task.task_id for task in lasting}
        awaited = {edge.upstream for edge in self.edges.values() if edge.downstream in ids}
        return [task for task in lasting if task.task_id not in awaited]

    def id_of(self, name: str, seen_from: Instance) -> str:
        """The id of the one task that a step's name means in another."""
        target = self.spec.tree.find(name, seen_from.node)
        assert target is not None  # noqa: S101  a checked spec names steps that exist
        return self.inside(target.node, seen_from, target.picks)[0].task_id

    def last(self, tasks: list[PlannedTask]) -> list[str]:
        """The tasks that the outcome waits for: those that nothing waits for; all, where some may end before those before them have."""
        upstream: dict[str, int] = {}
        for edge in self.edges.values():
            upstream[edge.downstream] = upstream.get(edge.downstream, 0) + 1
        rules: dict[str | None, str] = {None: self.spec.pipeline.defaults.trigger_rule or "all_success"}
        for group in self.groups:
            rules[group.group_id] = group.arguments.get("default_args", {}).get("trigger_rule", rules[group.parent])
        chain = all(_waits(task, upstream.get(task.task_id, 0), self.spec, rules) for task in tasks)
        awaited = {edge.upstream for edge in self.edges.values()}
        # What is behind a setup tells of it: Airflow refuses a task right behind one that also starts when it failed.
        return [task.task_id for task in tasks if task.task_id not in awaited or not (chain or task.setup)]


def _waits(task: PlannedTask, upstream: int, spec: PipelineSpec, rules: Mapping[str | None, str]) -> bool:
    """Whether a task that has ended tells that all before it have.

    A barrier waits for all, or decides about those that it does not wait for. Others end early, failed or skipped, when one of several before them fails or skips; and by a trigger rule that
    does not wait.

    :param rules: Group → the trigger rule that its defaults give, the groups around it counted in.
    """
    if spec.tree.nodes[task.step].uses == "barrier":
        return True
    return upstream <= 1 and task.call.arguments.get("trigger_rule", rules[task.group]) in _PATIENT


def _label(need: Need) -> str:
    return need.label if need.label is not None else (need.because or "")


def _child(group: str | None, label: str, *, prefix: bool) -> str:
    return f"{group}.{label}" if group and prefix else label
