"""Quotes of CSV: what a writer wrote is read as it is, and what is cut off within quotes, or has one too many, is refused with its line."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidegate.data.contract import Contract
from tidegate.data.sources import files
from tidegate.data.sources.quotes import Astray, Quotes
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LETTERS = '",;\t\r\n a5é🌊\ufeff'
HINT = (
    "Look there: the file may be cut off, or a quote is missing or one too many. Within quotes a quote is written twice; behind the last one comes the "
    "delimiter or the end of the line."
)


def read(path: Path, **more: Any) -> list[dict[str, Any]]:
    """All rows."""
    contract = Contract(where="landing,", interval_end=datetime(2026, 1, 2, tzinfo=UTC))
    given = {"where": "landing,", "zone": "UTC", "batch_rows": 2, **more}
    rows: list[dict[str, Any]] = pa.Table.from_batches(list(files.batches([path], contract, **given))).to_pylist()
    return rows


def strictly(text: str, delimiter: str = ",") -> bool:
    """Whether Python's own reader takes a text."""
    try:
        list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return True


def looked(data: bytes, cuts: Sequence[int], delimiter: str = ",") -> bool:
    """Whether the quotes are taken, of blocks that end at these bytes."""
    quotes = Quotes(delimiter)
    ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    try:
        for start, end in pairwise(ends):
            quotes.take(data[start:end])
        quotes.finish()
    except Astray:
        return False
    return True


CUTS = st.lists(st.integers(0, 60), max_size=12)


@settings(max_examples=2_000, deadline=None)
@given(st.text('",\r\n a', max_size=40), CUTS)
@example('a""\n', [2])
@example('a"""b"\n', [3])
@example('"a""', [3, 4])
@example('""""', [1, 2, 3])
@example('"a"\r"b', [])
def test_quotes_mean_what_they_mean_to_python(text: str, cuts: list[int]) -> None:
    """However the bytes are cut into blocks."""
    assert looked(text.encode(), cuts) == strictly(text)


@given(st.text('"a', max_size=6), CUTS)
def test_a_mark_of_utf_8_is_no_letter(text: str, cuts: list[int]) -> None:
    """A quote behind it begins a value; behind a letter whose last byte is the same it is none."""
    assert looked(b"\xef\xbb\xbf" + text.encode(), cuts) == strictly(text)
    assert looked(("\uffff" + text).encode(), cuts) == strictly("\uffff" + text)
    assert looked(("a¿" + text).encode(), cuts) == strictly("a¿" + text)


def written(rows: list[list[str]], *, delimiter: str, quoting: Any, end: str) -> bytes:
    """A file by Python's own writer."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([[f"c{n}" for n in range(len(rows[0]))], *rows])
    return out.getvalue().encode()


TABLES = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(st.text(LETTERS, max_size=8), min_size=width, max_size=width), min_size=1, max_size=8)
)


@settings(max_examples=300, deadline=None)
@given(TABLES, st.tuples(st.sampled_from(",;\t|"), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])), st.integers(0, 60), st.data())
def test_what_a_writer_wrote_is_read_and_what_is_cut_within_quotes_is_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], how: tuple[str, Any], more: int, data: st.DataObject
) -> None:
    """Exactly, whatever stands in the values, and in blocks of any size that holds a row."""
    delimiter, quoting = how
    whole = written(rows, delimiter=delimiter, quoting=quoting, end="\r\n")
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BLOCK", 120 + more)  # the longest row has 3 values of 8 letters, each of 4 bytes at most
        path.write_bytes(whole)
        bare = quoting == csv.QUOTE_MINIMAL and len(rows[0]) > 1
        assert [list(row.values()) for row in read(path, delimiter=delimiter)] == [
            [None if bare and not value else value for value in row] for row in rows
        ]
        cut = data.draw(st.integers(0, len(whole) - 1))
        path.write_bytes(whole[:cut])
        if not strictly(whole[:cut].decode(errors="replace"), delimiter):
            with pytest.raises(DataRefused):
                read(path, delimiter=delimiter)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ('id,note\n1,"aaa"\n2,"bb', "ends within quotes: a value that begins in line 3 has no closing one"),
        ('a,b\n1,"unterminated\n2,x\n', "ends within quotes: a value that begins in line 2 has no closing one"),
        ('a,b\r\n1,"un""\r\n\r\n', "ends within quotes: a value that begins in line 2 has no closing one"),
        ('a,b\r1,x\r2,"', "ends within quotes: a value that begins in line 3 has no closing one"),
        ('"a', "ends within quotes: a value that begins in line 1 has no closing one"),
        ('id,note\n2001,"x\n1,"note 1"\n', "has more behind the closing quote in line 3 of a value that begins in line 2"),
        ('id,note\n1,"a" \n', "has more behind the closing quote in line 2 of a value that begins in line 2"),
        ('id,note\n1,"a"b""\n', "has more behind the closing quote in line 2 of a value that begins in line 2"),
        ('\ufeff"id"x,note\n', "has more behind the closing quote in line 1 of a value that begins in line 1"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_quote_too_few_or_too_many_is_refused_with_its_line(tmp_path: Path, data: str, said: str, suffix: str) -> None:
    """Before a row of the file is taken for what it is not."""
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(gzip.compress(data.encode()) if suffix else data.encode())
    with pytest.raises(DataRefused) as caught, files.telling("landing,"):
        read(path)
    assert str(caught.value) == f"landing, {path.name} {said}. {HINT}"


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_end_of_line_in_a_value_keeps_its_two_letters(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a block ends between them."""
    path = tmp_path / f"a.csv{suffix}"
    rows = [["1", "\r\n" * 9], ["\r", "\r\n\r"], ["\n\r\n", "x\r\n"]]
    whole = written(rows, delimiter=",", quoting=csv.QUOTE_ALL, end="\r\n")
    path.write_bytes(gzip.compress(whole) if suffix else whole)
    for size in range(40, 80):
        monkeypatch.setattr(files, "_BLOCK", size)
        assert [list(row.values()) for row in read(path)] == rows


def test_a_quote_that_is_a_letter_stays_one(tmp_path: Path) -> None:
    """In a value that does not begin with one, also beside others and at the end of a block."""
    path = tmp_path / "a.csv"
    path.write_text('id,note\n1,5" disk\n2,""\n3,"a ""b"""\n4,5""\n5, "c"\n')
    assert [row["note"] for row in read(path)] == ['5" disk', "", 'a "b"', '5""', ' "c"']


@pytest.mark.parametrize("value", ["{0}", '"{0}"'])
def test_a_row_that_is_longer_than_a_block_is_refused(tmp_path: Path, value: str) -> None:
    """By its size; one of nearly a block is read."""
    path = tmp_path / "a.csv"
    path.write_text(f"id,note\n1,{value.format('x' * (10 << 20))}\n2,y\n")
    with pytest.raises(DataRefused) as caught:
        read(path)
    assert str(caught.value) == (
        "landing, a.csv has a row of more than 4 MB. "
        "A quote too many may be why; bring rows that are so long as JSON, one object a line, or as Parquet."
    )
    path.write_text(f"id,note\n1,{value.format('x' * (4_000_000))}\n2,y\n")
    assert len(read(path)) == 2
