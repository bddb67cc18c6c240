"""DuckDB's own ways: nothing but the file is seen; a session's clock, its letters, its types, and what it says of its tables."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from ducks import read
from nights import END, START, Night, on_duckdb, sale

from tidegate.data import ledger
from tidegate.data.engines import reading, writing
from tidegate.data.gaps import read_gaps, write_gaps
from tidegate.errors import ConnectionUnknown, LoadRefused, QueryRefused, Unreachable
from tidegate.resilience.gap import Gap
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from pathlib import Path

# -- the file and nothing else ----------------------------------------------------------------------------------------------------


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Nor does writing make a folder; what is no database is said to be none."""
    with pytest.raises(Unreachable, match="finds no database file at"), reading(on_duckdb(tmp_path), connection_name="sales"):
        pass
    with pytest.raises(Unreachable, match="finds no directory"), writing(on_duckdb(tmp_path / "none"), connection_name="sales"):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "warehouse.duckdb").write_text("no database at all")
    with pytest.raises(ConnectionUnknown) as caught, reading(on_duckdb(tmp_path), connection_name="sales"):
        pass
    path = tmp_path / "warehouse.duckdb"
    assert str(caught.value) == f"sales leads to a file that is no DuckDB database: {path}. Check the path in the Airflow connection."
    path.unlink()
    path.mkdir()
    with pytest.raises(ConnectionUnknown) as caught, reading(on_duckdb(tmp_path), connection_name="sales"):
        pass
    told = f"sales leads to a folder, and not to a database file: {path}. Write the path of the file into the Airflow connection."
    assert str(caught.value) == told


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{folder}/secret.csv')",
        "SELECT * FROM '{folder}/secret.csv'",
        "COPY (SELECT 1 AS n) TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM rows",
        "SET enable_external_access = true",
        "INSERT INTO sales VALUES ('2026-01-01', 'x', 1)",
        "DELETE FROM sales",
    ],
)
def test_a_query_sees_the_file_alone_and_changes_nothing(duck: Night, sql: str) -> None:
    """Neither other files, nor extensions, nor Python's variables."""
    rows = pa.table({"n": [1]})
    (duck.folder / "secret.csv").write_text("n\n1\n")
    with pytest.raises(QueryRefused, match="sales_emea "):
        read(duck, sql.format(folder=duck.folder))
    assert not (duck.folder / "out.csv").exists()
    assert not (duck.folder / "other.duckdb").exists()
    assert duck.rows() == [("2026-01-01", "emea", rows["n"][0].as_py())]


def test_a_query_is_one_statement(duck: Night) -> None:
    """What is no SELECT but brings rows is read."""
    with pytest.raises(QueryRefused) as caught:
        read(duck, "SELECT 1 AS n; SELECT 2 AS n")
    assert str(caught.value) == (
        "sql/x.sql holds 2 statements, and an extract runs one SELECT. Leave one there; what changes rows is for uses: sql."
    )
    assert {row["name"] for row in read(duck, "SHOW TABLES")} >= {"sales", "tidegate_load"}
    assert read(duck, "FROM sales") == [sale("2026-01-01", "emea", 1)]
    assert read(duck, "-- a\nWITH q AS (SELECT 1::HUGEINT AS v) SELECT v FROM q -- the end") == [{"v": 1}]


def test_names_that_are_close(duck: Night) -> None:
    """A table or a column that is not there is told in one line, with one that is."""
    with pytest.raises(QueryRefused) as told:
        read(duck, "SELECT * FROM saless")
    assert 'Did you mean "sales"? Check the FROM clause of sql/x.sql' in str(told.value)
    assert "\n" not in str(told.value)
    with pytest.raises(QueryRefused) as told:
        read(duck, "SELECT regio FROM sales")
    assert 'Did you mean "region"? Check the columns in sql/x.sql' in str(told.value)


# -- values -----------------------------------------------------------------------------------------------------------------------


NEEDY = "SELECT len(l) AS n FROM (SELECT list(range::VARCHAR || 'some more text') AS l FROM range(2000000))"
"""What DuckDB cannot spill."""


