"""Extracting: the interval's rows and no others, exactly, or nothing at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from nights import END, START, Night

from tidegate.data.binding import statement
from tidegate.data.contract import Accept
from tidegate.data.extract import extract
from tidegate.data.kinds import arrow_type
from tidegate.errors import DataRefused, QueryRefused, Unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.data.manifest import Manifest

ORDERS = "SELECT id, amount, placed FROM orders WHERE placed >= :interval_start AND placed < :interval_end ORDER BY id"
TYPES = {"id": "int", "amount": "decimal(12,2)", "placed": "timestamp"}


def run(night: Night, url: sa.URL, sql: str = ORDERS, **more: Any) -> Manifest:
    """Extract for emea."""
    return extract(
        url,
        sql,
        **{
            "key": night.key(),
            "staging": night.staging,
            "accept": Accept(columns=TYPES if sql == ORDERS else {}),
            "attempt": f"a{len(list(night.folder.rglob('*.json')))}",
            "correlation_id": "c-1",
            "connection_name": "sales_emea",
            "source_name": "sql/orders.sql",
            **more,
        },
    )


def rows(night: Night, manifest: Manifest) -> list[dict[str, Any]]:
    """Give what was staged."""
    with night.staging.local_file(manifest) as path:
        return pq.read_table(path).to_pylist()


def test_the_interval_is_half_open(night: Night, source: sa.URL) -> None:
    """Exactly midnight belongs to the day that begins."""
    manifest = run(night, source)
    assert rows(night, manifest) == [
        {"id": 2, "amount": Decimal("20.20"), "placed": datetime(2026, 1, 1)},  # noqa: DTZ001 -- a clock's reading
        {"id": 3, "amount": Decimal("30.30"), "placed": datetime(2026, 1, 1, 12, 0, 0, 500000)},  # noqa: DTZ001
    ]
    assert (manifest.rows, manifest.columns, manifest.branches) == (2, ("id", "amount", "placed"), ("emea",))


def test_the_clock_of_the_source(night: Night, source: sa.URL) -> None:
    """A source whose columns show Berlin's time is asked in Berlin's time."""
    manifest = run(night, source, "SELECT :interval_start AS a, :interval_end AS b", timezone="Europe/Berlin")
    assert rows(night, manifest) == [{"a": "2026-01-01 01:00:00", "b": "2026-01-02 01:00:00"}]


def test_naive_moments_are_read_by_the_clock_of_the_source(night: Night, source: sa.URL) -> None:
    """A column declared as timestamptz turns the clock's reading into the moment; the hour that comes twice is refused."""
    more: dict[str, Any] = {"timezone": "Europe/Berlin", "accept": Accept(columns={"t": "timestamptz"})}
    manifest = run(night, source, "SELECT '2026-07-01 12:00:00' AS t", **more)
    assert rows(night, manifest) == [{"t": datetime(2026, 7, 1, 10, tzinfo=UTC)}]
    with pytest.raises(DataRefused, match=r'column "t", row 1, .+, which timestamptz cannot hold exactly'):
        run(night, source, "SELECT '2026-10-25 02:30:00' AS t", **more)


def test_values_are_bound(night: Night, source: sa.URL) -> None:
    """Given values reach the query, unused ones are dropped, and what looks like SQL in them stays text."""
    sql = "SELECT :branch AS b, :limit + 1 AS n, :text AS t, :amount AS a, :day AS d"
    params = {"limit": 1, "text": "'; DROP TABLE orders; --", "unused": object(), "amount": Decimal("1.10"), "day": date(2026, 1, 1)}
    manifest = run(night, source, sql, params=params)
    assert rows(night, manifest) == [{"b": "emea", "n": 2, "t": "'; DROP TABLE orders; --", "a": "1.10", "d": "2026-01-01"}]


def test_colons_that_are_none(night: Night, source: sa.URL) -> None:
    """Colons in strings, names and comments stay what they are."""
    manifest = run(night, source, "SELECT 'at :noon' AS \"x :y\", ':branch' AS b -- :nothing\n/* :nor this */;")
    assert rows(night, manifest) == [{"x :y": "at :noon", "b": ":branch"}]


