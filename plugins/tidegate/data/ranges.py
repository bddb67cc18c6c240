"""A large table read in ranges of one column, each over a connection of its own, as if it had been read at once.

=============== ==========================================================================================================================
database        what keeps rows from being lost or doubled
=============== ==========================================================================================================================
PostgreSQL      All ranges are read from one snapshot, which the first connection exports.
MySQL, MariaDB  They cannot share one, so the snapshots are taken one after the other before anything is read, and the column must be of the
                primary key: a row whose key stays is in one range, whatever else of it changes.
others          They are refused.
=============== ==========================================================================================================================

Each range is read and decoded in a thread of its own, a few batches ahead; what is written next is a piece of each. Runs in a worker.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tidegate.data import sources
from tidegate.data.ahead import ahead
from tidegate.data.cancelling import stoppable
from tidegate.data.cuts import ranges
from tidegate.data.engines import let_go, reading
from tidegate.data.kinds import nearest
from tidegate.data.stopping import Stop
from tidegate.data.table_query import quoted
from tidegate.errors import DataRefused, QueryRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from tidegate.data.contract import Contract
    from tidegate.data.cuts import Range, Split
    from tidegate.data.exact import Misfit
    from tidegate.data.table_query import Source
    from tidegate.data.watermarks import Changes

log = logging.getLogger(__name__)

_SHARED = sa.text("SELECT pg_export_snapshot()")
_CONSISTENT = "START TRANSACTION WITH CONSISTENT SNAPSHOT"
_SPLITTABLE = "Split by a column of whole numbers, decimals, dates or timestamps, or remove split."
_NUMBER, _NUMERIC, _FLOAT, _TIME = (), ("-1e1000", "1e1000"), ("-infinity", "infinity"), ("0002-01-01", "9999-01-01")
"""Between which values a kind of column is cut; what lies beyond, such as NaN and infinities, is in the first range or the last."""
_POSTGRES: dict[int, tuple[str, ...]] = {
    **dict.fromkeys((20, 21, 23), _NUMBER),
    1700: _NUMERIC,
    **dict.fromkeys((700, 701), _FLOAT),
    **dict.fromkeys((1082, 1114, 1184), _TIME),
}
"""By the fixed numbers of PostgreSQL's own types."""
_MYSQL: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year", "decimal", "double"), _NUMBER),
    **dict.fromkeys(("date", "datetime", "timestamp"), _TIME),
}


@dataclass(frozen=True, slots=True)
class _Read:
    """A batch of one range."""

    batch: pa.RecordBatch
    before: int
    """Rows of the range that came before it."""
    misfits: list[Misfit]


class _Together:
    """What the ranges know of each other."""

    def __init__(self) -> None:
        self.stop = Stop()
        """Ends all of them."""
        self.error: BaseException | None = None
        """The first."""
        self._failing = threading.Lock()

    def failed(self, error: BaseException) -> None:
        """Remember the first error, and end the others."""
        with self._failing:
            self.error = self.error or error
        self.stop.now("ended, for another range of its table could not be read")


