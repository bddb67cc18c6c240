"""SQLite: the driver's ``executemany`` over tuples, whose values are made a column at a time.

SQLite has no decimals, dates or moments: they are text that sorts and that its own functions read.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from tidegate.data.engines import driving
from tidegate.data.loaders.texts import canonical_texts, clock_texts, enclosed
from tidegate.data.loaders.way import Way
from tidegate.data.tables import insert_into

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from tidegate.data.tables import Target


@contextmanager
def inserting(connection: sa.Connection, target: Target, schema: pa.Schema) -> Iterator[Way]:
    """As :mod:`tidegate.data.loaders` says."""
    statement = f"{insert_into(target, schema.names, connection.dialect)} VALUES ({', '.join('?' * len(schema))})"
    raw: Any = connection.connection.driver_connection

    def send(values: list[list[Any]]) -> None:
        with driving(connection, statement):
            raw.executemany(statement, zip(*values, strict=True))

    yield Way(lambda batch: [[_values(column) for column in batch.columns]], send)


def _values(column: pa.Array) -> list[Any]:
    if pat.is_decimal(column.type):
        column = canonical_texts(column)
    elif pat.is_timestamp(column.type):
        text = pc.replace_substring_regex(clock_texts(column), r"\.000000$", "")
        column = enclosed("", text, "+00:00") if column.type.tz else text
    elif pat.is_date(column.type):
        column = column.cast(pa.string())
    elif pat.is_boolean(column.type):
        column = column.cast(pa.int64())
    if not pat.is_integer(column.type) and not pat.is_floating(column.type):
        return list(column.to_numpy(zero_copy_only=False))
    values: list[Any] = column.fill_null(0).to_numpy().tolist()
    if column.null_count:
        for number in np.flatnonzero(np.asarray(column.is_null())).tolist():
            values[number] = None
    return values
