"""A plan's values as Python expressions: plain data as literals, calls as calls, results of tasks as ``task.output``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import singledispatch
from keyword import iskeyword
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tidegate.plan.calls import Call, Imported, Included, Output, Zipped
from tidegate.render.source import Bracketed, Chain, Node, Text, flat, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate.render.names import Names

ZIPPED = "tidegate.operators.zipped.zipped"
"""Airflow has nothing that takes a list beside an output; this has."""
_UNITS = (("days", 86_400_000_000), ("hours", 3_600_000_000), ("minutes", 60_000_000), ("seconds", 1_000_000), ("microseconds", 1))


@singledispatch
def expression(value: Any, names: Names) -> Node:  # noqa: ARG001  for the kinds below
    """The source of a value that a plan may hold.

    :raises TypeError: a plan may not hold it.
    """
    raise TypeError(f"A plan cannot hold {type(value).__name__}: {value!r}")


def call(path: str, arguments: Mapping[str, Any], names: Names, positional: Iterable[Any] = ()) -> Bracketed:
    """The call of what an import path names."""
    return Bracketed(names.path(path), "()", (*_items(positional, names), *keywords(arguments, names)))


def keywords(arguments: Mapping[str, Any], names: Names) -> tuple[tuple[str, Node], ...]:
    """Arguments by name; those that cannot be written so go into one mapping behind ``**``."""
    others = {name: value for name, value in arguments.items() if not name.isidentifier() or iskeyword(name)}
    written = tuple((f"{name}=", expression(value, names)) for name, value in arguments.items() if name not in others)
    return (*written, ("**", expression(others, names))) if others else written


def _items(values: Iterable[Any], names: Names) -> tuple[tuple[str, Node], ...]:
    return tuple(("", expression(value, names)) for value in values)


@expression.register(Call)
def _(value: Call, names: Names) -> Node:
    return call(value.path, value.arguments, names, value.positional)


@expression.register(Imported)
def _(value: Imported, names: Names) -> Node:
    return Text(names.path(value.path))


@expression.register(Included)
def _(value: Included, names: Names) -> Node:
    return Text(names.reference(value.reference))


@expression.register(Output)
def _(value: Output, names: Names) -> Node:
    result = names.variables[value.task_id] + ("" if value.task_id in names.functional else ".output")
    return Text(result if value.key is None else f"{result}[{quoted(value.key)}]")


@expression.register(Zipped)
def _(value: Zipped, names: Names) -> Node:
    known = pairs(value)
    return expression(known, names) if known is not None else call(ZIPPED, value.arguments, names)


def pairs(value: Zipped) -> list[dict[str, Any]] | None:
    """What a zip amounts to where nothing has to run first; None where it holds an output."""
    if any(isinstance(item, Output) for item in value.arguments.values()):
        return None
    return [dict(zip(value.arguments, row, strict=True)) for row in zip(*value.arguments.values(), strict=True)]


def plainly_zipped(value: Any) -> bool:
    """Whether Airflow's own ``zip`` and ``map`` can say it, with a function that names the arguments."""
    return isinstance(value, Zipped) and all(isinstance(item, Output) for item in value.arguments.values())


def mapped_by(value: Zipped, function: str, names: Names) -> Node:
    """``a.output.zip(b.output).map(function)``."""
    first, *others = (expression(item, names) for item in value.arguments.values())
    beside = (Bracketed(".zip", "()", tuple(("", other) for other in others)),) if others else ()
    return Chain((first, *beside, Bracketed(".map", "()", (("", Text(function)),))))


@expression.register(bool | int | bytes | None)
def _(value: bool | int | bytes | None, names: Names) -> Node:  # noqa: ARG001, FBT001
    return Text(repr(value))


@expression.register(float)
def _(value: float, names: Names) -> Node:  # noqa: ARG001
    return Text(repr(value) if abs(value) < float("inf") else f"float({quoted(repr(value))})")


@expression.register(str)
def _(value: str, names: Names) -> Node:  # noqa: ARG001
    return Text(quoted(value))


@expression.register(Mapping)
def _(value: Mapping[Any, Any], names: Names) -> Node:
    return Bracketed("", "{}", tuple((f"{flat(expression(key, names))}: ", expression(item, names)) for key, item in value.items()))


@expression.register(list)
def _(value: list[Any], names: Names) -> Node:
    return Bracketed("", "[]", _items(value, names))


@expression.register(tuple)
def _(value: tuple[Any, ...], names: Names) -> Node:
    return Bracketed("", "()", _items(value, names), comma=True)


@expression.register(set | frozenset)
def _(value: set[Any] | frozenset[Any], names: Names) -> Node:
    items = Bracketed("", "{}", _items(sorted(value, key=repr), names))
    if isinstance(value, frozenset):
        return Bracketed("frozenset", "()", (("", items),) if value else ())
    return items if value else Text("set()")


@expression.register(datetime)
def _(value: datetime, names: Names) -> Node:
    parts = _short([value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond], least=3)
    return Bracketed(names.path("datetime.datetime"), "()", (*_items(parts, names), *_zone(value, names)))


@expression.register(date)
def _(value: date, names: Names) -> Node:
    return Text(f"{names.path('datetime.date')}({value.year}, {value.month}, {value.day})")


@expression.register(time)
def _(value: time, names: Names) -> Node:
    parts = _short([value.hour, value.minute, value.second, value.microsecond], least=2)
    return Bracketed(names.path("datetime.time"), "()", (*_items(parts, names), *_zone(value, names)))


@expression.register(timedelta)
def _(value: timedelta, names: Names) -> Node:
    """The largest units that say it exactly: 90 minutes are 1 hour and 30 minutes."""
    left = value // timedelta(microseconds=1)
    sign, left = (-1, -left) if left < 0 else (1, left)
    found = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            found.append(f"{unit}={sign * count}")
    return Text(f"{names.path('datetime.timedelta')}({', '.join(found or ['0'])})")


@expression.register(Decimal)
def _(value: Decimal, names: Names) -> Node:
    return Text(f"{names.path('decimal.Decimal')}({quoted(str(value))})")


@expression.register(ZoneInfo)
def _(value: ZoneInfo, names: Names) -> Node:
    return Text(f"{names.path('zoneinfo.ZoneInfo')}({quoted(value.key)})")


@expression.register(timezone)
def _(value: timezone, names: Names) -> Node:
    if value == timezone.utc:  # noqa: UP017  beside the class itself
        return Text(names.path("datetime.UTC"))
    return Bracketed(names.path("datetime.timezone"), "()", (("", expression(value.utcoffset(None), names)),))


def _short(parts: list[int], *, least: int) -> list[int]:
    """Without the zeros at the end."""
    while len(parts) > least and not parts[-1]:
        parts.pop()
    return parts


def _zone(value: datetime | time, names: Names) -> tuple[tuple[str, Node], ...]:
    zone = (("tzinfo=", expression(value.tzinfo, names)),) if value.tzinfo else ()
    return (*zone, ("fold=", Text("1"))) if value.fold else zone
