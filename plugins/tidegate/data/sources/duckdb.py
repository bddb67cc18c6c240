"""DuckDB: its own columns as Arrow takes them, streamed; what Arrow has no exact form for is selected as text.

HUGEINT and UHUGEINT have more digits than Arrow's decimals, and DuckDB hands on the largest as -1; a time with a zone would lose its zone, and bits their
number. A day or a moment without end comes as a number that no calendar has: it is refused.
"""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat
from sqlalchemy.exc import ResourceClosedError

from tidegate.data.ahead import ahead
from tidegate.data.engines import driving, more_memory
from tidegate.data.exact import Misfit, column
from tidegate.data.kinds import WORDS, arrow_type, plain_schema
from tidegate.data.sources.columns import Column, Columns
from tidegate.data.tables import quoted
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import sqlalchemy as sa

    from tidegate.data.contract import Contract

_PLAIN = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger"), "int"),
    "ubigint": "decimal(20,0)",
    **dict.fromkeys(("float", "double"), "float"),
    **dict.fromkeys(("varchar", "enum", "uuid", "null"), "text"),
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), "timestamp"),
    **dict.fromkeys(("timestamp with time zone", "timestamptz_ns"), "timestamptz"),
    "boolean": "bool",
    "date": "date",
    "blob": "bytes",
}
"""What Arrow's own form of a type holds exactly."""
_NESTED = "CAST(to_json({}) AS VARCHAR)"
_SELECTED = {
    **dict.fromkeys(("hugeint", "uhugeint"), ("int", "CAST({} AS VARCHAR)")),
    **dict.fromkeys(("bignum", "time", "time with time zone", "time_ns", "interval", "bit", "type"), ("text", "CAST({} AS VARCHAR)")),
    **dict.fromkeys(("list", "array", "struct", "tuple", "map", "union", "variant"), ("text", _NESTED)),
}
"""What others are, and how they are selected as text."""
_NO_JSON, _A_TEXT = "NaN|Infinity", r'"(?:[^"\\]|\\.)*"'
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""Since 1970, of the years 1 and 9999."""
_A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_ENDLESS = {2**31 - 1: "infinity", -(2**31) + 1: "-infinity", 2**63 - 1: "infinity", -(2**63) + 1: "-infinity"}


@contextmanager
def batches(
    connection: sa.Connection, query: sa.TextClause, contract: Contract, *, where: str, zone: str, batch_rows: int
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of a query, as :func:`tidegate.data.sources.batches` says."""
    compiled: Any = query.compile(dialect=connection.dialect)
    raw: Any = connection.connection.driver_connection
    sql, values = str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]
    with driving(connection, sql):
        relation = _asked(raw, sql, values)
        plain_schema(pa.schema([(name, pa.null()) for name in relation.columns]), where=where)  # two columns of one name
        columns = [_column(name, kind, where=where) for name, kind in zip(relation.columns, relation.types, strict=True)]
        if any(known.expression != "{}" for known in columns):
            sql = _selecting(columns, sql, connection.dialect)
    declared = contract.types([known.name for known in columns])
    decoder = _Decoder(Columns(known=columns, declared=declared, where=where, zone=zone, misfits=contract.misfits))
    with ahead(_chunks(connection, partial(_asked, raw, sql, values), batch_rows), interrupt=raw.interrupt) as chunks:
        yield decoder.batches(chunks)


def _asked(raw: Any, sql: str, values: Sequence[Any]) -> Any:
    """The query, of which the columns are known and which is not run yet."""
    from tidegate.data.dialects.duckdb_driver import only

    relation = raw.sql(only(raw, sql), params=list(values) or None)
    if relation is None:
        raise ResourceClosedError("It returns no rows.")
    return relation


def _selecting(columns: Sequence[Column], sql: str, dialect: sa.Dialect) -> str:
    """The query with some of its columns as text. Numbers stand for names: those that differ in the case of a letter are one to DuckDB."""
    selected = (f"{known.expression.format(f'c{number}')} AS {quoted(known.name, dialect)}" for number, known in enumerate(columns))
    numbered = ", ".join(f"c{number}" for number in range(len(columns)))
    return f"SELECT {', '.join(selected)} FROM ({sql}\n) AS q({numbered})"  # noqa: S608  the user's own


def _chunks(connection: sa.Connection, asked: Callable[[], Any], batch_rows: int) -> Generator[pa.RecordBatch, None, None]:
    """The rows as they come. A query that needs more memory than rows that are passed on, and cannot spill it, says so before its first: it is given more."""
    with driving(connection, "the rows of a query"):
        rows = _rows_of(connection, asked(), batch_rows)
        try:
            first = next(rows, None)
        except connection.dialect.loaded_dbapi.Error as error:
            if "out of memory" not in str(error).lower() or not more_memory(connection):
                raise
            rows = _rows_of(connection, asked(), batch_rows)
            first = next(rows, None)
        if first is not None:
            yield first
            yield from rows


