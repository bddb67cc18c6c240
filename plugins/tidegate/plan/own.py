"""Steps of Tidegate's own kinds as the calls that make their operators."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.model.form import plain
from tidegate.model.placeholders import fill
from tidegate.model.project import is_sql_file
from tidegate.model.rows import barrier_before, end, is_a, passed, sources
from tidegate.model.tree import Target
from tidegate.plan.budgets import zone_of
from tidegate.plan.calls import Call, Output
from tidegate.plan.dealing import values_of
from tidegate.plan.said import by_defaults, nearest
from tidegate.plan.values import lowered
from tidegate.resilience.keys import BREAKERS, EXPIRE, HELD_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.model import PipelineSpec
    from tidegate.model.extracts import ExtractSettings
    from tidegate.model.kind import Settings
    from tidegate.model.kinds import BarrierSettings, ChoiceSettings, Enough, LoadSettings, Patience, SqlSettings, TransformSettings
    from tidegate.model.step import Step
    from tidegate.model.tree import Node, Tree
    from tidegate.plan.lay import Instance, Layout

OURS = "tidegate.operators."


def of_kind(  # noqa: PLR0911  a table of kinds
    spec: PipelineSpec, layout: Layout, instance: Instance, settings: Settings, common: dict[str, Any]
) -> tuple[Call, dict[str, Any]]:
    """The operator of a step of a kind, and what it is mapped over."""
    from tidegate.model.extracts import ExtractSettings
    from tidegate.model.kinds import BarrierSettings, ChoiceSettings, LoadSettings, PipelineSettings, SqlSettings, TransformSettings

    match settings:
        case ExtractSettings():
            return _extract(spec, layout, instance, settings, common), {}
        case BarrierSettings():
            return _barrier(layout, instance, settings, common), {}
        case TransformSettings():
            return _transform(layout, instance, settings, common)
        case LoadSettings():
            return Call(
                f"{OURS}LoadOperator", {**_load(spec, instance, settings), "parts": Output(_source(layout, instance)), **common}
            ), {}
        case ChoiceSettings():
            return _choice(layout, instance, settings, common), {}
        case SqlSettings():
            return _sql(spec, instance, settings, common), {}
        case PipelineSettings():
            seconds = settings.poll.total_seconds()
            words: dict[str, Any] = {
                "pipeline": settings.pipeline,
                "wait_for_completion": settings.wait,
                "poke_interval": int(seconds) if seconds.is_integer() else seconds,
            }
            conf = lowered(plain(settings.conf), instance.bindings, str)
            words |= _given(spec, instance, settings, conf=(conf, {}), deferrable=(settings.deferrable, None))
            return Call(f"{OURS}PipelineOperator", {**words, **common}), {}
    from tidegate.plan.custom import built

    call = built(layout, instance, settings)
    return Call(call.path, {**call.arguments, **common}, call.positional), {}


def _extract(spec: PipelineSpec, layout: Layout, instance: Instance, settings: ExtractSettings, common: dict[str, Any]) -> Call:
    words: dict[str, Any] = {"source_conn_id": fill(settings.connection, instance.bindings)} if settings.connection is not None else {}
    if settings.files is not None:
        words["files"] = fill(settings.files, instance.bindings)
    elif settings.http is not None:
        words["http"] = _filled(settings.http.said, instance.bindings)
    elif settings.table is not None:
        words["table"] = fill(settings.table, instance.bindings)
    elif settings.query is not None:
        words["query"] = fill(settings.query, instance.bindings) if is_sql_file(settings.query) else settings.query
    words |= _given(spec, instance, settings, parameters=(dict(settings.params), {}))
    if instance.bindings:
        dimension, branch = list(instance.bindings.items())[-1]
        words |= {"branch": branch, "dimension": dimension}
    words["step"] = instance.node.path
    hedge = settings.hedge
    source = fill(hedge.connection, instance.bindings) if hedge is not None else None
    return Call(f"{OURS}ExtractOperator", words | _given(
        spec, instance, settings,
        accept=(settings.accept.said, {}),
        columns=(list(settings.columns), []), interval_column=(settings.interval_column, None), look_back=(settings.look_back, timedelta(0)),
        watermark=(settings.watermark, None), settled_by=(_settled_by(layout, instance) if settings.watermark is not None else [], []),
        split=({"by": settings.split.by, "into": settings.split.into} if settings.split is not None else None, None),
        delimiter=(settings.delimiter, ","), timezone=(settings.timezone, "UTC"), batch_rows=(settings.batch_rows, 50_000),
        hedge_conn_id=(source, None), hedge_after=(hedge.after if hedge is not None else None, None),
    ) | _breaker(spec, instance) | common | _slots(spec, instance, settings, common))  # fmt: skip


def _settled_by(layout: Layout, instance: Instance) -> list[str]:
    """The loads that take an extract's rows."""
    tree = layout.spec.tree
    loads = (node for node in tree.steps if is_a("load", node) and instance.node in passed(tree, node))
    return [task.task_id for load in loads for task in layout.inside(load, instance)]