def test_a_name_that_is_not_given(night: Night, source: sa.URL) -> None:
    """The query names a value that nobody gives."""
    with pytest.raises(QueryRefused) as caught:
        run(night, source, "SELECT :interval_strat")
    assert str(caught.value) == (
        "sql/orders.sql uses :interval_strat, which is not given. "
        'Did you mean "interval_start"? It may use :interval_start, :interval_end, :interval_start_utc, :interval_end_utc, :branch; write \\: for a colon that is none.'
    )


@pytest.mark.parametrize(
    ("sql", "dialect", "compiled"),
    [
        (
            "SELECT a::date, '10:30', $$:x$$ FROM t WHERE b = :branch",
            "postgresql",
            "SELECT a::date, '10:30', $$:x$$ FROM t WHERE b = :branch",
        ),
        (r"SELECT 'it\'s :x', :branch", "mysql", r"SELECT 'it\'s :x', :branch"),
        (r"SELECT a[1\:2]", "postgresql", "SELECT a[1:2]"),
        (r"SELECT E'it\'s :x', :branch", "postgresql", r"SELECT E'it\'s :x', :branch"),
        (r"SELECT 'a\', :branch, name'x:y'", "postgresql", r"SELECT 'a\', :branch, name'x:y'"),
        ("# don't say :x\nSELECT :branch", "mysql", "# don't say :x\nSELECT :branch"),
        ("SELECT 5--:branch", "mysql", "SELECT 5--:branch"),
        ("SELECT :branch; -- and :nothing", "sqlite", "SELECT :branch"),
    ],
)
def test_colons_of_each_dialect(sql: str, dialect: str, compiled: str) -> None:
    """Casts, dollar quotes, backslashes and slices are no parameters."""
    ready = statement(sql, {"branch": "emea"}, source_name="x.sql", correlation_id="a*/ :b", dialect=dialect)
    assert str(ready.compile()) == f"/* tidegate a___:b */ {compiled}"


TRICKY = [
    (9007199254740993, "1.10", "", b"\x00\xff", 1, 1.5, "2026-01-01"),
    (None, None, None, None, None, None, None),
    (-(2**63), "99999999999999999999999999999.123456789", "Größe 🌊", b"", 0, -0.1, "9999-12-31"),
]


def test_tricky_values(night: Night, tmp_path: Path) -> None:
    """From SQLite over staging into a warehouse and back, not a digit changes, and empty text is not NULL."""
    path = tmp_path / "tricky.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (big, amount, text, bytes, flag, ratio, day)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", TRICKY)
    connection.close()
    columns = {"amount": "decimal", "flag": "bool", "day": "date", "ratio": "float"}
    manifest = run(night, sa.URL.create("sqlite", database=str(path)), "SELECT * FROM t", accept=Accept(columns=columns))
    assert rows(night, manifest)[2]["amount"] == Decimal("99999999999999999999999999999.123456789")
    night.load(manifest, replace=["day"])
    assert night.query("SELECT * FROM sales ORDER BY rowid") == [
        (9007199254740993, "1.1", "", b"\x00\xff", 1, 1.5, "2026-01-01"),
        (None, None, None, None, None, None, None),
        (-(2**63), "99999999999999999999999999999.123456789", "Größe 🌊", b"", 0, -0.1, "9999-12-31"),
    ]
    again = run(night, night.url, "SELECT * FROM sales ORDER BY rowid", accept=Accept(columns=columns))
    assert rows(night, again) == rows(night, manifest)


def test_too_few_rows(night: Night, source: sa.URL) -> None:
    """No rows have not arrived, unless the config accepts it; nothing is committed."""
    nothing = "SELECT id FROM orders WHERE id < 0"
    with pytest.raises(DataRefused) as caught:
        run(night, source, nothing)
    assert str(caught.value) == (
        "sales_emea, sql/orders.sql, brought 0 rows, and accept: asks for at least 1. "
        "Check that the source was filled for this interval, or lower min_rows, which is 1 by default."
    )
    assert night.staging.committed("nightly", "extract", START, END) == {}
    assert not [path for path in (night.folder / "staging").rglob("*") if path.is_file()]
    assert run(night, source, nothing, accept=Accept(min_rows=0, columns={"id": "int"})).rows == 0


