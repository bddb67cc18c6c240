"""One DAG of dag-factory's as one pipeline: what stands at its top, and its steps."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from tidegate.importing import code, moments, objects
from tidegate.importing.callbacks import OF_RUNS, callbacks, keys_of
from tidegate.importing.effort import KEYS, ORDER, effort, flag, number, params, words
from tidegate.importing.objects import LOST
from tidegate.importing.schedule import schedule
from tidegate.importing.steps import step
from tidegate.importing.tree import Scene, grow, named, needs, safe_name
from tidegate.importing.writing import Block

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value
    from tidegate.importing.tree import Node, Tree

_ORDER = (
    *("pipeline", "description", "doc_md", "display_name", "owner", "owner_links", "tags", "variables", "params", "schedule", "timeout"),
    *(
        "max_active_runs",
        "max_active_tasks",
        "max_consecutive_failed_dag_runs",
        "fail_fast",
        "is_paused_upon_creation",
        "allowed_run_types",
    ),
    *("access_control", "render_template_as_native_obj", "user_defined_macros", "user_defined_filters", "jinja_environment_kwargs"),
    *("disable_bundle_versioning", "rerun_with_latest_version", *OF_RUNS, "defaults", "steps"),
)
_OF_GROUPS = {
    "tooltip": "tooltip",
    "ui_color": "ui_color",
    "ui_fgcolor": "ui_fgcolor",
    "doc_md": "doc_md",
    "group_display_name": "display_name",
    "prefix_group_id": "prefix_group_id",
}
_GROUP_OWN = {"dependencies", "parent_group_name", "default_args", "group_name"}
_GROUP_ORDER = ("needs", *_OF_GROUPS.values(), "defaults", "steps")


def pipeline(dag: Value, desk: Desk) -> Block | None:
    """The pipeline file of a DAG; None, and told of, where the DAG has no tasks.

    :param dag: All that reaches the DAG, under its name.
    """
    out, config = Block(flat=False), dag.mapping
    desk = desk.at(out)
    if not any(item.plain for item in (config.get("tasks"),) if item is not None):
        desk.lost(dag, "it has no tasks, and a pipeline has at least one step", "No file is written for it.")
        return None
    out["pipeline"] = safe_name(dag, desk, kind="pipeline")
    default_args = desk.mapping(config.get("default_args"))
    _top(config, desk)
    _from_default_args(default_args, desk)
    if (when := schedule(config, default_args, desk)) is not None:
        out["schedule"] = when
    if defaults := _defaults({key: value for key, value in default_args.items() if key not in _LIFTED}, desk):
        out["defaults"] = defaults
    tasks, groups = config.get("tasks"), config.get("task_groups")
    tree = grow(named(tasks, "task_id", desk), named(groups, "group_name", desk), desk)
    out["steps"] = _steps(tree.top, tree, default_args, desk)
    if desk.variables:
        out["variables"] = desk.variables
    return out.in_order(_ORDER)


_LIFTED = {"owner", "params", "start_date", "end_date", "timezone"}
"""Default arguments that a pipeline says at its top."""
_OF_DAGS_ONLY = {"catchup", "schedule", "schedule_interval", "tags", "description", "dagrun_timeout", "max_active_runs", "provide_context"}


def _from_default_args(default_args: dict[str, Value], desk: Desk) -> None:
    """The owner and the params, which are the whole pipeline's."""
    out = desk.into
    if (owner := default_args.get("owner")) is not None and owner.plain is not None and (said := words(owner, desk)) is not LOST:
        out["owner"] = said
    if (given := default_args.get("params")) is not None and (found := params(given, desk)) is not LOST:
        out["params"] = {**found, **out.get("params", {})}
    for key in _OF_DAGS_ONLY & default_args.keys():
        desk.note(default_args[key], "left out; among default_args it does nothing")


def _defaults(default_args: dict[str, Value], desk: Desk) -> Block:
    """``default_args`` as ``defaults``; arguments of certain operators stand under ``with``."""
    said, outer = Block(), desk.into
    desk = desk.at(said)
    effort(default_args, desk)
    for key in ("start_date", "end_date"):
        if key in default_args:
            desk.lost(default_args[key], "a group has no bounds of its own", "Give the pipeline's schedule its start and end.")
    rest = {key: value for key, value in default_args.items() if key not in KEYS | _OF_DAGS_ONLY | _LIFTED}
    if arguments := objects.mapping(rest, desk):
        said["with"] = arguments
    if not said:
        outer.comments += said.comments
    return said.in_order(ORDER)


def _steps(nodes: list[Node], tree: Tree, below: dict[str, Value], desk: Desk) -> Block:
    steps = Block(flat=False)
    for node in nodes:
        scene = Scene(node, tree, below, desk)
        steps[node.step] = _group(scene) if node.is_group else step(scene)
    return steps


def _group(scene: Scene) -> Block:
    out = scene.node.out
    desk = scene.desk.at(out)
    config = desk.mapping(scene.node.config)
    needs(replace(scene, desk=desk))
    for key, value in config.items():
        if value.plain is None or key in _GROUP_OWN:
            continue
        if key not in _OF_GROUPS:
            desk.lost(value, "a group has no such key", "Remove it.")
        elif (said := flag(value, desk) if key == "prefix_group_id" else words(value, desk)) is not LOST:
            out[_OF_GROUPS[key]] = said
    default_args = desk.mapping(config.get("default_args"))
    if defaults := _defaults(default_args, desk):
        out["defaults"] = defaults
    out["steps"] = _steps(scene.node.children, scene.tree, {**scene.below, **default_args}, desk)
    ordered = out.in_order(_GROUP_ORDER)
    ordered.flat = False
    return ordered


