"""How long a task's start takes to find its own pipeline among many: ``python -m bench.task_start``.

Each figure is the median over fresh processes of what one task process does with the DAG file, Airflow's own import apart.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 9
COUNTS = (1, 200)
PIPELINE = """
pipeline: {name}
schedule: {{cron: "0 2 * * *", start: 2026-01-01}}
steps:
  extract:
    for_each: {{region: [a, b, c, d, e, f, g, h, i, j]}}
    uses: extract
    with: {{connection: "sales_{{region}}", query: "SELECT 1 AS id"}}
  arrived: {{needs: extract, uses: barrier, with: {{at_least: 80%}}}}
  clean: {{needs: arrived, for_each: {{part: arrived}}, uses: transform, with: {{sql: "SELECT * FROM input"}}}}
  load: {{needs: clean, uses: load, with: {{connection: warehouse, table: sales, replace: [id, region]}}}}
"""
START = """
import json, sys, time
import airflow.sdk, airflow.sdk.definitions.param, airflow.sdk.definitions.timetables.interval
from airflow.sdk.definitions.context import AirflowParsingContext
context = AirflowParsingContext(dag_id=sys.argv[2] or None, task_id=None)
import airflow.sdk as sdk
sdk.get_parsing_context = lambda: context
began = time.perf_counter()
from tidegate import build_dags
import tidegate.factory.discovery
imported = time.perf_counter()
dags = build_dags(sys.argv[1])
print(json.dumps([imported - began, time.perf_counter() - imported, len(dags)]))
"""


def measure(folder: Path, dag_id: str) -> tuple[float, float, int]:
    """Milliseconds of Tidegate's import and of finding and building, as medians; and how many DAGs were built."""
    seen = []
    for _ in range(RUNS):
        done = subprocess.run([sys.executable, "-c", START, str(folder), dag_id], capture_output=True, text=True, check=True)
        seen.append(json.loads(done.stdout.splitlines()[-1]))
    imports, builds, counts = zip(*seen, strict=True)
    return statistics.median(imports) * 1000, statistics.median(builds) * 1000, counts[0]


def main() -> None:
    """Print the table."""
    print(f"median of {RUNS} fresh processes, milliseconds")
    print(f"{'pipelines':>10} {'wanted':>8} {'built':>6} {'import':>8} {'find+build':>11}")
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root) / "include" / "pipelines"
            folder.mkdir(parents=True)
            for number in range(count):
                name = f"sales_{number:03}"
                (folder / f"{name}.yaml").write_text(PIPELINE.format(name=name))
            for wanted in (f"sales_{count // 2:03}", ""):
                imports, builds, built = measure(folder, wanted)
                print(f"{count:>10} {'one' if wanted else 'all':>8} {built:>6} {imports:>8.1f} {builds:>11.1f}")


if __name__ == "__main__":
    main()
