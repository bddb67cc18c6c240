"""From a database driver's values to Arrow, exactly or not at all.

Which conversions count as exact is the table at the end of the file: a float of 3.0 may become the int 3, a float of 3.5 may not.
:func:`column` takes Python values, :func:`recast` an Arrow array of another type.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from tidegate.data.kinds import DECIMAL_DIGITS, DECIMAL_SCALE, WORDS, arrow_type, cast_batch, declaring, plain_schema, word
from tidegate.data.unfit import BEYOND, ENDLESS, NUMBER, unfit
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence


def inferred(values: Sequence[Any], *, name: str, where: str) -> pa.DataType:
    """The type of an undeclared column, from its first values; text when all of them are NULL.

    :raises DataRefused: the values are of several types, or of one that cannot be staged.
    """
    seen = set(map(type, values)) - {NoneType}
    if seen == {int}:
        fits = all(value is None or -(2**63) <= value < 2**63 for value in values)
        return pa.int64() if fits else pa.decimal128(DECIMAL_DIGITS, 0)
    if seen in ({Decimal}, {Decimal, int}):
        scales = (-int(exponent) for v in values if isinstance(v, Decimal) and isinstance(exponent := v.as_tuple().exponent, int))
        return pa.decimal128(DECIMAL_DIGITS, min(max(DECIMAL_SCALE, *scales, DECIMAL_SCALE), DECIMAL_DIGITS))
    if seen == {datetime}:
        zoned = {value.tzinfo is not None for value in values if value is not None}
        if len(zoned) == 1:
            return WORDS["timestamptz" if zoned.pop() else "timestamp"]
    for kinds, declared in _INFERRED:
        if seen <= kinds:
            return WORDS[declared]
    kinds_seen = ", ".join(sorted(_CALLED.get(kind, kind.__name__) for kind in seen))
    message = f'{where} has a column "{name}" whose values are of no single type that can be staged: {kinds_seen}.'
    declare = "Make" if seen & {bool, bytes, bytearray, memoryview} else f"Declare {declaring(name, _of_all(seen))}, or make"
    raise DataRefused(message, hint=f"{declare} one type of them in the query, by CAST.")


def _of_all(seen: set[type]) -> str:
    """The type that may hold values of all of these."""
    return "decimal" if seen <= {int, float, Decimal} else "text"


_INFERRED: tuple[tuple[set[type], str], ...] = (
    ({str, UUID, dict, list}, "text"),
    ({float, int}, "float"),
    ({bool}, "bool"),
    ({bytes, memoryview, bytearray}, "bytes"),
    ({date}, "date"),
)


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that its column's declared type cannot hold, of a row that is to be set aside; NULL stands in its place."""

    row: int
    """Its number in the whole result, counting from 1."""
    column: str
    text: str
    """The value."""


def column(
    values: Sequence[Any],
    kind: pa.DataType,
    *,
    name: str,
    where: str,
    first_row: int,
    declared: bool,
    zone: str = "UTC",
    misfits: list[Misfit] | None = None,
) -> pa.Array:
    """The values as Arrow, exactly.

    :param first_row: the number of the first of these rows in the whole result, counting from 1; messages count on from it.
    :param declared: whether ``kind`` was declared under ``accept:`` or only guessed from the first rows.
    :param zone: what a naive date-time means when a moment is asked for.
    :param misfits: takes values that a declared type cannot hold, in place of a refusal.
    :raises DataRefused: a value is not exactly representable; the message gives the column and the first such row.
    """
    convert = _converter(kind, zone)
    try:
        if set(map(type, values)) <= {NoneType, _NATIVE[_family(kind)]} and kind not in _CHECKED:
            return pa.array(values, kind)
        return pa.array([None if value is None else convert(value) for value in values], kind)
    except _UNFIT:
        fitting: list[Any] = []
        for row, value in enumerate(values, first_row):
            try:
                fitting.append(None if value is None else convert(value))
                pa.array(fitting[-1:], kind)
            except _UNFIT as error:
                if misfits is None or not declared:
                    holds = partial(_holds, value, zone)
                    raise unfit(name, kind, value, where=where, row=row, declared=declared, zone=zone, holds=holds) from error
                misfits.append(Misfit(row, name, str(value)))
                fitting[row - first_row :] = [None]
        return pa.array(fitting, kind)


