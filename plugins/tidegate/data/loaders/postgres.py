"""PostgreSQL: ``COPY … FROM STDIN``, binary where it is known how every column's type is stored, else as CSV, whose values the server parses."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.types as pat
import sqlalchemy as sa

from tidegate.data.engines import driving
from tidegate.data.fits import declared
from tidegate.data.loaders.texts import enclosed, hex_texts, plain_texts
from tidegate.data.loaders.way import Way
from tidegate.data.tables import quoted
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate.data.tables import Target

_INTEGERS: dict[type[Any], pa.DataType] = {sa.SMALLINT: pa.int16(), sa.INTEGER: pa.int32(), sa.BIGINT: pa.int64()}
_CSV = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")


def copies(connection: sa.Connection, target: Target) -> bool:
    """Whether rows go into this table by ``COPY`` as they would by ``INSERT``: not through views, rules, or policies for single rows."""
    statement = sa.text(
        "SELECT relkind IN ('r', 'p', 'f') AND NOT relhasrules AND NOT row_security_active(oid) FROM pg_catalog.pg_class"
        " WHERE oid = to_regclass(:name)"
    )
    return bool(connection.execute(statement, {"name": target.quoted(connection.dialect)}).scalar())


@contextmanager
def inserting(connection: sa.Connection, target: Target, schema: pa.Schema, known: Mapping[str, Any]) -> Iterator[Way]:
    """As :mod:`tidegate.data.loaders` says."""
    stored = [_stored(field.type, known[field.name]["type"]) for field in schema]
    names = ", ".join(quoted(name, connection.dialect) for name in schema.names)
    form = "csv" if None in stored else "binary"
    statement = f"COPY {target.quoted(connection.dialect)} ({names}) FROM STDIN (FORMAT {form})"
    raw: Any = connection.connection.driver_connection
    with driving(connection, statement), raw.cursor() as cursor, cursor.copy(statement) as copy:
        if form == "csv":
            yield Way(lambda batch: [_csv(batch)], copy.write)
        else:
            from pgpq import ArrowToPostgresBinaryEncoder

            kinds = pa.schema([pa.field(field.name, kind) for field, kind in zip(schema, stored, strict=True)])
            encoder = ArrowToPostgresBinaryEncoder(kinds)
            copy.write(encoder.write_header())
            yield Way(lambda batch: [encoder.write_batch(_cast(batch, kinds, target, known))], copy.write)
            copy.write(encoder.finish())


def _stored(kind: pa.DataType, column: Any) -> pa.DataType | None:  # noqa: PLR0911  a table of types
    """The Arrow type whose binary form is the column's own; None where that is not known."""
    column = type(column)
    if pat.is_integer(kind) or pat.is_boolean(kind):
        if column is sa.BOOLEAN and pat.is_boolean(kind):
            return kind
        return pa.decimal128(19, 0) if column is sa.NUMERIC and pat.is_integer(kind) else _INTEGERS.get(column)
    if pat.is_decimal(kind):
        return kind if column is sa.NUMERIC else None
    if pat.is_floating(kind):
        return kind if column is sa.DOUBLE_PRECISION else None
    if pat.is_string(kind):
        return kind if column in {sa.TEXT, sa.VARCHAR, sa.CHAR} else None
    if pat.is_binary(kind):
        return kind if issubclass(column, sa.LargeBinary) else None
    if pat.is_date(kind) and column is sa.DATE:
        return kind
    return pa.timestamp("us") if issubclass(column, sa.TIMESTAMP) else None  # the session's clock is UTC's


def _cast(batch: pa.RecordBatch, kinds: pa.Schema, target: Target, known: Mapping[str, Any]) -> pa.RecordBatch:
    arrays = []
    for values, field in zip(batch.columns, kinds, strict=True):
        try:
            arrays.append(values if values.type == field.type else values.cast(field.type))
        except pa.ArrowInvalid as error:
            ends = pc.min_max(values).as_py()
            message = f'Column "{field.name}" of table {target} is {declared(known[field.name]["type"])}, and cannot hold'
            hint = "Alter the column, or leave the value out in the transform."
            raise LoadRefused(f"{message} all from {ends['min']} to {ends['max']}.", hint=hint) from error
    return pa.record_batch(arrays, schema=kinds)


def _csv(batch: pa.RecordBatch) -> bytes:
    texts = [enclosed("\\x", hex_texts(values), "") if pat.is_binary(values.type) else plain_texts(values) for values in batch.columns]
    written = BytesIO()
    pyarrow.csv.write_csv(pa.record_batch(texts, names=[str(number) for number in range(len(texts))]), written, _CSV)
    return written.getvalue()
