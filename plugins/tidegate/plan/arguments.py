"""The arguments of the DAG and of its task groups."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.model.form import is_schema, plain
from tidegate.model.kind import CARRIERS
from tidegate.model.layers import merged
from tidegate.model.schedule import AssetTerm, instant
from tidegate.plan.calls import Call, Imported
from tidegate.plan.documentation import dag_documentation
from tidegate.plan.effort import effort, is_steady, references
from tidegate.plan.said import repeats
from tidegate.plan.values import asset, lowered, made, reference
from tidegate.resilience.keys import INTERVAL_END, INTERVAL_START
from tidegate.resilience.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tidegate.model import PipelineSpec
    from tidegate.model.effort import Defaults
    from tidegate.model.schedule import Schedule
    from tidegate.model.spec import Deadline, Pipeline
    from tidegate.model.step import BranchSettings
    from tidegate.model.tree import Node

_INTERVAL_HELP = "Wins over the data interval above. Leave both bounds empty to take that one."
_AS_THEY_ARE = (
    "max_active_runs", "max_active_tasks", "max_consecutive_failed_dag_runs", "fail_fast", "is_paused_upon_creation",
    "render_template_as_native_obj", "disable_bundle_versioning", "rerun_with_latest_version",
)  # fmt: skip
_UNDEFINED = {"lenient": "jinja2.Undefined", "debug": "jinja2.DebugUndefined"}


def dag_arguments(spec: PipelineSpec) -> dict[str, Any]:
    """Of ``airflow.sdk.DAG``, without the id; only what is said, or what differs from Airflow's defaults."""
    pipeline = spec.pipeline
    found: dict[str, Any] = {"dag_display_name": pipeline.display_name, "description": pipeline.description or None}
    found |= schedule_arguments(pipeline.schedule)
    found["default_args"] = {"owner": pipeline.owner, **_defaults(pipeline.defaults, spec.tree.steps)}
    found["tags"] = sorted({"tidegate", *pipeline.tags})
    found["params"] = _params(spec)
    found["dagrun_timeout"] = pipeline.timeout
    found["deadline"] = [_deadline(deadline, pipeline.schedule) for deadline in pipeline.deadline]
    found |= {name: getattr(pipeline, name) for name in _AS_THEY_ARE if name in pipeline.model_fields_set}
    if pipeline.schedule is not None and pipeline.schedule.continuous:
        found["max_active_runs"] = 1
    found |= _code(pipeline)
    found["doc_md"] = dag_documentation(spec)
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def _code(pipeline: Pipeline) -> dict[str, Any]:
    found: dict[str, Any] = {
        "owner_links": dict(pipeline.owner_links),
        "allowed_run_types": list(pipeline.allowed_run_types),
        "access_control": {role: _permissions(said) for role, said in pipeline.access_control.items()},
        "user_defined_macros": lowered(pipeline.user_defined_macros, {}, str),
        "user_defined_filters": {name: reference(value) for name, value in pipeline.user_defined_filters.items()},
        "jinja_environment_kwargs": {name: lowered(value, {}, str) for name, value in pipeline.jinja_environment_kwargs.items()},
    }
    if pipeline.template_undefined in _UNDEFINED:
        found["template_undefined"] = Imported(_UNDEFINED[pipeline.template_undefined])
    for name in ("on_success_callback", "on_failure_callback"):
        if value := getattr(pipeline, name):
            found[name] = references(value)
    return found


def _permissions(said: Any) -> Any:
    """Per resource, where the file names only permissions of the DAG."""
    return {"DAGs": list(said)} if isinstance(said, list) else said


def _defaults(defaults: Defaults | BranchSettings, steps: Iterable[Node], *, over: bool = False) -> dict[str, Any]:
    ours = is_steady(defaults) and any(step.uses and "." not in step.uses for step in steps)
    return {**effort(defaults, ours=ours, over=over), **lowered(defaults.with_, {}, str)}


def group_arguments(spec: PipelineSpec, node: Node, branches: Mapping[str, str]) -> dict[str, Any]:
    """Of ``airflow.sdk.TaskGroup``, without id and parent.

    :param branches: Path of a repeated group → branch, whose own settings are laid over the group's defaults.
    """
    body: Any = node.body
    found = {"group_display_name": body.display_name, "prefix_group_id": None if body.prefix_group_id else False}
    found |= {name: getattr(body, name) for name in ("doc_md", "tooltip", "ui_color", "ui_fgcolor")}
    found["default_args"] = {name: value for name, value in _of_group(spec, node, branches).items() if name != "params"} or None
    return {name: value for name, value in found.items() if value is not None}


def _of_group(spec: PipelineSpec, node: Node, branches: Mapping[str, str]) -> dict[str, Any]:
    body: Any = node.body
    below: Defaults = body.defaults
    found = _defaults(below, node.within(), over=repeats(spec, node, branches, below))
    own: BranchSettings | None = body.own_settings.get(branches.get(node.path))
    if own is None:
        return found
    mine = _defaults(own, node.within(), over=repeats(spec, node, branches, own))
    return {**found, **mine, **lowered(merged(below.with_, own.with_), {}, str)}


