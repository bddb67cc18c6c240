"""SQLite read a row at a time: where it can be, and what becomes of it where it cannot."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from tidegate.data.contract import Accept
from tidegate.data.extract import extract
from tidegate.data.sources import sqlite, streamed

if TYPE_CHECKING:
    from nights import Night

MADE = """
    CREATE TABLE t (a, b, c);
    INSERT INTO t VALUES (1, 'x', 0.1), (2, NULL, NULL), (NULL, 'y' || char(34, 10, 92), 5e-324), (4, 'ü', 1), (5, '', -0.5)
"""
ROWS = [(1, "x", 0.1), (2, None, None), (None, 'y"\n\\', 5e-324), (4, "ü", 1.0), (5, "", -0.5)]
JSON_VIEW = "CREATE VIEW t AS SELECT 1 AS a, json('null') AS b UNION ALL SELECT 2, 'x'"


@pytest.fixture(autouse=True)
def _in_no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, the first rows came at once."""
    monkeypatch.setattr(sqlite, "REPEAT_SECONDS", 60)


def read(night: Night, made: str, sql: str, **more: Any) -> list[tuple[Any, ...]]:
    """Stage what a query of a new database selects, two rows a batch, and give it."""
    path = night.folder / "source.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(made)
    manifest = extract(
        sa.URL.create("sqlite", database=str(path)),
        sql,
        key=night.key(),
        staging=night.staging,
        attempt="a",
        correlation_id="c",
        connection_name="sales_emea",
        source_name="sql/x.sql",
        **{"accept": Accept(), "batch_rows": 2, **more},
    )
    with night.staging.local_file(manifest) as file:
        table = pq.read_table(file)
    assert manifest.columns == tuple(table.column_names)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM t",
        "SELECT a, b, c FROM t -- all of them",
        "WITH w AS (SELECT * FROM t) SELECT * FROM w",
        "SELECT * FROM (SELECT * FROM t LIMIT 9) UNION ALL SELECT * FROM t WHERE a < 0",
        "SELECT * FROM t WHERE :branch = 'emea' AND :five = 5 AND :text <> ':five' AND 5 = :five ORDER BY rowid",
        'SELECT a, b AS "say ""b""", max(c, c) FROM t',
        "VALUES (1, 'x', 0.1), (2, NULL, NULL), (NULL, 'y' || char(34, 10, 92), 5e-324), (4, 'ü', 1), (5, '', -0.5)",
    ],
)
def test_a_row_in_one_text(night: Night, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    """Whatever selects them, whole numbers and texts come together, and the rest beside them."""
    monkeypatch.setattr(streamed, "read", lambda *_, **__: pytest.fail("value by value"))
    assert read(night, MADE, sql, params={"five": 5, "text": "'; --"}) == ROWS


@pytest.mark.parametrize(
    ("made", "sql", "rows"),
    [
        (
            "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'ü'), (2, '🌊')",
            "SELECT * FROM t",
            [(1, "ü"), (2, "🌊")],
        ),
        (JSON_VIEW, "SELECT * FROM t", [(1, "null"), (2, "x")]),
        ("CREATE TABLE t (a INT, b TEXT)", "PRAGMA table_info(t)", [(0, "a", "INT", 0, None, 0), (1, "b", "TEXT", 0, None, 0)]),
        ("CREATE TABLE t (a)", "SELECT NULL, 1 UNION ALL SELECT 2, 2", [(None, 1), ("2", 2)]),
    ],
    ids=["another encoding", "what JSON functions gave", "no query", "one column"],
)
def test_value_by_value(night: Night, monkeypatch: pytest.MonkeyPatch, made: str, sql: str, rows: list[tuple[Any, ...]]) -> None:
    """Where a text would be another, or nothing is won; and the query is not started anew for it."""
    monkeypatch.setattr(streamed, "batches", None)
    assert read(night, made, sql, batch_rows=1) == rows


def test_a_slow_query_is_asked_once(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """What took long for its first rows goes on as it began."""
    monkeypatch.setattr(sqlite, "REPEAT_SECONDS", -1)
    monkeypatch.setattr(sqlite, "_chunks", None)
    assert read(night, MADE, "SELECT * FROM t") == ROWS


def test_a_surprise(night: Night) -> None:
    """A value of another type late in a long table lets all be read again, and nothing comes twice."""
    numbers = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 200000) SELECT i, 'x' FROM r"
    made = f"CREATE TABLE t (a, b); INSERT INTO t {numbers}; UPDATE t SET b = 0.1 + 0.2 WHERE a = 199999"
    seen: list[int] = []
    rows = read(night, made, "SELECT * FROM t", progress=seen.append, batch_rows=10_000)
    assert seen != sorted(seen), "nothing was read again"
    assert [row[0] for row in rows] == list(range(1, 200_001))
    assert {row[1] for row in rows} == {"x", "0.30000000000000004"}
    assert sorted(path.suffix for path in (night.folder / "staging").rglob("a.*")) == [".json", ".parquet"]


def test_a_text_that_is_none(night: Night) -> None:
    """Bytes that are no UTF-8 are refused, as the streamed way refuses them."""
    made = "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, CAST(x'ff' AS TEXT))"
    with pytest.raises(Exception, match="decode to UTF-8"):
        read(night, made, "SELECT * FROM t")
