"""From Arrow types to the columns of a table: which to create, and which an existing table can take.

SQLite has no decimals: it keeps them as text, canonically written, so that no digit is lost; ``sum()`` still adds them up. A table made by
hand with NUMERIC columns works too, up to the 15 digits that SQLite keeps. Moments are text in UTC on SQLite, and DATETIME(6) in UTC on
MySQL and MariaDB, which have no type for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pyarrow as pa
import pyarrow.types as pat
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from tidegate.data import ledger
from tidegate.data.kinds import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    ledger.alone(connection, str(target))
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
    """What a domain of PostgreSQL's is beneath, by the name of the type and the modifier that says how long or how exact; None where that says nothing."""
    if kind.startswith("_"):
        return postgresql.ARRAY(item) if (item := _sized(kind[1:], size)) is not None else None
    made = _PLAIN.get(kind)
    return made(size) if made is not None else None


def _numeric(size: int) -> Any:
    return sa.Numeric((size - 4) >> 16 & 0xFFFF, ((size - 4 & 0x7FF) ^ 0x400) - 0x400) if size >= 0 else sa.Numeric()


def _interval(size: int) -> Any:
    whole = size < 0 or size >> 16 & 0x7FFF == 0x7FFF  # noqa: PLR2004  all of its fields
    return postgresql.INTERVAL(fields=None if whole else "of some fields", precision=_digits(size & 0xFFFF if size >= 0 else size))


def _digits(size: int) -> int | None:
    return size if size in range(7) else None


def _length(size: int) -> int | None:
    return size - 4 if size >= 0 else None


_PLAIN: dict[str, Callable[[int], Any]] = {
    "int2": lambda _: sa.SmallInteger(),
    "int4": lambda _: sa.Integer(),
    "int8": lambda _: sa.BigInteger(),
    "float4": lambda _: sa.REAL(),
    "float8": lambda _: sa.Double(),
    "bool": lambda _: sa.Boolean(),
    "date": lambda _: sa.Date(),
    "text": lambda _: sa.Text(),
    "bytea": lambda _: sa.LargeBinary(),
    "name": lambda _: sa.String(),
    "char": lambda _: sa.String(),
    "money": lambda _: postgresql.MONEY(),
    "numeric": _numeric,
    "interval": _interval,
    "varchar": lambda size: sa.VARCHAR(_length(size)),
    "bpchar": lambda size: sa.CHAR(_length(size)),
    "timestamp": lambda size: postgresql.TIMESTAMP(precision=_digits(size)),
    "timestamptz": lambda size: postgresql.TIMESTAMP(timezone=True, precision=_digits(size)),
    "time": lambda size: postgresql.TIME(precision=_digits(size)),
    "timetz": lambda size: postgresql.TIME(timezone=True, precision=_digits(size)),
}
"""Types of PostgreSQL's by name, of which the modifier says how long or how exact they are."""


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


def sqlite_text(value: Any) -> Any:
    """A date, a moment or a decimal as text that SQLite's own functions read; microseconds only when there are any."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, Decimal):
        return canonical(value)
    return value.isoformat() if isinstance(value, date) else value
