"""Values that a column would round, cut off or forget without a word: looked for in whole columns, and refused by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat
from sqlalchemy.dialects import mysql

from tidegate.data.fits import declared, python_of
from tidegate.data.kinds import DECIMAL_DIGITS, canonical
from tidegate.data.loaders.letters import altered
from tidegate.data.loaders.texts import canonical_texts
from tidegate.data.tables import MYSQL
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate.data.tables import Target

    Check = Callable[[pa.Array], None]

_SQLITE_DIGITS = 15
_MICROSECONDS = 6
_YEARS_FROM = 1901
_DAYS = {
    "sqlite": (-62_135_596_800, 253_402_300_799),
    "postgresql": (-210_866_803_200, 9_224_318_015_999),
    "duckdb": (-9_223_372_022_400, 9_223_372_036_853),
}
"""The first and the last second since 1970 that there is: from the year 1 to 9999, from 4714 before it to 294276, and from 290309 before it to 294247."""
_NAMES = {"duckdb": "DuckDB", **dict.fromkeys(MYSQL, "MySQL and MariaDB"), "sqlite": "SQLite", "postgresql": "PostgreSQL"}


def doubts(target: Target, schema: pa.Schema, known: Mapping[str, Any], *, dialect: str) -> list[tuple[int, Check]]:
    """What to ask of which columns before they are written: the column's number, and what raises.

    :raises LoadRefused: nothing here; what it gives raises it.
    """
    found: list[tuple[int, Check]] = []
    for number, field in enumerate(schema):
        check = _check(field.type, known[field.name]["type"], dialect)
        if check is not None:
            found.append((number, partial(check, f'Column "{field.name}" of table {target}')))
    return found


def _check(kind: pa.DataType, column: Any, dialect: str) -> Callable[[str, pa.Array], None] | None:
    if pat.is_floating(kind):
        return partial(_not_a_number, _NAMES[dialect], dialect != "sqlite") if dialect in {*MYSQL, "sqlite"} else None
    if pat.is_decimal(kind):
        if dialect == "sqlite":
            return None if python_of(column) in {str, None} else partial(_digits, declared(column))
        scale = getattr(column, "scale", None)
        return partial(_rounded, scale) if scale is not None and scale < kind.scale else None
    if pat.is_integer(kind):
        return _whole(column)
    if pat.is_temporal(kind):
        return partial(_moment, dialect, _kept(column, dialect) if pat.is_timestamp(kind) else None)
    return altered(kind, column, dialect) if pat.is_string(kind) or pat.is_binary(kind) else None


def _whole(column: Any) -> Callable[[str, pa.Array], None] | None:
    """What to ask of whole numbers, where a column keeps fewer digits of them, or other years."""
    if isinstance(column, mysql.YEAR):
        return _years
    scale = getattr(column, "scale", None)
    return partial(_hundreds, -scale) if scale is not None and scale < 0 else None


def _years(where: str, values: pa.Array) -> None:
    bad = pc.and_(pc.greater(values, 0), pc.less(values, _YEARS_FROM))
    if pc.any(bad).as_py():
        hint = "Write it with its century in the query or the transform."
        raise LoadRefused(f"{where} is YEAR, and would make another year of {values.filter(bad)[0]}.", hint=hint)


def _hundreds(digits: int, where: str, values: pa.Array) -> None:
    bad = np.asarray(values.fill_null(0)) % 10**digits != 0
    if bad.any():
        value = values.filter(pa.array(bad))[0]
        message = f"{where} rounds off the last {digits} digits of a number, and {value} has them."
        raise LoadRefused(message, hint="Round it in the query or the transform, or alter the column.")


def _kept(column: Any, dialect: str) -> int | None:
    """Digits of a second that a column keeps; None for all."""
    if dialect in MYSQL:
        return getattr(column, "fsp", _MICROSECONDS) or 0
    return getattr(column, "precision", None) if dialect in {"postgresql", "duckdb"} else None


def _not_a_number(database: str, infinite: bool, where: str, values: pa.Array) -> None:  # noqa: FBT001  of a partial
    bad = pc.is_nan(values)
    if infinite:
        bad = pc.or_(bad, pc.is_inf(values))
    if pc.any(bad).as_py():
        first = values.filter(bad)[0].as_py()
        hint = "Make NULL of it in the query or the transform, or a text, in a column of text."
        raise LoadRefused(f"{where} cannot hold {first}: there is no such number in {database}.", hint=hint)


def _rounded(scale: int, where: str, values: pa.Array) -> None:
    try:
        values.cast(pa.decimal128(DECIMAL_DIGITS, scale))
    except pa.ArrowInvalid as error:
        text = next(text for text in map(canonical, values.drop_null().to_pylist()) if len(text.partition(".")[2]) > max(scale, 0))
        message = f"{where} keeps {scale} digits behind the point, and {text} has more."
        raise LoadRefused(message, hint="Round it in the query or the transform, or alter the column.") from error


def _digits(column: str, where: str, values: pa.Array) -> None:
    texts = canonical_texts(values)
    bad = pc.greater(pc.utf8_length(pc.replace_substring(pc.ascii_trim(texts, "-0"), ".", "")), _SQLITE_DIGITS)
    if pc.any(bad).as_py():
        text = texts.filter(bad)[0]
        message = f"{where} is {column}, which SQLite keeps to 15 digits, and {text} has more."
        raise LoadRefused(message, hint="Make the column TEXT.")


def _moment(dialect: str, kept: int | None, where: str, values: pa.Array) -> None:
    if dialect in _DAYS:
        first, last = _DAYS[dialect]
        seconds = values.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
        if pc.any(pc.or_(pc.less(seconds, first), pc.greater(seconds, last))).as_py():
            message = f"{where} would have a day that {_NAMES[dialect]} does not have."
            raise LoadRefused(message, hint="Make NULL of it in the query or the transform.")
    if kept is not None and kept < _MICROSECONDS:
        _fraction(kept, where, values)


def _fraction(kept: int, where: str, values: pa.Array) -> None:
    bad = np.asarray(values.cast(pa.int64()).fill_null(0)) % 10 ** (_MICROSECONDS - kept) != 0
    if bad.any():
        value = values.filter(pa.array(bad))[0].as_py()
        keeps = "keeps whole seconds" if not kept else f"keeps {kept} digits of a second"
        message = f"{where} {keeps}, and {value} has {'a fraction' if not kept else 'more'}."
        raise LoadRefused(message, hint="Alter the column to keep six digits, or truncate the value in the query or the transform.")
