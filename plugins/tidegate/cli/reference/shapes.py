"""What people call a type, and its JSON Schema, read off the type itself.

Where a rule stands in a validator, which no type shows, a :class:`tidegate.model.shapes.Shape` beside the type says both.
"""

from __future__ import annotations

import types
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel, BeforeValidator, StringConstraints, ValidationError
from pydantic.fields import FieldInfo

from tidegate.errors import TidegateError
from tidegate.model.shapes import DURATION, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Json = dict[str, Any]

_DATE: Json = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_TIME: Json = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}"}
_PLAIN: dict[Any, tuple[str, Json]] = {
    str: ("text", {"type": "string"}),
    int: ("whole number", {"type": "integer"}),
    float: ("number", {"type": "number"}),
    bool: ("true or false", {"type": "boolean"}),
    type(None): ("null", {"type": "null"}),
    date: ("date", _DATE),
    datetime: ("time", _TIME),
    timedelta: ("duration", DURATION),
    Any: ("anything", {}),
    object: ("anything", {}),
    dict: ("mapping", {"type": "object"}),
    list: ("list", {"type": "array"}),
    tuple: ("list", {"type": "array"}),
}
_LISTS = (tuple, list, set, frozenset)


def shape(hint: Any) -> tuple[str, Json]:
    """What people call the type of a key, and its JSON Schema. That a key may be absent is not part of either."""
    return _shape(without_null(hint))


def without_null(hint: Any) -> Any:
    """``X`` of ``X | None``; anything else as it is."""
    if not (is_union(hint) and type(None) in get_args(hint)):
        return hint
    left = tuple(argument for argument in get_args(hint) if argument is not type(None))
    return left[0] if len(left) == 1 else Union[left]  # noqa: UP007  made at run time


def is_union(hint: Any) -> bool:
    """Whether it is ``X | Y``, or ``Union[X, Y]``."""
    return get_origin(hint) in {Union, types.UnionType}


def is_model(hint: Any) -> bool:
    """Whether it is a model's class."""
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _shape(hint: Any) -> tuple[str, Json]:  # noqa: PLR0911  one answer for each sort of type
    if hint in _PLAIN:
        words, schema = _PLAIN[hint]
        return words, dict(schema)
    origin, arguments = get_origin(hint), get_args(hint)
    if is_model(hint):
        return _model(hint)
    if is_union(hint):
        return _union(arguments)
    if origin is Annotated:
        return _annotated(arguments[0], arguments[1:])
    if origin is Literal:
        return ("one of " if len(arguments) > 1 else "") + ", ".join(f"`{word}`" for word in arguments), {"enum": list(arguments)}
    if origin in _LISTS:
        words, schema = _shape(arguments[0])
        return _list_of(words), {"type": "array", "items": schema}
    if origin is dict:
        return _mapping(*arguments)
    raise TidegateError(f"There are no words for the type {hint}.", hint="Put a Shape from tidegate.model.shapes beside it, in Annotated.")


def _annotated(hint: Any, metadata: Sequence[Any]) -> tuple[str, Json]:
    beside = list(_flat(metadata))
    said = next((extra for extra in reversed(beside) if isinstance(extra, Shape)), Shape(""))
    if said.words and said.schema:
        return said.words, bounded(said.schema, beside)
    written = next((written_type(extra) for extra in beside if written_type(extra) is not None), None)
    hint = without_null(hint if written is None else written)
    words, schema = _shape(hint)
    takes_one = written is None and any(isinstance(extra, BeforeValidator) for extra in beside)
    schema = bounded(schema, beside)
    if takes_one and get_origin(hint) in _LISTS:
        words, schema = _one_or_many(get_args(hint)[0]), {"anyOf": [schema["items"], schema]}
    return said.words or words, said.schema or schema


def _one_or_many(hint: Any) -> str:
    words = _shape(hint)[0]
    if words.startswith("one of"):
        return words.replace("one of", "one or several of", 1)
    return f"{words}, or a list of them" if _compound(words) else listed([words, _list_of(words)])


def _list_of(words: str) -> str:
    if words.startswith("one of"):
        return words.replace("one of", "list of some of", 1)
    return f"list; each {words}" if _compound(words) else f"list of {several(words)}"


def _compound(words: str) -> bool:
    return ", or " in words or ", and " in words or words == "true or false"


def written_type(extra: Any) -> Any:
    """The type that a validator in front of another type takes, where it says so."""
    found = getattr(extra, "json_schema_input_type", None)
    return found if isinstance(found, type) or get_origin(found) is not None else None


def _flat(metadata: Iterable[Any]) -> Iterable[Any]:
    """Metadata with those in it that pydantic and annotated-types group."""
    for extra in metadata:
        if isinstance(extra, FieldInfo):
            yield from extra.metadata
            if isinstance(extra.json_schema_extra, dict):
                yield extra.json_schema_extra
        elif isinstance(extra, GroupedMetadata) and not isinstance(extra, StringConstraints):
            yield from extra
        else:
            yield extra


def _mapping(key: Any, value: Any) -> tuple[str, Json]:
    words, schema = _shape(value)
    called, names = _shape(key)
    called = "names" if called == "text" else several(called)
    told = "mapping" if words in {"anything", "mapping"} else f"mapping of {called} to {several(words)}"
    if _compound(words):
        told = f"mapping of {called}; each to {words}"
    named = {} if names == {"type": "string"} else {"propertyNames": names}
    return told, {"type": "object", **named, **({"additionalProperties": schema} if schema else {})}


