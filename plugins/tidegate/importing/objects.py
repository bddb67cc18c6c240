"""Values of any depth as the pipeline language says them: ``__type__`` becomes ``{uses: …, with: …}``, and nothing is made."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tidegate.importing import code, moments
from tidegate.model import moved_names
from tidegate.model.values import stands_for

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value


class _Lost:
    """Stands for a value that could not be said, and was told of."""


LOST = _Lost()
_POSITIONAL = {
    "airflow.sdk.Asset": ("name", "uri"),
    "airflow.sdk.AssetAlias": ("name",),
    "airflow.sdk.CronDataIntervalTimetable": ("expression", "timezone"),
    "airflow.sdk.CronTriggerTimetable": ("expression", "timezone"),
    "airflow.sdk.DeltaDataIntervalTimetable": ("delta",),
    "airflow.sdk.DeltaTriggerTimetable": ("delta",),
    "airflow.sdk.Param": ("default", "description"),
    "airflow.timetables.interval.CronDataIntervalTimetable": ("cron", "timezone"),
    "airflow.timetables.interval.DeltaDataIntervalTimetable": ("delta",),
    "airflow.timetables.trigger.CronTriggerTimetable": ("cron",),
    "airflow.timetables.trigger.DeltaTriggerTimetable": ("delta",),
}
"""Class → names of the arguments that people give it by position. The language takes arguments by name."""


_ACTS = {"builtins", "ctypes", "importlib", "os", "posix", "runpy", "shutil", "socket", "subprocess", "sys"}
"""Modules whose functions do something, rather than make a value."""


def plain(value: Value, desk: Desk) -> Any:
    """A value as it stands in the pipeline file, or ``LOST``."""
    if isinstance(value.plain, dict):
        return _mapping(value, desk)
    if isinstance(value.plain, list):
        return [item for item in (plain(item, desk) for item in value.plain) if item is not LOST]
    return desk.text(value) if isinstance(value.plain, str) else value.plain


def mapping(values: dict[str, Value], desk: Desk) -> dict[str, Any]:
    """The values of a mapping, without those that cannot be said."""
    said = {key: plain(value, desk) for key, value in values.items()}
    return {key: value for key, value in said.items() if value is not LOST}


def raw(value: Value) -> Any:
    """A value without its places, as it stands."""
    if isinstance(value.plain, dict):
        return {key: raw(item) for key, item in value.plain.items()}
    return [raw(item) for item in value.plain] if isinstance(value.plain, list) else value.plain


def _mapping(value: Value, desk: Desk) -> Any:
    if "__type__" in value.mapping:
        return made(value, desk)
    if word := next((word for word in ("__and__", "__or__", "__join__") if word in value.mapping), None):
        desk.lost(value, f"{word} has no meaning here", "Write the value out.")
        return LOST
    said = mapping(value.mapping, desk)
    return {"literal": said} if stands_for(said) else said


def made(value: Value, desk: Desk) -> Any:
    """The object of a ``__type__``: a date as a date, a list as a list, anything else as ``{uses: path, with: arguments}``."""
    kind = value.mapping["__type__"]
    if str(kind.plain).startswith("builtins."):
        return _builtin(value, desk)
    thing = moments.made(value)
    if isinstance(thing, date):
        return thing
    if isinstance(thing, timedelta):
        return {"uses": desk.may_import("datetime.timedelta", kind), "with": {"seconds": _number(thing.total_seconds())}}
    if str(kind.plain).partition(".")[0] in _ACTS:
        hint = "Write the value out, or do it in a Python function, when the pipeline runs."
        desk.lost(value, f"{kind.plain} would be called whenever the file is read", hint)
        return LOST
    arguments = named(value, moved_names.today(str(kind.plain)), desk)
    if arguments is LOST or (path := code.imported(kind, desk)) is None:
        return LOST
    return {"uses": path, "with": arguments} if arguments else {"uses": path}


def named(value: Value, path: str, desk: Desk) -> Any:
    """The arguments of a ``__type__`` by their names, or ``LOST`` where some are given by position to a class that is not known."""
    positional = value.mapping["__args__"].items if "__args__" in value.mapping else []
    names = _POSITIONAL.get(path, ())
    if len(positional) > len(names):
        message = f"{path} is given arguments by position, the language gives them by name"
        desk.lost(value, message, "Write {uses: path, with: {name: value}}, or make the object in a Python function.")
        return LOST
    by_name = {key: item for key, item in value.mapping.items() if key not in {"__type__", "__args__"}}
    return mapping({**dict(zip(names, positional, strict=False)), **by_name}, desk)


def _builtin(value: Value, desk: Desk) -> Any:
    """Python's own containers as YAML's; a call of any other builtin is refused."""
    kind = value.mapping["__type__"].plain
    positional = value.mapping["__args__"].items if "__args__" in value.mapping else []
    if kind == "builtins.list" and "items" in value.mapping:
        return [item for item in (plain(item, desk) for item in value.mapping["items"].items) if item is not LOST]
    if kind in {"builtins.list", "builtins.tuple", "builtins.set"} and len(positional) == 1:
        if kind != "builtins.list":
            desk.note(value, f"a {kind.removeprefix('builtins.')} becomes a list")
        return plain(positional[0], desk)
    if kind == "builtins.dict" and not positional:
        return mapping({key: item for key, item in value.mapping.items() if key != "__type__"}, desk)
    desk.lost(value, f"{kind} would be called whenever the file is read", "Write the value out, or make it in a Python function.")
    return LOST


def _number(value: float) -> float:
    return int(value) if value == int(value) else value
