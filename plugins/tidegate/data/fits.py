"""Which columns of a table that exists can take which values: refused by name where every such value, or some in silence, would become another."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pyarrow.types as pat
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from tidegate.data.kinds import nearest, word
from tidegate.data.tables import MYSQL
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from tidegate.data.tables import Target

_ALLOWED: dict[str, set[type]] = {
    "int": {int, Decimal},
    "float": {float},
    "decimal": {Decimal},
    "text": {str},
    "bool": {bool, int},
    "date": {date, datetime},
    "timestamp": {datetime},
    "timestamptz": {datetime},
    "bytes": {bytes},
}
_NINE = set().union(*_ALLOWED.values())
_ON_SQLITE: dict[str, set[type]] = {
    "decimal": {str, float},
    "text": {date, datetime},
    "float": {Decimal},
    **{name: {str, date, datetime} for name in ("date", "timestamp", "timestamptz")},
}
"""What more goes there: types are hints, and a column of dates keeps a text as it is unless it reads as a number."""
_WHOLE = (sa.Integer, sa.Text, sa.Boolean, sa.Uuid, sa.JSON, sa.Enum, postgresql.CITEXT, postgresql.INET)
"""What PostgreSQL keeps in an array as it stands in the array's text."""


def check_fit(target: Target, schema: pa.Schema, known: Mapping[str, Any], *, dialect: str) -> None:
    """Refuse rows that the table cannot take as they are.

    :raises LoadRefused: a column is missing on either side, or would not hold the values exactly.
    """
    for field in schema:
        if field.name not in known:
            hint = f"{nearest(field.name, known)}Add the column to the table, or leave it out of the rows."
            raise LoadRefused(f'Table {target} has no column "{field.name}"; it has {", ".join(known)}.', hint=hint)
        column = known[field.name]["type"]
        where = f'Column "{field.name}" of table {target} is'
        if (problem := _other_clock(field.type, column, dialect)) is not None:
            hint = f"Say in which zone the clock stands, in the transform: {field.name} AT TIME ZONE 'Europe/Berlin'; or alter the table."
            raise LoadRefused(f"{where} {problem}.", hint=hint)
        if not _fits(field.type, column, dialect=dialect):
            message = f"{where} {declared(column)}, which cannot hold every {word(field.type)} exactly."
            raise LoadRefused(message, hint="CAST the column in the transform to the table's type, or alter the table.")
    for name, column in known.items():
        free = column.get("nullable", True) or column.get("default") is not None or column.get("identity") or column.get("computed")
        if name not in schema.names and not free and column.get("autoincrement") is not True:
            hint = "Select it in the query or the transform, or let the table allow NULL."
            raise LoadRefused(f'Column "{name}" of table {target} must not be NULL, and the rows do not bring it.', hint=hint)


def _other_clock(kind: pa.DataType, column: Any, dialect: str) -> str | None:
    """What is wrong between a clock's reading and a moment, of which no database asks for the zone; None where nothing is."""
    if not (pat.is_timestamp(kind) or pat.is_date(kind)):
        return None
    moment = _of_moments(column, dialect)
    if moment and not (pat.is_timestamp(kind) and kind.tz):
        return f"a moment, and the rows bring a {word(kind)}, which is one only in some time zone"
    if moment is False and pat.is_timestamp(kind) and kind.tz:
        return "a clock's reading, and the rows bring a timestamptz, which has one only in some time zone"
    return None


def _of_moments(column: Any, dialect: str) -> bool | None:
    """Whether a column of dates with times has moments in it; None for other columns, and where a database has no type for moments."""
    if dialect in MYSQL:
        return True if isinstance(column, sa.TIMESTAMP) else None  # DATETIME has the one or the other, moments in UTC
    if dialect not in {"postgresql", "duckdb"} or python_of(column) is not datetime:
        return None
    return bool(getattr(column, "timezone", False))


def _fits(kind: pa.DataType, column: Any, *, dialect: str) -> bool:
    """Whether every value of an Arrow type arrives unchanged, or is asked for before; true where only the database can know."""
    python = float if isinstance(column, sa.Float) else python_of(column)  # MySQL's DOUBLE would say Decimal
    if dialect in {"postgresql", "duckdb", *MYSQL}:
        if _changes(column, dialect):
            return False
        if python not in _NINE:
            return _reads(kind, column)
    if python is None:
        return True
    if pat.is_floating(kind) and dialect != "sqlite" and isinstance(column, sa.REAL | mysql.FLOAT):
        return False  # single precision
    family = word(kind).partition("(")[0]
    allowed = _ALLOWED[family] | (_ON_SQLITE.get(family, set()) if dialect == "sqlite" else set())
    return python in allowed or python not in _NINE


def _changes(column: Any, dialect: str) -> bool:
    """Whether a type makes another value of what it is given in ways that nobody can ask about before."""
    if dialect in MYSQL:
        return isinstance(column, mysql.DOUBLE | mysql.FLOAT) and column.scale is not None
    if dialect == "duckdb":
        return declared(column).endswith("]") or declared(column).startswith(("STRUCT(", "MAP(", "UNION("))
    if isinstance(column, postgresql.ARRAY):
        item = column.item_type
        exact = isinstance(item, _WHOLE) or (isinstance(item, sa.VARCHAR) and item.length is None)
        return not (exact or (isinstance(item, sa.Numeric) and not isinstance(item, sa.Float) and item.precision is None))
    if isinstance(column, postgresql.INTERVAL):
        return column.fields is not None
    return isinstance(column, postgresql.MONEY) or type(column) is sa.String  # "char", which cuts, and name


def _reads(kind: pa.DataType, column: Any) -> bool:
    """Whether a type that is none of the nine takes such values for what they are: text is read, anything else would first become a text."""
    if isinstance(column, mysql.BIT):
        return bool(pat.is_integer(kind) or pat.is_boolean(kind))  # of a text it would keep the letters' codes
    return bool(pat.is_integer(kind) if isinstance(column, mysql.YEAR) else pat.is_string(kind))


def python_of(declared: Any) -> type | None:
    """The class of a column's values in Python; None where nobody knows."""
    try:
        return cast("type", declared.python_type)
    except (NotImplementedError, AttributeError):
        return None


def declared(kind: Any) -> str:
    """A column's type as a person would write it."""
    return str(kind).partition(" COLLATE")[0]
