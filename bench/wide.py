"""What 200 branches of one fan-out cost, beside 50 and 10: ``python -m bench.wide [--branches 10 50 200] [--night 200]``.

Reads the file, makes the plan, makes the DAG, serializes it; then plays one night of so many SQLite databases on a real Airflow, of which every
fifth is not there, and tells how long the barrier took and what its record, its sentence and its line weigh. ``python -m bench.gaps`` measures the list of
gaps. Every figure depends on what else the machine does; its load stands beside them.

On two processors, of 10, 50, 200 branches: plan and DAG 4, 14, 83 ms; serialized in 8, 31, 117 ms as 18, 73, 277 KB. Before the trigger form stood
once in a DAG, 200 branches took 2.5 s and 2.1 MB. A night of 200 branches, sixteen at once, of which forty are not there, takes 84 s; the barrier decides
2.9 s after the last one has ended, its record has 56 KB, its line in the log 4,400 characters, the note 781.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 5
DAGS = """
# Airflow looks for the words airflow and DAG.
from pathlib import Path
from tidegate import build_dags
globals().update(build_dags(Path(__file__).parent.parent / "include" / "pipelines"))
"""
PIPELINE = """
pipeline: wide
owner: town
defaults: {retries: 0}
steps:
  extract: {for_each: {store: [STORES]}, uses: extract, with: {connection: "sales_{store}", query: "SELECT day, store, cents FROM sales"}}
  arrived: {needs: extract, uses: barrier, with: {at_least: 70%, decide_by: 2h}}
  combine: {needs: arrived, uses: transform, with: {sql: "SELECT day, store, sum(cents) AS cents FROM input GROUP BY ALL"}}
  load: {needs: combine, uses: load, with: {connection: warehouse, table: sales, replace: [day, store]}}
"""
EVERY = 5
"""Of so many stores one has no database."""


def stores(count: int) -> list[str]:
    return [f"store_{number:03}" for number in range(count)]


def project(folder: Path, count: int) -> Path:
    """A project of one pipeline with so many branches; returns the folder of its pipelines."""
    place = folder / "include" / "pipelines"
    place.mkdir(parents=True)
    (folder / "dags").mkdir()
    (folder / "dags" / "pipelines.py").write_text(DAGS)
    (place / "wide.yaml").write_text(PIPELINE.replace("STORES", ", ".join(stores(count))))
    return place


def milliseconds(work: Callable[[], object]) -> float:
    """The median of some times, on the processor: what others do meanwhile does not count."""
    taken = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return 1000 * median(taken)


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


def parsing(counts: list[int]) -> None:
    """The file as Airflow's dag-processor meets it, and what it stores of it."""
    from airflow.serialization.serialized_objects import DagSerialization

    from tidegate import build_dags
    from tidegate.model import Project, each_of_folder
    from tidegate.plan import plan

    def planned(place: Path) -> None:
        for loaded in each_of_folder(place, Project.around(place)):
            plan(loaded.require())

    print(
        f"{'branches':>8} {'plan ms':>9} {'plan and DAG ms':>16} {'serialize ms':>13} {'deserialize ms':>15} {'serialized KB':>14}   ({load()})"
    )
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
            place = project(Path(name), count)
            dag = build_dags(place)["wide"]
            stored = DagSerialization.to_dict(dag)
            print(
                f"{count:>8} {milliseconds(lambda place=place: planned(place)):>9.0f} {milliseconds(lambda place=place: build_dags(place)):>16.0f}"
                f" {milliseconds(lambda dag=dag: DagSerialization.to_dict(dag)):>13.0f}"
                f" {milliseconds(lambda stored=stored: DagSerialization.from_dict(stored)):>15.0f} {len(json.dumps(stored)) / 1000:>14.0f}",
                flush=True,
            )


def night(count: int) -> None:
    """One night, on a real Airflow with sixteen tasks at once."""
    from tidegate.testing import LocalAirflow

    root = Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    project(root / "project", count)
    there = [store for number, store in enumerate(stores(count)) if number % EVERY]
    for store in there:
        with closing(sqlite3.connect(root / f"{store}.db")) as connection, connection:
            connection.execute("CREATE TABLE sales (day TEXT, store TEXT, cents INTEGER)")
            connection.execute("INSERT INTO sales VALUES ('2026-01-05', ?, 100)", (store,))
    sqlite3.connect(root / "warehouse.db").close()
    connections = {f"sales_{store}": {"conn_type": "sqlite", "host": str(root / f"{store}.db")} for store in stores(count)}
    connections["warehouse"] = {"conn_type": "sqlite", "host": str(root / "warehouse.db")}
    settings = {"core.max_active_tasks_per_dag": str(count)}
    with LocalAirflow(
        root / "airflow", dags=root / "project" / "dags", connections=connections, parallelism=16, settings=settings
    ) as airflow:
        airflow.wait_for_dag("wide", timeout=300)
        began = time.monotonic()
        run_id = airflow.trigger("wide", conf={"interval_start": "2026-01-05T00:00:00+00:00", "interval_end": "2026-01-06T00:00:00+00:00"})
        state = airflow.wait("wide", run_id, timeout=7200)
        took = time.monotonic() - began
        tasks = {task["task_id"]: task for task in airflow.tasks("wide", run_id)}
        record = airflow.xcom("wide", run_id, "arrived", "record")
        log = airflow.log("wide", run_id, "arrived", tasks["arrived"]["try_number"])
        note = airflow.xcom("wide", run_id, "outcome", "note")
        print(f"{count} branches, {len(there)} of them there: {state} after {took:.0f} s, sixteen tasks at once ({load()})")
        if failed := [name for name, task in tasks.items() if task["state"] == "failed" and not name.startswith("extract.")]:
            print(f"failed besides          {', '.join(failed)}")
        print(f"last branch ended       {max(task['end_date'] for name, task in tasks.items() if name.startswith('extract.'))}")
        print(f"decided                 {record['decided_at']}, and the barrier ended {tasks['arrived']['end_date']}")
        print(f"record in XCom          {len(json.dumps(record)):,} bytes")
        line = max((line for line in log.splitlines() if "decided_by=" in line), key=len, default="")
        print(f"line in the log         {len(line):,} characters")
        print(f"note                    {len(note):,} characters: {note}", flush=True)
    shutil.rmtree(root, ignore_errors=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--branches", type=int, nargs="*", default=[10, 50, 200])
    arguments.add_argument("--night", type=int, default=200, help="branches of the night that is played; 0 for none")
    said = arguments.parse_args()
    home = tempfile.TemporaryDirectory(prefix="tidegate-airflow-")
    os.environ |= {"AIRFLOW_HOME": home.name, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    parsing(said.branches)
    if said.night:
        night(said.night)


if __name__ == "__main__":
    main()