@contextmanager
def batches(
    source: Source, split: Split, contract: Contract, *, stop: Stop, changes: Changes | None = None
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of all ranges, as :func:`tidegate.data.sources.batches` gives those of a query.

    :param split: how many ranges there are, and of which column.
    :param stop: ends the reading of all ranges.
    :param changes: which rows of the table are read, where not all are.
    :raises QueryRefused: the database or the column is none that can be split.
    :raises DataRefused: the table was changed while it was read, or a value does not fit its type exactly.
    """
    session = _session_of(source)
    together = _Together()
    with ExitStack() as stack:
        connections = [
            stack.enter_context(
                reading(
                    source.url,
                    correlation_id=source.correlation_id,
                    connection_name=source.name,
                    source_name=source.source_name,
                    timezone=source.zone,
                    limit=source.limit,
                )
            )
            for _ in range(split.into)
        ]
        if changes is not None:
            changes.begin()
        if not session.shared:
            session.begin(connections)
        with stoppable(connections[0], stop, name=source.name, correlation_id=source.correlation_id):
            if changes is not None:
                source = changes.source(connections[0])
            found = _ranges(source, split, connections[0], session.frame(source, split, connections[0]))
        for spare in connections[len(found) :]:
            let_go(spare)
        if session.shared:  # only now, for those bounds may take as long as a server lets a session do nothing in a transaction
            session.begin(connections[: len(found)])
        log.info("%s is read in %s range%s of %s", source.source_name, len(found), "s"[: len(found) - 1], split.by)
        stack.enter_context(stop.watching(lambda: together.stop.now(stop.why or "")))
        rows = -(-source.batch_rows // len(found))  # of all ranges together there are as many in memory as of one
        read = [
            stack.enter_context(
                ahead(
                    _rows(source, one, connection, contract.beside(where), together, batch_rows=rows),
                    depth=1,
                    interrupt=partial(together.stop.now, "not needed any more"),
                )
            )
            for one, connection, where in zip(found, connections, _places(source, len(found)), strict=False)
        ]
        yield _in_turn(source, read, contract, together)


def _places(source: Source, count: int) -> list[str]:
    """What begins a message about the rows of each range."""
    return [f"{source.where} range {number} of {count}," for number in range(1, count + 1)] if count > 1 else [source.where]


def _ranges(source: Source, split: Split, connection: sa.Connection, frame: Sequence[str]) -> list[Range]:
    """The ranges of the rows that are asked for."""
    dialect = connection.dialect
    column = quoted(split.by, dialect)
    within = [f"{column} > '{frame[0]}'", f"{column} < '{frame[1]}'"] if frame else []
    sql = source.query.sql(dialect, selected=f"min({column}), max({column})", where=[*source.also, *within])
    low, high = connection.execute(source.statement(sql, {})).one()
    return ranges(column, low, high, split.into)


def _rows(
    source: Source, one: Range, connection: sa.Connection, own: Contract, together: _Together, *, batch_rows: int
) -> Generator[_Read, None, None]:
    """The batches of one range; run in its thread."""
    query = source.statement(source.query.sql(connection.dialect, where=[*source.also, *([one.where] if one.where else [])]), one.values)
    before = 0
    try:
        with (
            stoppable(connection, together.stop, name=source.name, correlation_id=source.correlation_id),
            sources.batches(connection, query, own, where=own.where, zone=source.zone, batch_rows=batch_rows) as found,
        ):
            misfits = own.misfits if own.misfits is not None else []
            for batch in found:
                yield _Read(batch, before, misfits.copy())
                misfits.clear()
                before += batch.num_rows
        let_go(connection)  # others may take an hour more, and servers do not like sessions that do nothing in a transaction
    except GeneratorExit:
        raise
    except BaseException as error:
        together.failed(error)
        raise


def _in_turn(source: Source, read: list[Iterator[_Read]], contract: Contract, together: _Together) -> Iterator[pa.RecordBatch]:
    """At least one batch; each of one piece from every range that has any left."""
    first: pa.RecordBatch | None = None
    some = False
    while found := [(part, piece) for part in read if (piece := _next(part, together)) is not None]:
        read = [part for part, _ in found]
        first = first or found[0][1].batch
        written = contract.rows + contract.set_aside
        for _, piece in found:
            if piece.batch.schema != first.schema:
                raise DataRefused(f"{source.where} was given other columns or types while it was read.", hint="Try again.")
            if contract.misfits is not None:  # numbered through all rows, as they are written
                contract.misfits += [replace(misfit, row=misfit.row + written - piece.before) for misfit in piece.misfits]
            written += piece.batch.num_rows
        if filled := [piece.batch for _, piece in found if piece.batch.num_rows]:
            some = True
            yield filled[0] if len(filled) == 1 else pa.concat_batches(filled)
    if not some and first is not None:
        yield first


def _next(part: Iterator[_Read], together: _Together) -> _Read | None:
    try:
        return next(part, None)
    except BaseException as error:
        if together.error is None or together.error is error:
            raise
        raise together.error from None


@dataclass(frozen=True, slots=True)
class _Session:
    """What the connections of one kind of database do before they read."""

    begin: Callable[[Sequence[sa.Connection]], None]
    """Lets them see one state of the data, as far as they can."""
    frame: Callable[[Source, Split, sa.Connection], Sequence[str]]
    """Between which values the column is cut."""
    shared: bool
    """Whether it is the state that the first connection has seen since its first statement; else one that is later the later they begin."""


def _session_of(source: Source) -> _Session:
    """:raises QueryRefused: the database is none that can be read in ranges."""
    session = _SESSIONS.get(source.url.get_dialect().driver)
    if session is None:
        kind = source.url.get_dialect().name
        message = f"{source.name} is read by split, which is for PostgreSQL, MySQL and MariaDB, and is of type {kind}."
        raise QueryRefused(message, hint="Remove split: such a table is read over one connection.")
    return session


def _one_snapshot(connections: Sequence[sa.Connection]) -> None:
    snapshot = str(connections[0].execute(_SHARED).scalar_one())
    for other in connections[1:]:
        other.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")


def _snapshots_at_once(connections: Sequence[sa.Connection]) -> None:
    for connection in connections:
        connection.exec_driver_sql(_CONSISTENT)


def _postgres_frame(source: Source, split: Split, connection: sa.Connection) -> Sequence[str]:
    sql = source.query.sql(connection.dialect, selected=quoted(split.by, connection.dialect))
    cursor: Any = connection.execute(source.statement(f"{sql} LIMIT 0", {})).cursor
    number = cursor.description[0].type_code
    if number not in _POSTGRES:
        raise _unsplittable(source, split, str(connection.execute(sa.select(sa.func.format_type(number, None))).scalar()))
    return _POSTGRES[number]


def _mysql_frame(source: Source, split: Split, connection: sa.Connection) -> Sequence[str]:
    table = ".".join(quoted(name, connection.dialect) for name in source.query.table.split("."))
    columns = {row.Field: row for row in connection.execute(source.statement(f"SHOW COLUMNS FROM {table}", {}))}
    by = split.by
    found = next((row for name, row in columns.items() if name.casefold() == by.casefold()), None)
    if found is None:
        hint = f"{nearest(by, columns)}Check split: by against the table."
        raise QueryRefused(f'{source.where} is split by "{by}", which is none of its columns.', hint=hint)
    kind = str(found.Type).partition("(")[0].partition(" ")[0]
    if kind not in _MYSQL:
        raise _unsplittable(source, split, kind)
    if found.Key != "PRI":
        raise QueryRefused(
            f'{source.where} is split by "{by}", which is not of its primary key: connections cannot share one state of the data here, and a row '
            "whose value changes meanwhile would be lost or doubled.",
            hint="Split by a column of the primary key, or remove split.",
        )
    return _MYSQL[kind]


def _unsplittable(source: Source, split: Split, kind: str) -> QueryRefused:
    return QueryRefused(f'{source.where} cannot be split by "{split.by}" of type {kind}.', hint=_SPLITTABLE)


_SESSIONS = {
    "psycopg": _Session(_one_snapshot, _postgres_frame, shared=True),
    "pymysql": _Session(_snapshots_at_once, _mysql_frame, shared=False),
}
