"""Nine types are enough: what staged rows may be made of, so that every later step can promise to be exact.

=============== ============================= ==========================================
word            Arrow                         remark
=============== ============================= ==========================================
int             int64                         wider numbers become decimal(38, 0)
float           float64
decimal         decimal128(38, 9)             ``decimal(p,s)`` for another size
text            string
bool            bool
date            date32
timestamp       timestamp[us]                 a wall clock's reading
timestamptz     timestamp[us, tz=UTC]         a moment
bytes           binary
=============== ============================= ==========================================
"""

from __future__ import annotations

import json
import re
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

DECIMAL_DIGITS = 38
DECIMAL_SCALE = 9
"""Of a plain ``decimal``: fixed rather than guessed, so that all branches and all nights agree."""

WORDS: dict[str, pa.DataType] = {
    "int": pa.int64(),
    "float": pa.float64(),
    "decimal": pa.decimal128(DECIMAL_DIGITS, DECIMAL_SCALE),
    "text": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "bytes": pa.binary(),
}
_TEXT = "Make a text of it before: by CAST in SQL, by json.dumps in Python."
_FIRST_DAY, _LAST_DAY = ((end - date(1970, 1, 1)).days for end in (date.min, date.max))
_A_DAY = 86_400_000_000
"""In microseconds."""
_PLAIN_YAML = re.compile(r"(?!(?:yes|no|on|off|true|false|null)$)[A-Za-z_]\w*", re.IGNORECASE | re.ASCII)
_SIZED = re.compile(r"decimal\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


def canonical(number: Decimal) -> str:
    """The number as text without exponent or trailing zeros: equal numbers, equal text, and every digit."""
    text = f"{number:f}"  # not normalize(), which rounds to the context's 28 digits
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def nearest(name: str, names: Iterable[str]) -> str:
    """``'Did you mean "orders"? '``, or nothing when no name is close."""
    by_folded = {other.casefold(): other for other in names}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return f'Did you mean "{by_folded[close[0]]}"? ' if close else ""


def declaring(name: str, word: str) -> str:
    """What declares a column's type, as a file takes it: ``accept: {columns: {amount: "decimal(12,2)"}}``."""
    told = (text if _PLAIN_YAML.fullmatch(text) else json.dumps(text, ensure_ascii=False) for text in (name, word))
    return f"accept: {{columns: {{{': '.join(told)}}}}}"


def arrow_type(word: str) -> pa.DataType:
    """The Arrow type of a word such as ``int`` or ``decimal(12,2)``.

    :raises DataRefused: there is no such word.
    """
    if known := WORDS.get(word.strip()):
        return known
    if sized := _SIZED.fullmatch(word.strip()):
        digits, scale = int(sized[1]), int(sized[2] or 0)
        if 1 <= digits <= DECIMAL_DIGITS and scale <= digits:
            return pa.decimal128(digits, scale)
        raise DataRefused(f'"{word}" is no size for a decimal.', hint=f"Up to {DECIMAL_DIGITS} digits, of which some behind the point.")
    raise DataRefused(f'"{word}" is no type.', hint=f"{nearest(word, WORDS)}The types are {', '.join(WORDS)} and decimal(p,s).")


def word(kind: pa.DataType) -> str:
    """The inverse of :func:`arrow_type`, for messages."""
    if pat.is_decimal(kind) and kind != WORDS["decimal"]:
        return f"decimal({kind.precision},{kind.scale})"
    return next((name for name, known in WORDS.items() if known == kind), str(kind))


def plain(kind: pa.DataType) -> pa.DataType | None:
    """The one of the nine types that holds every value of ``kind`` exactly; None when there is none."""
    if pat.is_dictionary(kind):
        return plain(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return plain(kind.storage_type)
    if pat.is_decimal(kind):
        return pa.decimal128(kind.precision, kind.scale) if kind.precision <= DECIMAL_DIGITS else None
    if pat.is_timestamp(kind):
        return WORDS["timestamptz"] if kind.tz else WORDS["timestamp"]
    return next((held for is_kind, held in _PLAIN if is_kind(kind)), None)


_PLAIN: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType], ...] = (
    (lambda kind: bool(kind == pa.uint64()), pa.decimal128(20, 0)),
    (pat.is_integer, pa.int64()),
    (pat.is_floating, pa.float64()),
    (pat.is_boolean, pa.bool_()),
    (pat.is_date, pa.date32()),
    *((is_text, pa.string()) for is_text in (pat.is_string, pat.is_large_string, pat.is_string_view, pat.is_null)),
    *((is_bytes, pa.binary()) for is_bytes in (pat.is_binary, pat.is_large_binary, pat.is_binary_view, pat.is_fixed_size_binary)),
)


def nothing(schema: pa.Schema) -> pa.RecordBatch:
    """A batch without rows. Of a list of Python's, Arrow would first load pandas, for a third of a second, to see whether it is one of its own."""
    return pa.record_batch([pa.nulls(0, field.type) for field in schema], schema=schema)


def plain_schema(schema: pa.Schema, *, where: str) -> pa.Schema:
    """The schema in the nine types; ``where`` begins the message when that cannot be.

    :raises DataRefused: a column has a type that none of the nine can hold, or two columns share a name.
    """
    seen: set[str] = set()
    for field in schema:
        if field.name in seen:
            raise DataRefused(f'{where} has two columns named "{field.name}".', hint="Give each a name of its own, in a query by AS.")
        seen.add(field.name)
        if plain(field.type) is None:
            raise DataRefused(f'{where} has a column "{field.name}" of type {field.type}, which cannot be staged.', hint=_TEXT)
    return pa.schema([pa.field(field.name, plain(field.type)) for field in schema])


def one_to_duckdb(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that DuckDB takes for one, and so gives the same values: they differ in the case of ASCII's letters alone."""
    seen: dict[bytes, str] = {}
    for name in names:
        other = seen.setdefault(name.encode().lower(), name)
        if other != name:
            return other, name
    return None


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema, *, where: str) -> pa.RecordBatch:
    """The same values in the schema's types, column by column.

    :raises DataRefused: a value does not fit exactly.
    """
    columns = []
    for field, column in zip(schema, batch.columns, strict=True):
        try:
            columns.append(column if column.type == field.type else column.cast(field.type))
        except pa.ArrowInvalid as error:
            message = f'{where} has a value in column "{field.name}" that {word(field.type)} cannot hold exactly: {error}.'
            raise DataRefused(
                message, hint="Give the column a type that holds all its values: by CAST in SQL, by astype in Python."
            ) from error
    return pa.record_batch(columns, schema=schema)


def check_times(batch: pa.RecordBatch, *, where: str) -> None:
    """Take no days and moments but those of the years 1 to 9999, which all databases mean alike; what DuckDB calls infinity is a number beyond.

    :raises DataRefused: there is another.
    """
    for field, column in zip(batch.schema, batch.columns, strict=True):
        a_day = 1 if pat.is_date32(field.type) else _A_DAY if field.type in (WORDS["timestamp"], WORDS["timestamptz"]) else 0
        if a_day:
            found = pc.min_max(column.cast(pa.int32() if a_day == 1 else pa.int64())).as_py()
            if found["min"] is not None and (found["min"] < _FIRST_DAY * a_day or found["max"] >= (_LAST_DAY + 1) * a_day):
                message = f'{where} has a day or a moment in column "{field.name}" that is not of the years 1 to 9999, such as infinity.'
                raise DataRefused(message, hint="Leave such rows out, or make NULL of it.")
