"""One task of dag-factory's as one step: an operator by its import path, or a Python function."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tidegate.importing import code
from tidegate.importing.arguments import arguments, mapped, result
from tidegate.importing.effort import KEYS, ORDER, effort
from tidegate.importing.objects import LOST, plain
from tidegate.importing.tree import Scene, needs
from tidegate.model import moved_names

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value
    from tidegate.importing.writing import Block

_OWN = {"operator", "decorator", "dependencies", "task_group_name", "parent_group_name", "expand", "partial", "task_id"}
"""Keys that are dag-factory's own."""
_REFUSED = {
    "start_date": ("a step has no start of its own", "Give the pipeline's schedule its start, or make a pipeline of the step."),
    "end_date": ("a step has no end of its own", "Give the pipeline's schedule its end, or make a pipeline of the step."),
    "default_args": ("a step has no default arguments", "Write what they say into the step."),
    "dag": ("a step belongs to its file", "Remove it."),
    "task_group": ("a step belongs to the group that it is written in", "Remove it."),
}
_PLAIN_OPERATORS = {"airflow.providers.standard.operators.python.PythonOperator"}
_PLAIN_DECORATORS = {
    *("airflow.decorators.task", "airflow.sdk.task", "airflow.sdk.definitions.decorators.task"),
    *("airflow.decorators.python.python_task", "airflow.providers.standard.decorators.python.python_task"),
}
_PYTHON = "airflow.providers.standard.operators.python"
_OPERATORS = {
    "branch_task": f"{_PYTHON}.BranchPythonOperator",
    "branch_external_python_task": f"{_PYTHON}.BranchExternalPythonOperator",
    "branch_virtualenv_task": f"{_PYTHON}.BranchPythonVirtualenvOperator",
    "external_python_task": f"{_PYTHON}.ExternalPythonOperator",
    "short_circuit_task": f"{_PYTHON}.ShortCircuitOperator",
    "virtualenv_task": f"{_PYTHON}.PythonVirtualenvOperator",
    "sensor_task": "airflow.providers.standard.sensors.python.PythonSensor",
}
"""Decorator → the operator that it makes of a function."""
_THEIRS = {
    *(
        "requirements",
        "python_version",
        "system_site_packages",
        "pip_install_options",
        "serializer",
        "use_dill",
        "expect_airflow",
        "index_urls",
    ),
    *("venv_cache_path", "env_vars", "inherit_env", "python", "expect_pendulum", "skip_on_exit_code", "ignore_downstream_trigger_rules"),
    *("poke_interval", "timeout", "mode", "soft_fail", "exponential_backoff", "max_wait", "silent_fail", "never_fail", "templates_dict"),
    *("templates_exts", "show_return_value_in_logs", "string_args", "op_args"),
}
"""Arguments of those operators; what else a decorated task gives goes to the function."""
_ALSO_COMMON = ("doc", "email", "owner", "params", "pool", "queue")
"""Words of every operator's that a function may well have as parameters."""


def step(scene: Scene) -> Block:
    """The step of a task."""
    out, config = scene.node.out, scene.node.config.mapping
    scene = replace(scene, desk=scene.desk.at(out))
    desk = scene.desk
    needs(scene)
    for key, (message, hint) in _REFUSED.items():
        if key in config and config[key].plain is not None:
            desk.lost(config[key], message, hint)
    said = {key: value for key, value in config.items() if key not in _REFUSED}
    if "operator" in config:
        _operator(said, scene)
    elif "decorator" in config:
        _decorated(said, scene)
    else:
        hint = "Say what it does: uses: import.path.of.Operator, or python: module:function."
        desk.lost(scene.node.config, "the task has neither 'operator' nor 'decorator', and dag-factory does not build it", hint)
        effort(said, desk, scene.below)
    ordered = out.in_order(ORDER)
    ordered.flat = len(ordered) <= 1 or ordered.keys() == {"needs", "uses"}
    return ordered


def _operator(config: dict[str, Value], scene: Scene) -> None:
    """A task that names an operator."""
    desk, out = scene.desk, scene.desk.into
    config = {**config, **_partial(config, desk)}
    effort(config, desk, scene.below)
    rest = {key: value for key, value in config.items() if key not in KEYS | _OWN}
    path = code.imported(config["operator"], desk)
    if path is None:
        return
    said: Any
    if path in _PLAIN_OPERATORS and _is_plain_call(rest, config):
        called = _called(config["operator"], rest, desk)
        if called is not None:
            out["python"] = called
        given = rest.get("op_kwargs")
        said = plain(given, desk) if given is not None and given.mapping else None
    else:
        out["uses"] = path
        said = arguments(path, rest, desk)
    if isinstance(said, dict) and said:
        out["with"] = said
    if over := _over(config, scene, decorated=False):
        out["expand"] = over


