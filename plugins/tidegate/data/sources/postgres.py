"""PostgreSQL: ``COPY (query) TO STDOUT`` as CSV, which is exact and which Arrow parses; the types are those that the server describes.

Values whose text Arrow does not read are selected in another form: moments as UTC's clock shows them, bytes as hexadecimal digits, arrays and
composites as JSON. All else that has no type among the nine (intervals, UUIDs, JSON, enumerations, ranges, …) is PostgreSQL's own text of it, with
intervals in ISO 8601.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from select import POLLIN, poll
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tidegate.data.ahead import ahead
from tidegate.data.engines import abandon, driving
from tidegate.data.kinds import DECIMAL_DIGITS, WORDS
from tidegate.data.sources import streamed
from tidegate.data.sources.columns import Column, Columns, parsed_as
from tidegate.data.sources.delimited import CHUNK_BYTES, Parser

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from tidegate.data.contract import Contract

_COPIES = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*\n|\()*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)
"""What ``COPY`` takes."""
ANSWER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class _Copied:
    """A query that can be copied, and what its columns are."""

    connection: sa.Connection
    sql: str
    """With its values as literals, for ``COPY`` takes no others."""
    names: tuple[str, ...]
    kinds: tuple[tuple[int, int], ...]
    """The number and the modifier of each column's type."""


def _copied(connection: sa.Connection, query: sa.TextClause) -> _Copied | None:
    """The query with its columns; None for a statement that ``COPY`` does not take."""
    from psycopg import ClientCursor

    compiled = query.compile(dialect=connection.dialect)
    raw: Any = connection.connection.driver_connection
    with driving(connection, str(compiled)), closing(ClientCursor(raw)) as cursor:
        sql = cursor.mogrify(str(compiled), compiled.params)
        if not _COPIES.match(sql):
            return None
        described: Any = cursor.execute(f"SELECT * FROM ({sql}\n) AS described LIMIT 0").pgresult  # noqa: S608  the query is the user's own
        numbers = range(described.nfields)
        names = tuple(described.fname(number).decode() for number in numbers)
        return (
            _Copied(connection, sql, names, tuple((described.ftype(number), described.fmod(number)) for number in numbers))
            if names
            else None
        )


