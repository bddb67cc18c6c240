"""Who moves the rows into a table: each a function that imports what it needs itself, as those of :mod:`bench.data.contenders` do."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.data.contenders import DAY, FLOOR, OURS, Job, hook, mariadb, psql
from bench.data.tables import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

# -- command lines, and what is bare: the floor ---------------------------------------------------------------------


def psql_load(job: Job) -> None:
    psql(job, f"\\copy {job.table} FROM '{Path(job.rows_file).with_suffix('.pgcopy')}' WITH (FORMAT binary)")


def mariadb_load(job: Job) -> None:
    file = Path(job.rows_file).with_suffix(".tsv")
    mariadb(job, "--local-infile=1", f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {job.table} CHARACTER SET utf8mb4")


def executemany(job: Job) -> None:
    import csv
    import sqlite3

    with (
        closing(sqlite3.connect(job.url.removeprefix("sqlite:///"))) as connection,
        connection,
        Path(job.rows_file).with_suffix(".tsv").open(newline="") as file,
    ):
        statement = f"INSERT INTO {job.table} VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  a name from here
        connection.executemany(statement, csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def as_tsv(rows_file: str) -> None:
    """The rows as text beside their Parquet, as MariaDB's ``LOAD DATA`` takes it; not a part of any sample."""
    import duckdb

    kinds = {"paid": "INTEGER", "seen": "TIMESTAMP"}
    columns = ", ".join(f"CAST({name} AS {kinds[name]}) AS {name}" if name in kinds else name for name in COLUMNS)
    out = Path(rows_file).with_suffix(".tsv")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        select = f"SELECT {columns} FROM read_parquet('{rows_file}')"  # noqa: S608  names from here
        connection.execute(f"COPY ({select}) TO '{out}' (FORMAT csv, HEADER false, DELIMITER '\t', NULLSTR '\\N', QUOTE '')")


def duckdb_insert(job: Job) -> None:
    import duckdb

    with duckdb.connect(job.url.removeprefix("duckdb:///")) as connection:
        connection.execute(f"INSERT INTO {job.table} SELECT {', '.join(COLUMNS)} FROM read_parquet('{job.rows_file}')")  # noqa: S608  names from here


# -- Tidegate -------------------------------------------------------------------------------------------------------


def tidegate_load(job: Job) -> None:
    import sqlalchemy as sa

    from tidegate.data.load import load
    from tidegate.data.manifest import Manifest
    from tidegate.data.staging import Staging

    parts = Path(job.rows_file).parent
    load(
        sa.make_url(job.ours),
        target_table=job.table,
        replace=["region"],
        parts=[Manifest.from_dict(json.loads((parts / "manifest.json").read_text()))],
        staging=Staging(f"{parts}/staging"),
        pipeline="bench",
        run_id="bench",
        correlation_id="bench",
        connection_name="bench",
        **DAY,
    )


# -- others, in -----------------------------------------------------------------------------------------------------


def adbc_ingest(job: Job) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from adbc_driver_postgresql import dbapi

    rows = pq.read_table(job.rows_file)
    for name, kind in {"customer": pa.int32(), "quantity": pa.int16()}.items():  # which the table's own widths ask for
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows.column(name).cast(kind))
    with dbapi.connect(job.url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(job.table, rows, mode="append")
        connection.commit()


def _to_sql(job: Job, driver: str) -> None:
    import pandas as pd
    import sqlalchemy as sa

    frame = pd.read_parquet(job.rows_file)
    if driver == "pysqlite":  # which takes no decimals
        frame = frame.astype({"amount": str, "rate": str})
    frame.to_sql(job.table, sa.create_engine(job.driven(driver)), if_exists="append", index=False)


def to_sql(job: Job) -> None:
    _to_sql(job, "psycopg2")


def to_sql_mariadb(job: Job) -> None:
    _to_sql(job, "pymysql")


def to_sql_sqlite(job: Job) -> None:
    _to_sql(job, "pysqlite")


def _insert_rows(job: Job, connect: Callable[[], Any], placeholder: str) -> None:
    """As Airflow's hooks for these databases have it from their base; that of MySQL needs a driver that comes as source."""
    import pyarrow.parquet as pq
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    class Hook(DbApiHook):
        conn_name_attr = "bench_conn_id"
        default_conn_name = "bench"
        supports_autocommit = False

        def get_conn(self) -> Any:
            return connect()

        @property
        def placeholder(self) -> str:
            return placeholder

    os.environ["AIRFLOW_CONN_BENCH"] = job.url
    rows = pq.read_table(job.rows_file)
    if (seen := rows.schema.get_field_index("seen")) >= 0 and placeholder == "%s":  # MariaDB takes no zone in a text
        rows = rows.set_column(seen, "seen", rows.column(seen).cast("timestamp[us]"))
    paid = rows.schema.get_field_index("paid")
    rows = rows.set_column(paid, "paid", rows.column(paid).cast("int8"))  # nor either of them True
    Hook(log_sql=False).insert_rows(job.table, (tuple(row.values()) for row in rows.to_pylist()), target_fields=list(COLUMNS))


def airflow_insert_rows_mariadb(job: Job) -> None:
    import pymysql

    at = urlsplit(job.url)
    whom: dict[str, Any] = {"host": at.hostname, "port": at.port, "user": at.username, "password": at.password}
    _insert_rows(job, lambda: pymysql.connect(**whom, database=at.path.strip("/")), "%s")


def airflow_insert_rows_sqlite(job: Job) -> None:
    import sqlite3

    _insert_rows(job, lambda: sqlite3.connect(job.url.removeprefix("sqlite:///")), "?")


def airflow_insert_rows(job: Job) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(job.rows_file).to_pylist()
    hook(job).insert_rows(job.table, (tuple(row.values()) for row in rows), target_fields=list(COLUMNS))


LOADS: dict[str, dict[str, Callable[[Job], None]]] = {
    "load": {
        FLOOR: psql_load,
        OURS: tidegate_load,
        "ADBC ingest": adbc_ingest,
        "Airflow insert_rows": airflow_insert_rows,
        "DataFrame.to_sql": to_sql,
    },
    "load-mariadb": {
        FLOOR: mariadb_load,
        OURS: tidegate_load,
        "Airflow insert_rows": airflow_insert_rows_mariadb,
        "DataFrame.to_sql": to_sql_mariadb,
    },
    "load-sqlite": {
        FLOOR: executemany,
        OURS: tidegate_load,
        "Airflow insert_rows": airflow_insert_rows_sqlite,
        "DataFrame.to_sql": to_sql_sqlite,
    },
    "duckdb-load": {FLOOR: duckdb_insert, OURS: tidegate_load},
}
