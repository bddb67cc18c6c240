"""Whether rows can flow: every step that works on rows has one step to take them from, and joins have something to join."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from tidegate.model.durations import parse_moment
from tidegate.model.findings import did_you_mean
from tidegate.model.kind import BUILT_IN, CARRIERS
from tidegate.model.rows import FEEDS, end, sources

if TYPE_CHECKING:
    from tidegate.model.check.subject import Subject
    from tidegate.model.kind import Settings
    from tidegate.model.kinds import BarrierSettings, Enough, LoadSettings
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place


def check_rows(subject: Subject) -> None:
    """Report what keeps rows from flowing."""
    _one_of_each(subject)
    _interval(subject)
    for node in subject.tree.steps:
        if node.uses in BUILT_IN:
            if node.uses in CARRIERS:
                _result(subject, node)
            _repetition(subject, node)
            _feeds(subject, node)
            if (settings := subject.settings.get(node.path)) is not None:
                _settings(subject, node, settings)
        elif node.body.mapped_over is not None:
            _mapped_function(subject, node)
    if subject.pipeline.outcome is False and (given := _needs_outcome(subject)):
        subject.report(("outcome",), f"{given} needs the outcome, which tells what became of the run", "Remove 'outcome: false'.")


def _settings(subject: Subject, node: Node, settings: Settings) -> None:
    from tidegate.model.kinds import BarrierSettings, LoadSettings

    if isinstance(settings, BarrierSettings):
        _quorum(subject, node, settings)
    if isinstance(settings, LoadSettings):
        _target(subject, node, settings)


def _needs_outcome(subject: Subject) -> str:
    carrier = next((node.name for node in subject.tree.steps if node.uses in CARRIERS), None)
    if carrier is not None:
        return f"step '{carrier}'"
    return next((f"'{key}'" for key in ("publish", "alerts") if getattr(subject.pipeline, key)), "")


def _one_of_each(subject: Subject) -> None:
    """An interval has one record, so a pipeline has one barrier to decide about it and one load to commit it."""
    for kind in ("barrier", "load"):
        found = [node for node in subject.tree.steps if node.uses == kind]
        for node in found[1:]:
            subject.report(
                node.at, f"a pipeline has one {kind}, and '{found[0].path}' is that already", "Make a second pipeline of this part."
            )


def _interval(subject: Subject) -> None:
    """Runs of moments would fail one by one: rows are read, staged, loaded and recorded by the interval that a run is about."""
    schedule = subject.pipeline.schedule
    carrier = next((node for node in subject.tree.steps if node.uses in CARRIERS), None)
    if carrier is None or schedule is None or not schedule.of_moments:
        return
    subject.report(
        ("schedule", "interval" if schedule.interval else "cron"),
        f"each run is about a moment, and '{carrier.path}' works on the rows of an interval",
        "Give interval: a duration such as 24h" + (", or tick." if len(schedule.cron) == 1 else "."),
    )


def _result(subject: Subject, node: Node) -> None:
    """Those behind know of rows by what the task returns, so it is always kept."""
    said: dict[Place, bool | None] = {node.at: node.step.do_xcom_push}
    for branch, own in node.step.own_settings.items():
        said[*node.at, "for_each", node.step.dimension or "", branch] = own.do_xcom_push
    for at, kept in said.items():
        if kept is False:
            subject.report(
                (*at, "do_xcom_push"),
                f"{a(node.uses)} tells those behind it of its rows by its result, which this would throw away",
                "Remove do_xcom_push; a default of false does not reach this step.",
            )


def _mapped_function(subject: Subject, node: Node) -> None:
    at = (*node.at, "for_each")
    if node.step.shares is not None:
        subject.report(at, "only a transform is given shares of rows", "Write uses: transform, and the function under with: python.")
        return
    if node.step.python is None:
        subject.report(
            at, "only a transform or a python function can be repeated over what a step returned", "List the branches, or use expand."
        )
        return
    target = subject.tree.find(node.body.mapped_over or "", node)
    if target is None or target.node.is_group:
        subject.unknown_step(at, node.body.mapped_over or "", node)


def _repetition(subject: Subject, node: Node) -> None:
    at, step, uses = (*node.at, "for_each"), node.step, node.uses
    if uses in CARRIERS and len(node.dimensions) > 1:
        around = " and ".join(node.dimensions)
        subject.report(at, f"it is repeated over {around}; rows are kept by one dimension", "Join the two into one list of branches.")
    if _inside_of_the_fan_out(node):
        subject.report(node.at, f"a {uses} stands behind the fan-out, not inside of it", "Move it out of the repeated group.")
    if step.branches and uses in CARRIERS and uses != "extract":
        instead = "Write for_each: {part: <barrier>}, or leave it out." if uses == "transform" else "Leave for_each out."
        subject.report(at, f"a {uses} is not repeated over named branches", instead)
    over = step.mapped_over
    if over is None:
        return
    if uses != "transform":
        subject.report(
            at, f"{a(uses)} cannot be repeated over what arrived", "Only a transform can; an extract lists its branches by name."
        )
        return
    target = subject.tree.find(over, node)
    if target is None or not _mapped_over_a_barrier(subject, node):
        barriers = [other.name for other in subject.tree.steps if other.uses == "barrier"]
        subject.report(
            at, f"'{over}' is no barrier of this pipeline", did_you_mean(over, barriers) or "Add a barrier, or list branches by name."
        )
    elif target.node not in sources(subject.tree, node):
        subject.report(at, f"it is repeated over '{over}', which it does not need", f"Write needs: {over}.")


def _inside_of_the_fan_out(node: Node) -> bool:
    return node.uses in {"barrier", "load"} and node.parent is not None and bool(node.parent.dimensions)


def _mapped_over_a_barrier(subject: Subject, node: Node) -> bool:
    target = subject.tree.find(node.body.mapped_over or "", node)
    return target is not None and target.node.uses == "barrier"


def _feeds(subject: Subject, node: Node) -> None:
    """A step that works on rows has exactly one step to take them from."""
    if any(subject.tree.find(need.step, node) is None for need in node.body.needs) or node.uses not in {*FEEDS, "barrier"}:
        return
    if _inside_of_the_fan_out(node) or (node.body.mapped_over is not None and not _mapped_over_a_barrier(subject, node)):
        return  # told by what is repeated
    found = sources(subject.tree, node)
    at = (*node.at, "needs")
    if node.uses == "barrier":
        _joins(subject, node, found)
        return
    if len(found) != 1:
        words = " or ".join(a(kind) for kind in sorted(FEEDS[node.uses]))
        told = f"it needs {len(found)} of them: {', '.join(other.name for other in found)}" if found else "it needs none"
        subject.report(
            at,
            f"{a(node.uses)} takes its rows from exactly one step that is {words}; {told}",
            f"Name one such step under needs of '{node.name}'.",
        )
        return
    source = found[0]
    by_branch = source.body.mapped_over is not None and source.step.shares is None
    if node.uses == "transform" and node.body.mapped_over is None and by_branch:
        subject.report(
            at,
            f"'{node.name}' combines what '{source.name}' made of each branch, which a catch-up of one branch cannot do again",
            f"Combine right behind '{source.body.mapped_over}', and do there what '{source.name}' does.",
        )
    shared = {other.path for other in node.lineage}
    if repeated := [other for other in source.lineage if other.body.branches and other.path not in shared]:
        count = len(repeated[0].body.branches)
        subject.report(at, f"'{repeated[0].name}' has {count} branches and no barrier joins them", "Put a barrier between the two.")


def _joins(subject: Subject, node: Node, found: list[Node]) -> None:
    at = (*node.at, "needs")
    if len(found) > 1:
        names = ", ".join(other.name for other in found)
        subject.report(
            at, f"a barrier joins one fan-out; it needs {len(found)} of them: {names}", "Name one repeated step or group under needs."
        )
    if found:
        return
    needed = [target.node.name for _, target in subject.tree.needs(node)]
    if needed:
        name = needed[0]
        subject.report(at, f"there is nothing to decide: '{name}' is not repeated", f"Give '{name}' a for_each, or drop this barrier.")
    else:
        subject.report(
            at,
            "a barrier joins exactly one step or group that is repeated by for_each; it needs none",
            f"Name it under needs of '{node.name}'.",
        )


def _quorum(subject: Subject, node: Node, settings: BarrierSettings) -> None:
    at = (*node.at, "with")
    branches = [branch for source in sources(subject.tree, node) for branch in source.body.branches]
    if not branches:
        return
    for branch in settings.weight:
        if branch not in branches:
            subject.report((*at, "weight", branch), f"there is no branch '{branch}'", did_you_mean(branch, branches))
    _watching(subject, node, settings, branches)
    if settings.on_missing is not None:
        _carried(subject, node)
    weight = sum(settings.weight.get(branch, 1) for branch in branches)
    if not weight:
        subject.report((*at, "weight"), "no branch has any weight, so nothing is ever enough", "Give one of them at least 1.")
    _enough(subject, at, settings, branches, weight)
    for index, way in enumerate(settings.any):
        if not way.model_fields_set:
            subject.report((*at, "any", index), "it asks for nothing", "Give at_least, required or coverage.")
        _enough(subject, (*at, "any", index), way, branches, weight)


def _watching(subject: Subject, node: Node, settings: BarrierSettings, branches: list[str]) -> None:
    """What is said of a barrier that may decide before all branches have ended."""
    at = (*node.at, "with")
    if isinstance(settings.on_failure, dict):
        for branch in settings.on_failure:
            if branch not in branches:
                subject.report((*at, "on_failure", branch), f"there is no branch '{branch}'", did_you_mean(branch, branches))
    if "late" in settings.model_fields_set and settings.decide_by is None and not settings.early and settings.patience is None:
        subject.report(
            (*at, "late"),
            "it waits until all branches have ended, so none of them is late",
            "Give decide_by, early or patience, or remove late.",
        )
    if settings.decide_by is not None and (tick := _daily(subject)) is not None and parse_moment(settings.decide_by) == tick:
        subject.report(
            (*at, "decide_by"), "a run begins at that time, so it would decide a whole day later", "Write a later time, or a duration."
        )
    if settings.watches and node.step.trigger_rule is not None:
        subject.report(
            (*node.at, "trigger_rule"),
            "a barrier that may decide before all branches have ended begins with the run, whatever its trigger rule says",
            "Remove trigger_rule.",
        )


def _carried(subject: Subject, node: Node) -> None:
    """What keeps an earlier interval's rows from standing in."""
    at, tree = (*node.at, "with", "on_missing"), subject.tree
    if all(end(tree, source) is None for source in sources(tree, node)):
        subject.report(at, "its branches bring no rows that could stand in", "Remove on_missing.")
    for load in tree.steps:
        if load.uses == "load" and node in sources(tree, load):
            subject.report(
                at,
                f"'{load.path}' takes rows as they were read, and those of an earlier day would stand under that day",
                f"Put a transform between '{node.name}' and '{load.name}', and take the day from $interval_start there.",
            )