def _rows_of(connection: sa.Connection, relation: Any, batch_rows: int) -> Generator[pa.RecordBatch, None, None]:
    database: Any = connection.dialect.loaded_dbapi
    with closing(relation.to_arrow_reader(batch_rows)) as reader:
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (OSError, pa.ArrowException) as error:  # what Arrow makes of DuckDB's own
                raise database.Error(str(error)) from error
            yield batch


def _column(name: str, kind: Any, *, where: str) -> Column:
    """What is known of a column by its type in DuckDB.

    :raises DataRefused: of none that can be staged.
    """
    if kind.id == "decimal":
        sizes = dict(kind.children)
        return _plain(name, pa.decimal128(sizes["precision"], sizes["scale"]))
    if kind.id in _PLAIN:
        return _plain(name, arrow_type(_PLAIN[kind.id]))
    if kind.id in _SELECTED:
        word, expression = _SELECTED[kind.id]
        return Column(name=name, text=WORDS["text"], kind=WORDS[word], expression=expression)
    raise DataRefused(f'{where} has a column "{name}" of type {kind}, which cannot be staged.', hint="CAST it to text in the query.")


def _plain(name: str, kind: pa.DataType) -> Column:
    return Column(name=name, text=kind, kind=kind)


class _Decoder:
    """Turns what DuckDB gives into batches of one schema."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._schema = columns.schema
        self._rows = 0

    def batches(self, chunks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """At least one batch."""
        first = next(chunks, None)
        yield self._batch(first) if first is not None else self._columns.nothing()
        for chunk in chunks:
            yield self._batch(chunk)

    def _batch(self, found: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [self._array(known, values) for known, values in zip(self._columns.known, found.columns, strict=True)]
        self._rows += found.num_rows
        return pa.record_batch(arrays, schema=self._schema)

    def _array(self, known: Column, values: pa.Array) -> pa.Array:
        declared = self._columns.declared.get(known.name)
        if pat.is_temporal(known.kind):
            values = self._within(known, values)
        if known.expression == _NESTED:
            values = self._json(known, values)
        if known.text == known.kind:
            return self._columns.finished(known, values.cast(known.kind), first_row=self._rows + 1)
        wanted = declared or known.kind  # whole numbers, as text
        if pat.is_integer(wanted) or pat.is_decimal(wanted) or pat.is_string(wanted):
            with suppress(pa.ArrowInvalid):  # said better below
                return values.cast(wanted)
        said: dict[str, Any] = {
            "name": known.name,
            "where": self._columns.where,
            "first_row": self._rows + 1,
            "zone": self._columns.zone,
            "misfits": self._columns.misfits,
        }
        whole = [None if text is None else int(text) for text in values.to_pylist()]
        return column(whole, wanted, declared=declared is not None, **said)

    def _json(self, known: Column, values: pa.Array) -> pa.Array:
        """What is JSON: DuckDB writes NaN and infinities into it, which JSON does not know."""
        if not pc.any(pc.match_substring_regex(values, _NO_JSON)).as_py():
            return values
        odd = pc.fill_null(pc.match_substring_regex(pc.replace_substring_regex(values, _A_TEXT, ""), _NO_JSON), fill_value=False)
        for place in map(int, np.flatnonzero(np.asarray(odd))):
            row = self._rows + 1 + place
            if self._columns.misfits is None or known.name not in self._columns.declared:
                message = f'{self._columns.where} has in column "{known.name}", row {row}, NaN or an infinity within a value, which no JSON can hold.'
                raise DataRefused(message, hint="Put NULL in its place in the query, or CAST the column to text.")
            self._columns.misfits.append(Misfit(row, known.name, values[place].as_py()))
        return pc.if_else(odd, pa.scalar(None, values.type), values)

    def _within(self, known: Column, values: pa.Array) -> pa.Array:
        """Days and moments that there are, to the microsecond."""
        numbers = np.asarray(values.cast(pa.int32() if pat.is_date(values.type) else pa.int64()).fill_null(0)).astype(np.int64)
        unit = 1 if pat.is_date(values.type) else _A_DAY[values.type.unit]
        beyond = (numbers < _FIRST_DAY * unit) | (numbers >= (_LAST_DAY + 1) * unit) if unit < _A_DAY["ns"] else False
        odd = beyond | (numbers % max(unit // _A_DAY["us"], 1) != 0)
        if not odd.any():
            return values
        for place in map(int, np.flatnonzero(odd)):
            row = self._rows + 1 + place
            unit_of: Any = "D" if pat.is_date(values.type) else values.type.unit
            text = _ENDLESS.get(numbers[place]) or str(np.datetime64(int(numbers[place]), unit_of))
            if self._columns.misfits is None or known.name not in self._columns.declared:
                raise self._columns.refused(self._columns.known.index(known), text, row=row)
            self._columns.misfits.append(Misfit(row, known.name, text))
        return pc.if_else(pa.array(odd), pa.scalar(None, values.type), values)
