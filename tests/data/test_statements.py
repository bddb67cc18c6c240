"""SQL that a database runs on its own rows: all of it or nothing, with what it names bound to it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from nights import by_name

from tidegate.data.binding import statements
from tidegate.data.statements import run
from tidegate.data.stopping import Stop
from tidegate.errors import QueryRefused, Stopped
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from nights import Night

DAY = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
SLEEP = {
    "postgresql": "INSERT INTO total SELECT 9, 'x' FROM pg_sleep(600)",
    "mysql": "INSERT INTO total SELECT 9, CAST(SLEEP(600) AS CHAR(9))",
    "duckdb": "INSERT INTO total SELECT count(*), 'x' FROM range(1000000000) AS a, range(1000000000) AS b WHERE a.range * b.range % 7 = 3",
}


@pytest.fixture(params=["sqlite", "duckdb", "postgres_url", "mariadb_url"])
def url(request: pytest.FixtureRequest, night: Night) -> sa.URL:
    """Give a database with three sales and an empty table of totals."""
    found = by_name(request, night)
    with sa.create_engine(found, poolclass=sa.NullPool).begin() as connection:
        for text in (
            "DROP TABLE IF EXISTS sold",
            "DROP TABLE IF EXISTS total",
            "CREATE TABLE sold (day VARCHAR(30), amount INTEGER)",
            "CREATE TABLE total (amount INTEGER, name VARCHAR(50))",
            "INSERT INTO sold VALUES ('2026-01-01 00:00:00', 1), ('2026-01-01 12:00:00', 2), ('2026-01-02 00:00:00', 4)",
        ):
            connection.exec_driver_sql(text)
    return found


def ran(url: sa.URL, sql: str, **more: Any) -> list[int]:
    """Run it."""
    given = {"interval": DAY, "branch": "emea", "correlation_id": "c-1", "connection_name": "warehouse", "source_name": "sql/total.sql"}
    return run(url, sql, **(given | more))


def totals(url: sa.URL) -> list[tuple[Any, ...]]:
    """What stands in the table."""
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT amount, name FROM total ORDER BY 1")]


def test_several_statements_are_one_transaction(url: sa.URL) -> None:
    """Run again they do no harm, for they are written so; each says how many rows it changed."""
    bounds = ":interval_start AND day < :interval_end" if url.get_backend_name() == "sqlite" else "'2026-01-01' AND day < '2026-01-02'"
    sql = f"""
        -- a comment; with a semicolon
        DELETE FROM total WHERE name = :branch || '; x' OR name = 'a;b';
        INSERT INTO total SELECT sum(amount), 'a;b' FROM sold WHERE day >= {bounds} /* ; */;
    """
    for deleted in (0, 1):
        assert ran(url, sql if url.get_backend_name() != "mysql" else sql.replace(":branch || '; x'", "CONCAT(:branch, '; x')")) == [
            deleted,
            1,
        ]
        assert totals(url) == [(3, "a;b")]


def test_what_fails_changes_nothing(url: sa.URL) -> None:
    """The statements before it are taken back; the message names the file, and what is near."""
    with pytest.raises(QueryRefused, match=r"warehouse refused sql/total.sql: .*totla"):
        ran(url, "INSERT INTO total VALUES (1, :branch); INSERT INTO totla VALUES (1, 'x')")
    with pytest.raises(QueryRefused, match=r"sql/total.sql uses :regoin, which is not given"):
        ran(url, "INSERT INTO total VALUES (1, :branch); INSERT INTO total VALUES (2, :regoin)")
    with pytest.raises(QueryRefused, match=r"sql/total.sql uses :interval_start, which is not given"):
        ran(url, "INSERT INTO total VALUES (1, :interval_start)", interval=None)
    with pytest.raises(QueryRefused, match=r"sql/total.sql holds no statement"):
        ran(url, " ; -- nothing\n /* at; all */ ;")
    assert totals(url) == []


@pytest.mark.parametrize("word", ["COMMIT", "-- done\n commit work", "/* so */ Rollback", "BEGIN", "start  transaction", "END"])
def test_a_transaction_is_not_ended_in_the_middle(url: sa.URL, word: str) -> None:
    """All statements or none are committed, whatever stands between them."""
    with pytest.raises(QueryRefused, match=r"sql/total.sql begins or ends a transaction by itself: .*Leave that out"):
        ran(url, f"INSERT INTO total VALUES (1, 'x'); {word}; INSERT INTO totla VALUES (1, 'x')")
    assert totals(url) == []
    if url.get_backend_name() != "duckdb":  # it has none
        ran(url, "INSERT INTO total VALUES (1, 'x'); SAVEPOINT a; INSERT INTO total VALUES (2, 'x'); ROLLBACK TO SAVEPOINT a")
        assert totals(url) == [(1, "x")]


def test_a_day_is_the_interval_of_its_date(url: sa.URL) -> None:
    """What is deleted of a table of dates is the interval's own day."""
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS days")
        connection.exec_driver_sql("CREATE TABLE days (day DATE)")
        connection.exec_driver_sql("INSERT INTO days VALUES ('2025-12-31'), ('2026-01-01'), ('2026-01-02')")
    assert ran(url, "DELETE FROM days WHERE day = :interval_start; DELETE FROM days WHERE day >= :interval_end") == [1, 1]


