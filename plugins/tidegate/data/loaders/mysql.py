"""MySQL and MariaDB: ``INSERT`` of many rows, whose text is written a column at a time.

Every value but a whole number is a literal in quotes, which the server turns into the column's type as exactly as that type can be.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat
import sqlalchemy as sa

from tidegate.data.engines import driving
from tidegate.data.loaders.texts import clock_texts, enclosed, hex_texts, plain_texts
from tidegate.data.loaders.way import Way
from tidegate.data.tables import insert_into
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.data.tables import Target

STATEMENT_BYTES = 1 << 20
"""Of one statement, about; a row that is longer by itself may be as long as the server takes."""
_BETWEEN = "),("


def speaks_utf8(connection: sa.Connection) -> bool:
    """Whether text can be sent as Arrow has it."""
    raw: Any = connection.connection.driver_connection
    return str(raw.charset) == "utf8mb4"


@contextmanager
def inserting(connection: sa.Connection, target: Target, schema: pa.Schema) -> Iterator[Way]:
    """As :mod:`tidegate.data.loaders` says."""
    from pymysql.constants import SERVER_STATUS

    raw: Any = connection.connection.driver_connection
    head = f"{insert_into(target, schema.names, connection.dialect)} VALUES ("
    backslashes = not raw.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES
    most = int(connection.execute(sa.text("SELECT @@max_allowed_packet")).scalar_one()) - 1  # a byte says what the packet is

    def send(statement: bytes) -> None:
        with driving(connection, head):
            raw.query(statement)

    yield Way(lambda batch: _statements(head.encode(), batch, target, most=most, backslashes=backslashes), send)


def _statements(head: bytes, batch: pa.RecordBatch, target: Target, *, most: int, backslashes: bool) -> Iterator[bytes]:
    literals = [_literals(column, backslashes=backslashes).cast(pa.large_string()) for column in batch.columns]
    rows = pc.binary_join_element_wise(*literals, pa.scalar(",", pa.large_string()), null_handling="replace", null_replacement="NULL")
    rows = pc.binary_join_element_wise(rows, pa.scalar(_BETWEEN, pa.large_string()), pa.scalar("", pa.large_string()))
    ends = np.frombuffer(rows.buffers()[1], np.int64)[rows.offset : rows.offset + len(rows) + 1]
    text = memoryview(rows.buffers()[2])
    first = 0
    while first < len(rows):
        wanted = ends[first] + min(STATEMENT_BYTES, most) - len(head)
        last = max(int(np.searchsorted(ends, wanted, side="right")) - 1, first + 1)
        end = ends[last] - len(_BETWEEN) + 1
        if (size := len(head) + int(end - ends[first])) > most:
            message = f"A row for table {target} takes {size:,} bytes as a statement, and the server takes {most:,}."
            raise LoadRefused(message, hint="Raise max_allowed_packet on the server, or shorten the row in the transform.")
        yield b"".join((head, text[ends[first] : end]))
        first = last


def _literals(values: pa.Array, *, backslashes: bool) -> pa.Array:
    if pat.is_integer(values.type):
        return values.cast(pa.string())
    if pat.is_boolean(values.type):
        return values.cast(pa.int8()).cast(pa.string())
    if pat.is_binary(values.type):
        return enclosed("X'", hex_texts(values), "'")
    if pat.is_timestamp(values.type):
        return enclosed("'", clock_texts(values), "'")
    if pat.is_string(values.type):
        if backslashes:
            values = pc.replace_substring(values, "\\", "\\\\")
        return enclosed("'", pc.replace_substring(values, "'", "''"), "'")
    return enclosed("'", plain_texts(values), "'")
