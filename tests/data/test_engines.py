"""From the fields of a connection to a session, and from its errors to sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg.errors
import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, ProgrammingError

from tidegate.data.engines import database_url, reading, shown, writing
from tidegate.data.refusals import translated
from tidegate.errors import AuthRefused, ConnectionUnknown, QueryRefused, TimedOut, Unreachable

if TYPE_CHECKING:
    from pathlib import Path

NOTHING: dict[str, Any] = {"conn_id": "sales", "host": None, "login": None, "password": None, "schema": None, "port": None, "extra": {}}


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"conn_type": "sqlite", "host": "/data/x.db"}, "sqlite:////data/x.db"),
        ({"conn_type": "sqlite", "schema": "/data/x.db"}, "sqlite:////data/x.db"),
        ({"conn_type": "duckdb", "host": "/data/x.duckdb"}, "duckdb+tidegate:////data/x.duckdb"),
        ({"conn_type": "duckdb", "schema": "/data/x.duckdb"}, "duckdb+tidegate:////data/x.duckdb"),
        (
            {"conn_type": "duckdb", "host": "/data/x.duckdb", "extra": {"memory_limit": "4GB", "threads": 2, "x": 1}},
            "duckdb+tidegate:////data/x.duckdb?memory_limit=4GB&threads=2",
        ),
        (
            {"conn_type": "generic", "extra": {"sqlalchemy_url": "duckdb:////data/x.duckdb?threads=2&enable_external_access=true"}},
            "duckdb+tidegate:////data/x.duckdb?threads=2",
        ),
        (
            {
                "conn_type": "postgres",
                "host": "h",
                "login": "me",
                "password": "p@:/",
                "schema": "db",
                "port": 5433,
                "extra": {"sslmode": "require", "x": 1},
            },
            "postgresql+psycopg://me:p%40%3A%2F@h:5433/db?sslmode=require",
        ),
        ({"conn_type": "postgresql", "host": "h"}, "postgresql+psycopg://h"),
        ({"conn_type": "mariadb", "host": "h", "schema": "db"}, "mysql+pymysql://h/db?charset=utf8mb4"),
        (
            {"conn_type": "generic", "password": "s", "extra": {"sqlalchemy_url": "postgresql+psycopg://me@h/db"}},
            "postgresql+psycopg://me:s@h/db",
        ),
        ({"conn_type": "generic", "extra": {"sqlalchemy_url": "sqlite:////data/x.db"}}, "sqlite:////data/x.db"),
        ({"conn_type": "postgresql+psycopg", "host": "h"}, "postgresql+psycopg://h"),
    ],
)
def test_urls(fields: dict[str, Any], url: str) -> None:
    """Each kind of connection has its URL."""
    assert database_url(**{**NOTHING, **fields}).render_as_string(hide_password=False) == url


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"conn_type": "ftp"},
            'Connection "sales" is of type "ftp", which Tidegate cannot read. Known types are sqlite, duckdb, postgres, postgresql, mysql, mariadb,',
        ),
        (
            {"conn_type": "duckdb"},
            'Connection "sales" is of type "duckdb" and gives no path, but the path of the database must be absolute.',
        ),
        (
            {"conn_type": "duckdb", "host": ":memory:"},
            "A database in memory would be gone with the task, and one of MotherDuck (md:) is not read.",
        ),
        ({"conn_type": "duckdb", "host": "md:shop"}, 'gives "md:shop", but the path'),
        (
            {"conn_type": "generic", "extra": {"sqlalchemy_url": "duckdb:///x.duckdb"}},
            "write the connection as duckdb:////absolute/path.db",
        ),
        ({"conn_type": "sqlite", "host": ":memory:"}, 'gives ":memory:", but the path of the database must be absolute.'),
        ({"conn_type": "sqlite", "schema": "data/x.db"}, "with four slashes."),
        ({"conn_type": "sqlite"}, "gives no path, but the path of the database must be absolute."),
        (
            {"conn_type": "mssql+pyodbc", "host": "h"},
            'Connection "sales" needs the driver "pyodbc", which is not installed. pip install \'pyodbc\'.',
        ),
        ({"conn_type": "x", "extra": {"sqlalchemy_url": "me:secret@h"}}, 'Connection "sales" has a sqlalchemy_url that is no URL.'),
        ({"conn_type": "x", "extra": {"sqlalchemy_url": "nosuch://me:secret@h"}}, 'Connection "sales" asks for "nosuch"'),
    ],
)
def test_connections_that_cannot_be_read(fields: dict[str, Any], told: str) -> None:
    """The message names the connection, its type and a way out, and no password."""
    with pytest.raises(ConnectionUnknown) as caught:
        database_url(**{**NOTHING, **fields})
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_passwords_are_hidden() -> None:
    """A URL is shown without its password."""
    assert shown(sa.make_url("postgresql+psycopg://me:secret@h/db")) == "postgresql+psycopg://me:***@h/db"


def test_reading_cannot_write(tmp_path: Path) -> None:
    """A reader's connection is read-only, whatever the statement."""
    url = sa.URL.create("sqlite", database=str(tmp_path / "a b?%.db"))
    with writing(url) as connection:
        connection.execute(sa.text("CREATE TABLE t (x)"))
    with pytest.raises(QueryRefused, match="readonly"), reading(url) as connection:
        connection.execute(sa.text("INSERT INTO t VALUES (1)"))
    with reading(url) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM t")).scalar() == 0
    assert (tmp_path / "a b?%.db").exists()