def test_a_query_that_needs_more_memory_than_rows_that_are_passed_on(duck: Night) -> None:
    """It is given more, unless the connection says what it may have."""
    assert read(duck, NEEDY) == [{"n": 2_000_000}]
    duck.url = duck.url.update_query_dict({"memory_limit": "64MB"})
    with pytest.raises(QueryRefused, match="needs more memory"):
        read(duck, NEEDY)


def test_a_query_that_needs_more_memory_than_it_may_use(duck: Night) -> None:
    """What can be spilled to disk is; what cannot is refused, with what to do."""
    spilled = "SELECT count(*) AS n FROM (SELECT range, hash(range) AS h FROM range(12000000) ORDER BY h LIMIT 11000000)"
    assert read(duck, spilled) == [{"n": 11_000_000}]
    with pytest.raises(QueryRefused, match=r"sales_emea needs more memory for sql/x\.sql than it may use") as told:
        read(duck, "SELECT max(length(l::VARCHAR)) AS n FROM (SELECT list(range::VARCHAR || 'some more text') AS l FROM range(9000000))")
    assert "Raise memory_limit in the extra of the Airflow connection" in str(told.value)


def test_columns_that_differ_in_the_case_of_a_letter(duck: Night) -> None:
    """DuckDB takes one name for the other; their values are not mixed up, also where one is selected as text."""
    assert read(duck, 'SELECT 1 AS a, 2::HUGEINT AS "A", [3] AS b') == [{"a": 1, "A": 2, "b": "[3]"}]


def test_rows_come_in_the_order_of_the_query(duck: Night) -> None:
    """Whether their columns are selected as they are or as text."""
    for column in ("range AS n", "range::HUGEINT AS n"):
        rows = read(duck, f"SELECT {column} FROM range(300000) ORDER BY range DESC", batch_rows=10_000)
        assert [row["n"] for row in rows] == list(range(299_999, -1, -1))


def test_the_interval_is_moments_in_the_hour_that_comes_twice(duck: Night) -> None:
    """02:00 to 03:00 in summer time, and then once more: each row is in one of the two, whatever clock its column shows."""
    duck.run(
        "CREATE TABLE seen (at_moment TIMESTAMPTZ, n INTEGER)",
        "INSERT INTO seen SELECT TIMESTAMPTZ '2026-10-25 00:30:00+00' + i * INTERVAL 1 HOUR, i FROM range(3) AS t(i)",
    )
    sql = "SELECT n FROM seen WHERE at_moment >= :interval_start AND at_moment < :interval_end"
    first = datetime(2026, 10, 25, tzinfo=UTC)
    found = []
    for hour in range(3):
        start = first + timedelta(hours=hour)
        key = duck.key(start=start, end=start + timedelta(hours=1))
        found.append(read(duck, sql, key=key, timezone="Europe/Berlin"))
    assert found == [[{"n": 0}], [{"n": 1}], [{"n": 2}]]


def test_a_clocks_reading_and_a_day_are_compared_in_the_steps_zone(duck: Night) -> None:
    """A column without a zone shows the clock of the step's."""
    duck.run("CREATE TABLE seen (clock TIMESTAMP, day DATE)", "INSERT INTO seen VALUES ('2026-01-01 00:00', '2026-01-01')")
    berlin = START - timedelta(hours=1)
    key = duck.key(start=berlin, end=berlin + timedelta(days=1))
    for where in ("clock = :interval_start", "day = :interval_start", "clock < :interval_end", "day < :interval_end"):
        assert len(read(duck, f"SELECT * FROM seen WHERE {where}", key=key, timezone="Europe/Berlin")) == 1


def test_values_are_bound(duck: Night) -> None:
    """What looks like SQL in a value is a value."""
    evil = "x'); DELETE FROM sales; --"
    rows = read(duck, "SELECT :p AS p, :n AS n, :d AS d", params={"p": evil, "n": 2**53 + 1, "d": START.date()})
    assert rows == [{"p": evil, "n": 2**53 + 1, "d": START.date()}]


