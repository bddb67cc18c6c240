"""A table in place of a query: the same rows, and names that are names whatever stands in them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from nights import END, START, by_name, on_duckdb

from tidegate.data.contract import Accept
from tidegate.data.cuts import Split
from tidegate.data.extract import extract
from tidegate.data.table_query import TableQuery
from tidegate.errors import QueryRefused

if TYPE_CHECKING:
    from nights import Night

EVIL = ['x" FROM secrets --', "x` FROM secrets --", "x'; DROP TABLE orders; --", ":branch %(x)s %s 100%", "x]; --"]


@pytest.fixture(params=["sqlite", "duckdb", "postgres_url", "mariadb_url"])
def url(request: pytest.FixtureRequest, night: Night) -> sa.URL:
    """Give a database with a table of four orders, and columns of names that are hard to quote."""
    found = by_name(request, night)
    engine = sa.create_engine(found, poolclass=sa.NullPool)
    orders = sa.Table(
        "orders",
        sa.MetaData(),
        sa.Column("id", sa.BigInteger),
        sa.Column("sold at", sa.DateTime),
        *(sa.Column(name, sa.BigInteger) for name in EVIL),
    )
    with engine.begin() as connection:
        orders.drop(connection, checkfirst=True)
        orders.create(connection)
        days = [datetime(2025, 12, 31, 23), datetime(2026, 1, 1), datetime(2026, 1, 1, 12), datetime(2026, 1, 2)]  # noqa: DTZ001
        connection.execute(
            sa.insert(orders), [{"id": number, "sold at": day, **dict.fromkeys(EVIL, number)} for number, day in enumerate(days)]
        )
    return found


def read(
    night: Night, url: sa.URL, query: TableQuery | str, split: Split | None = None, *, start: datetime = START, timezone: str = "UTC"
) -> list[dict[str, object]]:
    """Stage, and give what was staged."""
    manifest = extract(
        url, query, split=split, key=night.key(start=start), staging=night.staging, accept=Accept(min_rows=0), attempt=str(len(list(night.folder.rglob("*.json")))),
        correlation_id="c", connection_name="sales_emea", source_name=query.table if isinstance(query, TableQuery) else "sql/shown.sql", timezone=timezone,
    )  # fmt: skip
    with night.staging.local_file(manifest) as path:
        rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
    return sorted(rows, key=lambda row: str(row["id"]))


def test_an_interval_of_days_is_half_open(night: Night, url: sa.URL) -> None:
    """Days, as SQLite stores them: as text of its own, which is less than the midnight that begins it."""
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS days")
        connection.exec_driver_sql("CREATE TABLE days (id BIGINT, day DATE)")
        connection.exec_driver_sql("INSERT INTO days VALUES (0, '2025-12-31'), (1, '2026-01-01'), (2, '2026-01-02')")
    assert read(night, url, TableQuery(table="days", columns=("id",), interval_column="day")) == [{"id": 1}]


TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize("column", ["moment", "clock", "day"])
@pytest.mark.parametrize("by", ["mariadb_url", "postgres_url", "duckdb"])
def test_the_interval_of_another_clock(night: Night, request: pytest.FixtureRequest, column: str, by: str) -> None:
    """A column of moments is asked for moments, one of clock readings for the clock's, on every database."""
    url = on_duckdb(night.folder) if by == "duckdb" else request.getfixturevalue(by)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        moment = "TIMESTAMP NULL" if by == "mariadb_url" else "TIMESTAMPTZ"
        connection.exec_driver_sql("DROP TABLE IF EXISTS shown")
        connection.exec_driver_sql(
            f"CREATE TABLE shown (id BIGINT, moment {moment}, clock {'DATETIME' if by == 'mariadb_url' else 'TIMESTAMP'}, day DATE)"
        )
        connection.exec_driver_sql("SET time_zone = '+00:00'" if by == "mariadb_url" else "SET TimeZone = 'UTC'")
        connection.exec_driver_sql(
            "INSERT INTO shown VALUES (1, '2025-12-31 16:00:00', '2026-01-01 01:00:00', '2026-01-01'),"
            "(2, '2026-01-01 14:30:00', '2026-01-01 23:30:00', '2026-01-01'), (3, '2026-01-01 15:30:00', '2026-01-02 00:30:00', '2026-01-02')"
        )
    query = TableQuery(table="shown", columns=("id",), interval_column=column)
    assert read(night, url, query, start=datetime(2026, 1, 1, tzinfo=TOKYO), timezone="Asia/Tokyo") == [{"id": 1}, {"id": 2}]
    if column == "moment":
        named = "SELECT id FROM shown WHERE moment >= :interval_start_utc AND moment < :interval_end_utc"
        assert read(night, url, named, start=datetime(2026, 1, 1, tzinfo=TOKYO), timezone="Asia/Tokyo") == [{"id": 1}, {"id": 2}]


