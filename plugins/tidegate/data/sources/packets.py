"""Rows of MySQL's text protocol: where they begin in what a server sent, and each column's values as Arrow, found for all rows at once.

A row is a packet: four bytes of length and number, then each value behind its own length (one byte up to 250, or a mark and two, three or eight),
or the mark of NULL. https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_row.html
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEAD = 4
_WHOLE = 0xFFFFFF
"""The length of a packet that another one continues."""
_NULL, _TWO, _THREE, _EIGHT = 0xFB, 0xFC, 0xFD, 0xFE
_END, _ERROR, _END_LENGTH = 0xFE, 0xFF, 9
_INLINE = 12
"""Bytes of a value that stand in an Arrow view itself."""
_LOOK = Struct("<IB").unpack_from
"""A packet's head, and the first byte behind it."""
_FIRST = np.array([(1 << 8 * min(length, _HEAD)) - 1 for length in range(_INLINE + 1)], np.uint64)
_REST = np.array([(1 << 8 * max(length - _HEAD, 0)) - 1 for length in range(_INLINE + 1)], np.uint64)
"""By the length of a value: which bits of its first four bytes, and of the eight behind them, are its own."""


class Rows:
    """Takes what a server sends, piece by piece, and gives whole rows."""

    def __init__(self) -> None:
        self.ended = False
        """Whether the packet behind the last row has come."""
        self.error: bytes | None = None
        """The packet that says why no more rows come."""
        self.size = 0
        """Bytes of whole rows."""
        self._held = bytearray()
        self._starts: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def feed(self, read: bytes) -> None:
        """Append what was received."""
        self._held += read

    def find(self, most: int) -> None:
        """Find the whole rows of what was received, until there are so many."""
        held, starts, position = self._held, self._starts, self.size
        last, room = len(held) - _HEAD, most - len(starts)
        while position < last and room:
            length, mark = _LOOK(held, position)
            length &= _WHOLE
            if length == _WHOLE:
                length = _joined(held, position)
                last = len(held) - _HEAD
            if length < 0 or position + length > last:
                break
            if mark >= _END and (mark == _ERROR or length < _END_LENGTH):
                self.ended = mark == _END
                self.error = None if self.ended else bytes(held[position + _HEAD : position + _HEAD + length])
                break
            position += _HEAD
            starts.append(position)
            position += length
            room -= 1
        self.size = position

    def take(self) -> tuple[bytes, NDArray[np.int64]]:
        """The rows that were found, as they came, and where each begins behind its head; they are forgotten."""
        taken = bytes(memoryview(self._held)[: self.size]), np.array(self._starts, np.int64)
        self._held, self._starts, self.size = self._held[self.size :], [], 0
        return taken


def _joined(held: bytearray, position: int) -> int:
    """The length of a row in several packets, of which all but the first lose their heads; -1 as long as it has not come whole."""
    end, lengths = position, list[int]()
    while not lengths or lengths[-1] == _WHOLE:
        if end + _HEAD > len(held):
            return -1
        lengths.append(held[end] | held[end + 1] << 8 | held[end + 2] << 16)
        end += _HEAD + lengths[-1]
    if end > len(held):
        return -1
    second = position + _HEAD + _WHOLE
    for length in lengths[1:]:
        del held[second : second + _HEAD]
        second += length
    return sum(lengths)


def columns(held: bytes, starts: NDArray[np.int64], count: int) -> list[pa.Array]:
    """The values of each column, as binary views of ``held``.

    :param starts: of the rows in it.
    :param count: of the columns.
    """
    # A few bytes more than the rows have, so that looking behind a value's end is looking at something.
    data, buffer = np.frombuffer(held + bytes(_INLINE + _HEAD), np.uint8), pa.py_buffer(held)
    found = []
    for _ in range(count):
        begins, lengths, null = _values(data, starts)
        found.append(_views(data, buffer, begins, lengths, null))
        starts = begins + lengths
    return found


def _values(data: NDArray[np.uint8], starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Of one value of each row: where it begins, how long it is, and whether it is NULL."""
    marks = data[starts]
    null = marks == _NULL
    lengths = marks.astype(np.int64)
    lengths[null] = 0
    heads: Any = 1
    if (marks > _NULL).any():
        heads = np.ones(len(starts), np.int64)
        for mark, width in ((_TWO, 2), (_THREE, 3), (_EIGHT, 8)):
            rows = np.flatnonzero(marks == mark)
            where = starts[rows] + 1
            lengths[rows] = sum(data[where + number].astype(np.int64) << 8 * number for number in range(width))
            heads[rows] += width
    return starts + heads, lengths, null


def _views(
    data: NDArray[np.uint8], buffer: pa.Buffer, begins: NDArray[np.int64], lengths: NDArray[np.int64], null: NDArray[np.bool_]
) -> pa.Array:
    """The values where they lie, as Arrow's views: a length, and the value itself or its first four bytes and where it stands."""
    shown = np.minimum(lengths, _INLINE)
    views = np.empty((len(begins), 2), np.uint64)
    views[:, 0] = _windows(data, np.uint32)[begins].astype(np.uint64) & _FIRST[shown]
    views[:, 0] <<= 32
    views[:, 0] |= lengths.astype(np.uint64)
    views[:, 1] = _windows(data, np.uint64)[begins + _HEAD] & _REST[shown]
    long = np.flatnonzero(lengths > _INLINE)
    views[long, 1] = begins[long].astype(np.uint64) << np.uint64(32)  # behind the number of the buffer, which is zero
    valid = pa.py_buffer(np.packbits(~null, bitorder="little")) if null.any() else None
    return pa.Array.from_buffers(pa.binary_view(), len(begins), [valid, pa.py_buffer(views), buffer])


def _windows(data: NDArray[np.uint8], kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """The number that begins at each of the bytes."""
    width = np.dtype(kind).itemsize
    return np.ndarray((len(data) - width + 1,), np.dtype(kind).newbyteorder("<"), data, strides=(1,))
