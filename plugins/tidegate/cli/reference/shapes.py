"""Types and bounds: what people call them, and their JSON Schema."""

from __future__ import annotations

import types
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, StringConstraints

from tidegate.errors import TidegateError
from tidegate.model.check import RESERVED_PARAMS
from tidegate.model.durations import Duration
from tidegate.model.kinds import KINDS, BarrierSettings, ColumnType, Connection, LoadSettings, Scalar, TransformSettings
from tidegate.model.spec import NAME, Alert, BranchName, Name, Names, Notify, Pipeline, Step, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]


_DECIMAL = r"decimal(\(\s*\d+\s*,\s*\d+\s*\))?"
_PERCENT = r"^\s*(100(\.0+)?|\d{1,2}(\.\d+)?)\s*%\s*$"
_DURATION = r"^\s*((\d+(\.\d+)?)\s*(d|h|min|m|s)\s*)+$"
_IMPORT_PATH = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}"


_NAME_SCHEMA: Json = {"type": "string", "pattern": NAME, "maxLength": 100}
_BRANCH_SCHEMA: Json = {"type": "string", "pattern": r"^[A-Za-z0-9_-]+$", "maxLength": 100}
_SCALAR_SCHEMA: Json = {"type": ["string", "number", "boolean", "null"]}


def _one_or_many(one: Json) -> Json:
    return {"anyOf": [one, {"type": "array", "items": one}]}


_ALIASES: tuple[tuple[Any, str, Json], ...] = (
    (Duration, "duration", {"type": "string", "pattern": _DURATION}),
    (Name, "name", _NAME_SCHEMA),
    (BranchName, "branch name", _BRANCH_SCHEMA),
    (Names, "name, or list of names", _one_or_many(_NAME_SCHEMA)),
    (Zone, "time zone", {"type": "string", "minLength": 1}),
    (Connection, "connection id", {"type": "string", "minLength": 1}),
    (
        ColumnType,
        "column type",
        {"type": "string", "pattern": rf"^(int|float|{_DECIMAL}|text|bool|date|timestamp|timestamptz|bytes)$"},
    ),
    (Scalar, "text, number, true, false or null", _SCALAR_SCHEMA),
    (
        date | datetime,
        "date, or time",
        {"anyOf": [{"type": "string", "pattern": _DATE}, {"type": "string", "pattern": _MOMENT}]},
    ),
    (str, "text", {"type": "string"}),
    (int, "whole number", {"type": "integer"}),
    (bool, "true or false", {"type": "boolean"}),
    (Any, "anything", {}),
)
"""Type → what people call it → its JSON Schema."""


def shape(hint: Any) -> tuple[str, Json]:  # noqa: PLR0911  a table of types
    """What people call a type, and its JSON Schema."""
    for alias, words, schema in _ALIASES:
        if hint == alias:
            return words, schema
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "mapping", {"allOf": [{"$ref": f"#/definitions/{hint.__name__}"}]}
    if origin in {Union, types.UnionType} and type(None) in arguments:
        left = [argument for argument in arguments if argument is not type(None)]
        return shape(left[0] if len(left) == 1 else Union[tuple(left)])  # noqa: UP007  made at run time
    if origin is Literal:
        return "one of " + ", ".join(f"`{word}`" for word in arguments), {"enum": list(arguments)}
    if origin is tuple:
        words, schema = shape(arguments[0])
        return f"list of {_several(words)}", {"type": "array", "items": schema}
    if origin is dict:
        return _mapping(arguments[0], arguments[1])
    if origin is Annotated:
        words, schema = shape(arguments[0])
        takes_one = any(getattr(extra, "func", None) is not None for extra in arguments[1:])
        if takes_one and get_origin(arguments[0]) is tuple:
            return words.replace("list of ", "one, or a list of ", 1), {"anyOf": [schema["items"], schema]}
        return words, {**schema, **bounds(arguments[1:], schema)}
    raise TidegateError(f"There are no words for the type {hint}.", hint="Add it to the table of types in cli/reference.py.")


