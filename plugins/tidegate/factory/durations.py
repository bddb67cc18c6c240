"""Human durations in operators' arguments: ``poke_interval: 1m30s`` where the operator wants a timedelta or seconds."""

from __future__ import annotations

import inspect
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from tidegate.model.durations import parse_duration
from tidegate.operators.imports import imported
from tidegate.plan.calls import Call
from tidegate.plan.durations import durations_of

if TYPE_CHECKING:
    from tidegate.plan import Plan


def with_durations(plan: Plan) -> Plan:
    """The same plan with timedeltas in place of human durations, for those arguments whose operator is annotated to take them.

    Operators are imported only where a text looks like a duration.
    """
    tasks = []
    for task in plan.tasks:
        found = durations_of(task)
        if found and (fitting := _taking_timedeltas(task.call.path) & set(found)):
            changed = {name: parse_duration(found[name]) for name in fitting}
            tasks.append(replace(task, call=Call(task.call.path, {**task.call.arguments, **changed}, task.call.positional)))
        else:
            tasks.append(task)
    return replace(plan, tasks=tuple(tasks))


@cache
def _taking_timedeltas(path: str) -> frozenset[str]:
    """The arguments of an operator whose annotation names a timedelta."""
    names: set[str] = set()
    for base in getattr(imported(path), "__mro__", ()):
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            names |= {parameter.name for parameter in parameters if "timedelta" in str(parameter.annotation)}
    return frozenset(names)
