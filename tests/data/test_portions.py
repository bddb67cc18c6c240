"""However wide rows are, no more of them are held at once than some megabytes: where they are read, and where they are loaded."""

from __future__ import annotations

import json
import sqlite3
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from nights import END, Night

from tidegate.data import parts, portions, sources
from tidegate.data.contract import Contract
from tidegate.data.engines import reading
from tidegate.data.portions import Portions
from tidegate.data.sources import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WIDE = 10_000
"""Bytes of a row."""
ROWS = 300


@pytest.fixture
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold a hundredth of what is held otherwise."""
    monkeypatch.setattr(portions, "MOST_BYTES", 16 * WIDE)
    monkeypatch.setattr("tidegate.data.sources.sqlite.MOST_BYTES", 16 * WIDE)


def body(number: int) -> str:
    """A wide value, like no other."""
    return f"{number:09}" + "x" * (WIDE - 9)


def contract() -> Contract:
    """Anything is taken."""
    return Contract(where="wide,", interval_end=END)


def bounded(batches: Sequence[pa.RecordBatch]) -> list[int]:
    """The numbers of the rows, none of which came with too many others."""
    assert max(batch.nbytes for batch in batches[1:]) <= 32 * WIDE
    assert max(batch.num_rows for batch in batches) <= 64
    return [number for batch in batches for number in batch.column("id").to_pylist()]


@pytest.mark.usefixtures("_little")
@pytest.mark.parametrize("kind", ["text", "bytes"])
@pytest.mark.parametrize("streamed", [True, False])
def test_wide_rows_of_sqlite(tmp_path: Path, kind: str, streamed: bool) -> None:
    """In both ways of reading."""
    path = tmp_path / "wide.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (id INTEGER, name TEXT, body)")
        wide = [(number, "n", body(number).encode() if kind == "bytes" else body(number)) for number in range(ROWS)]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", wide)
    connection.close()
    with (
        reading(sa.URL.create("sqlite", database=str(path))) as session,
        sources.batches(
            session, sa.text("SELECT * FROM t"), contract(), where="wide,", zone="UTC", batch_rows=50_000, streamed=streamed
        ) as found,
    ):
        assert bounded(list(found)) == list(range(ROWS))


@pytest.mark.usefixtures("_little")
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_wide_rows_of_files(tmp_path: Path, name: str) -> None:
    """A line, or a page, at a time."""
    wide = [{"id": number, "body": body(number)} for number in range(ROWS)]
    if name == "a.jsonl":
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in wide))
    else:
        pq.write_table(pa.Table.from_pylist(wide), tmp_path / name)
    assert bounded(list(files.batches([tmp_path / name], contract(), where="wide,", zone="UTC", batch_rows=50_000))) == list(range(ROWS))


@pytest.mark.usefixtures("_little")
def test_wide_rows_of_staged_files(night: Night) -> None:
    """What transforms and loads read."""
    manifest = night.stage([{"id": number, "body": body(number)} for number in range(ROWS)])
    with parts.opened(night.staging, [manifest]) as (part,):
        assert bounded(list(part.batches(batch_rows=50_000))) == list(range(ROWS))
        assert [batch.num_rows for batch in part.batches(batch_rows=7)][:2] == [7, 7]


@given(st.lists(st.integers(0, 60 * WIDE), max_size=80), st.integers(1, 50))
def test_all_rows_come_once_and_few_at_once(sizes: list[int], most: int) -> None:
    """Of any widths: each portion ends with the fetch that fills it."""
    rows: Iterator[tuple[Any, ...]] = iter([(number, b"x" * size) for number, size in enumerate(sizes)])
    found = list(Portions(lambda wanted: list(islice(rows, wanted)), most_rows=most))
    assert [row[0] for portion in found for row in portion] == list(range(len(sizes)))
    assert all(0 < len(portion) <= most for portion in found)
