"""Rows as a database's driver gives them, value by value; the first batch settles the types that nobody declared."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tidegate.data.engines import streaming
from tidegate.data.exact import column, inferred
from tidegate.data.portions import Portions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from tidegate.data.contract import Contract
    from tidegate.data.exact import Misfit


BUFFERED_ROWS = 1_000
"""That a driver may hold of what a server sends."""


@contextmanager
def batches(
    connection: sa.Connection, query: sa.TextClause, contract: Contract, *, where: str, zone: str, batch_rows: int, cursor: bool = True
) -> Iterator[Iterator[pa.RecordBatch]]:
    """The rows of a query, as :func:`tidegate.data.sources.batches` says.

    :param cursor: as :func:`tidegate.data.engines.streaming` takes it.
    """
    with streaming(connection, query, batch_rows=min(batch_rows, BUFFERED_ROWS), cursor=cursor) as result:
        names = list(result.keys())
        yield read(
            names, Portions(result.fetchmany, most_rows=batch_rows), contract.types(names), where=where, zone=zone, misfits=contract.misfits
        )


def read(
    names: Sequence[str],
    parts: Iterable[Sequence[Any]],
    declared: Mapping[str, pa.DataType],
    *,
    where: str,
    zone: str,
    misfits: list[Misfit] | None,
) -> Iterator[pa.RecordBatch]:
    """Batches of the rows that come in such parts."""
    schema: pa.Schema | None = None
    first_row = 1
    for rows in parts:
        columns = list(zip(*rows, strict=True))
        if schema is None:
            schema = _schema(names, columns, declared, where=where)
        arrays = [
            column(
                values,
                field.type,
                name=field.name,
                where=where,
                first_row=first_row,
                declared=field.name in declared,
                zone=zone,
                misfits=misfits,
            )
            for field, values in zip(schema, columns, strict=True)
        ]
        yield pa.record_batch(arrays, schema=schema)
        first_row += len(rows)
    if schema is None:
        yield pa.RecordBatch.from_pylist([], schema=_schema(names, [()] * len(names), declared, where=where))


def _schema(names: Sequence[str], columns: Sequence[Sequence[Any]], declared: Mapping[str, pa.DataType], *, where: str) -> pa.Schema:
    return pa.schema(
        [
            (name, declared[name] if name in declared else inferred(values, name=name, where=where))
            for name, values in zip(names, columns, strict=True)
        ]
    )
