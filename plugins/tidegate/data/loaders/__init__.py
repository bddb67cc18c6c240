"""How rows go into each kind of database: as Arrow batches, a column at a time, exact or refused by name.

============ ============================================ ======================================================================
module       of                                           how
============ ============================================ ======================================================================
postgres     PostgreSQL, through psycopg                  ``COPY``: binary, or CSV where the server must parse a column's values
mysql        MySQL and MariaDB, through PyMySQL           ``INSERT`` of many rows, written a column at a time
sqlite       SQLite, through Python's own driver          the driver's ``executemany``, given a column at a time
bound        any other SQLAlchemy URL                     SQLAlchemy's ``executemany``
============ ============================================ ======================================================================

A module's ``inserting()`` gives what inserts a batch, in the transaction that the connection is in. :mod:`~tidegate.data.loaders.doubts` says
beforehand which values a column would not keep.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tidegate.data.loaders.doubts import doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.tables import Target

PIECE_BYTES = 32 << 20
"""How much is turned into another form at once, at most, unless one row alone is more."""


@contextmanager
def inserting(
    connection: sa.Connection, target: Target, schema: pa.Schema, known: Mapping[str, Any]
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """What inserts batches of this schema, in the fastest way that loses nothing. All is there when the block ends.

    :param known: what the database says of the table's columns, which hold all of the schema's.
    :raises LoadRefused: a value would not be kept as it is.
    """
    checks = doubts(target, schema, known, dialect=connection.dialect.name)
    with _way(connection, target, schema, known) as write:

        def insert(batch: pa.RecordBatch) -> None:
            for number, check in checks:
                check(batch.column(number))
            for piece in _pieces(batch):
                write(piece)

        yield insert


def _way(
    connection: sa.Connection, target: Target, schema: pa.Schema, known: Mapping[str, Any]
) -> AbstractContextManager[Callable[[pa.RecordBatch], None]]:
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
    return bound.inserting(connection, target, schema)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.num_rows <= 1 or batch.nbytes <= PIECE_BYTES:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _pieces(batch.slice(0, half))
    yield from _pieces(batch.slice(half))
