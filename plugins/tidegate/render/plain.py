"""A plan's values in plain types, for JSON, and in a few words, for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from tidegate.model.spans import human
from tidegate.plan.calls import Call, Imported, Included, Output, Zipped


def plain(value: Any) -> Any:  # noqa: PLR0911  one case a kind of value
    """A value in JSON's types.

    A call is ``{"call": path, "arguments": {…}}``, with ``"positional"`` where there are some; a thing imported ``{"import": path}``, a function
    under ``include/`` ``{"function": "module:name"}``, a task's result ``{"from": task, "key": …}``, a zip ``{"zip": {…}}``. Durations are as
    in pipeline files (``1h30m``), dates and times ISO 8601, exact numbers text, sets sorted lists.
    """
    match value:
        case Call():
            call = {"call": value.path, "arguments": plain(value.arguments)}
            return {**call, "positional": plain(value.positional)} if value.positional else call
        case Imported():
            return {"import": value.path}
        case Included():
            return {"function": value.reference}
        case Output():
            return {"from": value.task_id} if value.key is None else {"from": value.task_id, "key": value.key}
        case Zipped():
            return {"zip": plain(value.arguments)}
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:  # noqa: PLR0911
    match value:
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=repr)
        case None | bool() | int() | str():
            return value
        case float():
            return value if abs(value) < float("inf") else str(value)
        case timedelta():
            return human(value)
        case date() | time():
            return value.isoformat()
        case Decimal() | tzinfo():
            return str(value)
    return repr(value)


def last_name(path: str) -> str:
    """What an import path ends in: ``Param`` of ``airflow.sdk.Param``, all behind the colon where there is one."""
    return path.partition(":")[2] or path.rpartition(".")[2]


def words(value: Any, *, most: int | None = None) -> str:
    """A value on one line: texts bare, calls by their last name, all else as in JSON.

    :param most: Characters to keep; the rest becomes an ellipsis.
    """
    line = " ".join(_words(value, outermost=True).split())
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"


def _words(value: Any, *, outermost: bool = False) -> str:  # noqa: C901, PLR0911
    match value:
        case str():
            return value if outermost and value.strip() else f'"{value}"'
        case Call():
            named = [f"{name}={_words(item)}" for name, item in value.arguments.items()]
            return f"{last_name(value.path)}({', '.join([*map(_words, value.positional), *named])})"
        case Imported():
            return value.path
        case Included():
            return value.reference
        case Output():
            return f"result of {value.task_id}" + (f" [{value.key}]" if value.key else "")
        case Zipped():
            return f"zip({', '.join(f'{name}={_words(item)}' for name, item in value.arguments.items())})"
        case Mapping():
            return f"{{{', '.join(f'{key}: {_words(item)}' for key, item in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_words, value))}]"
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
    scalar = _scalar(value)
    return _words(scalar) if isinstance(scalar, list) else str(scalar)