@contextmanager
def batches(
    connection: sa.Connection, query: sa.TextClause, contract: Contract, *, where: str, zone: str, batch_rows: int
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of a query, as :func:`tidegate.data.sources.batches` says; value by value, where ``COPY`` does not take it."""
    if (copied := _copied(connection, query)) is None:
        with streamed.batches(connection, query, contract, where=where, zone=zone, batch_rows=batch_rows, cursor=False) as found:
            yield found
    else:
        with _batches(copied, contract, where=where, zone=zone, batch_rows=batch_rows) as found:
            yield found


@contextmanager
def _batches(query: _Copied, contract: Contract, *, where: str, zone: str, batch_rows: int) -> Iterator[Iterator[pa.RecordBatch]]:
    declared = contract.types(query.names)
    columns = _columns(query, declared)
    described = Columns(known=columns, declared=declared, where=where, zone=zone, misfits=contract.misfits)
    parser = Parser(described)
    raw: Any = query.connection.connection.driver_connection
    chunks = _chunks(query.connection, _copy(query.sql, columns), batch_rows)

    def parsed(texts: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
        first = next(texts, None)
        yield parser.parse(first) if first is not None else described.nothing()
        yield from map(parser.parse, texts)

    try:
        with ahead(chunks, interrupt=lambda: raw.cancel_safe(timeout=ANSWER_SECONDS)) as texts:
            yield parsed(texts)
    except BaseException:
        abandon(query.connection)
        raise


def _chunks(connection: sa.Connection, statement: str, batch_rows: int) -> Generator[bytes, None, None]:
    """The text, cut between rows: the server sends each row by itself. They come from libpq; psycopg's own loop takes three times as long."""
    from psycopg.pq import ExecStatus

    raw: Any = connection.connection.driver_connection
    server = raw.pgconn
    arrived = poll()
    arrived.register(server.socket, POLLIN)
    take, held, size, rows = server.get_copy_data, BytesIO(), 0, 0
    with driving(connection, statement):
        server.send_query(statement.encode(raw.info.encoding))
        _answered(raw, arrived, ExecStatus.COPY_OUT)
        while True:
            length, row = take(1)
            if length > 0:
                held.write(row)
                size += length
                rows += 1
                if size >= CHUNK_BYTES or rows >= batch_rows:
                    yield held.getvalue()
                    held, size, rows = BytesIO(), 0, 0
            elif length == 0:
                arrived.poll()
                server.consume_input()
            else:
                break
        if rows:
            yield held.getvalue()
        _answered(raw, arrived, ExecStatus.COMMAND_OK)
        server.get_result()


def _answered(raw: Any, arrived: poll, wanted: int) -> None:
    """Wait for the server's next answer.

    :raises psycopg.Error: it is another than was wanted.
    """
    from psycopg.errors import error_from_result

    server = raw.pgconn
    while server.is_busy():
        arrived.poll()
        server.consume_input()
    if (answer := server.get_result()).status != wanted:
        raise error_from_result(answer, encoding=raw.info.encoding)


def _copy(sql: str, columns: Sequence[Column]) -> str:
    if any(column.expression != "{}" for column in columns):
        selected = ", ".join(column.expression.format(_quoted(column.name)) for column in columns)
        sql = f"SELECT {selected} FROM ({sql}\n) AS selected"  # noqa: S608  names are quoted, and the query is the user's own
    return f"COPY ({sql}\n) TO STDOUT (FORMAT csv)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _columns(query: _Copied, declared: Mapping[str, pa.DataType]) -> list[Column]:
    unknown = {number for number, _ in query.kinds} - _KINDS.keys() - {_NUMERIC}
    structured = _structured(query.connection, unknown) if unknown else set()
    columns = []
    for name, (number, modifier) in zip(query.names, query.kinds, strict=True):
        if number == _NUMERIC:
            kind = _decimal(modifier)
            column = Column(text=kind, kind=kind)
        else:
            column = _KINDS.get(number, _JSON if number in structured else _TEXT)
        columns.append(replace(column, name=name, text=parsed_as(column, declared.get(name))))
    return columns


def _structured(connection: sa.Connection, numbers: set[int]) -> set[int]:
    """Of these types, the arrays and the composites."""
    raw: Any = connection.connection.driver_connection
    statement = "SELECT oid FROM pg_catalog.pg_type WHERE oid = ANY(%s) AND (typcategory = 'A' OR typtype = 'c' OR typname = 'record')"
    with driving(connection, statement), raw.cursor() as cursor:
        return {number for (number,) in cursor.execute(statement, [sorted(numbers)])}


def _decimal(modifier: int) -> pa.DataType:
    """The type of ``numeric``; without a size it is the usual one, for nobody can know how many digits come."""
    if modifier < 0:
        return WORDS["decimal"]
    digits, scale = (modifier - 4) >> 16 & 0xFFFF, ((modifier - 4 & 0x7FF) ^ 0x400) - 0x400
    scale, digits = (0, digits - scale) if scale < 0 else (scale, max(digits, scale))
    return pa.decimal128(min(digits, DECIMAL_DIGITS), min(scale, DECIMAL_DIGITS))


def _unhexed(digits: pa.Array) -> pa.Array:
    """Bytes from their hexadecimal digits, all at once."""
    offsets = np.frombuffer(digits.buffers()[1], np.int32)[digits.offset : digits.offset + len(digits) + 1]
    text = digits.buffers()[2]
    data = unhexlify(memoryview(text)[offsets[0] : offsets[-1]]) if text is not None else b""
    valid = pa.array(np.asarray(digits.is_valid()), pa.bool_()).buffers()[1]
    starts = pa.py_buffer(((offsets - offsets[0]) // 2).astype(np.int32))
    return pa.Array.from_buffers(pa.binary(), len(digits), [valid, starts, pa.py_buffer(data)])


def _same(word: str) -> Column:
    return Column(text=WORDS[word], kind=WORDS[word])


_NUMERIC = 1700
_TEXT = _same("text")
_JSON = Column(text=WORDS["text"], kind=WORDS["text"], expression="to_json({})")
_KINDS: dict[int, Column] = {
    16: _same("bool"),
    **dict.fromkeys((20, 21, 23, 26), _same("int")),
    **dict.fromkeys((700, 701), _same("float")),
    **dict.fromkeys((25, 1043, 1042, 18, 19, 114, 3802, 2950, 1083, 1266, 1186, 705), _TEXT),
    1082: _same("date"),
    1114: _same("timestamp"),
    1184: Column(text=WORDS["timestamp"], kind=WORDS["timestamptz"], expression="{} AT TIME ZONE 'UTC'"),
    17: Column(text=pa.string(), kind=WORDS["bytes"], expression="encode({}, 'hex')", finish=_unhexed),
    790: Column(text=WORDS["decimal"], kind=WORDS["decimal"], expression="{}::numeric"),
}
"""By the fixed numbers of PostgreSQL's own types."""
