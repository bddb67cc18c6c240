"""Five million rows from SQLite through extract, transform and load: ``python -m bench.flat_memory [rows]``.

Each step runs in a process of its own, as an Airflow task does; the peak is the process's, imports included. Airflow's own share of a task
process is not in it: the last line tells what importing its SDK alone takes.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

ROWS = 5_000_000
STEPS = ("extract", "transform", "load")
STEP = """
import json, resource, sys, time
from datetime import datetime, UTC
began = time.perf_counter()
from tidegate.data.contract import Accept
from tidegate.data.engines import database_url
from tidegate.data.extract import extract
from tidegate.data.load import load
from tidegate.data.manifest import Manifest, StageKey
from tidegate.data.staging import Staging
from tidegate.data.transform import transform_sql
step, root = sys.argv[1:]
def url(name):
    return database_url(conn_id=name, conn_type="sqlite", host=f"{root}/{name}.db", login=None, password=None, schema=None, port=None, extra={})
night = {"pipeline": "bench", "interval_start": datetime(2026, 1, 1, tzinfo=UTC), "interval_end": datetime(2026, 1, 2, tzinfo=UTC)}
shared = {"staging": Staging(f"{root}/staging"), "attempt": "a", "correlation_id": "bench"}
key = StageKey(step=step, branch="all", **night)
if step == "extract":
    columns = {"id": "int", "shop": "text", "product": "int", "quantity": "int", "cents": "int", "sold_at": "timestamp"}
    made = extract(url("source"), "SELECT * FROM sales WHERE sold_at >= :interval_start AND sold_at < :interval_end", params={}, key=key,
                   accept=Accept(min_rows=1, columns=columns), connection_name="source", source_name="the query", **shared)
elif step == "transform":
    sql = "SELECT CAST($interval_start AS DATE) AS day, *, quantity * cents AS revenue FROM input"
    made = transform_sql([Manifest.from_dict(json.load(open(f"{root}/extract.json")))], sql, key=key, **shared)
else:
    report = load(url("warehouse"), target_table="sales", replace=["day"], parts=[Manifest.from_dict(json.load(open(f"{root}/transform.json")))],
                  staging=shared["staging"], run_id="bench", correlation_id="bench", connection_name="warehouse", **night)
if step != "load":
    json.dump(made.as_dict(), open(f"{root}/{step}.json", "w"))
rows = report.rows if step == "load" else made.rows
print(json.dumps({"rows": rows, "seconds": time.perf_counter() - began, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
AIRFLOW = (
    "import resource, airflow.sdk, airflow.sdk.execution_time.task_runner; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
)


def fill(path: Path, rows: int) -> None:
    """A day of sales."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sales (id INTEGER, shop TEXT, product INTEGER, quantity INTEGER, cents INTEGER, sold_at TEXT)")
        some = ((n, f"shop {n % 457}", n % 68_000, 1 + n % 4, n % 10_000, f"2026-01-01 {n % 24:02}:{n % 60:02}:00") for n in range(rows))
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?)", some)


def main() -> None:
    """Print the table, after checking the sums."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as root:
        began = time.perf_counter()
        fill(Path(root) / "source.db", rows)
        print(f"{rows:,} rows of 6 columns made in {time.perf_counter() - began:.1f} s")
        print(f"{'step':>10} {'rows':>10} {'seconds':>8} {'rows/s':>9} {'peak MB':>8}")
        for step in STEPS:
            done = subprocess.run([sys.executable, "-c", STEP, step, root], capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            seen = json.loads(done.stdout.splitlines()[-1])
            print(f"{step:>10} {seen['rows']:>10,} {seen['seconds']:>8.1f} {seen['rows'] / seen['seconds']:>9,.0f} {seen['peak']:>8.0f}")
        sums = []
        for name, columns in (
            ("source", "count(*), sum(cents), sum(quantity * cents)"),
            ("warehouse", "count(*), sum(cents), sum(revenue)"),
        ):
            with closing(sqlite3.connect(Path(root) / f"{name}.db")) as connection:
                sums.append(connection.execute(f"SELECT {columns} FROM sales").fetchone())  # noqa: S608  names from above
        print("sums agree" if sums[0] == sums[1] else f"SUMS DIFFER: {sums}")
    alone = subprocess.run([sys.executable, "-c", AIRFLOW], capture_output=True, text=True, check=True)
    print(f"Airflow's task SDK alone: {float(alone.stdout.splitlines()[-1]):.0f} MB")


if __name__ == "__main__":
    main()
