"""DuckDB: ``INSERT`` of rows that it reads where Arrow has them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tidegate.data.dialects.waiting import waited
from tidegate.data.engines import driving
from tidegate.data.loaders.way import Way
from tidegate.data.tables import insert_into, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.tables import Target

_ROWS = "tidegate_rows"
"""What a batch is called for as long as it is read."""


@contextmanager
def inserting(connection: sa.Connection, target: Target, schema: pa.Schema) -> Iterator[Way]:
    """As :mod:`tidegate.data.loaders` says."""
    raw: Any = connection.connection.driver_connection
    names = ", ".join(quoted(name, connection.dialect) for name in schema.names)
    statement = f"{insert_into(target, schema.names, connection.dialect)} SELECT {names} FROM temp.{_ROWS}"  # noqa: S608  quoted names

    def send(batch: pa.RecordBatch) -> None:
        with driving(connection, statement):
            raw.register(_ROWS, batch)
            waited(raw, lambda: raw.execute(statement))
            raw.unregister(_ROWS)  # after a failure the transaction would not let it, and hide what failed

    yield Way(lambda batch: [batch], send)