def _holds(value: Any, zone: str, word: str) -> bool:
    """Whether a column that is declared so takes the value."""
    kind = arrow_type(word)
    try:
        pa.array([_converter(kind, zone)(value)], kind)
    except _UNFIT:
        return False
    return True


def recast(
    array: pa.Array,
    kind: pa.DataType,
    *,
    name: str,
    where: str,
    first_row: int,
    declared: bool = True,
    zone: str = "UTC",
    misfits: list[Misfit] | None = None,
) -> pa.Array:
    """The array in the type that its column is to have, exactly; takes and raises what :func:`column` does."""
    if array.type == kind:
        return array
    with suppress(pa.ArrowInvalid):  # said better below
        if (cast := _alike(array, kind, zone)) is not None:
            return cast
    return column(array.to_pylist(), kind, name=name, where=where, first_row=first_row, declared=declared, zone=zone, misfits=misfits)


def conformed(
    batch: pa.RecordBatch,
    schema: pa.Schema,
    *,
    where: str,
    before: str,
    first_row: int,
    zone: str | None = None,
    declared: Collection[str] = (),
    misfits: list[Misfit] | None = None,
) -> pa.RecordBatch:
    """The same values in the types of a batch that came before: numbers as numbers, times as times, exactly; what is of another kind is refused.

    :param before: where that batch is from, for the message.
    :param zone: what a naive date-time means when a moment is asked for; None where nobody can know.
    :param declared: columns whose type ``accept`` declares, which take what :func:`recast` takes.
    :raises DataRefused: a column came in a type of another kind, or has a value that its type cannot hold exactly.
    """
    if batch.schema.equals(schema):
        return batch
    batch = cast_batch(batch, plain_schema(batch.schema, where=where), where=where)
    arrays = []
    for field, came in zip(schema, batch.columns, strict=True):
        array = pa.nulls(len(came), field.type) if came.null_count == len(came) else came
        if field.name not in declared and not akin(array.type, field.type, zone):
            message = f'{where} has column "{field.name}" as {word(array.type)}, and {before} has it as {word(field.type)}.'
            raise DataRefused(message, hint="Give a column the same type throughout: declare it under accept: columns, or cast it before.")
        arrays.append(
            recast(
                array,
                field.type,
                name=field.name,
                where=where,
                first_row=first_row,
                declared=field.name in declared,
                zone=zone or "UTC",
                misfits=misfits,
            )
        )
    return pa.record_batch(arrays, schema=schema)


def akin(one: pa.DataType, other: pa.DataType, zone: str | None) -> bool:
    """Whether values of the one type mean in the other what they are: numbers as numbers, times as times.

    :param zone: what a naive date-time means when a moment is asked for; None where nobody can know.
    """
    families = {_family(one), _family(other)}
    return (
        len(families) == 1
        or families <= {"int", "float", "decimal"}
        or families <= {"date", "timestamp", *(["timestamptz"] if zone else [])}
    )


def _alike(array: pa.Array, kind: pa.DataType, zone: str) -> pa.Array | None:
    """The array by Arrow's own cast, where that means what :func:`column` would mean; None where it does not, or nobody knows."""
    source = array.type
    if pat.is_decimal(kind) and (pat.is_integer(source) or pat.is_decimal(source) or pat.is_string(source)):
        return array.cast(kind)
    if (pat.is_integer(source) and pat.is_floating(kind)) or (pat.is_string(source) and (pat.is_date(kind) or kind == WORDS["timestamp"])):
        return array.cast(kind)  # of an int beyond 2**53 refused, and looked at by itself
    if pat.is_string(source) and kind == WORDS["timestamptz"]:
        return _alike(array.cast(WORDS["timestamp"]), kind, zone)  # refused where any text names an offset
    if source == WORDS["timestamp"] and kind == WORDS["timestamptz"]:
        return array.cast(kind) if zone == "UTC" else pc.assume_timezone(array, zone, ambiguous="raise", nonexistent="raise").cast(kind)
    if pat.is_integer(source) and pat.is_boolean(kind) and pc.all(pc.is_in(array, pa.array([0, 1, None], source))).as_py():
        return array.cast(kind)
    return None


