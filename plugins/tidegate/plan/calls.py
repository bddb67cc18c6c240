"""The few things that a plan says in place of Airflow's objects, so that the factory can make them and the renderer can print them.

Everything else in a plan is plain: text, numbers, dates, durations, lists, mappings. None of these classes imports what it names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(slots=True)
class Call:
    """An object, made by calling what an import path names."""

    path: str
    """Such as ``airflow.sdk.Param``."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """By name; values may be anything that a plan may hold."""
    positional: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """The thing itself that a dotted import path names, such as a class or a function."""

    path: str


@dataclass(frozen=True, slots=True)
class Included:
    """A function of a module under ``include/``, imported while the DAG is built: ``jobs.sales:clean``."""

    reference: str


@dataclass(frozen=True, slots=True)
class Output:
    """What a task returned: ``task.output``, or ``task.output[key]`` for another XCom key."""

    task_id: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Zipped:
    """Lists and outputs taken side by side, for ``expand_kwargs``: argument name → list or :class:`Output`."""

    arguments: Mapping[str, Any]


def walk(value: Any, visit: Callable[[Any], Any]) -> Any:
    """A copy of plain data in which ``visit`` has replaced each of this module's objects; lists and mappings are entered, calls are not."""
    if isinstance(value, dict):
        return {key: walk(item, visit) for key, item in value.items()}
    if isinstance(value, list):
        return [walk(item, visit) for item in value]
    if isinstance(value, tuple):
        return tuple(walk(item, visit) for item in value)
    return visit(value) if isinstance(value, Call | Imported | Included | Output | Zipped) else value
