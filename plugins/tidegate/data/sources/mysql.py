"""MySQL and MariaDB: the server's rows, which are text, taken from PyMySQL's socket and decoded a column at a time instead of a value at a time."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pat
from sqlalchemy.exc import ResourceClosedError

from tidegate.data.ahead import ahead
from tidegate.data.engines import abandon, driving
from tidegate.data.kinds import DECIMAL_DIGITS, WORDS
from tidegate.data.sources import packets
from tidegate.data.sources.columns import Column, Columns, parsed_as
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    import numpy as np
    import sqlalchemy as sa
    from numpy.typing import NDArray

    from tidegate.data.contract import Contract

CHUNK_BYTES = 4 << 20
_READ_BYTES = 1 << 16
"""More than a server writes at once. To make room for a megabyte, as often as it writes, would take longer than all else here."""
_BINARY, _UNSIGNED = 63, 32


@contextmanager
def batches(
    connection: sa.Connection, query: sa.TextClause, contract: Contract, *, where: str, zone: str, batch_rows: int
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of a query, as :func:`tidegate.data.sources.batches` says."""
    from pymysql.cursors import SSCursor

    compiled = query.compile(dialect=connection.dialect)
    raw: Any = connection.connection.driver_connection
    with driving(connection, str(compiled)):
        cursor = SSCursor(raw)
        cursor.execute(str(compiled), compiled.params)
        if cursor.description is None:
            raise ResourceClosedError("It returns no rows.")
        fields = raw._result.fields  # noqa: SLF001  what the cursor's description leaves out
    try:
        declared = contract.types([field.name for field in fields])
        known = [_column(field, declared, where=where) for field in fields]
        decoder = _Decoder(Columns(known=known, declared=declared, where=where, zone=zone, misfits=contract.misfits))
        with ahead(_chunks(connection, batch_rows), interrupt=lambda: _hang_up(raw)) as chunks:
            yield decoder.batches(chunks)
    except BaseException:
        abandon(connection)
        raise


def _hang_up(raw: Any) -> None:
    with suppress(OSError):
        raw._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001


def _chunks(connection: sa.Connection, batch_rows: int) -> Generator[tuple[bytes, NDArray[np.int64]], None, None]:
    """Whole rows as they came, and where each begins."""
    from pymysql.err import raise_mysql_exception

    raw: Any = connection.connection.driver_connection
    result, rows = raw._result, packets.Rows()  # noqa: SLF001
    try:
        with driving(connection, "the rows of a query"):
            while not rows.ended:
                if not (read := raw._rfile.read1(_READ_BYTES)):  # noqa: SLF001
                    raise raw.OperationalError(2013, "Lost connection to MySQL server during query")
                rows.feed(read)
                rows.find(batch_rows)
                while len(rows) == batch_rows:
                    yield rows.take()
                    rows.find(batch_rows)
                if rows.error is not None:
                    raise_mysql_exception(rows.error)
                if len(rows) and (rows.ended or rows.size >= CHUNK_BYTES):
                    yield rows.take()
    finally:
        result.unbuffered_active, result.connection = False, None  # or its destructor would read on


class _Decoder:
    """Turns rows as they came into batches of one schema."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._rows = 0

    def batches(self, chunks: Iterator[tuple[bytes, NDArray[np.int64]]]) -> Iterator[pa.RecordBatch]:
        """At least one batch."""
        first = next(chunks, None)
        yield self._batch(*first) if first is not None else self._columns.nothing()
        for chunk in chunks:
            yield self._batch(*chunk)

    def _batch(self, held: bytes, starts: NDArray[np.int64]) -> pa.RecordBatch:
        views = packets.columns(held, starts, len(self._columns.known))
        arrays = [self._array(number, values) for number, values in enumerate(views)]
        self._rows += len(starts)
        return pa.record_batch(arrays, schema=self._columns.schema)

    def _array(self, number: int, views: pa.Array) -> pa.Array:
        column = self._columns.known[number]
        try:
            array = _parsed(views, column.text)
        except pa.ArrowInvalid as error:
            if self._columns.misfits is None or column.name not in self._columns.declared:
                wrong = _first_wrong(views, column)
                value = views[wrong].as_py().decode("utf-8", "replace")
                raise self._columns.refused(number, value, row=self._rows + wrong + 1) from error
            array = _parsed(views, pa.string())
        return self._columns.finished(column, array, first_row=self._rows + 1)


def _first_wrong(views: pa.Array, column: Column) -> int:
    """Where the first value stands that cannot be cast."""
    number = 0
    for number in range(len(views)):
        try:
            _parsed(views.slice(number, 1), column.text)
        except pa.ArrowInvalid:
            break
    return number


def _parsed(views: pa.Array, kind: pa.DataType) -> pa.Array:
    values = views.cast(pa.binary())
    return values if pat.is_binary(kind) else values.cast(pa.string()).cast(kind)


def _column(field: Any, declared: Mapping[str, pa.DataType], *, where: str) -> Column:
    """What the server says of a column.

    :raises DataRefused: it is a FLOAT, of which the server sends six digits and keeps the rest.
    """
    from pymysql.constants import FIELD_TYPE

    if field.type_code == FIELD_TYPE.FLOAT:
        message = f'{where} has a column "{field.name}" of type FLOAT, of which the server sends no more than six digits.'
        raise DataRefused(message, hint=f"Write CAST({field.name} AS DOUBLE) AS {field.name} in the query.")
    if field.type_code in {FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL}:
        digits = field.length - (field.scale > 0) - (not field.flags & _UNSIGNED)
        kind = pa.decimal128(min(max(digits, field.scale, 1), DECIMAL_DIGITS), min(field.scale, DECIMAL_DIGITS))
    else:
        kind = WORDS[_WORDS.get(field.type_code) or ("bytes" if _is_bytes(field) else "text")]
    text = WORDS["timestamp"] if kind == WORDS["timestamptz"] else kind  # the session's clock is UTC's
    column = Column(name=field.name, text=text, kind=kind)
    return replace(column, text=parsed_as(column, declared.get(field.name)))


def _is_bytes(field: Any) -> bool:
    from pymysql.constants import FIELD_TYPE

    texts = {FIELD_TYPE.JSON, FIELD_TYPE.TIME, FIELD_TYPE.NULL}
    return field.type_code not in texts and field.charsetnr == _BINARY and field.length > 0  # a column of NULL alone has no length


_WORDS = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), "int"),
    5: "float",
    7: "timestamptz",
    **dict.fromkeys((10, 14), "date"),
    12: "timestamp",
}
"""By the numbers of the protocol: TINY, SHORT, LONG, LONGLONG, INT24, YEAR; DOUBLE; TIMESTAMP; DATE, NEWDATE; DATETIME."""
