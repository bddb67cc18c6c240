"""How rows go into each kind of database: as Arrow batches, a column at a time, exact or refused by name.

============ ============================================ ======================================================================
module       of                                           how
============ ============================================ ======================================================================
postgres     PostgreSQL, through psycopg                  ``COPY``: binary, or CSV where the server must parse a column's values
mysql        MySQL and MariaDB, through PyMySQL           ``INSERT`` of many rows, written a column at a time
sqlite       SQLite, through Python's own driver          the driver's ``executemany``, given a column at a time
duckdb       DuckDB, through Tidegate's own dialect        ``INSERT`` from Arrow's own columns
bound        any other SQLAlchemy URL                     SQLAlchemy's ``executemany``
============ ============================================ ======================================================================

A module's ``inserting()`` gives the way, in the transaction that the connection is in; all is there when its block ends. :mod:`~tidegate.data.loaders.doubts` says
beforehand which values a column would not keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.data.ahead import ahead
from tidegate.data.loaders.doubts import doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.loaders.doubts import Check
    from tidegate.data.loaders.way import Way
    from tidegate.data.tables import Target

PIECE_BYTES = 32 << 20
"""How much is turned into another form at once, at most, unless one row alone is more."""


def insert(
    connection: sa.Connection,
    target: Target,
    schema: pa.Schema,
    known: Mapping[str, Any],
    batches: Iterator[pa.RecordBatch],
    *,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Insert batches of this schema, in the fastest way that loses nothing; returns how many rows.

    A thread reads ahead and makes of the next batches what the database takes, while it takes those before.

    :param known: what the database says of the table's columns, which hold all of the schema's.
    :param progress: called after each batch with the number of rows so far.
    :raises LoadRefused: a value would not be kept as it is.
    """
    rows = 0
    with (
        _way(connection, target, schema, known) as way,
        ahead(_made(batches, doubts(target, schema, known, dialect=connection.dialect.name), way), interrupt=lambda: None) as found,
    ):
        for payload, done in found:
            if payload is not None:
                way.send(payload)
            rows += done
            if done and progress:
                progress(rows)
    return rows


def _made(batches: Iterator[pa.RecordBatch], checks: Sequence[tuple[int, Check]], way: Way) -> Generator[tuple[Any, int], None, None]:
    """What to send, and after the last of each batch how many rows that were."""
    for batch in batches:
        for number, check in checks:
            check(batch.column(number))
        for piece in _pieces(batch):
            for payload in way.make(piece):
                yield payload, 0
        yield None, batch.num_rows


def _way(connection: sa.Connection, target: Target, schema: pa.Schema, known: Mapping[str, Any]) -> AbstractContextManager[Way]:
    from tidegate.data.loaders import bound

    kind, driver = connection.dialect.name, connection.dialect.driver
    if (kind, driver) == ("postgresql", "psycopg"):
        from tidegate.data.loaders import postgres

        if postgres.copies(connection, target):
            return postgres.inserting(connection, target, schema, known)
    elif driver == "pymysql":
        from tidegate.data.loaders import mysql

        if mysql.speaks_utf8(connection):
            return mysql.inserting(connection, target, schema)
    elif (kind, driver) == ("sqlite", "pysqlite"):
        from tidegate.data.loaders import sqlite

        return sqlite.inserting(connection, target, schema)
    elif (kind, driver) == ("duckdb", "tidegate"):
        from tidegate.data.loaders import duckdb

        return duckdb.inserting(connection, target, schema)
    return bound.inserting(connection, target, schema)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.num_rows <= 1 or batch.nbytes <= PIECE_BYTES:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _pieces(batch.slice(0, half))
    yield from _pieces(batch.slice(half))
