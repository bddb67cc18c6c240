"""The arguments of an operator: functions by path or by name and file, JSON bodies, Variables, results of other tasks."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.importing import code, moments, objects
from tidegate.importing.objects import LOST
from tidegate.model.values import stands_for

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value
    from tidegate.importing.tree import Scene

_FUNCTIONS = {
    "python_callable": "python_callable",
    "response_check": "response_check",
    "success_check": "success",
    "failure_check": "failure",
    "execution_date_fn": "execution_date_fn",
}
"""Stem of ``<stem>_name``, ``<stem>_file`` and ``<stem>_lambda`` → the operator's argument."""
_BY_PATH = ("python_callable", "execution_date_fn")
"""Arguments whose text is the path of a function."""
_JSON = {"HttpOperator", "SimpleHttpOperator"}
_DELTAS = {"execution_delta": "execution_delta", "execution_delta_secs": "execution_delta"}
"""Arguments that dag-factory reads as durations, in words or in seconds → the operator's argument."""
_SCRIPTS = {"bash_command"}
_RESULT = re.compile(r"^\+(?P<task>\w*)(\[['\"](?P<key>.*)['\"]\])?$")
"""dag-factory's own pattern for a result of another task in the arguments of a decorated function."""
_OUTPUT = re.compile(r"^\s*(?P<task>[\w.-]+?)\.output\s*$|^\s*XcomArg\(+(?P<other>[^()]*)\)+\s*$", re.IGNORECASE)
"""And for one in the ``expand`` of an operator."""


def arguments(operator: str, config: dict[str, Value], desk: Desk) -> dict[str, Any]:
    """What stands under ``with`` for an operator.

    :param config: The task's keys that are not every operator's.
    """
    said: dict[str, Any] = {}
    for key, value in config.items():
        stem = key.removesuffix("_name").removesuffix("_file").removesuffix("_lambda")
        if key != stem and stem in _FUNCTIONS:
            if _FUNCTIONS[stem] not in said and (found := _function(stem, config, desk)):
                said[_FUNCTIONS[stem]] = {"import": found}
        elif key in _BY_PATH and value.text:
            if found := code.function(value, desk):
                said[key] = {"import": found}
        elif key != "variables_as_arguments" and (found := _argument(operator, key, value, config, desk)) is not LOST:
            said[_DELTAS.get(key, key)] = found
    return {**said, **_variables(config, said, desk)}


def _function(stem: str, config: dict[str, Value], desk: Desk) -> str | None:
    """A function by its name and file; None, and told of, where it is a lambda."""
    found = code.in_file(stem, config, desk)
    written = config.get(f"{stem}_lambda")
    if found is None and written is not None:
        hint = f"Put it into a function under include/ and write {_FUNCTIONS[stem]}: {{import: module:function}}."
        desk.lost(written, "it is code", hint)
    return found


def _argument(operator: str, key: str, value: Value, config: dict[str, Value], desk: Desk) -> Any:
    """One argument."""
    if key in _SCRIPTS and value.text is not None:
        return desk.script(value)
    if key == "data" and code.class_name(operator) in _JSON and "application/json" in _content_type(config):
        # dag-factory hands over a function that returns this text; the text does the same, and may hold templates.
        return desk.text(value, json.dumps(objects.raw(value), default=str)) if value.mapping else objects.plain(value, desk)
    if key in _DELTAS:
        return moments.duration(value, desk) or LOST
    if operator.startswith("airflow.") and isinstance(moments.made(value), timedelta):
        return moments.duration(value, desk) or LOST
    return objects.plain(value, desk)


def _content_type(config: dict[str, Value]) -> str:
    headers = config["headers"].mapping if "headers" in config else {}
    return str(headers["Content-Type"].plain).lower() if "Content-Type" in headers else ""


def _variables(config: dict[str, Value], said: dict[str, Any], desk: Desk) -> dict[str, Any]:
    """Airflow Variables that dag-factory reads while it parses, as templates that are rendered when the task runs."""
    found: dict[str, Any] = {}
    listed = config.get("variables_as_arguments")
    for item in listed.items if listed is not None else []:
        variable, attribute = (item.mapping[key].text if key in item.mapping else None for key in ("variable", "attribute"))
        if not variable or not attribute or attribute == "retries":
            hint = "Write the template {{ var.value.name }} where it is wanted."
            desk.lost(item, "it gives no 'variable' and 'attribute'", hint)
            continue
        usual = said.get(attribute)
        if isinstance(usual, str) and not re.search(r"['\\{}]", usual):
            found[attribute] = f"{{{{ var.value.get('{variable}', '{usual}') }}}}"
        else:
            found[attribute] = f"{{{{ var.value.get('{variable}') }}}}"
        message = f"the Variable {variable} is read when the task runs, not while the file is parsed"
        desk.note(item, message, f"This works where the operator renders templates in '{attribute}'; see its template_fields.")
    return found


def result(value: Value, scene: Scene) -> Any:
    """``+task`` and ``+task['key']`` as ``{from: task}``; None where the value is neither."""
    found = _RESULT.match(value.text or "")
    return _from(found["task"], found["key"], value, scene) if found else None


def mapped(value: Value, scene: Scene, *, decorated: bool) -> Any:
    """What one argument is mapped over: a list, or the result of a task."""
    desk = scene.desk
    if value.text is None:
        found = objects.plain(value, desk)
        if isinstance(found, list) or found is LOST or (isinstance(found, dict) and not stands_for(found)):
            return found
        desk.lost(value, "it is no list", "Map over a list, or over what a step returned: {from: step}.")
        return LOST
    match = _RESULT.match(value.text) if decorated else _OUTPUT.match(value.text)
    if match is None:
        hint = "Map over a list, or over what a step returned: {from: step}."
        desk.lost(value, f"{value.text!r} is neither a list nor the result of a task", hint)
        return LOST
    groups = match.groupdict()
    return _from(groups["task"] or groups.get("other") or "", groups.get("key"), value, scene)


def _from(task: str, key: str | None, value: Value, scene: Scene) -> Any:
    to = scene.tree.find(task.strip())
    if to is None or to.is_group:
        scene.desk.lost(value, f"there is no task {task}", "Correct the name.")
        return LOST
    return {"from": scene.tree.reference(to, scene.node), **({"key": key} if key else {})}
