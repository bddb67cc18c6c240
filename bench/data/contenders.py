"""Who moves the rows: each a function that imports what it needs itself, and writes Parquet with zstd, or a table."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.data.tables import COLUMNS, TYPED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BATCH_ROWS = 50_000
FLOOR = "floor"
OURS = "Tidegate"
ADBC = "ADBC stream"
TYPED_OURS = "Tidegate, types declared"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a contender is to move."""

    url: str
    """Of SQLAlchemy, without a driver."""
    table: str
    """To read from or to write into."""
    folder: str
    """Its own, empty."""
    rows_file: str = ""
    """Parquet of the rows to load; its manifest and PostgreSQL's binary form stand beside it."""

    @property
    def query(self) -> str:
        """All rows."""
        return f"SELECT {', '.join(COLUMNS)} FROM {self.table}"  # noqa: S608  names from here

    @property
    def out(self) -> str:
        """Where Parquet is to be found afterwards."""
        return f"{self.folder}/rows.parquet"

    def driven(self, driver: str) -> str:
        """The URL with a driver of Python's."""
        return self.url.replace("://", f"+{driver}://", 1)

    @property
    def ours(self) -> str:
        """The URL with the driver that Tidegate takes."""
        driver = {"postgresql": "psycopg", "mysql": "pymysql", "duckdb": "tidegate"}.get(self.url.partition(":")[0])
        return self.driven(driver) if driver else self.url


# -- command lines: the floor ---------------------------------------------------------------------------------------


def psql(job: Job, command: str) -> None:
    at = urlsplit(job.url)  # a password in a command line could be read by everybody
    whom = ["--host", str(at.hostname), "--port", str(at.port), "--username", str(at.username), "--dbname", at.path.strip("/")]
    command_line = ["psql", "--no-psqlrc", "--quiet", *whom, "--command", command]
    subprocess.run(command_line, check=True, env={**os.environ, "PGPASSWORD": str(at.password)})


def psql_binary(job: Job) -> None:
    psql(job, f"\\copy ({job.query}) TO '{job.folder}/rows' WITH (FORMAT binary)")


def psql_csv(job: Job) -> None:
    psql(job, f"\\copy ({job.query}) TO '{job.folder}/rows' WITH (FORMAT csv)")


def mariadb(job: Job, *arguments: str, out: Any = None) -> None:
    at = urlsplit(job.url)
    whom = ["--host", str(at.hostname), "--port", str(at.port), "--user", str(at.username), "--protocol=tcp", at.path.strip("/")]
    command = ["mariadb", "--no-defaults", *arguments[:-1], *whom, "--execute", arguments[-1]]
    subprocess.run(command, stdout=out, check=True, env={**os.environ, "MYSQL_PWD": str(at.password)})


def mariadb_dump(job: Job) -> None:
    with Path(job.folder, "rows.tsv").open("wb") as out:
        mariadb(job, "--batch", "--quick", job.query, out=out)


def fetchmany(job: Job) -> None:
    import sqlite3

    with closing(sqlite3.connect(job.url.removeprefix("sqlite:///"))) as connection:
        cursor = connection.execute(job.query)
        while cursor.fetchmany(BATCH_ROWS):
            pass


def duckdb_copy(job: Job) -> None:
    import duckdb

    with duckdb.connect(job.url.removeprefix("duckdb:///"), read_only=True) as connection:
        connection.execute(f"COPY ({job.query}) TO '{job.out}' (FORMAT parquet, COMPRESSION zstd)")


# -- Tidegate -------------------------------------------------------------------------------------------------------

DAY = {"interval_start": datetime(2026, 1, 1, tzinfo=UTC), "interval_end": datetime(2026, 1, 2, tzinfo=UTC)}


def tidegate(job: Job, types: dict[str, str] | None = None) -> None:
    import sqlalchemy as sa

    from tidegate.data.contract import Accept
    from tidegate.data.extract import extract
    from tidegate.data.manifest import StageKey
    from tidegate.data.staging import Staging

    manifest = extract(
        sa.make_url(job.ours),
        job.query,
        key=StageKey(pipeline="bench", step="extract", branch="all", **DAY),
        staging=Staging(f"{job.folder}/staging"),
        accept=Accept(columns=types or {}),
        attempt="a",
        correlation_id="bench",
        connection_name="bench",
        source_name="the query",
    )
    Path(job.folder, "manifest.json").write_text(json.dumps(manifest.as_dict()))
    Path(job.out).symlink_to(f"{job.folder}/staging/{manifest.path}")


def tidegate_typed(job: Job) -> None:
    tidegate(job, TYPED)


# -- others, out ----------------------------------------------------------------------------------------------------


