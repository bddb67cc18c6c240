"""SQLite: it writes the whole numbers and texts of a row as one JSON text itself, which Arrow parses, instead of giving them one by one.

Python pays for each value that it takes from SQLite, and SQLite hardly anything for one more in ``json_array``: 1.3 µs a row of twelve columns instead of
2.1. What JSON would not carry exactly, REAL and BLOB, is still taken value by value.

Any value of any column may be of any type. The first batch is read in the streamed way and settles what each column is; what comes in another type later
shows, in a JSON text, by its quotes, its point or SQLite's refusal, and then the whole query is read again in the streamed way (:class:`Surprised`). A
query is asked a second time only where its first batch came at once: what takes long is not done twice.
"""

from __future__ import annotations

import re
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tidegate.data.ahead import ahead
from tidegate.data.engines import driving, streaming
from tidegate.data.exact import column, inferred
from tidegate.data.kinds import WORDS
from tidegate.data.portions import MOST_BYTES, Portions, fetched_next, weighed
from tidegate.data.sources import Surprised, streamed
from tidegate.data.sources.columns import Column, Columns, parsed_as
from tidegate.data.sources.delimited import CHUNK_BYTES, Parser
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from tidegate.data.contract import Contract

REPEAT_SECONDS = 0.5
"""A query whose first batch took longer is not asked again. Of a plain table 50,000 rows of twelve columns take 0.15 s."""
_FETCHED_FIRST = 32
_MOST_COLUMNS = 90
"""A function of SQLite takes 100 arguments, unless it was built for more."""
_SELECTS = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*\n)*(select|with|values)\b", re.IGNORECASE | re.DOTALL)
_MAKES_JSON = re.compile(r"json|->", re.IGNORECASE)
"""What JSON functions give is marked, and would be written as it stands instead of as a text."""
_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)")
_MEANT = {rb"\"": b'""', rb"\\": b"\\", rb"\b": b"\b", rb"\f": b"\f", rb"\n": b"\n", rb"\r": b"\r", rb"\t": b"\t"}
_MEANT |= {rb"\u%04x" % number: bytes([number]) for number in range(32)}
"""JSON's escapes in CSV's quotes."""