def test_names_that_are_always_bound_are_nobody_elses(url: sa.URL) -> None:
    """A value of one's own never takes the place of the interval's."""
    for name in ("branch", "interval_start", "interval_end_utc"):
        with pytest.raises(QueryRefused, match=f"sql/total.sql is given a {name} of its own, which is always bound. Name it otherwise."):
            ran(url, "INSERT INTO total VALUES (1, :branch)", params={name: "x"})


def test_values_are_bound(url: sa.URL) -> None:
    """What looks like SQL in a value is a value."""
    evil = "x'); DELETE FROM sold; --"
    assert ran(url, "INSERT INTO total VALUES (:amount, :name)", params={"amount": 5, "name": evil}) == [1]
    assert ran(url, "INSERT INTO total VALUES (6, :branch)", branch=evil) == [1]
    assert totals(url) == [(5, evil), (6, evil)]


@pytest.mark.parametrize("url", ["duckdb", "postgres_url", "mariadb_url"], indirect=True)
def test_it_can_be_stopped(night: Night, url: sa.URL) -> None:
    """The statement is cancelled on the server, and all is taken back."""
    stop = Stop()
    threading.Timer(1.0, stop.now, ["stopped"]).start()
    began = time.monotonic()
    with pytest.raises(Stopped, match="warehouse was stopped"):
        ran(url, f"INSERT INTO total VALUES (1, 'x'); {SLEEP[url.get_backend_name()]}", stop=stop)
    assert time.monotonic() - began < 60
    assert totals(url) == []
    assert night.folder.exists()


@pytest.mark.parametrize(
    ("sql", "dialect", "found"),
    [
        ("a; b", "sqlite", ["a", "b"]),
        ("a;;b;", "sqlite", ["a", "b"]),
        ("SELECT ';' AS \";\", `;` -- ;\n; b", "sqlite", ["SELECT ';' AS \";\", `;` -- ;", "b"]),
        ("DO $x$ BEGIN a; b; END $x$; c", "postgresql", ["DO $x$ BEGIN a; b; END $x$", "c"]),
        (r"SELECT 'it\'s; so'; b", "mysql", [r"SELECT 'it\'s; so'", "b"]),
        (r"SELECT '\'; b", "sqlite", [r"SELECT '\'", "b"]),
        ("/* ; */ ; -- ;", "sqlite", []),
        ("SELECT 5--3; b", "mysql", ["SELECT 5--3", "b"]),
        ("# don't;\na; -- it's;\nb; --", "mysql", ["# don't;\na", "-- it's;\nb"]),
        ("/*!40101 SET NAMES utf8mb4 */; /* no */; a", "mysql", ["/*!40101 SET NAMES utf8mb4 */", "a"]),
        (r"SELECT E'it\'s; so'; b", "postgresql", [r"SELECT E'it\'s; so'", "b"]),
    ],
)
def test_a_semicolon_ends_a_statement_where_it_is_one(sql: str, dialect: str, found: list[str]) -> None:
    """Not in a string, a name, a comment or PostgreSQL's dollar quotes."""
    assert statements(sql, dialect=dialect) == found