def _written(job: Job, batches: Iterator[Any]) -> None:
    import pyarrow.parquet as pq

    first = next(batches)
    with pq.ParquetWriter(job.out, first.schema, compression="zstd") as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _pandas(job: Job, driver: str) -> None:
    import pandas as pd
    import sqlalchemy as sa

    with sa.create_engine(job.driven(driver)).connect() as connection:
        pd.read_sql(sa.text(job.query), connection).to_parquet(job.out, compression="zstd")


def pandas_postgres(job: Job) -> None:
    _pandas(job, "psycopg2")


def pandas_mariadb(job: Job) -> None:
    _pandas(job, "pymysql")


def pandas_sqlite(job: Job) -> None:
    _pandas(job, "pysqlite")


def connectorx(job: Job) -> None:
    import connectorx as cx

    path = job.url.replace("sqlite:///", "sqlite://")
    _written(job, iter(cx.read_sql(path, job.query, return_type="arrow_stream", batch_size=BATCH_ROWS)))


def adbc_postgres(job: Job) -> None:
    import pyarrow as pa
    from adbc_driver_postgresql import dbapi

    decimals = {"amount": pa.decimal128(12, 2), "rate": pa.decimal128(18, 6)}

    def cast(batch: pa.RecordBatch) -> pa.RecordBatch:
        for name, kind in decimals.items():
            batch = batch.set_column(batch.schema.get_field_index(name), name, batch.column(name).storage.cast(kind))
        return batch

    with dbapi.connect(job.url) as connection, connection.cursor() as cursor:
        cursor.execute(job.query)
        _written(job, map(cast, cursor.fetch_record_batch()))


def adbc_sqlite(job: Job) -> None:
    from adbc_driver_sqlite import dbapi

    with dbapi.connect(job.url.removeprefix("sqlite:///")) as connection, connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
        cursor.execute(job.query)
        _written(job, iter(cursor.fetch_record_batch()))


def _dlt(job: Job, driver: str, backend: str) -> None:
    import dlt
    from dlt.sources.sql_database import sql_table

    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    }
    there = dlt.destinations.filesystem(bucket_url=f"file://{job.folder}/lake")
    pipeline = dlt.pipeline("bench", destination=there, dataset_name="bench", pipelines_dir=f"{job.folder}/dlt")
    pipeline.run(
        sql_table(credentials=job.driven(driver), table=job.table, backend=backend, chunk_size=BATCH_ROWS), loader_file_format="parquet"
    )
    (made,) = Path(job.folder, "lake", "bench", job.table).glob("*.parquet")
    Path(job.out).symlink_to(made)


def dlt_postgres(job: Job) -> None:
    _dlt(job, "psycopg2", "connectorx")


def dlt_mariadb(job: Job) -> None:
    _dlt(
        job, "pymysql", "connectorx"
    )  # with "pyarrow" it takes a double for a decimal of as many digits as a batch has, and ends at the next batch


def dlt_sqlite(job: Job) -> None:
    _dlt(job, "pysqlite", "pyarrow")


def hook(job: Job) -> Any:
    os.environ["AIRFLOW_CONN_BENCH"] = job.url.replace("postgresql://", "postgres://")
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    return PostgresHook(postgres_conn_id="bench", log_sql=False)


def airflow_get_df(job: Job) -> None:
    hook(job).get_df(job.query).to_parquet(job.out, compression="zstd")


EXTRACTS: dict[str, dict[str, Callable[[Job], None]]] = {
    "postgresql": {
        FLOOR: psql_binary,
        "psql \\copy csv": psql_csv,
        OURS: tidegate,
        "connectorx stream": connectorx,
        ADBC: adbc_postgres,
        "dlt, by connectorx": dlt_postgres,
        "pandas.read_sql": pandas_postgres,
        "Airflow get_df": airflow_get_df,
    },
    "mariadb": {
        FLOOR: mariadb_dump,
        OURS: tidegate,
        "connectorx stream": connectorx,
        "dlt, by connectorx": dlt_mariadb,
        "pandas.read_sql": pandas_mariadb,
    },
    "sqlite": {
        FLOOR: fetchmany,
        OURS: tidegate,
        TYPED_OURS: tidegate_typed,
        ADBC: adbc_sqlite,
        "connectorx stream": connectorx,
        "dlt, by pyarrow": dlt_sqlite,
        "pandas.read_sql": pandas_sqlite,
    },
    "duckdb": {FLOOR: duckdb_copy, OURS: tidegate},
}
FLOORS = {
    "postgresql": "psql \\copy binary",
    "mariadb": "mariadb --batch --quick",
    "sqlite": "bare fetchmany",
    "load": "psql \\copy binary",
    "load-mariadb": "LOAD DATA LOCAL INFILE",
    "load-sqlite": "csv, executemany",
    "duckdb": "COPY TO Parquet",
    "duckdb-load": "INSERT FROM Parquet",
}
"""What the floor is, there."""