def test_the_interval_is_half_open(night: Night, url: sa.URL) -> None:
    """And begins earlier for those who look back; without a column of the interval it is all rows."""
    one = TableQuery(table="orders", columns=("id",), interval_column="sold at")
    assert read(night, url, one) == [{"id": 1}, {"id": 2}]
    back = TableQuery(table="orders", columns=("id",), interval_column="sold at", look_back=timedelta(hours=1))
    assert read(night, url, back) == [{"id": 0}, {"id": 1}, {"id": 2}]
    assert [row["id"] for row in read(night, url, TableQuery(table="orders"))] == [0, 1, 2, 3]


@pytest.mark.parametrize("name", EVIL)
def test_names_are_names(night: Night, url: sa.URL, name: str) -> None:
    """What looks like SQL in a name is part of the name: read where it is one, refused where it is none."""
    assert read(night, url, TableQuery(table="orders", columns=("id", name), interval_column="sold at"))[0] == {"id": 1, name: 1}
    with pytest.raises(QueryRefused, match="refused orders"):
        read(night, url, TableQuery(table="orders", columns=("id", f"{name} "), interval_column="sold at"))
    with pytest.raises(QueryRefused, match="refused "):
        read(night, url, TableQuery(table=name.replace(".", "")))
    with sa.create_engine(url, poolclass=sa.NullPool).connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM orders")).scalar() == 4


@pytest.mark.parametrize("name", EVIL)
def test_a_watermark_and_a_column_of_ranges_are_names(night: Night, url: sa.URL, name: str) -> None:
    """And so is the table that is looked at for what its key is."""
    watched = TableQuery(table="orders", columns=("id",), watermark=name)
    assert [row["id"] for row in read(night, url, watched)] == [0, 1, 2, 3]
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.update(sa.table("orders", sa.column("id"), sa.column(name))).values({name: 9}).where(sa.column("id") == 2))
    assert sorted(row["id"] for row in read(night, url, watched, start=END)) == [2, 3]
    split, every = Split(by=name, into=3), TableQuery(table="orders", columns=("id",))
    if url.get_backend_name() == "postgresql":
        assert [row["id"] for row in read(night, url, every, split)] == [0, 1, 2, 3]
        return
    with pytest.raises(QueryRefused, match=r"is not of its primary key|is for PostgreSQL, MySQL and MariaDB"):
        read(night, url, every, split)
    if url.get_backend_name() == "mysql":
        with pytest.raises(QueryRefused, match="refused "):
            read(night, url, TableQuery(table=name.replace(".", "")), split)


def test_a_moment_of_the_interval_is_a_moment() -> None:
    """The statement as it stands."""
    from sqlalchemy.dialects import mssql, mysql, postgresql

    query = TableQuery(table="shop.orders", columns=("id", "sold at"), interval_column="sold at")
    rest = "WHERE {0} >= :read_from AND {0} < :interval_end"
    assert query.sql(postgresql.dialect()) == f'SELECT "id", "sold at" FROM "shop"."orders" {rest.format(chr(34) + "sold at" + chr(34))}'
    assert query.sql(mysql.dialect()) == f"SELECT `id`, `sold at` FROM `shop`.`orders` {rest.format('`sold at`')}"
    assert query.sql(mssql.dialect()) == f"SELECT [id], [sold at] FROM [shop].[orders] {rest.format('[sold at]')}"