def refused(night: Night, values: pa.Array, column: str) -> str:
    """Give the message of a load into a column that exists, which changed nothing."""
    night.run("DROP TABLE IF EXISTS narrow", f"CREATE TABLE narrow (day VARCHAR, v {column})")
    part = night.stage(pa.table({"day": ["d"] * len(values), "v": values}))
    with pytest.raises(LoadRefused) as caught:
        night.load(part, target_table="narrow", replace=["day"])
    assert night.query("SELECT count(*) FROM narrow") == [(0,)]
    return str(caught.value).partition(". ")[0]


def test_what_duckdb_would_change_is_refused(duck: Night) -> None:
    """It rounds digits and parts of a second, and makes a day without end of the last ones."""
    where = 'Column "v" of table narrow'
    moments = pa.array([datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 1500)])  # noqa: DTZ001
    cents = pa.array(["1.50", "1.25"]).cast(pa.decimal128(12, 2))
    assert refused(duck, cents, "DECIMAL(9,1)") == f"{where} keeps 1 digits behind the point, and 1.25 has more"
    assert refused(duck, moments, "TIMESTAMP_S") == f"{where} keeps whole seconds, and 2026-01-01 00:00:00.001500 has a fraction"
    assert refused(duck, moments, "TIMESTAMP_MS") == f"{where} keeps 3 digits of a second, and 2026-01-01 00:00:00.001500 has more"
    for column in ("FLOAT", "DECIMAL(9,1)"):
        assert "cannot hold every float exactly" in refused(duck, pa.array([0.1]), column)
    for column in ("DOUBLE", "VARCHAR", "BOOLEAN"):
        assert "cannot hold every int exactly" in refused(duck, pa.array([1]), column)
    for values, column, why in (
        ([2**40], "INTEGER", "Conversion Error: Type INT64 with value 1099511627776 can't be cast"),
        ([-1], "UBIGINT", "Conversion Error: Type INT64 with value -1 can't be cast"),
        (["x"], "UUID", "Conversion Error: Could not convert string 'x' to UUID when casting from source column v"),
        (["x"], "ENUM('a')", "Conversion Error: Could not convert string 'x' to"),
        (["x"], "JSON", "Conversion Error: Malformed JSON"),
        (["x"], "VARCHAR CHECK (length(v) > 3)", "Constraint Error: CHECK constraint failed"),
    ):
        told = refused(duck, pa.array(values), column)
        assert told.startswith(f"warehouse refused the load into narrow: {why}")
        assert "LINE 1" not in told


def test_what_duckdb_takes_arrives(duck: Night) -> None:
    """Types that it has for itself take what fits them."""
    duck.run(
        "CREATE TABLE own (day VARCHAR, h HUGEINT, u UUID, e ENUM('a', 'b'), s TIMESTAMP_S, j JSON, n DOUBLE, t VARCHAR, g INTEGER DEFAULT 7)"
    )
    row = {
        "day": "d", "h": 2**62, "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "e": "b", "s": datetime(2026, 1, 1, 12), "j": '{"a": 1.10}',  # noqa: DTZ001
        "n": float("-inf"), "t": "a\0b",
    }  # fmt: skip
    for _ in range(2):
        duck.load(duck.stage([row]), target_table="own", replace=["day"])
    stored = duck.query("SELECT day, h, u::VARCHAR, e::VARCHAR, s, j::VARCHAR, n, t, g FROM own")
    assert stored == [(*row.values(), 7)]


def test_columns_that_cannot_be_brought(duck: Night) -> None:
    """One that must not be NULL, and one that DuckDB computes."""
    duck.run("CREATE TABLE strict (day VARCHAR, n INTEGER NOT NULL)", "CREATE TABLE made (day VARCHAR, n INTEGER AS (length(day)))")
    part = duck.stage(pa.table({"day": ["d"]}))
    with pytest.raises(LoadRefused, match='Column "n" of table strict must not be NULL'):
        duck.load(part, target_table="strict", replace=["day"])
    duck.load(part, target_table="made", replace=["day"])
    assert duck.query("SELECT * FROM made") == [("d", 1)]


# -- what the dialect says of tables ----------------------------------------------------------------------------------------------