def test_a_column_is_missing(night: Night, source: sa.URL) -> None:
    """A declared column that did not come is named, with the nearest."""
    with pytest.raises(DataRefused) as caught:
        run(night, source, "SELECT id, amount AS ammount FROM orders", accept=Accept(columns={"amount": "decimal"}))
    assert str(caught.value) == (
        'sales_emea, sql/orders.sql, has no column "amount", which accept: asks for; it has id, ammount. '
        'Did you mean "ammount"? Let the source bring it, or take it out of accept: columns.'
    )


def test_two_columns_of_one_name(night: Night, source: sa.URL) -> None:
    """Nobody could say which of the two is meant."""
    with pytest.raises(DataRefused, match='has two columns named "id"'):
        run(night, source, "SELECT id, id FROM orders")


@pytest.mark.parametrize(
    ("word", "bad"),
    [
        ("int", "'x'"),
        ("int", "1.5"),
        ("int", "4e15+0.5"),
        ("float", "9007199254740993"),
        ("decimal(3,1)", "1.25"),
        ("decimal", "1e30"),
        ("bool", "2"),
        ("bool", "'yes'"),
        ("date", "'2026-01-01 10:00:00'"),
        ("date", "'x'"),
        ("timestamp", "'2026-01-01T00:00:00+01:00'"),
        ("text", "x'ff'"),
        ("bytes", "'x'"),
        ("int", "'1_000'"),
        ("decimal", "'NaN'"),
        ("timestamptz", "5"),
    ],
)
def test_a_value_that_does_not_fit(night: Night, source: sa.URL, word: str, bad: str) -> None:
    """The first row whose value would be changed is named, across batches."""
    sql = f"SELECT NULL AS v UNION ALL SELECT NULL UNION ALL SELECT {bad} UNION ALL SELECT {bad}"
    with pytest.raises(DataRefused, match=r'sales_emea, sql/orders.sql, has in column "v", row 3, .+, which') as caught:
        run(night, source, sql, accept=Accept(columns={"v": word}), batch_rows=2)
    assert caught.value.hint.startswith("Correct the source, or ")


@pytest.mark.parametrize(
    ("word", "value", "staged"),
    [
        ("int", "3.0", 3),
        ("int", "'-7'", -7),
        ("float", "3", 3.0),
        ("float", "'0.5'", 0.5),
        ("decimal", "0.1", Decimal("0.1")),
        ("bool", "1", True),
        ("bool", "'False'", False),
        ("date", "'2026-01-01 00:00:00'", date(2026, 1, 1)),
        ("text", "5", "5"),
    ],
)
def test_a_value_that_fits(night: Night, source: sa.URL, word: str, value: str, staged: Any) -> None:
    """What can be said exactly in the declared type is."""
    manifest = run(night, source, f"SELECT {value} AS v", accept=Accept(columns={"v": word}))
    assert rows(night, manifest)[0]["v"] == staged


def test_an_unknown_type() -> None:
    """A misspelt type word is told with those that there are."""
    with pytest.raises(DataRefused, match=r'"deciml" is no type\. Did you mean "decimal"\?'):
        arrow_type("deciml")


def test_a_later_batch_disagrees(night: Night, source: sa.URL) -> None:
    """A column that was NULL at first is text; numbers that follow are refused, and the message says to declare it."""
    sql = "SELECT NULL AS v UNION ALL SELECT x'00'"
    with pytest.raises(DataRefused) as caught:
        run(night, source, sql, batch_rows=1)
    assert str(caught.value).endswith("Its type is that of the first values; declare one that holds all: accept: {columns: {v: bytes}}.")


def test_values_of_no_single_type(night: Night, source: sa.URL) -> None:
    """Undeclared text and numbers in one column are refused."""
    with pytest.raises(DataRefused, match='column "v" whose values are of no single type that can be staged: bytes, whole numbers'):
        run(night, source, "SELECT 1 AS v UNION ALL SELECT x'00'")


def test_a_table_that_is_not_there(night: Night, source: sa.URL) -> None:
    """The message names connection and table, and suggests the nearest."""
    with pytest.raises(QueryRefused) as caught:
        run(night, source, "SELECT * FROM order_s")
    assert str(caught.value) == (
        "sales_emea refused sql/orders.sql: no such table: order_s. "
        'Did you mean "orders"? Check the FROM clause of sql/orders.sql against the tables of this database.'
    )


