"""The rows that are moved: twelve columns of mixed types, the same numbers on every database, made by the database itself."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from pathlib import Path

FEW = "few"
"""A table of as many rows as a contender needs to import all that it imports."""
MANY = "many"
FEW_ROWS = 1_000
COLUMNS = {
    "id": "bigint, beyond 2^53",
    "customer": "int",
    "amount": "numeric(12,2)",
    "rate": "numeric(18,6)",
    "quantity": "smallint",
    "weight": "double, 1 of 17 NULL",
    "paid": "boolean",
    "day": "date",
    "placed": "timestamp(6)",
    "seen": "timestamptz, on MariaDB TIMESTAMP(6)",
    "region": "text, one of ten",
    "note": "text of 32 characters, 1 of 5 NULL",
}
TYPED = {"amount": "decimal(12,2)", "rate": "decimal(18,6)", "paid": "bool", "day": "date", "placed": "timestamp", "seen": "timestamptz"}
"""What SQLite itself cannot say of its columns."""

POSTGRES = """
CREATE TABLE {table} (
    id bigint NOT NULL, customer int, amount numeric(12,2), rate numeric(18,6), quantity smallint, weight double precision, paid boolean,
    day date, placed timestamp(6), seen timestamptz, region text, note text{key}
)"""
POSTGRES_ROWS = """
INSERT INTO {table} SELECT
    9007199254740992 + i, i * 7919 % 100000, (i * 104729 % 1000000000)::numeric / 100, (i * 1299709 % 1000000000000)::numeric / 1000000,
    i % 100, CASE WHEN i % 17 <> 0 THEN (i % 1000003)::double precision / 7 END, i % 3 = 0, date '2020-01-01' + (i % 2000)::int,
    timestamp '2026-01-01' + i * interval '1.234567 s', timestamptz '2026-01-01 00:00+00' + i * interval '0.777 s', 'region ' || i % 10,
    CASE WHEN i % 5 <> 0 THEN md5(i::text) END
FROM generate_series(1, {rows}::bigint) AS made(i)"""
MARIADB = """
CREATE TABLE {table} (
    id bigint NOT NULL, customer int, amount decimal(12,2), rate decimal(18,6), quantity smallint, weight double, paid boolean,
    day date, placed datetime(6), seen timestamp(6) NULL, region varchar(20), note varchar(32){key}
)"""
MARIADB_ROWS = """
INSERT INTO {table} SELECT
    9007199254740992 + seq, seq * 7919 % 100000, (seq * 104729 % 1000000000) / 100, CAST(seq * 1299709 % 1000000000000 AS DECIMAL(18,6)) / 1000000,
    seq % 100, CASE WHEN seq % 17 <> 0 THEN CAST(seq % 1000003 AS DOUBLE) / 7 END, seq % 3 = 0, DATE '2020-01-01' + INTERVAL seq % 2000 DAY,
    TIMESTAMP'2026-01-01 00:00:00' + INTERVAL seq * 1234567 MICROSECOND, TIMESTAMP'2026-01-01 00:00:00' + INTERVAL seq * 777000 MICROSECOND,
    CONCAT('region ', seq % 10), CASE WHEN seq % 5 <> 0 THEN md5(seq) END
FROM seq_1_to_{rows}"""
SQLITE = """
CREATE TABLE {table} (
    id INTEGER, customer INTEGER, amount TEXT, rate TEXT, quantity INTEGER, weight REAL, paid INTEGER,
    day TEXT, placed TEXT, seen TEXT, region TEXT, note TEXT{key}
)"""
SQLITE_ROWS = """
WITH RECURSIVE made(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM made WHERE i < {rows})
INSERT INTO {table} SELECT
    9007199254740992 + i, i * 7919 % 100000, printf('%d.%02d', i * 104729 % 1000000000 / 100, i * 104729 % 100),
    printf('%d.%06d', i * 1299709 % 1000000000000 / 1000000, i * 1299709 % 1000000), i % 100,
    CASE WHEN i % 17 <> 0 THEN i % 1000003 / 7.0 END, i % 3 = 0, date('2020-01-01', (i % 2000) || ' days'),
    datetime('2026-01-01', (i * 1234567 / 1000000) || ' seconds') || printf('.%06d', i * 1234567 % 1000000),
    datetime('2026-01-01', (i * 777 / 1000) || ' seconds') || printf('.%03d000', i * 777 % 1000),
    'region ' || (i % 10), CASE WHEN i % 5 <> 0 THEN md5(i) END