def _daily(subject: Subject) -> time | None:
    """The time of day at which each run begins, where the schedule's cron says just one."""
    schedule = subject.pipeline.schedule
    fields = schedule.cron[0].split() if schedule is not None and len(schedule.cron) == 1 else []
    if len(fields) < 2 or not (fields[0].isdecimal() and fields[1].isdecimal()):  # noqa: PLR2004  minute and hour
        return None
    return time(int(fields[1]), int(fields[0]))


def _enough(subject: Subject, at: Place, rule: Enough, branches: list[str], weight: int) -> None:
    for index, branch in enumerate(rule.required):
        if branch not in branches:
            subject.report((*at, "required", index), f"there is no branch '{branch}'", did_you_mean(branch, branches))
    from tidegate.model.quantity import AtLeast

    bound = AtLeast.parse(rule.at_least) if rule.at_least is not None else None
    if bound is not None and not bound.percent and bound.amount > weight:
        there = f"there are {len(branches)} branches" + (f" that weigh {weight}" if weight != len(branches) else "")
        subject.report((*at, "at_least"), f"{bound} can never arrive: {there}", "Lower it, or write a percentage.")


def _target(subject: Subject, node: Node, settings: LoadSettings) -> None:
    at = (*node.at, "with")
    if settings.table.count(".") > 1 or not all(settings.table.split(".")):
        subject.report((*at, "table"), f"'{settings.table}' is no table", "Write table, or schema.table.")
    if "{{" in settings.connection:
        subject.report((*at, "connection"), "a load's connection is no template", "Name the connection: other steps ask its ledger too.")


def a(kind: str) -> str:
    """The kind with its article."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
