"""From Arrow types to the columns of a table: which to create, and which an existing table can take.

SQLite has no decimals: it keeps them as text, canonically written, so that no digit is lost; ``sum()`` still adds them up. A table made by
hand with NUMERIC columns works too, up to the 15 digits that SQLite keeps. Moments are text in UTC on SQLite, and DATETIME(6) in UTC on
MySQL and MariaDB, which have no type for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

import pyarrow as pa
import pyarrow.types as pat
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from tidegate.data import ledger
from tidegate.data.kinds import canonical, nearest, word
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MYSQL = {"mysql", "mariadb"}
_KEY_LENGTH = 255
_KEY_BYTES = 3072
"""Of one index of MySQL and MariaDB, in which a letter counts four."""
_INDEX_NAME = 60
_SIZES = sa.text("""
WITH RECURSIVE base AS (
    SELECT attname, atttypid AS kind, atttypmod AS size FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attnum > 0
    UNION ALL
    SELECT attname, typbasetype, typtypmod FROM base JOIN pg_type ON oid = kind WHERE typtype = 'd'
) SELECT attname, typname, size FROM base JOIN pg_type ON oid = kind WHERE typtype <> 'd'
""")
"""Of a table's columns, what stands below their domains: SQLAlchemy leaves out to how many digits they round."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The table that a load writes."""

    name: str
    schema: str | None = None
    known_as: str = ""
    """Its one name in the ledger, of :func:`tidegate.data.naming.resolved`."""

    def __str__(self) -> str:
        return self.known_as or (f"{self.schema}.{self.name}" if self.schema else self.name)

    def quoted(self, dialect: sa.Dialect) -> str:
        """Its name in a statement that the driver gets as it is."""
        return ".".join(quoted(name, dialect) for name in (self.schema, self.name) if name)


def quoted(name: str, dialect: sa.Dialect) -> str:
    """A name in a statement that the driver gets as it is: nothing in it means anything."""
    quote = dialect.identifier_preparer.initial_quote
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


def name_of(reflected: str, dialect: sa.Dialect) -> str:
    """A column's name, where SQLAlchemy gives one: it leaves a backtick in a name of MySQL's as two."""
    return reflected.replace("``", "`") if dialect.name in MYSQL else reflected


def insert_into(target: Target, names: Sequence[str], dialect: sa.Dialect) -> str:
    """The beginning of an ``INSERT``, up to its values."""
    return f"INSERT INTO {target.quoted(dialect)} ({', '.join(quoted(name, dialect) for name in names)})"