def test_a_column_that_is_not_there(night: Night, source: sa.URL) -> None:
    """The message names the column, and suggests the nearest of the tables in the query."""
    with pytest.raises(QueryRefused) as caught:
        run(night, source, "SELECT amonut FROM orders")
    assert str(caught.value) == (
        "sales_emea refused sql/orders.sql: no such column: amonut. "
        'Did you mean "amount"? Check the columns in sql/orders.sql against the tables of this database.'
    )


@pytest.mark.parametrize(
    ("sql", "told"),
    [("SELEC 1", 'refused sql/orders.sql: near "SELEC": syntax error'), ("DELETE FROM orders", "attempt to write a readonly database")],
)
def test_statements_that_are_refused(night: Night, source: sa.URL, sql: str, told: str) -> None:
    """Neither broken SQL nor SQL that writes."""
    with pytest.raises(QueryRefused, match=told):
        run(night, source, sql)


def test_a_missing_file(night: Night, tmp_path: Path) -> None:
    """Reading never creates a database."""
    path = tmp_path / "gone.db"
    with pytest.raises(Unreachable) as caught:
        run(night, sa.URL.create("sqlite", database=str(path)))
    assert str(caught.value) == (
        f"sales_emea finds no database file at {path}. Check the path in the Airflow connection; reading never creates a database."
    )
    assert not path.exists()


def test_progress_can_stop_it(night: Night, source: sa.URL) -> None:
    """What progress raises ends the extract between batches, and nothing is committed."""
    seen = []

    def stop(done: int) -> None:
        seen.append(done)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(night, source, "SELECT id FROM orders", batch_rows=1, progress=stop)
    assert seen == [1, 2]
    assert night.staging.committed("nightly", "extract", START, END) == {}


def test_the_statement_says_who_it_is(night: Night, source: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """The correlation id stands in the statement, and cannot end the comment."""
    said: list[str] = []
    original = sa.create_engine

    def listening(*args: Any, **more: Any) -> sa.Engine:
        engine = original(*args, **more)
        sa.event.listen(engine, "before_cursor_execute", lambda _c, _k, text, *_: said.append(text))
        return engine

    monkeypatch.setattr(sa, "create_engine", listening)
    run(night, source, "SELECT 1 AS one", correlation_id="manual__2026-01-01T00:00:00+00:00 */ DROP")
    assert said == ["/* tidegate manual__2026-01-01T00:00:00+00:00____DROP */ SELECT 1 AS one"]


def test_memory_is_flat(tmp_path: Path) -> None:
    """A million rows need hardly more memory than fifty thousand."""
    path = tmp_path / "many.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE t AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 1000000) SELECT i, 'text of row ' || i AS s FROM r"
        )
    connection.close()
    script = f"""
        import resource, sqlalchemy as sa
        from nights import Night
        from pathlib import Path
        from tidegate.data.contract import Accept
        from tidegate.data.extract import extract
        night = Night(Path({str(tmp_path)!r}))
        def peak(limit):
            extract(sa.URL.create("sqlite", database={str(path)!r}), f"SELECT * FROM t LIMIT {{limit}}", key=night.key(), staging=night.staging,
                    accept=Accept(), attempt=str(limit), correlation_id="c", connection_name="c", source_name="s")
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        few = peak(100000)
        print(peak(1000000) - few)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, cwd=str(__file__).rpartition("/")[0]
    )
    assert float(done.stdout) < 40


def test_a_hundred_percent(night: Night, source: sa.URL) -> None:
    """Percent signs are nothing special."""
    assert rows(night, run(night, source, "SELECT '100%' AS p, 'a%(b)s' AS q"))[0] == {"p": "100%", "q": "a%(b)s"}


def test_schema_is_fixed(night: Night, source: sa.URL) -> None:
    """Branches that declare the same columns share a fingerprint, whatever their rows."""
    one = run(night, source, ORDERS)
    other = run(night, source, f"SELECT * FROM ({ORDERS}) LIMIT 0", accept=Accept(min_rows=0, columns=TYPES))
    assert one.fingerprint == other.fingerprint
    with night.staging.local_file(other) as path:
        assert pq.read_schema(path).types == [pa.int64(), pa.decimal128(12, 2), pa.timestamp("us")]
