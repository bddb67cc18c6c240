"""Where other ways of moving rows lose some without a word: each trap by its name, on the real servers."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from nights import by_name

from tidegate.data.contract import Accept
from tidegate.data.extract import extract
from tidegate.errors import DataRefused, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nights import Night

BIG = 9007199254740993
MANY = {
    "postgresql": "SELECT i AS n FROM generate_series(1, {rows}) AS i",
    "mysql": "SELECT seq AS n FROM seq_1_to_{rows}",
    "duckdb": "SELECT range AS n FROM range(1, {rows} + 1)",
    "sqlite": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {rows}) SELECT n FROM t",
}


@pytest.fixture(params=["sqlite", "duckdb", "postgres_url", "mariadb_url"])
def url(request: pytest.FixtureRequest, night: Night) -> sa.URL:
    """Give a database of each kind."""
    found = by_name(request, night)
    sa.create_engine(found, poolclass=sa.NullPool).connect().close()
    (night.folder / "warehouse.db").touch()
    return found


@pytest.fixture
def odd_session(postgres_url: sa.URL) -> Iterator[sa.URL]:
    """Give a PostgreSQL whose login has settings of its own for how values are written."""
    settings = {
        "TimeZone": "Asia/Kathmandu", "DateStyle": "German, DMY", "IntervalStyle": "postgres_verbose", "bytea_output": "escape", "extra_float_digits": "-15",
        "default_transaction_isolation": "read uncommitted", "lc_monetary": "C",
    }  # fmt: skip
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name, value in settings.items():
            connection.exec_driver_sql(f"ALTER ROLE tidegate SET {name} = '{value}'")
    yield postgres_url
    with engine.connect() as connection:
        connection.exec_driver_sql("ALTER ROLE tidegate RESET ALL")


def read(night: Night, url: sa.URL, sql: str, **more: Any) -> list[dict[str, Any]]:
    """Stage, and give what was staged."""
    given = {
        "key": night.key(), "staging": night.staging, "accept": Accept(), "attempt": str(len(list(night.folder.rglob("*.json")))), "correlation_id": "c",
        "connection_name": "sales_emea", "source_name": "sql/x.sql",
    }  # fmt: skip
    manifest = extract(url, sql, **(given | more))
    with night.staging.local_file(manifest) as path:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    assert len(rows) == manifest.rows
    return rows


@pytest.mark.parametrize("batch_rows", [1, 7, 10_000])
@pytest.mark.parametrize("rows", [6, 7, 8, 70])
def test_no_row_is_lost_where_a_batch_ends(night: Night, url: sa.URL, rows: int, batch_rows: int) -> None:
    """Each once, in the order of the query."""
    found = read(night, url, MANY[url.get_backend_name()].format(rows=rows), batch_rows=batch_rows)
    assert [int(row["n"]) for row in found] == list(range(1, rows + 1))


def test_no_row_is_lost_of_many(night: Night, url: sa.URL) -> None:
    """Several chunks of what a server sends."""
    found = read(night, url, MANY[url.get_backend_name()].format(rows=300_000))
    assert [int(row["n"]) for row in found] == list(range(1, 300_001))


def test_decimals_and_big_integers_are_no_floats(night: Night, url: sa.URL) -> None:
    """Not a digit of either, beside NULL."""
    amount = "'12345678901234567.89'" if url.get_backend_name() == "sqlite" else "CAST('12345678901234567.89' AS DECIMAL(19,2))"
    rows = read(night, url, f"SELECT {BIG} AS n, {amount} AS v UNION ALL SELECT NULL, NULL", accept=Accept(columns={"v": "decimal(19,2)"}))
    assert sorted(rows, key=str) == [{"n": BIG, "v": Decimal("12345678901234567.89")}, {"n": None, "v": None}]


def test_types_do_not_drift_from_batch_to_batch(night: Night, url: sa.URL) -> None:
    """A column of NULL alone in the first batches has the type that is declared, and its later values."""
    many = MANY[url.get_backend_name()].format(rows=3000)
    sql = f"SELECT CASE WHEN n > 2500 THEN n END AS v FROM ({many}) AS q"
    rows = read(night, url, sql, batch_rows=100, accept=Accept(columns={"v": "int"}))
    assert [row["v"] for row in rows] == [None] * 2500 + list(range(2501, 3001))


def test_integers_and_then_text_are_refused_by_name(night: Night) -> None:
    """SQLite takes anything into any column; what came first is not the type of what follows."""
    with sa.create_engine(night.url).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (v INTEGER)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1), (2), ('n/a')")
    with pytest.raises(DataRefused, match=r'"v", row 3, .+, which int cannot hold exactly'):
        read(night, night.url, "SELECT v FROM t", batch_rows=2)
    rows = read(night, night.url, "SELECT v FROM t", batch_rows=2, accept=Accept(columns={"v": "text"}))
    assert [row["v"] for row in rows] == ["1", "2", "n/a"]


def test_a_login_with_settings_of_its_own_reads_the_same(night: Night, odd_session: sa.URL) -> None:
    """Zone, date style, interval style, bytes, floats: the text that is parsed does not depend on them."""
    sql = (
        "SELECT timestamptz '2026-01-02 03:04:05.678901+00' AS moment, timestamp '2026-01-02 03:04:05' AS clock, date '2026-02-01' AS day,"
        " interval '1 day 2 s' AS span, '\\x00ff'::bytea AS bytes, 0.1::float8 AS ratio, 1.5::money AS price"
    )
    assert read(night, odd_session, sql) == [
        {
            "moment": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            "clock": datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001
            "day": datetime(2026, 2, 1).date(),  # noqa: DTZ001
            "span": "P1DT2S",
            "bytes": b"\x00\xff",
            "ratio": 0.1,
            "price": Decimal("1.500000000"),
        }
    ]


def test_a_statement_that_is_killed_on_its_way_says_so(night: Night, mariadb_url: sa.URL) -> None:
    """And not that commands were out of sync; nothing of it is staged."""
    engine = sa.create_engine(mariadb_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def kill() -> None:
        found = "SELECT id FROM information_schema.processlist WHERE info LIKE '/* tidegate c %' AND info LIKE '%seq_1_to_1000000000%' AND id <> CONNECTION_ID()"
        with engine.connect() as connection:
            until = time.monotonic() + 60
            while (number := connection.exec_driver_sql(found.replace("%", "%%")).scalar()) is None and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(1)
            connection.exec_driver_sql(f"KILL QUERY {number:d}")

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(TidegateError, match="interrupted"):
        read(night, mariadb_url, "SELECT seq AS n, REPEAT('x', 100) AS v FROM seq_1_to_1000000000")
    thread.join()
    assert list(night.folder.rglob("*.parquet")) == []


def test_columns_of_one_name_are_refused(night: Night, url: sa.URL) -> None:
    """Of two columns of a name no frame can hold both."""
    with pytest.raises(DataRefused, match='two columns named "v"'):
        read(night, url, "SELECT 1 AS v, 2 AS v")


def test_a_query_of_no_rows_has_its_columns(night: Night, url: sa.URL) -> None:
    """With the types that the server says."""
    assert (
        read(
            night,
            url,
            "SELECT 1 AS v WHERE 1 = 0" if url.get_backend_name() != "mysql" else "SELECT 1 AS v FROM DUAL WHERE 1 = 0",
            accept=Accept(min_rows=0),
        )
        == []
    )
    with pytest.raises(DataRefused, match="brought 0 rows"):
        read(night, url, "SELECT 1 AS v FROM (SELECT 1 AS x) AS q WHERE x = 2")


def test_a_statement_that_brings_no_rows_is_refused(night: Night, postgres_url: sa.URL, mariadb_url: sa.URL) -> None:
    """And what is no SELECT but brings rows is read."""
    for url in (postgres_url, mariadb_url):
        with pytest.raises(TidegateError, match="returns no rows"):
            read(night, url, "SET @x = 1" if url is mariadb_url else "SET search_path = public")
    assert read(night, postgres_url, "SHOW server_encoding") == [{"server_encoding": "UTF8"}]
    assert read(night, postgres_url, "/* a */ -- b\n WITH q AS (SELECT 1 AS v) SELECT v FROM q -- the end") == [{"v": 1}]
    assert read(night, mariadb_url, "SHOW VARIABLES LIKE 'character_set_system'")[0]["Variable_name"] == "character_set_system"