def _family(kind: pa.DataType) -> str:
    return word(kind).partition("(")[0]


def _converter(kind: pa.DataType, zone: str) -> Callable[[Any], Any]:
    family = _family(kind)
    return (lambda value: _moment(value, zone)) if family == "timestamptz" else _CONVERTERS[family]


def _int(value: Any) -> int:
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) else int(_fail(value))
    whole = int(value)
    if whole != value or (isinstance(value, float) and abs(whole) > 2**53):
        raise ValueError(value)
    return whole


def _float(value: Any) -> float:
    if isinstance(value, float):
        return value
    number = float(value) if not isinstance(value, str) or NUMBER.fullmatch(value) or ENDLESS.fullmatch(value) else _fail(value)
    if Decimal(repr(number)) != Decimal(value):
        raise ValueError(value)
    return number


def _decimal(value: Any) -> Decimal:
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise ValueError(value)
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise InvalidOperation(value)
    return number


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bool | bytes | bytearray | memoryview):
        raise TypeError(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return str(value)
    if isinstance(value, int | float | UUID):
        return str(value)
    raise TypeError(value)


def _bool(value: Any) -> bool:
    word_or_number = value.lower() if isinstance(value, str) else value
    return _TRUTH[word_or_number] if word_or_number in _TRUTH else bool(_fail(value))


def _said(text: str) -> datetime:
    if BEYOND.search(text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _date(value: Any) -> date:
    if isinstance(value, str):
        value = _said(value)
    if isinstance(value, datetime):
        if value.time() != time() or value.tzinfo is not None:
            raise ValueError(value)
        return value.date()
    return value if isinstance(value, date) else _fail(value)


def _clock(value: Any) -> datetime:
    if isinstance(value, str):
        value = _said(value)
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise ValueError(value)
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise TypeError(value)


def _moment(value: Any, zone: str) -> datetime:
    if isinstance(value, str):
        value = _said(value)
    if not isinstance(value, datetime):
        raise TypeError(value)
    moment: datetime = value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))
    if value.tzinfo is None and moment.utcoffset() != moment.replace(fold=1).utcoffset():
        raise ValueError(value)  # in the hour that the clocks repeat or skip: nobody can know which moment is meant
    return moment.astimezone(UTC)


def _bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else _fail(value)


def _fail(value: Any) -> Any:
    raise TypeError(value)


_UNFIT = (ValueError, TypeError, ArithmeticError, UnicodeError, pa.ArrowException)
_DIGITS = re.compile(r"[+-]?[0-9]+")
_TRUTH: dict[Any, bool] = {"true": True, "t": True, "1": True, 1: True, b"\x01": True}
_TRUTH |= {"false": False, "f": False, "0": False, 0: False, b"\x00": False}
_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "int": _int,
    "float": _float,
    "decimal": _decimal,
    "text": _text,
    "bool": _bool,
    "date": _date,
    "timestamp": _clock,
    "bytes": _bytes,
}
_CALLED = {
    int: "whole numbers", float: "floats", Decimal: "decimals", str: "texts", bool: "true or false", bytes: "bytes", bytearray: "bytes",
    memoryview: "bytes", date: "days", datetime: "times", dict: "objects", list: "lists", UUID: "UUIDs",
}  # fmt: skip
"""What values of a class are called in messages."""
_NATIVE: dict[str, type] = {
    "int": int,
    "float": float,
    "decimal": Decimal,
    "text": str,
    "bool": bool,
    "date": date,
    "timestamp": datetime,
    "timestamptz": datetime,
    "bytes": bytes,
}
_CHECKED = {WORDS["timestamp"], WORDS["timestamptz"]}
"""Types whose native Python class can still hide a loss: Arrow drops or invents a time zone without a word."""
