"""Ten regions at once, each slow to answer: what of a night's extracts is Airflow's, and what is the rows': ``python -m bench.regions``.

Every region has a table of 500,000 rows of twelve mixed columns in PostgreSQL, and a query that takes two seconds before its first row. They are read
three times: by ten processes that import Tidegate and call :func:`~tidegate.data.extract.extract`, by ten tasks of a real Airflow with ten places, and
by the same tasks with as many places as processors. Seconds are from the start of the first to the end of the last; of the tasks, also how long each was
at work in Tidegate's own code, and how much of the processors all of it took.

On two cores, the processes as a median of three: ten processes 12.7 s; ten tasks 13.2 s from the trigger to the run's end, of a task's 12.4 s 10.4 are
Tidegate's reading; two tasks at a time 21.0 s. All of Airflow and the reads need 24.8 s of a processor for the ten.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bench import servers

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "TIDEGATE_BENCH_SOURCE"
"""Where the rows are, for a process of its own: what stands in a command line, everybody on the machine may read."""
REGIONS = [f"region_{number}" for number in range(10)]
TABLE = """
CREATE TABLE {name}_rows AS SELECT i::bigint AS id, (i * 7919 % 100000)::int AS customer, (i * 31337 % 1000000 / 100.0)::numeric(12,2) AS amount,
(i * 271828 % 100000000 / 1000000.0)::numeric(18,6) AS price, (i % 50)::smallint AS quantity, sin(i) AS ratio, i % 3 = 0 AS gift,
date '2026-01-01' + (i % 365)::int AS day, timestamp '2026-01-01' + i * interval '1.000137 s' AS placed,
timestamptz '2026-01-01 00:00+00' + i * interval '1 s' AS moment, 'customer no. ' || i % 1000 AS name,
CASE WHEN i % 4 > 0 THEN md5(i::text) END AS note FROM generate_series(1::bigint, {rows}) AS i
"""
VIEW = (
    "CREATE VIEW {name} AS WITH slow AS MATERIALIZED (SELECT pg_sleep({latency})) SELECT sales.* FROM {name}_rows AS sales CROSS JOIN slow"
)
DAGS = """
# Airflow looks for the words airflow and DAG.
from pathlib import Path
from tidegate import build_dags
globals().update(build_dags(Path(__file__).parent.parent / "include" / "pipelines"))
"""
PIPELINE = """
pipeline: regions
steps:
  extract:
    for_each: {region: REGIONS}
    uses: extract
    with: {connection: sales, table: "{region}"}
  arrived: {needs: extract, uses: barrier, with: {at_least: 100%}}
"""


def fill(url: sa.URL, rows: int, latency: float) -> None:
    """A table for each region, and a view of it that is slow to answer."""
    with sa.create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
        for name in REGIONS:
            connection.exec_driver_sql(TABLE.format(name=name, rows=rows).replace("%", "%%"))
            connection.exec_driver_sql(f"ANALYZE {name}_rows")
            connection.exec_driver_sql(VIEW.format(name=name, latency=latency))


def read(url: str, name: str, folder: str) -> None:
    """One region, by Tidegate alone."""
    from tidegate.data.contract import Accept
    from tidegate.data.extract import extract
    from tidegate.data.manifest import StageKey
    from tidegate.data.staging import Staging
    from tidegate.data.table_query import TableQuery

    start, end = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
    key = StageKey(pipeline="regions", step="extract", interval_start=start, interval_end=end, branch=name)
    extract(
        sa.make_url(url),
        TableQuery(table=name),
        key=key,
        staging=Staging(folder),
        accept=Accept(),
        attempt="bare",
        correlation_id="bench",
        connection_name="sales",
        source_name=name,
    )


def bare(url: sa.URL) -> float:
    """Seconds for ten processes of their own, imports and all."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        began = time.monotonic()
        command = [sys.executable, "-m", "bench.regions", "--one", folder]
        where = {**os.environ, SOURCE: url.render_as_string(hide_password=False)}
        processes = [subprocess.Popen([*command, name], env=where) for name in REGIONS]
        codes = [process.wait() for process in processes]
        if any(codes):
            raise RuntimeError("a read failed")
        return time.monotonic() - began


def by_airflow(url: sa.URL, places: int) -> dict[str, float]:
    """Ten tasks of a real Airflow."""
    from tidegate.testing import LocalAirflow

    root = Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    pipelines = root / "project" / "include" / "pipelines"
    pipelines.mkdir(parents=True)
    (root / "project" / "dags").mkdir()
    (root / "project" / "dags" / "pipelines.py").write_text(DAGS)
    (pipelines / "regions.yaml").write_text(PIPELINE.replace("REGIONS", json.dumps(REGIONS)))
    connection = {
        "conn_type": "postgres",
        "host": url.host,
        "port": url.port,
        "login": url.username,
        "password": url.password,
        "schema": url.database,
    }
    with LocalAirflow(root / "airflow", dags=root / "project" / "dags", connections={"sales": connection}, parallelism=places) as airflow:
        airflow.wait_for_dag("regions", timeout=120)
        time.sleep(5)
        run_id = airflow.trigger(
            "regions", conf={"interval_start": "2026-01-05T00:00:00+00:00", "interval_end": "2026-01-06T00:00:00+00:00"}
        )
        before = _processor()
        if (state := airflow.wait("regions", run_id, timeout=600)) != "success":
            raise RuntimeError(f"the run ended as {state}: {airflow.tasks('regions', run_id)}")
        after = _processor()
        tasks = {task["task_id"]: task for task in airflow.tasks("regions", run_id)}
        extracts = [task for name, task in tasks.items() if name.startswith("extract.")]
        reports = [airflow.xcom("regions", run_id, task["task_id"])["branch"]["seconds"] for task in extracts]
        starts, ends = [_moment(task["start_date"]) for task in extracts], [_moment(task["end_date"]) for task in extracts]
        queued = min(_moment(task["queued_when"]) for task in extracts)
        found = {
            "all": max(ends) - queued,
            "first start to last end": max(ends) - min(starts),
            "task, median": median(end - start for start, end in zip(starts, ends, strict=True)),
            "of it Tidegate's reading, median": median(reports),
            "processor, all parts of Airflow": after - before,
        }
    shutil.rmtree(root, ignore_errors=True)
    return found


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _processor() -> float:
    """Seconds that everything on this machine has spent on its processors."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    busy = sum(map(int, fields)) - int(fields[3]) - int(fields[4])
    return busy / os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--latency", type=float, default=2.0, help="seconds before the first row")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "REGION"), help=argparse.SUPPRESS)
    said = parser.parse_args(arguments)
    if said.one:
        folder, name = said.one
        read(os.environ[SOURCE], name, folder)
        return
    with servers.postgres(("synchronous_commit=off", "max_wal_size=4GB", "shared_buffers=256MB")) as url:
        fill(url, said.rows, said.latency)
        print(
            f"ten regions of {said.rows:,} rows, {said.latency:g} s before the first; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
        )
        seconds = sorted(bare(url) for _ in range(said.samples))
        print(f"{'ten processes':<40}{median(seconds):>8.1f} s   ({', '.join(f'{each:.1f}' for each in seconds)})", flush=True)
        for places in (10, os.cpu_count() or 2):
            found = by_airflow(url, places)
            for what, value in found.items():
                print(f"{f'Airflow, {places} places: {what}':<60}{value:>8.1f} s", flush=True)
    print(f"most memory of one process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