def _model(model: type[BaseModel]) -> tuple[str, Json]:
    """A mapping, or whatever else the model takes in its place."""
    itself: Json = {"allOf": [{"$ref": f"#/definitions/{model.__name__}"}]}
    short = [_PLAIN[form] for form in (str, list) if form in short_forms(model)]
    if not short:
        return "mapping", itself
    return listed([*(words for words, _ in short), "mapping"]), {"anyOf": [*(schema for _, schema in short), itself]}


@lru_cache
def short_forms(model: type[BaseModel]) -> tuple[type, ...]:
    """Types that a model takes in place of a mapping: the model itself is asked, for only its validators know."""
    return tuple(form for form, sample in ((str, "x"), (list, ["x"])) if _takes(model, sample))


def _takes(model: type[BaseModel], sample: Any) -> bool:
    try:
        model.model_validate(sample)
    except ValidationError as error:
        return not any(problem["loc"] == () and problem["type"].startswith("model_") for problem in error.errors())
    return True


def _union(arguments: Sequence[Any]) -> tuple[str, Json]:
    """One of several. Models are told apart by a key that only one of them must have."""
    found = [_shape(argument) for argument in arguments]
    if {int, float} <= set(arguments):
        found = [one for one, argument in zip(found, arguments, strict=True) if argument is not int]
    models = [bare(argument) for argument in arguments]
    if all(is_model(model) for model in models) and (chosen := _chosen(models)):
        return "mapping", chosen
    return listed([words for words, _ in found]), any_of([schema for _, schema in found])


def bare(hint: Any) -> Any:
    """A type without what is said beside it."""
    return bare(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def _chosen(models: Sequence[type[BaseModel]]) -> Json | None:
    """``if``, ``then``, ``else`` over two models, so that an editor's marks are those of the one that is meant."""
    for one, other in (models, models[::-1]) if len(models) == 2 else ():  # noqa: PLR2004
        words = {info.alias or name for name, info in other.model_fields.items()}
        must = [info.alias or name for name, info in one.model_fields.items() if info.is_required()]
        if telling := [word for word in must if word not in words]:
            return {"if": {"required": telling}, "then": _model(one)[1], "else": _model(other)[1]}
    return None


def any_of(schemas: Sequence[Json]) -> Json:
    """The schema of a value that fits one of several; plain types are joined."""
    if {} in schemas:
        return {}
    flat: list[Json] = []
    for schema in schemas:
        for one in schema["anyOf"] if set(schema) == {"anyOf"} else [schema]:
            if one not in flat:
                flat.append(one)
    if all(set(schema) == {"type"} and isinstance(schema["type"], str) for schema in flat):
        kinds = [schema["type"] for schema in flat]
        return {"type": kinds if len(kinds) > 1 else kinds[0]}
    return {"anyOf": flat} if len(flat) > 1 else flat[0]


def listed(words: Iterable[str]) -> str:
    """``a``, ``a, or b``, ``a, b, or c``."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)}, or {last}" if most else last


def several(words: str) -> str:
    """More than one of what the words say."""
    return words if " of " in words or " or " in words or "`" in words or words in {"text", "anything", "null"} else f"{words}s"


def bounded(schema: Json, metadata: Iterable[Any]) -> Json:
    """A schema with what pydantic checks besides the type; where one value may stand for a list of one, the list is meant."""
    metadata = list(metadata)
    if set(schema) == {"anyOf"}:
        return {"anyOf": [bounded(one, metadata) if one.get("type") == "array" else one for one in schema["anyOf"]]}
    return {**schema, **bounds(metadata, schema)}


def bounds(metadata: Iterable[Any], schema: Json) -> Json:  # noqa: C901  a table of bounds
    """What pydantic checks of numbers, texts, lists and mappings, in JSON Schema's words for a schema of that type."""
    found: Json = {}
    size = {"array": "Items", "object": "Properties", "string": "Length"}.get(str(schema.get("type")))
    for bound in metadata:
        match bound:
            case Ge(ge=least):
                found["minimum"] = least
            case Le(le=most):
                found["maximum"] = most
            case Gt(gt=least):
                found["exclusiveMinimum"] = least
            case Lt(lt=most):
                found["exclusiveMaximum"] = most
            case MultipleOf(multiple_of=step):
                found["multipleOf"] = step
            case MinLen(min_length=least) if size:
                found[f"min{size}"] = least
            case MaxLen(max_length=most) if size:
                found[f"max{size}"] = most
            case StringConstraints():
                told = {"minLength": bound.min_length, "maxLength": bound.max_length, "pattern": bound.pattern}
                found |= {name: value for name, value in told.items() if value is not None}
            case dict():
                found |= bound
    return found


def shown(value: Any) -> str:
    """A default as it would be written in YAML; empty for what is simply absent."""
    match value:
        case None | "" | ():
            return ""
        case bool():
            return str(value).lower()
        case timedelta():
            return _duration(value)
        case tuple() if all(isinstance(item, str) for item in value):
            return f"[{', '.join(value)}]"
        case str() | int() | float():
            return str(value)
        case _:
            return ""


def _duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    size, unit = next(unit for unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")) if seconds % unit[0] == 0)
    return f"{seconds // size}{unit}"
