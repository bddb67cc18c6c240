"""Texts among an operator's arguments that look like human durations; whether they are depends on the operator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.plan.layout import Plan, PlannedTask

_LOOKS_LIKE_ONE = re.compile(r"\s*(?:\d+(?:\.\d+)?\s*(?:d|h|min|m|s)\s*)+")
_LONGEST = 20


def durations_of(task: PlannedTask) -> dict[str, str]:
    """Argument → text, for those that look like ``1m30s``; none for a function, which gets what the file says."""
    if task.function is not None:
        return {}
    return {
        name: value
        for name, value in task.call.arguments.items()
        if isinstance(value, str) and len(value) < _LONGEST and _LOOKS_LIKE_ONE.fullmatch(value)
    }


def may_have_durations(plan: Plan) -> bool:
    """Whether an operator must be looked at to tell."""
    return any(durations_of(task) for task in plan.tasks)
