"""Any database that SQLAlchemy knows: its ``executemany``, with values bound in the column's own type."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pat
import sqlalchemy as sa

from tidegate.data.tables import MYSQL, column_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate.data.tables import Target


@contextmanager
def inserting(connection: sa.Connection, target: Target, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """As :func:`tidegate.data.loaders.inserting` says."""
    dialect = connection.dialect.name
    columns: list[sa.ColumnClause[Any]] = [sa.column(field.name, column_type(field.type, dialect=dialect)) for field in schema]
    names = [f"p{number}" for number in range(len(columns))]
    values: dict[Any, Any] = {column: sa.bindparam(name) for column, name in zip(columns, names, strict=True)}
    statement = sa.insert(sa.table(target.name, *columns, schema=target.schema)).values(values)

    def insert(batch: pa.RecordBatch) -> None:
        lists = [_plain(column, dialect).to_pylist() for column in batch.columns]
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)])

    yield insert


def _plain(values: pa.Array, dialect: str) -> pa.Array:
    """MySQL has no type for moments: it keeps them as UTC's clock shows them."""
    return values.cast(pa.timestamp("us")) if dialect in MYSQL and pat.is_timestamp(values.type) else values