def _mapping(key: Any, value: Any) -> tuple[str, Json]:
    words, schema = shape(value)
    names = {"propertyNames": shape(key)[1]} if key is not str else {}
    told = "mapping" if words in {"anything", "mapping"} else f"mapping of names to {_several(words)}"
    return told, {"type": "object", **names, **({"additionalProperties": schema} if schema else {})}


def _several(words: str) -> str:
    return words if " of " in words or "," in words or words == "text" else f"{words}s"


def bounds(metadata: Iterable[Any], schema: Json) -> Json:
    """What pydantic checks of numbers, texts, lists and mappings, in JSON Schema's words for a schema of that type."""
    found: Json = {}
    size = {"array": "Items", "object": "Properties", "string": "Length"}.get(str(schema.get("type")))
    for bound in metadata:
        match bound:
            case Ge(ge=least):
                found["minimum"] = least
            case Le(le=most):
                found["maximum"] = most
            case MinLen(min_length=least) if size:
                found[f"min{size}"] = least
            case MaxLen(max_length=most) if size:
                found[f"max{size}"] = most
            case StringConstraints(min_length=int(least)):
                found["minLength"] = least
    return found


def special(model: type[BaseModel], name: str) -> tuple[str, Json] | None:
    """Keys whose rule is in a validator, or in the checks between the parts, where no type shows it."""
    special: dict[tuple[type, str], tuple[str, Json]] = {
        (Step, "uses"): (
            "kind, or import path",
            {"anyOf": [{"enum": list(KINDS)}, {"type": "string", "pattern": _IMPORT_PATH}]},
        ),
        (Step, "for_each"): (
            "mapping of one name to a list of branch names, or to the name of a barrier",
            {
                "type": "object",
                "maxProperties": 1,
                "propertyNames": {**_NAME_SCHEMA, "not": {"enum": sorted(RESERVED_PARAMS)}},
                "additionalProperties": {
                    "anyOf": [_NAME_SCHEMA, {"type": "array", "items": _BRANCH_SCHEMA, "minItems": 1, "uniqueItems": True}]
                },
            },
        ),
        (Pipeline, "steps"): (
            "mapping of names to steps",
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {**_NAME_SCHEMA, "not": {"const": "outcome"}},
                "additionalProperties": {"$ref": "#/definitions/Step"},
            },
        ),
        (Notify, "uses"): ("import path", {"type": "string", "pattern": _IMPORT_PATH}),
        (BarrierSettings, "at_least"): (
            "whole number, or percentage",
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _PERCENT}]},
        ),
        (TransformSettings, "python"): (
            "`module:function`",
            {"type": "string", "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"},
        ),
        (LoadSettings, "table"): ("`table`, or `schema.table`", {"type": "string", "pattern": r"^[^.]+(\.[^.]+)?$"}),
        (LoadSettings, "replace"): (
            "column name, or list of column names",
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        ),
        (BarrierSettings, "required"): ("branch name, or list of branch names", _one_or_many(_BRANCH_SCHEMA)),
        (Alert, "on"): (
            "one or several of `complete`, `partial`, `failed`, `recovered`",
            _one_or_many({"enum": ["complete", "partial", "failed", "recovered"]}),
        ),
    }
    if name == "params":
        schema: Json = {
            "type": "object",
            "propertyNames": {"not": {"enum": sorted(RESERVED_PARAMS)}},
            "additionalProperties": _SCALAR_SCHEMA,
        }
        return "mapping of names to text, numbers, true, false or null", schema
    return special.get((model, name))


def shown(value: Any) -> str:
    """A default as it would be written in YAML; empty for what is simply absent."""
    match value:
        case None | "" | ():
            return ""
        case bool():
            return str(value).lower()
        case timedelta():
            seconds = int(value.total_seconds())
            return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"
        case tuple() if all(isinstance(item, str) for item in value):
            return f"[{', '.join(value)}]"
        case str() | int():
            return str(value)
        case _:
            return ""