def schedule_arguments(schedule: Schedule | None) -> dict[str, Any]:
    """When runs begin. Bounds are the timetable's own wherever it can hold them, so that a run by hand outside of them has tasks."""
    if schedule is None:
        return {}
    ours = schedule.timetable is None and not schedule.continuous
    timetable = _timetable(schedule) if ours else None
    found: dict[str, Any] = {}
    if schedule.catchup:
        found["catchup"] = True
    if not ours or schedule.catchup:
        found["start_date"] = schedule.start and schedule.instant(schedule.start)
    if not ours and schedule.end is not None:
        found["end_date"] = schedule.instant(schedule.end)
    if schedule.assets is not None:
        found["schedule"] = _with_assets(schedule, schedule.assets, timetable)
    elif schedule.timetable is not None:
        found["schedule"] = made(schedule.timetable)
    else:
        found["schedule"] = "@continuous" if schedule.continuous else timetable
    return {name: value for name, value in found.items() if value is not None}


def _with_assets(schedule: Schedule, term: AssetTerm, timetable: Call | None) -> Any:
    if schedule.partitions is not None:
        arguments: dict[str, Any] = {"assets": asset(term)}
        if schedule.partitions.default is not None:
            arguments["default_partition_mapper"] = made(schedule.partitions.default)
        if schedule.partitions.by_asset:
            pairs = [(asset(_named(name, term)), made(mapper)) for name, mapper in schedule.partitions.by_asset.items()]
            arguments["partition_mapper_config"] = Call("builtins.dict", {}, (pairs,))  # its keys are assets
        return Call("airflow.sdk.PartitionedAssetTimetable", arguments)
    if timetable is not None:
        return Call("airflow.sdk.AssetOrTimeSchedule", {"timetable": timetable, "assets": asset(term)})
    return asset(term) if term.any or term.all else [asset(term)]


def _named(name: str, term: AssetTerm) -> AssetTerm:
    """The asset of a name or URI among those that a schedule waits for: Airflow finds its mapper by both."""
    return next((leaf for leaf in _leaves(term) if name in {leaf.name, leaf.uri}), AssetTerm.model_validate(name))


def _leaves(term: AssetTerm) -> Iterator[AssetTerm]:
    for part in (*term.all, *term.any):
        yield from _leaves(part)
    if not (term.all or term.any):
        yield term


def _timetable(schedule: Schedule) -> Call | None:
    bounds = {name: schedule.instant(bound) for name, bound in (("start", schedule.start), ("end", schedule.end)) if bound is not None}
    if schedule.every is not None:
        return Call("tidegate.timetables.EveryTimetable", {"delta": schedule.every, **bounds})
    if not schedule.cron:
        return None
    words: dict[str, Any] = {"timezone": schedule.timezone, **bounds}
    if len(schedule.cron) == 1 and schedule.interval in {None, "tick"}:
        return Call("tidegate.timetables.NightTimetable", words, schedule.cron)
    if isinstance(schedule.interval, timedelta):
        words["interval"] = schedule.interval
    return Call("tidegate.timetables.MomentsTimetable", words, schedule.cron)


def _deadline(deadline: Deadline, schedule: Schedule | None) -> Call:
    named = {"queued": "DAGRUN_QUEUED_AT", "logical_date": "DAGRUN_LOGICAL_DATE"}
    if deadline.reference == "average_runtime":
        counted: Any = Call("airflow.sdk:DeadlineReference.AVERAGE_RUNTIME")
    elif isinstance(deadline.reference, str):
        counted = Imported(f"airflow.sdk:DeadlineReference.{named[deadline.reference]}")
    else:
        counted = Call(
            "airflow.sdk:DeadlineReference.FIXED_DATETIME",
            {},
            (instant(deadline.reference, schedule.timezone if schedule is not None else "UTC"),),
        )
    said = deadline.callback
    path = said.uses or (said.import_ or "").replace(":", ".")
    arguments = {"kwargs": lowered(said.with_, {}, str)} if said.with_ else {}
    callback = Call("airflow.sdk.SyncCallback" if deadline.sync else "airflow.sdk.AsyncCallback", arguments, (path,))
    words: dict[str, Any] = {"reference": counted, "interval": deadline.within, "callback": callback}
    return Call("airflow.sdk.DeadlineAlert", words | ({"name": deadline.name} if deadline.name else {}))


def _params(spec: PipelineSpec) -> dict[str, Any]:
    """The trigger form: the pipeline's own fields, then which branches, which interval."""
    form: dict[str, Any] = {name: _param(value) for name, value in spec.pipeline.params.items()}
    if not any(node.uses in CARRIERS for node in spec.tree.steps):
        return form
    offered: dict[str, dict[str, None]] = {}
    for node in spec.tree.nodes.values():
        if node.body.branches and any(step.uses == "extract" for step in node.within()):
            offered.setdefault(node.body.dimension or "", {}).update(dict.fromkeys(node.body.branches))
    for dimension, branches in offered.items():
        form[dimension] = Call("airflow.sdk.Param", {
            "type": "array",
            "items": {"type": "string", "enum": list(branches)},
            "uniqueItems": True,
            "examples": list(branches),
            "title": f"Which {plural(dimension)}",
            "description": f"The run brings these {plural(dimension)}; the others are excluded and keep what they have.",
        }, (list(branches),))  # fmt: skip
    for name, title in ((INTERVAL_START, "Interval start (inclusive)"), (INTERVAL_END, "Interval end (exclusive)")):
        words = {"type": ["null", "string"], "format": "date-time", "title": title, "description": _INTERVAL_HELP}
        form[name] = Call("airflow.sdk.Param", words, (None,))
    return form


def _param(value: Any) -> Any:
    value = plain(value)
    if not is_schema(value):
        return value
    words = {word: item for word, item in value.items() if word != "default"}
    return Call("airflow.sdk.Param", words, (value["default"],) if "default" in value else ())
