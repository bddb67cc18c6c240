"""Texts among an operator's arguments that look like human durations; whether they are depends on the operator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tidegate.plan.calls import Zipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.plan.layout import Plan, PlannedTask

_LOOKS_LIKE_ONE = re.compile(r"\s*(?:\d+(?:\.\d+)?\s*(?:d|h|min|m|s)\s*)+")
_LONGEST = 20
Inherited = dict[str | None, dict[str, str]]
"""Group → argument → text, for those that its ``default_args`` or those around it give to every operator."""


def is_like_one(value: Any) -> bool:
    """Whether a value is a text such as ``1m30s``."""
    return isinstance(value, str) and len(value) < _LONGEST and _LOOKS_LIKE_ONE.fullmatch(value) is not None


def inherited(plan: Plan) -> Inherited:
    """What looks like a duration among the arguments that the pipeline's and the groups' defaults give; nothing in most files."""
    found: Inherited = {None: _like_ones(plan.arguments.get("default_args", {}))}
    for group in plan.groups:
        own = group.arguments.get("default_args", {})
        found[group.group_id] = {word: text for word, text in found[group.parent].items() if word not in own} | _like_ones(own)
    return found if any(found.values()) else {}


def may_be_durations(task: PlannedTask, around: Inherited) -> set[str]:
    """The arguments that hold a text such as ``1m30s``, mapped ones too; none for a function, which gets what the file says."""
    if task.function is not None:
        return set()
    found = {name for name, value in task.call.arguments.items() if is_like_one(value)}
    if around:
        found |= around[task.group].keys() - task.call.arguments.keys()
    rows = task.expand_kwargs
    if not task.expand and rows is None:
        return found
    for lists in (task.expand, rows.arguments if isinstance(rows, Zipped) else {}):
        found |= {name for name, value in lists.items() if isinstance(value, list) and any(map(is_like_one, value))}
    if isinstance(rows, list):
        found |= {name for row in rows if isinstance(row, dict) for name, value in row.items() if is_like_one(value)}
    return found


def may_have_durations(plan: Plan) -> bool:
    """Whether an operator must be looked at to tell."""
    around = inherited(plan)
    return any(may_be_durations(task, around) for task in plan.tasks)


def _like_ones(arguments: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in arguments.items() if is_like_one(value)}