FROM made"""
DUCKDB = """
CREATE TABLE {table} (
    id BIGINT NOT NULL, customer INTEGER, amount DECIMAL(12,2), rate DECIMAL(18,6), quantity SMALLINT, weight DOUBLE, paid BOOLEAN,
    day DATE, placed TIMESTAMP, seen TIMESTAMPTZ, region VARCHAR, note VARCHAR{key}
)"""
DUCKDB_ROWS = """
INSERT INTO {table} SELECT
    9007199254740992 + i, i * 7919 % 100000, (i * 104729 % 1000000000)::DECIMAL(38,2) / 100, (i * 1299709 % 1000000000000)::DECIMAL(38,6) / 1000000,
    i % 100, CASE WHEN i % 17 <> 0 THEN (i % 1000003)::DOUBLE / 7 END, i % 3 = 0, DATE '2020-01-01' + (i % 2000)::INTEGER,
    TIMESTAMP '2026-01-01' + to_microseconds(i * 1234567), TIMESTAMPTZ '2026-01-01 00:00+00' + to_microseconds(i * 777000), 'region ' || i % 10,
    CASE WHEN i % 5 <> 0 THEN md5(i::VARCHAR) END
FROM range(1, {rows} + 1) AS made(i)"""
KINDS = {
    "id": "BIGINT",
    "customer": "BIGINT",
    "amount": "DECIMAL(38,2)",
    "rate": "DECIMAL(38,6)",
    "quantity": "BIGINT",
    "weight": "DOUBLE",
    "paid": "BOOLEAN",
    "day": "DATE",
    "placed": "TIMESTAMP",
    "seen": "TIMESTAMP",
    "region": "VARCHAR",
    "note": "VARCHAR",
}
"""What each column is to DuckDB, whatever type a copy has given it."""
SUMS = ", ".join(f"sum(hash(TRY_CAST({name} AS {kind}))::HUGEINT)" for name, kind in KINDS.items())
"""Of all values of each column: any copy must have the same, in whatever order its rows are."""


def autocommitting(url: sa.URL) -> sa.Connection:
    """A connection for statements as they stand, percent signs and all."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    return engine.connect().execution_options(no_parameters=True)


def fill_postgres(url: sa.URL, rows: int) -> None:
    """Make both tables."""
    with autocommitting(url) as connection:
        for table, count in ((FEW, FEW_ROWS), (MANY, rows)):
            connection.exec_driver_sql(POSTGRES.format(table=table, key=""))
            connection.exec_driver_sql(POSTGRES_ROWS.format(table=table, rows=count))
            connection.exec_driver_sql(f"VACUUM ANALYZE {table}")


def fill_mariadb(url: sa.URL, rows: int) -> None:
    """Make both tables."""
    with autocommitting(url) as connection:
        connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
        for table, count in ((FEW, FEW_ROWS), (MANY, rows)):
            connection.exec_driver_sql(MARIADB.format(table=table, key=""))
            connection.exec_driver_sql(MARIADB_ROWS.format(table=table, rows=count))


def fill_sqlite(path: Path, rows: int) -> None:
    """Make both tables."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.create_function("md5", 1, lambda value: hashlib.md5(str(value).encode()).hexdigest(), deterministic=True)  # noqa: S324
        for table, count in ((FEW, FEW_ROWS), (MANY, rows)):
            connection.execute(SQLITE.format(table=table, key=""))
            connection.execute(SQLITE_ROWS.format(table=table, rows=count))


def fill_duckdb(path: Path, rows: int) -> None:
    """Make both tables."""
    import duckdb

    with duckdb.connect(path) as connection:
        for table, count in ((FEW, FEW_ROWS), (MANY, rows)):
            connection.execute(DUCKDB.format(table=table, key=""))
            connection.execute(DUCKDB_ROWS.format(table=table, rows=count))
