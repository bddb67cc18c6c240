"""From Arrow types to the columns of a table: which to create, which an existing table can take, and how values are bound.

SQLite has no decimals: it keeps them as text, canonically written, so that no digit is lost; ``sum()`` still adds them up. A table made by
hand with NUMERIC columns works too, up to the 15 digits that SQLite keeps. Moments are text in UTC on SQLite, and DATETIME(6) in UTC on
MySQL and MariaDB, which have no type for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pat
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from tidegate.data.kinds import canonical, nearest, word
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MYSQL = {"mysql", "mariadb"}
_KEY_LENGTH = 255
_SQLITE_DIGITS = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The table that a load writes."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


def new_table(target: Target, schema: pa.Schema, *, replace: Sequence[str], dialect: str) -> sa.Table:
    """The table to create for these rows, with an index on the replace columns, by which every load deletes."""
    columns = [sa.Column(field.name, _column_type(field.type, dialect=dialect, key=field.name in replace)) for field in schema]
    table = sa.Table(target.name, sa.MetaData(), *columns, schema=target.schema)
    sa.Index(f"ix_{target.name}_replace"[:60], *(table.c[name] for name in replace))
    return table


def columns_of(connection: sa.Connection, target: Target) -> dict[str, Any]:
    """What the database says of each column of an existing table, by name."""
    return {column["name"]: column for column in sa.inspect(connection).get_columns(target.name, schema=target.schema)}


def check_fit(target: Target, schema: pa.Schema, known: Mapping[str, Any], *, dialect: str) -> None:
    """Refuse rows that the table cannot take as they are.

    :raises LoadRefused: a column is missing on either side, or would not hold the values exactly.
    """
    for field in schema:
        if field.name not in known:
            hint = f"{nearest(field.name, known)}Add the column to the table, or leave it out of the rows."
            raise LoadRefused(f'Table {target} has no column "{field.name}"; it has {", ".join(known)}.', hint=hint)
        if not _fits(field.type, known[field.name]["type"], dialect=dialect):
            declared = known[field.name]["type"]
            message = (
                f'Column "{field.name}" of table {target} is {_declared(declared)}, which cannot hold every {word(field.type)} exactly.'
            )
            raise LoadRefused(message, hint="CAST the column in the transform to the table's type, or alter the table.")
    for name, column in known.items():
        free = column.get("nullable", True) or column.get("default") is not None or column.get("identity") or column.get("computed")
        if name not in schema.names and not free and column.get("autoincrement") is not True:
            hint = "Select it in the query or the transform, or let the table allow NULL."
            raise LoadRefused(f'Column "{name}" of table {target} must not be NULL, and the rows do not bring it.', hint=hint)


def insertion(
    target: Target, schema: pa.Schema, known: Mapping[str, Any], *, dialect: str
) -> tuple[sa.Insert, Callable[[pa.RecordBatch], list[dict[str, Any]]]]:
    """The INSERT, and what turns a batch into its parameters."""
    table = sa.table(
        target.name, *(sa.column(field.name, _bound_type(field.type, dialect=dialect)) for field in schema), schema=target.schema
    )
    statement = sa.insert(table).values({table.c[field.name]: sa.bindparam(f"p{i}") for i, field in enumerate(schema)})
    names = [f"p{i}" for i in range(len(schema))]
    convert = [_binder(field, known[field.name]["type"], target=target, dialect=dialect) for field in schema]

    def rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
        columns = [
            column.to_pylist() if to is None else [to(v) for v in column.to_pylist()]
            for column, to in zip(batch.columns, convert, strict=True)
        ]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]

    return statement, rows


def _column_type(kind: pa.DataType, *, dialect: str, key: bool) -> Any:
    if pat.is_decimal(kind):
        return sa.Text() if dialect == "sqlite" else sa.Numeric(kind.precision, kind.scale)
    if pat.is_timestamp(kind):
        return mysql.DATETIME(fsp=6) if dialect in _MYSQL else sa.DateTime(timezone=kind.tz is not None)
    if pat.is_string(kind) and dialect in _MYSQL:
        if key:
            return mysql.VARCHAR(_KEY_LENGTH, charset="utf8mb4", collation="utf8mb4_bin")
        return mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin")
    if pat.is_binary(kind):
        return mysql.LONGBLOB() if dialect in _MYSQL else sa.LargeBinary()
    types: dict[pa.DataType, Any] = {
        pa.int64(): sa.BigInteger(),
        pa.float64(): sa.Double(),
        pa.bool_(): sa.Boolean(),
        pa.date32(): sa.Date(),
    }
    return types.get(kind, sa.Text())


def _bound_type(kind: pa.DataType, *, dialect: str) -> Any:
    """How SQLAlchemy passes a value. On SQLite values are what :func:`_binder` made of them."""
    if dialect == "sqlite":
        return sa.types.NullType()
    return _column_type(kind, dialect=dialect, key=False)


def _fits(kind: pa.DataType, declared: Any, *, dialect: str) -> bool:
    """Whether every value of an Arrow type arrives unchanged; true where only the database can know."""
    try:
        python = float if isinstance(declared, sa.Float) else declared.python_type  # MySQL's DOUBLE would say Decimal
    except NotImplementedError:
        return True
    if pat.is_floating(kind) and dialect != "sqlite" and isinstance(declared, sa.REAL | mysql.FLOAT):
        return False  # single precision
    allowed: dict[str, set[type]] = {
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
    family = word(kind).partition("(")[0]
    if dialect == "sqlite":  # types are hints there, and what is bound as text is kept as text beside a date
        allowed["decimal"] |= {str, float}
        allowed["text"] |= {date, datetime}
        allowed["float"] |= {Decimal}
        for name in ("date", "timestamp", "timestamptz"):
            allowed[name] |= {str, date, datetime}
    return python in allowed[family] or python not in set().union(*allowed.values())


def _declared(kind: Any) -> str:
    return str(kind).partition(" COLLATE")[0]


def _binder(field: pa.Field, declared: Any, *, target: Target, dialect: str) -> Callable[[Any], Any] | None:
    """What a value becomes before it is bound; None for itself."""
    if pat.is_decimal(field.type):
        return _decimal_binder(field, declared, target=target, dialect=dialect)
    if dialect in _MYSQL and pat.is_timestamp(field.type):
        whole = not getattr(declared, "fsp", 6)

        def clock(value: datetime | None) -> datetime | None:
            if value is not None and whole and value.microsecond:
                message = f'Column "{field.name}" of table {target} keeps whole seconds, and {value} has a fraction.'
                raise LoadRefused(message, hint="Alter the column to DATETIME(6), or truncate the value in the transform.")
            return value.astimezone(UTC).replace(tzinfo=None) if value is not None and value.tzinfo else value

        return clock
    if dialect == "sqlite" and pat.is_temporal(field.type):
        return sqlite_text
    return None


def sqlite_text(value: Any) -> Any:
    """A date, a moment or a decimal as text that SQLite's own functions read; microseconds only when there are any."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Decimal):
        return canonical(value)
    return value.isoformat() if isinstance(value, date) else value


def _decimal_binder(field: pa.Field, declared: Any, *, target: Target, dialect: str) -> Callable[[Any], Any] | None:
    sqlite = dialect == "sqlite"
    scale = getattr(declared, "scale", None)
    if not sqlite and (scale is None or scale >= field.type.scale):
        return None
    keeps_text = sqlite and getattr(declared, "python_type", str) is str

    def exact(value: Decimal | None) -> Any:
        if value is None:
            return None
        text = canonical(value)
        if not sqlite and len(text.partition(".")[2]) > (scale or 0):
            message = f'Column "{field.name}" of table {target} keeps {scale or 0} digits behind the point, and {text} has more.'
            raise LoadRefused(message, hint="Round it in the transform, or alter the column.")
        if sqlite and not keeps_text and len(text.strip("-0").replace(".", "")) > _SQLITE_DIGITS:
            message = (
                f'Column "{field.name}" of table {target} is {_declared(declared)}, which SQLite keeps to 15 digits, and {text} has more.'
            )
            raise LoadRefused(message, hint="Make the column TEXT.")
        return text if sqlite else value

    return exact