def test_writing_is_one_transaction(tmp_path: Path) -> None:
    """What was written before an error is gone, also a new table."""
    url = sa.URL.create("sqlite", database=str(tmp_path / "x.db"))
    with pytest.raises(RuntimeError), writing(url) as connection:  # noqa: PT012 -- both must be inside
        connection.execute(sa.text("CREATE TABLE t (x)"))
        raise RuntimeError
    with reading(url) as connection:
        assert sa.inspect(connection).get_table_names() == []


def test_writing_creates_no_directory(tmp_path: Path) -> None:
    """A missing directory is most likely a wrong path."""
    url = sa.URL.create("sqlite", database=str(tmp_path / "gone" / "x.db"))
    with pytest.raises(Unreachable) as caught, writing(url, connection_name="warehouse"):
        pass
    assert str(caught.value) == (
        f"warehouse finds no directory {tmp_path / 'gone'} for its database. Create it, or check the path in the Airflow connection."
    )
    assert not (tmp_path / "gone").exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Someone else's file is refused and not tried again."""
    path = tmp_path / "x.db"
    path.write_text("no database" * 100)
    with pytest.raises(QueryRefused, match="file is not a database"), reading(sa.URL.create("sqlite", database=str(path))) as connection:
        connection.execute(sa.text("SELECT 1 FROM sqlite_master"))


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mysql+pymysql"])
def test_nobody_there(driver: str) -> None:
    """A port where nobody listens is unreachable; the message says where and holds no password."""
    url = sa.URL.create(driver, "me", "secret", "127.0.0.1", 1, "db")
    with pytest.raises(Unreachable) as caught, reading(url, connection_name="sales_emea"):
        pass
    assert str(caught.value).startswith("sales_emea does not answer (127.0.0.1:1/db): ")
    assert str(caught.value).endswith("Check the host, port, database and password in the Airflow connection, and that the server is up.")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("42P01", QueryRefused),
        ("22012", QueryRefused),
        ("0A000", QueryRefused),
        ("08006", Unreachable),
        ("57014", TimedOut),
        ("42501", AuthRefused),
        (None, Unreachable),
    ],
)
def test_postgres_is_read_by_sqlstate(state: str | None, expected: type[Exception]) -> None:
    """Classes of SQLSTATE say whether trying again may help."""
    raw = (psycopg.errors.lookup(state) if state else psycopg.OperationalError)("said secret")
    raised = (ProgrammingError if state else OperationalError)("SELECT 1", {}, raw)
    error = translated(raised, sa.make_url("postgresql+psycopg://me:secret@h/db"), connection_name="sales", source_name="x.sql")
    assert type(error) is expected
    assert "said ***" in str(error)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1146, QueryRefused), (1064, QueryRefused), (2013, Unreachable), (1213, Unreachable), (1205, TimedOut), (1045, AuthRefused)],
)
def test_mysql_is_read_by_number(number: int, expected: type[Exception]) -> None:
    """Numbers say it on MySQL, where everything is an OperationalError."""
    raised = OperationalError("SELECT 1", {}, pymysql.err.OperationalError(number, "said"))
    error = translated(raised, sa.make_url("mysql+pymysql://me@h/db"), connection_name="sales", source_name="x.sql")
    assert type(error) is expected
    assert "said." in str(error)
