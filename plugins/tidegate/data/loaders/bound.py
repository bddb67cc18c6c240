"""Any database that SQLAlchemy knows: its ``executemany``, with values bound in the column's own type."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pat
import sqlalchemy as sa

from tidegate.data.loaders.way import Way
from tidegate.data.tables import MYSQL, column_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.data.tables import Target


@contextmanager
def inserting(connection: sa.Connection, target: Target, schema: pa.Schema) -> Iterator[Way]:
    """As :mod:`tidegate.data.loaders` says."""
    dialect = connection.dialect.name
    columns: list[sa.ColumnClause[Any]] = [sa.column(field.name, column_type(field.type, dialect=dialect)) for field in schema]
    names = [f"p{number}" for number in range(len(columns))]
    values: dict[Any, Any] = {column: sa.bindparam(name) for column, name in zip(columns, names, strict=True)}
    statement = sa.insert(sa.table(target.name, *columns, schema=target.schema)).values(values)

    def made(batch: pa.RecordBatch) -> Iterator[list[dict[str, Any]]]:
        lists = [_plain(column, dialect).to_pylist() for column in batch.columns]
        yield [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]

    yield Way(made, lambda rows: connection.execute(statement, rows))


def _plain(values: pa.Array, dialect: str) -> pa.Array:
    """MySQL has no type for moments: it keeps them as UTC's clock shows them."""
    return values.cast(pa.timestamp("us")) if dialect in MYSQL and pat.is_timestamp(values.type) else values
