"""What is told of a value that its column's type cannot hold exactly: the value, why it does not fit, and what to do."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow.types as pat

from tidegate.data.kinds import DECIMAL_DIGITS, DECIMAL_SCALE, declaring, word
from tidegate.errors import DataRefused
from tidegate.redaction import is_secret, starred

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
ENDLESS = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
BEYOND = re.compile(r"[.,]\d{6}0*[1-9]")
"""Parts of a microsecond, which Python would drop."""
_NO_NUMBER = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)
_SHOWN = 40
"""Letters of a value."""
_WIDER = {
    "int": ("decimal(38,0)", "decimal", "float", "text"),
    "decimal": ("decimal", "float", "text"),
    "float": ("decimal", "text"),
    "bool": ("int", "text"),
    "date": ("timestamp", "timestamptz", "text"),
    "timestamp": ("timestamptz", "text"),
    "timestamptz": ("text",),
    "text": ("bytes",),
}
"""Which types hold what others do, and more."""
_IN_THE_QUERY = "Correct the source, or make NULL or a text of it in the query, by NULLIF or CAST."


def unfit(
    name: str,
    kind: pa.DataType,
    value: Any,
    *,
    where: str,
    row: int,
    declared: bool,
    zone: str = "UTC",
    holds: Callable[[str], bool] | None = None,
) -> DataRefused:
    """The refusal of a value.

    :param declared: whether the column's type was declared under ``accept:``.
    :param zone: what a reading without a zone means when a moment is asked for.
    :param holds: tells by its word of another type whether declared it would take the value; None where none would.
    """
    shown = "a value" if is_secret(name) else shown_as(value)
    clock = _of_no_moment(value, zone) if word(kind) == "timestamptz" else None
    why = clock or _why(value, kind)
    message = f'{where} has in column "{name}", row {row}, {shown}, which {word(kind)} cannot hold exactly: {why}.'
    return DataRefused(message, hint=_hint(name, kind, value, declared=declared, clock=clock is not None, holds=holds))


def _hint(name: str, kind: pa.DataType, value: Any, *, declared: bool, clock: bool, holds: Callable[[str], bool] | None) -> str:
    if clock:
        reading = declaring(name, "timestamp")
        return f"Set timezone: to the zone of the clock that wrote it, select the moment with its offset in the query, or keep the reading as it is: {reading}."
    another = next((other for other in _others(kind, value) if other != word(kind) and holds and holds(other)), None)
    if another is None:
        return _IN_THE_QUERY
    begin = (
        "Correct the source, or declare another type" if declared else "Its type is that of the first values; declare one that holds all"
    )
    return f"{begin}: {declaring(name, another)}."


def _others(kind: pa.DataType, value: Any) -> tuple[str, ...]:
    number = _number(value)
    scale = -int(number.as_tuple().exponent) if number is not None and number.is_finite() else 0
    sized = (f"decimal({DECIMAL_DIGITS},{scale})",) if DECIMAL_SCALE < scale <= DECIMAL_DIGITS else ()
    family = word(kind).partition("(")[0]
    return (*sized, *_WIDER.get(family, ())) if family in {"int", "decimal"} else _WIDER.get(family, ())


def shown_as(value: Any) -> str:
    """A value as a message has it: in one line, shortened."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value):,} byte{'' if len(value) == 1 else 's'}"
    if isinstance(value, bool):
        return str(value).lower()
    text = starred(str(value))
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) else text


def _why(value: Any, kind: pa.DataType) -> str:
    """Why a value does not fit, completing a sentence."""
    if pat.is_temporal(kind):
        return _no_time(value, kind)
    if pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind):
        return _no_number(value, kind)
    if pat.is_boolean(kind):
        return "it is none of true, t, 1, false, f and 0"
    if pat.is_binary(kind):
        return "a text is no bytes" if isinstance(value, str) else "it is no bytes"
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes are no text"
    return "it has letters that are no Unicode" if isinstance(value, str) else "it has no text that everybody would write"


def _no_number(value: Any, kind: pa.DataType) -> str:
    number = _number(value)
    if number is None:
        return "it is no number"
    if not number.is_finite():
        return "it is no number" if pat.is_floating(kind) else f"{word(kind)} has no such number"
    if pat.is_floating(kind):
        return f"the nearest float is {float(number)!r}"
    if pat.is_integer(kind):
        return "it is not whole" if number != number.to_integral_value() else "it is beyond 64 bits"
    return f"there is room for {kind.precision - kind.scale} digits before the point and {kind.scale} behind it"


def _number(value: Any) -> Decimal | None:
    """The number that a value is; None where it is none."""
    if isinstance(value, str) and not (NUMBER.fullmatch(value) or _NO_NUMBER.fullmatch(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        return None


def _no_time(value: Any, kind: pa.DataType) -> str:
    if isinstance(value, str):
        if BEYOND.search(value):
            return "times are kept to the microsecond"
        if ENDLESS.fullmatch(value):
            return "it is no day of the years 1 to 9999"
    found = _time(value)
    if found is None:
        return "it is no day or time of the years 1 to 9999 in ISO 8601, such as 2026-01-31 12:00"
    if pat.is_date(kind):
        return "a date has no time of day"
    if found.tzinfo is not None:
        return "it is a moment, and a timestamp is what a clock shows"
    return "it is a day without a time"


def _time(value: Any) -> datetime | None:
    """What a value says of a time; None where it says nothing that can be read."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time()) if isinstance(value, date) else None


def _of_no_moment(value: Any, zone: str) -> str | None:
    """Why a clock's reading is not one moment: the clocks skip or repeat it; None where it is."""
    found = _time(value)
    if found is None or found.tzinfo is not None:
        return None
    moment = found.replace(tzinfo=ZoneInfo(zone))
    if moment.utcoffset() == moment.replace(fold=1).utcoffset():
        return None
    again = moment.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    reading = f"{found:%H:%M:%S}".removesuffix(":00")
    return f"{reading} {'is twice' if again == found else 'does not exist'} on {found.date()} in {zone}"