def _slots(spec: PipelineSpec, instance: Instance, settings: ExtractSettings, common: dict[str, Any]) -> dict[str, Any]:
    """As many slots of a pool as a task has connections, where it takes any of one that is named."""
    node, branches = instance.node, instance.branches
    if settings.split is None or (common.get("pool") or nearest(spec, node, branches, "pool")) is None:
        return {}
    said = common.get("pool_slots") or nearest(spec, node, branches, "pool_slots") or 1
    return {"pool_slots": max(said, settings.split.into)}


def _filled(value: Any, bindings: Mapping[str, str]) -> Any:
    """The value with the branch's name in each of its texts."""
    if isinstance(value, dict):
        return {name: _filled(item, bindings) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, bindings) for item in value]
    return fill(value, bindings) if isinstance(value, str) else value


def _load(spec: PipelineSpec, instance: Instance, settings: LoadSettings) -> dict[str, Any]:
    words: dict[str, Any] = {"warehouse_conn_id": settings.connection, "table": settings.table}
    keys = {name: list(columns) for name, columns in (("replace", settings.replace), ("merge", settings.merge)) if columns}
    return words | keys | _given(
        spec, instance, settings,
        mode=(settings.mode if settings.mode in {"append", "swap"} else None, None), create=(settings.create, True), add_columns=(settings.add_columns, False),
    )  # fmt: skip


def _sql(spec: PipelineSpec, instance: Instance, settings: SqlSettings, common: dict[str, Any]) -> Call:
    words: dict[str, Any] = {"conn_id": fill(settings.connection, instance.bindings), "sql": settings.sql}
    words |= _given(spec, instance, settings, parameters=(dict(settings.params), {}), timezone=(settings.timezone, "UTC"))
    if instance.bindings:
        dimension, branch = list(instance.bindings.items())[-1]
        words |= {"branch": branch, "dimension": dimension}
    return Call(f"{OURS}SqlOperator", {**words, **common})


def _breaker(spec: PipelineSpec, instance: Instance) -> dict[str, Any]:
    """When the breaker of an extract's branch opens, and where it is kept."""
    step = instance.node.step
    own = step.own_settings.get(instance.label)
    said = own.breaker if own is not None and "breaker" in own.model_fields_set else step.breaker
    return {"breakers": _kept(spec, instance.node), "open_after": said.open_after} if said is not None else {}


def _kept(spec: PipelineSpec, extract: Node) -> Call:
    """The asset in whose state the breakers of a step's branches are kept."""
    return Call("airflow.sdk.Asset", {"name": f"{BREAKERS}:{spec.name}:{extract.path}", "group": "tidegate"})


def _given(spec: PipelineSpec, instance: Instance, settings: Settings, **pairs: tuple[Any, Any]) -> dict[str, Any]:
    """The arguments that differ from the operator's defaults, or that some defaults of the file would change: name → value and default.

    What defaults say of an argument reaches a step that has a setting of that name and does not give it.
    """
    by = by_defaults(spec, instance.node, instance.branches)
    if not by:
        return {name: value for name, (value, default) in pairs.items() if value != default}
    left = type(settings).model_fields.keys() - settings.model_fields_set
    return {name: value for name, (value, default) in pairs.items() if (name not in left if name in by else value != default)}


def _barrier(layout: Layout, instance: Instance, settings: BarrierSettings, common: dict[str, Any]) -> Call:
    tree = layout.spec.tree
    source = sources(tree, instance.node)[0]
    carrier = end(tree, source)
    branches: dict[str, Any] = {}
    for branch in source.body.branches:
        ids = _ends(layout, source, branch, carrier.path if carrier is not None else None)
        branches[branch] = ids[0] if len(ids) == 1 else ids
    words: dict[str, Any] = {"branches": branches}
    words |= _given(
        layout.spec, instance, settings,
        at_least=(settings.at_least, None), required=(list(settings.required), []), coverage=(settings.coverage, None),
        any=([_rule(way) for way in settings.any], []), weight=(dict(settings.weight), {}),
        expire=(settings.expire, EXPIRE), last_good=(settings.on_missing, None),
        patience=(_patience(settings.patience), None), decide_by=(settings.decide_by, None), early=(settings.early, False), late=(settings.late, "catch_up"),
        on_short=(settings.on_short, "finish"), abort=(_abort(settings), []),
    )  # fmt: skip
    if settings.watches:
        words["trigger_rule"] = "always"  # whatever the defaults say
    if settings.decide_by is not None and (zone := zone_of(layout.spec)) != "UTC":
        words["timezone"] = zone
    words |= {"dimension": source.body.dimension or "branch"}
    if carrier is not None:
        words["staged_as"] = carrier.path
    remembered = [node for node in source.within() if node.uses == "extract" and _has_breakers(node.step)]
    if remembered:
        words["breakers"] = [_kept(layout.spec, node) for node in remembered]
    return Call(f"{OURS}BarrierOperator", {**words, **common})