def _over(config: dict[str, Value], scene: Scene, *, decorated: bool) -> dict[str, Any]:
    """What the task is mapped over."""
    expand = scene.desk.mapping(config.get("expand"))
    found = {key: mapped(value, scene, decorated=decorated) for key, value in expand.items()}
    return {key: value for key, value in found.items() if value is not LOST}


def _partial(config: dict[str, Value], desk: Desk) -> dict[str, Value]:
    """What ``partial`` adds to a task's keys."""
    partial = desk.mapping(config.get("partial"))
    for key, value in partial.items():
        if key in config:
            desk.lost(value, f"'{key}' stands beside 'partial' too", "Keep one of them; this one is written.")
    return partial


def _is_plain_call(rest: dict[str, Value], config: dict[str, Value]) -> bool:
    """Whether a PythonOperator does no more than call a function by arguments that have names."""
    known = {"python_callable", "python_callable_name", "python_callable_file", "op_kwargs"}
    by_name = "op_kwargs" not in rest or isinstance(rest["op_kwargs"].plain, dict | None)
    by_path = "python_callable" not in rest or not str(rest["python_callable"].plain).startswith("airflow.")
    return rest.keys() <= known and by_name and by_path and not (config.get("expand") and config["expand"].mapping)


def _called(beside: Value, config: dict[str, Value], desk: Desk) -> str | None:
    """``module:function`` of the function that a task calls, from its file or from its path; None, and told of, where none is given."""
    value = config.get("python_callable")
    if value is not None and value.text:
        return code.included(value, desk)
    if found := code.in_file("python_callable", config, desk):
        return found
    if not config.keys() & {"python_callable_name", "python_callable_file"}:
        desk.lost(beside, "no function is named beside it", "Write python: module:function.")
    return None


def _decorated(config: dict[str, Value], scene: Scene) -> None:
    """A task that names a decorator for a function: what is not an argument of the operator is one of the function."""
    desk, out, decorator = scene.desk, scene.desk.into, config["decorator"]
    effort(config, desk, scene.below)
    for key in _ALSO_COMMON:
        if key in config:
            hint = "If the function takes an argument of this name, move it to 'with'."
            desk.note(config[key], f"'{key}' is read as the task's", hint)
    path = moved_names.today(decorator.text or "")
    called = _called(decorator, config, desk)
    rest = {key: value for key, value in config.items() if key not in KEYS | _OWN and not key.startswith("python_callable")}
    theirs = {key: value for key, value in rest.items() if key in _THEIRS and path not in _PLAIN_DECORATORS}
    handed = _handed(config, {key: value for key, value in rest.items() if key not in theirs}, scene)
    over = _over(config, scene, decorated=True)
    if path in _PLAIN_DECORATORS:
        out.update({key: said for key, said in (("python", called), ("with", handed), ("expand", over)) if said})
        return
    out["uses"] = _OPERATORS.get(code.class_name(path), path)
    if out["uses"] == path:
        hint = "Write it as an operator (uses: …), or as a plain function (python: module:function)."
        desk.lost(decorator, f"{decorator.plain} is no decorator that is known", hint)
    if over:
        hint = "Map over op_kwargs: expand: {op_kwargs: [{…}, {…}]}."
        desk.lost(config["expand"], "only a plain function is mapped over its arguments", hint)
    made = {"python_callable": {"import": called}} if called else {}
    out["with"] = {**made, **({"op_kwargs": handed} if handed else {}), **arguments(path, theirs, desk)}


def _handed(config: dict[str, Value], rest: dict[str, Value], scene: Scene) -> dict[str, Any]:
    """The arguments of a decorated function, results of other tasks among them."""
    said: dict[str, Any] = {}
    if "expand" in config and "partial" not in config:
        for value in rest.values():
            message = "dag-factory leaves it out, since it stands beside 'expand' and not under 'partial'; here the function gets it"
            scene.desk.note(value, message)
    for key, value in {**rest, **scene.desk.mapping(config.get("partial"))}.items():
        found = result(value, scene)
        said[key] = plain(value, scene.desk) if found is None else found
    return {key: value for key, value in said.items() if value is not LOST}
