"""How many rows are held at once: as many as are asked for, and fewer where they are wide, so that memory is bounded whatever rows are like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow.parquet as pq

MOST_BYTES = 16 << 20
"""Of values in one portion, about. One row may have more."""
_FETCHED_FIRST, _FETCHED_MOST = 32, 1_000
_WEIGHED = 16
"""So many rows of those that were fetched at once tell how wide all of them are."""

_SIZED, _NESTED = {str, bytes, bytearray, memoryview}, {dict, list}


class Portions:
    """Rows that are fetched from a cursor, a few at a time until it is known how wide they are."""

    def __init__(self, fetch: Callable[[int], Sequence[Any]], *, most_rows: int) -> None:
        """:param fetch: gives so many rows, or fewer; none at the end."""
        self.full = False
        """Whether the last portion ended because it was large enough, and more rows may come."""
        self._fetch = fetch
        self._most_rows = most_rows

    def __iter__(self) -> Iterator[list[Any]]:
        held, size, wanted = list[Any](), 0, _FETCHED_FIRST
        while rows := self._fetch(min(wanted, self._most_rows - len(held))):
            weight = weighed(rows)
            wanted = fetched_next(weight, len(rows))
            held.extend(rows)
            size += weight
            self.full = len(held) >= self._most_rows or size >= MOST_BYTES
            if self.full:
                yield held
                held, size = [], 0
        if held:
            yield held


def fetched_next(size: int, rows: int) -> int:
    """How many rows to fetch, when so many had such a size."""
    return max(1, min(_FETCHED_MOST, MOST_BYTES // 4 * rows // max(size, 1)))


def weighed(rows: Sequence[Any]) -> int:
    """About how many bytes the values of some rows have."""
    some = rows[:: max(1, len(rows) // _WEIGHED)]
    return sum(_weight(value) for row in some for value in (row.values() if isinstance(row, dict) else row)) * len(rows) // len(some)


def _weight(value: Any) -> int:
    if type(value) in _SIZED:
        return len(value)
    return len(str(value)) if type(value) in _NESTED else 16


def rows_of(file: pq.ParquetFile, *, most_rows: int) -> int:
    """How many rows of a Parquet file to read at once."""
    groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
    widest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=1)
    return max(1, min(most_rows, int(MOST_BYTES / max(widest, 1))))