def _patience(said: Patience | None) -> dict[str, float] | None:
    return None if said is None else {"times": said.times, "at_least": said.at_least.total_seconds()}


def _abort(settings: BarrierSettings) -> list[str] | None:
    return None if settings.aborting is None else list(settings.aborting)


def _has_breakers(step: Step) -> bool:
    return step.breaker is not None or any(own.breaker is not None for own in step.own_settings.values())


def _rule(rule: Enough) -> dict[str, Any]:
    """A rule under ``any`` as the operator takes it: what it says, and nothing else."""
    return rule.model_dump(mode="json", exclude_unset=True)


def _ends(layout: Layout, source: Any, branch: str, carrier: str | None) -> list[str]:
    """The tasks in which a branch ends, and before them the one that carries its rows, though another may stand behind that."""
    one = Target(source, {source.path: branch})
    carrying = [task.task_id for task in layout.inside(source, None, one.picks) if task.node.path == carrier]
    return list(dict.fromkeys([*carrying, *(task.task_id for task in layout.last_of(one, None))]))


def _source(layout: Layout, instance: Instance) -> str:
    source = sources(layout.spec.tree, instance.node)[0]
    return layout.inside(source, instance)[0].task_id


def _transform(layout: Layout, instance: Instance, settings: TransformSettings, common: dict[str, Any]) -> tuple[Call, dict[str, Any]]:
    tree, node = layout.spec.tree, instance.node
    source = sources(tree, node)[0]
    barrier = barrier_before(tree, node)
    joined = sources(tree, barrier)[0] if barrier is not None else None
    dimension = joined.body.dimension if joined is not None else next(iter(reversed(list(instance.bindings))), None)
    by = by_defaults(layout.spec, node, instance.branches)
    ways = {"sql": settings.sql, "python": settings.python}
    words: dict[str, Any] = {name: value for name, value in ways.items() if value is not None or name in by}
    words |= _given(
        layout.spec, instance, settings,
        parameters=(dict(settings.params), {}), dimension=(dimension, None), timezone=(settings.timezone, "UTC"), accept=(settings.accept.said, {}),
    )  # fmt: skip
    words["step"] = node.path
    output = Output(_source(layout, instance))
    if (shares := node.body.shares) is not None:
        words |= {"parts": output, "held": Output(output.task_id, HELD_KEY)}
        words["map_index_template"] = common.pop("map_index_template", "{{ task.share_name }}")
        if shares.into is None:
            return Call(f"{OURS}TransformOperator", {**words, **common}), {"share": Output(values_of(instance.task_id))}
        words |= {"by": list(shares.by), "into": shares.into}
        return Call(f"{OURS}TransformOperator", {**words, **common}), {"share": list(range(shares.into))}
    if node.body.mapped_over is not None:
        template = common.pop("map_index_template", "{{ task.part['branch'] }}")
        return Call(f"{OURS}TransformOperator", {**words, "map_index_template": template, **common}), {"part": output}
    if source is barrier:
        words["held"] = Output(output.task_id, HELD_KEY)
    words["part" if instance.bindings else "parts"] = output
    return Call(f"{OURS}TransformOperator", {**words, **common}), {}


def _choice(layout: Layout, instance: Instance, settings: ChoiceSettings, common: dict[str, Any]) -> Call:
    tree = layout.spec.tree

    def begun(target: Target) -> list[str]:
        within = {task.task_id for task in layout.inside(target.node, instance, target.picks)}
        return [task.task_id for task in layout.first(target.node) if task.task_id in within]

    def ids(names: tuple[str, ...]) -> list[str]:
        return [task_id for name in names if (target := tree.find(name, instance.node)) is not None for task_id in begun(target)]

    if settings.python is not None:
        behind = [node for node in tree.nodes.values() if any(target.node is instance.node for _, target in tree.needs(node))]
        names = {_called(tree, node, instance.node): begun(Target(node, {})) for node in behind}
        return Call(f"{OURS}ChoiceOperator", {"python": settings.python, "names": names, **common})
    cases = [{"if": fill(case.if_, instance.bindings), "then": ids(case.then)} for case in settings.cases]
    return Call(
        f"{OURS}ChoiceOperator", {"cases": cases} | _given(layout.spec, instance, settings, otherwise=(ids(settings.else_), [])) | common
    )


def _called(tree: Tree, node: Node, seen_from: Node) -> str:
    """The shortest name by which one node means another: its own, or with groups around it in front, as under ``needs``."""
    names = [here.name for here in node.lineage]
    for first in reversed(range(len(names))):
        name = ".".join(names[first:])
        if (found := tree.find(name, seen_from)) is not None and found.node is node:
            return name
    return node.path