@contextmanager
def batches(
    connection: sa.Connection, query: sa.TextClause, contract: Contract, *, where: str, zone: str, batch_rows: int
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of a query, as :func:`tidegate.data.sources.batches` says.

    :raises Surprised: a later row has a value of another type than its column had in the first batch.
    """
    began = time.monotonic()
    with streaming(connection, query, batch_rows=batch_rows) as result:
        names, portions = list(result.keys()), Portions(result.fetchmany, most_rows=batch_rows)
        parts = iter(portions)
        declared = contract.types(names)
        first = next(parts, None) or []
        rows = None
        if portions.full and time.monotonic() - began < REPEAT_SECONDS:
            plan = _Plan.of(names, first, declared, where=where)
            rows = plan.asked(connection, query)
        if rows is None:
            yield streamed.read(names, chain([first] if first else [], parts), declared, where=where, zone=zone, misfits=contract.misfits)
            return
    del first, parts  # tens of megabytes
    raw: Any = connection.connection.driver_connection
    with ahead(_chunks(connection, rows, batch_rows), interrupt=raw.interrupt) as chunks:
        yield _Decoder(plan, declared, where=where, zone=zone).batches(chunks)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """Which columns come in which way."""

    schema: pa.Schema
    joined: Mapping[str, type]
    """Those in the JSON text, and whether they are of ``int`` or ``str``."""

    @classmethod
    def of(cls, names: Sequence[str], first: Sequence[Any], declared: Mapping[str, pa.DataType], *, where: str) -> _Plan:
        """What the first rows tell.

        :raises DataRefused: the values of a column are of no single type.
        """
        joined, fields = {}, []
        for name, values in zip(names, zip(*first, strict=True), strict=True):
            seen = set(map(type, values)) - {NoneType}
            if seen in ({int}, {str}):
                joined[name] = next(iter(seen))
            fields.append((name, declared[name] if name in declared else inferred(values, name=name, where=where)))
        return cls(schema=pa.schema(fields), joined=joined)

    def asked(self, connection: sa.Connection, query: sa.TextClause) -> Any:
        """A cursor that gives the JSON text of each row, and then its other columns; None where that cannot be."""
        raw: Any = connection.connection.driver_connection
        compiled: Any = query.compile(dialect=connection.dialect)
        if not 1 < len(self.joined) <= _MOST_COLUMNS or not _SELECTS.match(str(compiled)) or not _plain(raw, str(compiled)):
            return None
        numbered = {name: f"c{number}" for number, name in enumerate(self.schema.names)}
        text = f"CAST(json_array(0, {', '.join(numbered[name] for name in self.joined)}, 0) AS BLOB)"
        others = (number for name, number in numbered.items() if name not in self.joined)
        sql = f"WITH q ({', '.join(numbered.values())}) AS ({compiled}\n) SELECT {', '.join([text, *others])} FROM q"  # noqa: S608  the user's own
        cursor = raw.cursor()
        try:
            return cursor.execute(sql, [compiled.params[name] for name in compiled.positiontup or ()])
        except connection.dialect.loaded_dbapi.Error:
            cursor.close()
            return None


def _plain(raw: Any, sql: str) -> bool:
    """Whether texts come as UTF-8, and none of them is marked as JSON, by the query or a view that it may read."""
    if _MAKES_JSON.search(sql) or raw.execute("PRAGMA encoding").fetchone() != ("UTF-8",):
        return False
    return not any(_MAKES_JSON.search(made or "") for (made,) in raw.execute("SELECT sql FROM sqlite_master"))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chunk:
    rows: int
    text: bytes
    """A JSON array a line, between two zeros."""
    others: list[list[Any]]
    """The values of each of the other columns."""


def _chunks(connection: sa.Connection, cursor: Any, batch_rows: int) -> Generator[_Chunk, None, None]:
    raised: Any = connection.dialect.loaded_dbapi
    count = len(cursor.description) - 1

    def fetched(most: int) -> list[Any]:
        try:
            return cursor.fetchmany(most)  # type: ignore[no-any-return]
        except raised.OperationalError as error:
            if "BLOB" in str(error):  # JSON cannot hold BLOB values
                raise Surprised from error
            raise

    with driving(connection, "the rows of a query"), closing(cursor):
        texts, others, number, size, beside, wanted = list[bytes](), [list[Any]() for _ in range(count)], 0, 0, 0, _FETCHED_FIRST
        while rows := fetched(min(wanted, batch_rows - number)):
            joined, *values = zip(*rows, strict=True)
            weight = weighed(rows)
            wanted = fetched_next(weight, len(rows))
            beside += weight
            texts += joined
            for held, more in zip(others, values, strict=True):
                held.extend(more)
            number, size = number + len(rows), size + sum(map(len, joined))
            if size >= CHUNK_BYTES or beside >= MOST_BYTES or number >= batch_rows:
                yield _Chunk(rows=number, text=b"\n".join([*texts, b""]), others=others)
                texts, others, number, size, beside = [], [[] for _ in range(count)], 0, 0, 0
        if number:
            yield _Chunk(rows=number, text=b"\n".join([*texts, b""]), others=others)


class _Decoder:
    """Turns chunks into batches of one schema."""

    def __init__(self, plan: _Plan, declared: Mapping[str, pa.DataType], *, where: str, zone: str) -> None:
        self._plan = plan
        self._declared = declared
        self._where = where
        self._zone = zone
        self._rows = 0
        known = [_column(name, kind, declared.get(name)) for name, kind in plan.joined.items()]
        self._parser = Parser(Columns(known=known, declared=declared, where=where, zone=zone), null="null", framed=True)

    def batches(self, chunks: Iterator[_Chunk]) -> Iterator[pa.RecordBatch]:
        """One for each chunk."""
        for chunk in chunks:
            try:
                yield self._batch(chunk)
            except TidegateError as error:  # the streamed way says it better, or takes it
                raise Surprised from error

    def _batch(self, chunk: _Chunk) -> pa.RecordBatch:
        text, quotes = _unescaped(chunk.text)
        found = self._parser.parse(text)
        texts = (found.column(name) for name, kind in self._plan.joined.items() if kind is str)
        if found.num_rows != chunk.rows or quotes != 2 * sum(chunk.rows - values.null_count for values in texts):
            raise Surprised
        others = iter(chunk.others)
        arrays = [
            found.column(field.name) if field.name in self._plan.joined else self._exact(field, next(others)) for field in self._plan.schema
        ]
        self._rows += chunk.rows
        return pa.record_batch(arrays, schema=self._plan.schema)

    def _exact(self, field: pa.Field, values: list[Any]) -> pa.Array:
        declared, first_row = field.name in self._declared, self._rows + 1
        return column(values, field.type, name=field.name, where=self._where, first_row=first_row, declared=declared, zone=self._zone)


def _unescaped(text: bytes) -> tuple[bytes, int]:
    """JSON arrays as CSV, and how many quotes stand around its texts."""
    quotes = _quotes(text)
    if b"\\" not in text:
        return text, quotes
    try:
        plain = _ESCAPE.sub(lambda escape: _MEANT[escape[0].lower()], text)
    except KeyError as error:
        raise Surprised from error
    return plain, 2 * quotes - _quotes(plain)  # a quote within a text counts once before, and twice now


def _quotes(text: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord('"')))


def _column(name: str, kind: type, declared: pa.DataType | None) -> Column:
    known = Column(name=name, text=WORDS["int" if kind is int else "text"], kind=WORDS["int" if kind is int else "text"])
    return Column(name=name, text=parsed_as(known, declared), kind=known.kind)
