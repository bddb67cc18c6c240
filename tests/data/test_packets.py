"""The rows of MySQL's protocol, however the network cuts them."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.data.sources import packets

END = b"\x05\x00\x00\x09\xfe\x00\x00\x02\x00"
MOST_IN_A_PACKET = 0xFFFFFF


def length(size: int) -> bytes:
    """A length as the protocol writes it."""
    for most, mark, width in ((250, b"", 1), (0xFFFF, b"\xfc", 2), (0xFFFFFF, b"\xfd", 3)):
        if size <= most:
            return mark + size.to_bytes(width, "little")
    return b"\xfe" + size.to_bytes(8, "little")


def packet(row: list[bytes | None]) -> bytes:
    """A row as a server sends it: in several packets when it is too long for one."""
    body = b"".join(b"\xfb" if value is None else length(len(value)) + value for value in row)
    pieces = [body[start : start + MOST_IN_A_PACKET] for start in range(0, len(body) + 1, MOST_IN_A_PACKET)]
    return b"".join(len(piece).to_bytes(3, "little") + bytes([number % 256]) + piece for number, piece in enumerate(pieces))


def decoded(sent: bytes, count: int, cuts: list[int], most: int) -> list[list[bytes | None]]:
    """The rows, read in pieces."""
    rows, found = packets.Rows(), list[list[bytes | None]]()
    bounds = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(bounds):
        rows.feed(sent[start:end])
        rows.find(most)
        while len(rows) == most:
            found += taken(rows, count)
            rows.find(most)
    assert rows.ended
    assert rows.error is None
    return found + (taken(rows, count) if len(rows) else [])


def taken(rows: packets.Rows, count: int) -> list[list[bytes | None]]:
    """What has been found, as Python's values."""
    columns = packets.columns(*rows.take(), count)
    return [list(row) for row in zip(*(column.cast(pa.binary()).to_pylist() for column in columns), strict=True)]


VALUES = st.none() | st.binary(max_size=20) | st.integers(240, 260).map(lambda size: b"x" * size) | st.just(b"\xfe" * 70_000)


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), max_size=8), st.lists(st.integers(min_value=0), max_size=8), st.integers(1, 4))
def test_any_rows_in_any_pieces(rows: list[list[bytes | None]], cuts: list[int], most: int) -> None:
    """Each value, NULL and the empty one apart, in the order of the rows."""
    sent = b"".join(map(packet, rows)) + END
    assert decoded(sent, 3, cuts, most) == rows


@pytest.mark.parametrize("size", [MOST_IN_A_PACKET - 10, MOST_IN_A_PACKET - 5, MOST_IN_A_PACKET + 100, 2 * MOST_IN_A_PACKET + 7])
def test_rows_in_several_packets(size: int) -> None:
    """A value of more than 16 MB, and one that ends where a packet ends, between rows of usual size."""
    rows: list[list[bytes | None]] = [[b"a", b"b"], [b"y" * size, None], [b"", b"c"]]
    sent = b"".join(map(packet, rows)) + END
    assert decoded(sent, 2, [size // 2, size + 3, size + 15], 100) == rows


def test_an_error_ends_the_rows() -> None:
    """A statement that is killed on its way: what came before is there, and the packet that says why."""
    rows = packets.Rows()
    said = b"\xff\x25\x05#70100Query execution was interrupted"
    rows.feed(packet([b"1"]) + len(said).to_bytes(3, "little") + b"\x01" + said)
    rows.find(10)
    assert (len(rows), rows.ended, rows.error) == (1, False, said)


def test_a_chunk_holds_views_of_itself() -> None:
    """Nothing is copied until a value is cast."""
    held = packet([b"x" * 100])
    (column,) = packets.columns(held, np.array([4]), 1)
    assert column.type == pa.binary_view()
    assert column.to_pylist() == [b"x" * 100]