def _top(config: dict[str, Value], desk: Desk) -> None:
    """The keys of a DAG, one by one."""
    out = desk.into
    out.update(callbacks(OF_RUNS, config, desk))
    for key, value in config.items():
        if value.plain is None or key in _ELSEWHERE:
            continue
        if key in _TOP:
            name, say = _TOP[key]
            if key in _DROPPED:
                desk.note(value, f"dag-factory drops '{key}' without a word; Tidegate obeys it", "Remove it, if it is not meant.")
            said = say(value, desk)
            if said is not LOST and said is not None:
                out[name] = said
        elif key in _UNSAYABLE:
            desk.lost(value, *_UNSAYABLE[key])
        else:
            near = difflib.get_close_matches(key, [*_TOP, *_ELSEWHERE], n=1, cutoff=0.8)
            hint = _WITHOUT_EFFECT.get(key) or (f"Did you mean '{near[0]}'?" if near else "")
            desk.note(value, f"left out; dag-factory does nothing with '{key}'", hint)


def _plain(value: Value, desk: Desk) -> Any:
    return objects.plain(value, desk)


def _tags(value: Value, desk: Desk) -> list[str]:
    return [desk.text(tag) for tag in value.items]


def _page(value: Value, desk: Desk) -> Any:
    """``doc_md_file_path`` as a file under include/."""
    parts = PurePath(str(value.plain)).parts
    inside = parts[len(parts) - parts[::-1].index("include") :] if "include" in parts else ("docs", *parts[-1:])
    name = "/".join(inside)
    if not name.endswith(".md"):
        desk.lost(value, "it is no .md file", "Write its text under doc_md.")
        return LOST
    desk.note(value, f"{value.plain} must lie under include/", f"Put it there as include/{name}.")
    return name


def _macros(value: Value, desk: Desk) -> Any:
    """Names for templates: a text is a function by its path, a mapping holds more of them, anything else is a value."""
    found: dict[str, Any] = {}
    for name, item in desk.mapping(value).items():
        if item.mapping and "__type__" not in item.mapping:
            said = _macros(item, desk)
        elif item.text is not None:
            path = code.function(item, desk)
            said = {"import": path} if path else LOST
        else:
            said = objects.plain(item, desk)
        if said is not LOST:
            found[name] = said
    return found or LOST


_TOP: dict[str, tuple[str, Callable[[Value, Desk], Any]]] = {
    **{key: (key, words) for key in ("description", "doc_md")},
    **{key: (key, number) for key in ("max_active_runs", "max_active_tasks", "max_consecutive_failed_dag_runs")},
    **{key: (key, flag) for key in ("render_template_as_native_obj", "is_paused_upon_creation", "fail_fast")},
    **{key: (key, flag) for key in ("disable_bundle_versioning", "rerun_with_latest_version")},
    **{key: (key, _plain) for key in ("access_control", "owner_links", "jinja_environment_kwargs", "allowed_run_types")},
    **{key: (key, _macros) for key in ("user_defined_macros", "user_defined_filters")},
    "dag_display_name": ("display_name", words),
    "concurrency": ("max_active_tasks", number),
    "dagrun_timeout": ("timeout", moments.duration),
    "dagrun_timeout_sec": ("timeout", moments.duration),
    "tags": ("tags", _tags),
    "params": ("params", params),
    "doc_md_file_path": ("doc_md", _page),
}
"""dag-factory's key → the language's, and how its value is read."""
_DROPPED = {
    *(
        "max_consecutive_failed_dag_runs",
        "fail_fast",
        "owner_links",
        "user_defined_filters",
        "jinja_environment_kwargs",
        "allowed_run_types",
    ),
    *("disable_bundle_versioning", "rerun_with_latest_version"),
}
_WITHOUT_EFFECT = {
    "default_view": "Airflow 3 has no such setting.",
    "orientation": "Airflow 3 has no such setting.",
    "on_execute_callback": "Airflow calls it for tasks; under default_args it reaches them all.",
    "on_execute_callback_name": "Airflow calls it for tasks; under default_args it reaches them all.",
    "on_execute_callback_file": "Airflow calls it for tasks; under default_args it reaches them all.",
}
_ELSEWHERE = {
    *(
        "schedule",
        "timetable",
        "schedule_interval",
        "start_date",
        "end_date",
        "timezone",
        "catchup",
        "default_args",
        "tasks",
        "task_groups",
    ),
    *("doc_md_python_callable_file", "doc_md_python_arguments", "sla_miss_callback_file"),
    *keys_of(OF_RUNS),
}
_CALLED_DOC = ("it is made by code while the file is read", "Call the function once, and write its text under doc_md.")
_NO_SLA = ("Airflow 3 has no SLAs", "Write a 'deadline': [{reference: queued, within: 2h, callback: …}].")
_UNSAYABLE = {
    "doc_md_python_callable_name": _CALLED_DOC,
    "sla_miss_callback": _NO_SLA,
    "sla_miss_callback_name": _NO_SLA,
    "template_searchpath": ("templates lie under include/", "Put the files that the templates name there."),
    "template_undefined": (
        "it is a class, and the language takes strict, lenient or debug",
        "Write template_undefined: lenient, if that is meant.",
    ),
    "deadline": (
        "dag-factory drops it, and its form is not known",
        "Write [{reference: queued, within: 2h, callback: {uses: …, with: {…}}}].",
    ),
}