def run(connection: sa.Connection, statement: str) -> None:
    """Execute a statement whose names are quoted, and which has no values: a percent sign means nothing."""
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def new_table(target: Target, schema: pa.Schema, *, keys: Sequence[str], dialect: str, unique: bool = False) -> sa.Table:
    """The table to create for these rows, with an index on the key columns, by which loads look for rows; DuckDB finds them without one."""
    texts = sum(pat.is_string(field.type) for field in schema if field.name in keys)
    length = min(_KEY_LENGTH, (_KEY_BYTES - 32 * (len(keys) - texts)) // 4 // max(texts, 1))
    columns = [sa.Column(field.name, column_type(field.type, dialect=dialect, key=length * (field.name in keys))) for field in schema]
    table = sa.Table(target.name, sa.MetaData(), *columns, schema=target.schema)
    if keys and (unique or dialect != "duckdb"):
        sa.Index(_index_name(target, "merge" if unique else "replace"), *(table.c[name] for name in keys), unique=unique)
    return table


def _index_name(target: Target, what: str) -> str:
    """A name that no other table's index has: on SQLite and in a schema of PostgreSQL they are all of one list, and long ones are cut."""
    name = f"ix_{target.name}_{what}"
    if len(name.encode()) <= _INDEX_NAME:
        return name
    return f"{name.encode()[: _INDEX_NAME - 9].decode(errors='ignore')}_{crc32(name.encode()):08x}"


def add_missing(connection: sa.Connection, target: Target, schema: pa.Schema) -> None:
    """Add the columns of these rows that the table lacks; one process at a time."""
    dialect = connection.dialect
    if all(field.name in columns_of(connection, target) for field in schema):
        return
    ledger.alone(connection)
    known = columns_of(connection, target)
    for field in schema:
        if field.name not in known:
            kind = column_type(field.type, dialect=dialect.name).compile(dialect=dialect)
            run(connection, f"ALTER TABLE {target.quoted(dialect)} ADD COLUMN {quoted(field.name, dialect)} {kind}")


def columns_of(connection: sa.Connection, target: Target) -> dict[str, Any]:
    """What the database says of each column of an existing table, by name."""
    columns = sa.inspect(connection).get_columns(target.name, schema=target.schema)
    known: dict[str, Any] = {name_of(column["name"], connection.dialect): column for column in columns}
    if domains := [name for name, column in known.items() if isinstance(column["type"], postgresql.DOMAIN)]:
        sizes = connection.execute(_SIZES, {"name": target.quoted(connection.dialect)})
        known |= {name: {**known[name], "type": sized} for name, kind, size in sizes if name in domains and (sized := _sized(kind, size))}
    return known


def _sized(kind: str, size: int) -> Any:
    """A type of PostgreSQL's that rounds, by its name and the modifier that says to how many digits."""
    if size < 0:
        return None
    if kind == "numeric":
        return sa.Numeric((size - 4) >> 16 & 0xFFFF, ((size - 4 & 0x7FF) ^ 0x400) - 0x400)
    return postgresql.TIMESTAMP(timezone=kind == "timestamptz", precision=size) if kind in {"timestamp", "timestamptz"} else None


def check_fit(target: Target, schema: pa.Schema, known: Mapping[str, Any], *, dialect: str) -> None:
    """Refuse rows that the table cannot take as they are.

    :raises LoadRefused: a column is missing on either side, or would not hold the values exactly.
    """
    for field in schema:
        if field.name not in known:
            hint = f"{nearest(field.name, known)}Add the column to the table, or leave it out of the rows."
            raise LoadRefused(f'Table {target} has no column "{field.name}"; it has {", ".join(known)}.', hint=hint)
        if not _fits(field.type, known[field.name]["type"], dialect=dialect):
            kind = declared(known[field.name]["type"])
            message = f'Column "{field.name}" of table {target} is {kind}, which cannot hold every {word(field.type)} exactly.'
            raise LoadRefused(message, hint="CAST the column in the transform to the table's type, or alter the table.")
    for name, column in known.items():
        free = column.get("nullable", True) or column.get("default") is not None or column.get("identity") or column.get("computed")
        if name not in schema.names and not free and column.get("autoincrement") is not True:
            hint = "Select it in the query or the transform, or let the table allow NULL."
            raise LoadRefused(f'Column "{name}" of table {target} must not be NULL, and the rows do not bring it.', hint=hint)


def column_type(kind: pa.DataType, *, dialect: str, key: int = 0) -> Any:
    """The type of a new column for such values; ``key`` letters long where an index must hold it."""
    if pat.is_decimal(kind):
        return sa.Text() if dialect == "sqlite" else sa.Numeric(kind.precision, kind.scale)
    if pat.is_timestamp(kind):
        return mysql.DATETIME(fsp=6) if dialect in MYSQL else sa.DateTime(timezone=kind.tz is not None)
    if pat.is_string(kind) and dialect in MYSQL:
        if key:
            return mysql.VARCHAR(key, charset="utf8mb4", collation="utf8mb4_bin")
        return mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin")
    if pat.is_binary(kind):
        return mysql.LONGBLOB() if dialect in MYSQL else sa.LargeBinary()
    types: dict[pa.DataType, Any] = {
        pa.int64(): sa.BigInteger(),
        pa.float64(): sa.Double(),
        pa.bool_(): sa.Boolean(),
        pa.date32(): sa.Date(),
    }
    return types.get(kind, sa.Text())


def _fits(kind: pa.DataType, column: Any, *, dialect: str) -> bool:
    """Whether every value of an Arrow type arrives unchanged; true where only the database can know."""
    python = float if isinstance(column, sa.Float) else python_of(column)  # MySQL's DOUBLE would say Decimal
    if python is None:
        return True
    if pat.is_floating(kind) and dialect != "sqlite" and isinstance(column, sa.REAL | mysql.FLOAT):
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


def python_of(declared: Any) -> type | None:
    """The class of a column's values in Python; None where nobody knows."""
    try:
        return cast("type", declared.python_type)
    except (NotImplementedError, AttributeError):
        return None


def declared(kind: Any) -> str:
    """A column's type as a person would write it."""
    return str(kind).partition(" COLLATE")[0]


def sqlite_text(value: Any) -> Any:
    """A date, a moment or a decimal as text that SQLite's own functions read; microseconds only when there are any."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Decimal):
        return canonical(value)
    return value.isoformat() if isinstance(value, date) else value