def test_what_is_there_is_told(duck: Night) -> None:
    """Keys, indexes and columns by their names, whatever is in them; no index by which DuckDB would find nothing sooner."""
    duck.run(
        "CREATE SCHEMA mart",
        'CREATE TABLE mart.odd ("a ""b" INTEGER, "c, d" DECIMAL(9,2), e TIMESTAMPTZ, PRIMARY KEY ("a ""b", e), UNIQUE ("c, d"))',
        'CREATE UNIQUE INDEX one ON mart.odd ("a ""b", "c, d")',
        'CREATE INDEX two ON mart.odd (abs("c, d"))',
        "CREATE VIEW mart.seen AS SELECT 1 AS n",
    )
    with reading(duck.url) as connection:
        inspector = sa.inspect(connection)
        assert set(inspector.get_schema_names()) == {"main", "mart"}
        assert (inspector.get_table_names("mart"), inspector.get_view_names("mart")) == (["odd"], ["seen"])
        assert inspector.get_pk_constraint("odd", "mart")["constrained_columns"] == ['a "b', "e"]
        assert [unique["column_names"] for unique in inspector.get_unique_constraints("odd", "mart")] == [["c, d"]]
        indexes = {index["name"]: (index["unique"], index["column_names"]) for index in inspector.get_indexes("odd", "mart")}
        assert indexes == {"one": (True, ['a "b', "c, d"]), "two": (False, [None])}
        columns = {column["name"]: str(column["type"]) for column in inspector.get_columns("odd", "mart")}
        assert columns == {'a "b': "INTEGER", "c, d": "NUMERIC(9, 2)", "e": "TIMESTAMP"}
        assert inspector.has_table("seen", "mart")
        assert not inspector.has_table("odd")
        assert inspector.get_indexes("sales") == []
        assert inspector.get_foreign_keys("odd", "mart") == []
        with pytest.raises(sa.exc.NoSuchTableError):
            inspector.get_columns("none")


def test_moments_come_as_moments_through_sqlalchemy(duck: Night) -> None:
    """Without pytz, which DuckDB would ask for."""
    with reading(duck.url) as connection:
        row = connection.execute(sa.text("SELECT TIMESTAMPTZ '2026-01-01 12:00+01' AS m, 1 AS n")).one()
    assert (row.m, row.n) == (datetime(2026, 1, 1, 11, tzinfo=UTC), 1)


def test_a_result_that_is_not_read_to_its_end_survives_another_statement(duck: Night) -> None:
    """DuckDB itself would drop it."""
    with reading(duck.url) as connection:
        numbers = connection.execute(sa.text("SELECT range AS n FROM range(5)"))
        assert numbers.fetchone() == (0,)
        assert connection.execute(sa.text("SELECT count(*) FROM sales")).scalar() == 1
        assert numbers.fetchmany(2) == [(1,), (2,)]
        assert numbers.fetchall() == [(3,), (4,)]


def test_gaps_are_recorded_whether_they_are_known_or_not(duck: Night) -> None:
    """DuckDB has no savepoints: what is there is written over, without a try that fails."""
    gap = Gap(
        pipeline="nightly", interval=Interval(START, END), branch="apac", dimension="region", state="failed", reason="down", owner="analytics",
        opened_at=END, expires_at=END + timedelta(days=30),
    )  # fmt: skip
    for gaps in ([gap], [replace(gap, reason="still down"), replace(gap, branch="emea")]):
        with writing(duck.url) as connection:
            write_gaps(connection, gaps)
    with reading(duck.url) as connection:
        assert [(found.branch, found.reason) for found in read_gaps(connection)] == [("apac", "still down"), ("emea", "down")]
        assert ledger.version_of(connection) == ledger.VERSION


def test_a_file_of_duckdb_itself_is_read(tmp_path: Path) -> None:
    """As whoever made it left it, without a checkpoint: what is in its log is read as well."""
    path = tmp_path / "warehouse.duckdb"
    code = f"import duckdb, os; c = duckdb.connect({str(path)!r}); c.execute('CREATE TABLE t AS SELECT 1 AS n'); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert re.search("wal", " ".join(file.name for file in tmp_path.iterdir()))
    assert read(Night(tmp_path, on_duckdb(tmp_path)), "SELECT n FROM t") == [{"n": 1}]
    with duckdb.connect(path, read_only=True) as connection:
        assert connection.execute("SELECT n FROM t").fetchall() == [(1,)]
