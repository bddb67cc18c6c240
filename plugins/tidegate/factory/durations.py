"""Human durations in operators' arguments: ``poke_interval: 1m30s`` where the operator wants a timedelta or seconds."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from tidegate.model.durations import parse_duration
from tidegate.operators.imports import imported
from tidegate.plan.calls import Call, Zipped
from tidegate.plan.durations import inherited, is_like_one, may_be_durations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.plan import Plan, PlannedTask
    from tidegate.plan.durations import Inherited


def with_durations(plan: Plan) -> Plan:
    """The same plan with timedeltas in place of human durations, for those arguments whose operator is annotated to take them.

    What defaults give to every operator stays as it is there, since another one may take a text, and is said again of the tasks that take a
    timedelta. Operators are imported only where a text looks like a duration.
    """
    around = inherited(plan)
    tasks = []
    for task in plan.tasks:
        found = may_be_durations(task, around)
        fitting = found & _taking_timedeltas(task.call.path) if found else None
        tasks.append(_with_timedeltas(task, fitting, around) if fitting else task)
    return replace(plan, tasks=tuple(tasks))


def _with_timedeltas(task: PlannedTask, fitting: set[str], around: Inherited) -> PlannedTask:
    given, rows, mapped = task.call.arguments, task.expand_kwargs, set(task.expand)

    def spans(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _spans(value) if name in fitting else value for name, value in values.items()}

    if isinstance(rows, Zipped):
        mapped |= set(rows.arguments)
        rows = Zipped(spans(rows.arguments))
    elif isinstance(rows, list):
        mapped |= {name for row in rows if isinstance(row, dict) for name in row}
        rows = [spans(row) if isinstance(row, dict) else row for row in rows]
    added = {name: text for name, text in around.get(task.group, {}).items() if name in fitting - mapped and name not in given}
    call = Call(task.call.path, spans({**given, **added}), task.call.positional)
    return replace(task, call=call, expand=spans(task.expand), expand_kwargs=rows)


def _spans(value: Any) -> Any:
    if isinstance(value, list):
        return [_spans(item) for item in value]
    return parse_duration(value) if is_like_one(value) else value


@cache
def _taking_timedeltas(path: str) -> frozenset[str]:
    """The arguments of an operator whose annotation names a timedelta."""
    names: set[str] = set()
    for base in getattr(imported(path), "__mro__", ()):
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            names |= {parameter.name for parameter in parameters if "timedelta" in str(parameter.annotation)}
    return frozenset(names)
