"""How rows come out of each kind of database: as Arrow batches, streamed, exact or refused by name.

============ ================================================================ ==================================
module       of                                                               how
============ ================================================================ ==================================
postgres     PostgreSQL, through psycopg                                      ``COPY`` as CSV, parsed by Arrow
mysql        MySQL and MariaDB, through PyMySQL                               the protocol's text, a column at a time
sqlite       SQLite, through Python's own driver                              its JSON of a row, parsed by Arrow
duckdb       DuckDB, through Tidegate's own dialect                           Arrow's own columns
files        CSV, JSON, Parquet                                               Arrow's own readers
streamed     any other SQLAlchemy URL                                         its driver's own Python values
============ ================================================================ ==================================

A module's ``batches()`` gives at least one batch, of no rows when there are none; all are of one schema. Column types come from the database's own
description where it gives one; a type that :class:`~tidegate.model.accept.Accept` declares goes before.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.contract import Contract


class Surprised(Exception):
    """A value was not what the way of reading can carry, and what it gave so far is to be forgotten: read again, ``streamed``."""


@contextmanager
def batches(
    connection: sa.Connection,
    query: sa.TextClause,
    contract: Contract,
    *,
    where: str,
    zone: str,
    batch_rows: int,
    streamed: bool = False,
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of a query, read in the fastest way that loses nothing.

    :param where: begins each message about the rows, such as ``sales_emea, sql/sales.sql,``.
    :param zone: of the clock that columns without a time zone show.
    :param batch_rows: rows held in memory at once, and fewer where they are wide.
    :param streamed: in the way that takes whatever comes, however fast another may be.
    :raises DataRefused: a column is missing, or a value does not fit its type exactly.
    :raises Surprised: it must be read ``streamed``.
    """
    if connection.dialect.driver == "psycopg":
        from tidegate.data.sources.postgres import batches as read
    elif connection.dialect.driver == "pymysql":
        from tidegate.data.sources.mysql import batches as read
    elif connection.dialect.driver == "tidegate":
        from tidegate.data.sources.duckdb import batches as read
    elif connection.dialect.driver == "pysqlite" and not streamed:
        from tidegate.data.sources.sqlite import batches as read
    else:
        from tidegate.data.sources.streamed import batches as read
    with read(connection, query, contract, where=where, zone=zone, batch_rows=batch_rows) as found:
        yield found
