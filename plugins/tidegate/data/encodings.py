"""How staged columns are written into Parquet: small, and fast to write and to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.types as pat

if TYPE_CHECKING:
    import pyarrow as pa

_REPEATED = 4
"""Times that a text comes up on average in the first rows, for a dictionary to be worth while."""
_SAMPLE = 10_000
_INT64_DIGITS = 18


def options(schema: pa.Schema, first: pa.RecordBatch) -> dict[str, Any]:
    """What :class:`pyarrow.parquet.ParquetWriter` is told.

    Whole numbers, days and moments are written as differences, decimals of up to 18 digits as whole numbers, and texts that come up again and again by
    number. Of a million rows of twelve mixed columns that takes half of the time and half of the room of Arrow's own choice (``bench/data``).

    :param first: the first rows; the rest is taken to be alike.
    """
    plain = [field for field in schema if _is_whole(field.type)]
    return {
        "compression": "zstd",
        "store_decimal_as_integer": True,
        "use_dictionary": [field.name for field in schema if _comes_again(first.column(field.name))],
        "column_encoding": {field.name: "DELTA_BINARY_PACKED" for field in plain},
    }


def _is_whole(kind: pa.DataType) -> bool:
    """Whether Parquet keeps it as an integer."""
    return bool(pat.is_integer(kind) or pat.is_temporal(kind) or (pat.is_decimal(kind) and kind.precision <= _INT64_DIGITS))


def _comes_again(values: pa.Array) -> bool:
    if not (pat.is_string(values.type) or pat.is_binary(values.type)):
        return False
    sample = values.slice(0, _SAMPLE)
    return bool(len(sample) >= _REPEATED * pc.count_distinct(sample, mode="all").as_py())
