"""How long gaps take where there are many: 200 branches that 60 nights lack, 12,000 rows. ``python -m bench.gaps``.

Measures the decision about what is due and in which runs, the ledger's answer, and ``tidegate gaps`` as a person types it, whole process and all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidegate.data import ledger
from tidegate.data.engines import reading, writing
from tidegate.data.gaps import read_gaps, write_gaps
from tidegate.resilience.gap import Gap, due, expired, runs
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

BRANCHES, NIGHTS, TIMES = 200, 60, 5
PIPELINE = """
pipeline: wide
schedule: {cron: "0 0 * * *", start: 2026-01-01}
steps:
  extract: {for_each: {region: [BRANCHES]}, uses: extract, with: {connection: source, query: "SELECT 1 AS x"}}
  arrived: {needs: extract, uses: barrier, with: {at_least: 1}}
  load: {needs: arrived, uses: load, with: {connection: warehouse, table: wide, replace: [day]}}
"""


def gaps() -> list[Gap]:
    """Every branch of every night, each tried a few times."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        Gap(
            pipeline="wide",
            interval=Interval(midnight - timedelta(days=night + 1), midnight - timedelta(days=night)),
            branch=f"branch_{number:03}",
            dimension="region",
            state="failed",
            reason="the source does not answer: connection refused",
            owner="analytics",
            opened_at=now - timedelta(days=night, hours=2),
            expires_at=now + timedelta(days=90 - night),
            attempts=number % 7,
            last_attempt_at=now - timedelta(hours=number % 30),
        )
        for night in range(NIGHTS)
        for number in range(BRANCHES)
    ]


def seconds(work: Callable[[], object]) -> float:
    """The median of some times."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def command(folder: Path, *arguments: str) -> list[str]:
    """``tidegate gaps`` in the project, as one process."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(folder / "warehouse.db")}),
    }
    program = [str(Path(sys.executable).with_name("tidegate")), "gaps", *arguments]
    return subprocess.run(program, env=env, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as name:
        folder = Path(name)
        place = folder / "include" / "pipelines"
        place.mkdir(parents=True)
        names = ", ".join(f"branch_{number:03}" for number in range(BRANCHES))
        (place / "wide.yaml").write_text(PIPELINE.replace("BRANCHES", names))
        url = sa.URL.create("sqlite", database=str(folder / "warehouse.db"))
        found = gaps()
        now = datetime.now(UTC)

        began = time.perf_counter()
        with writing(url) as connection:
            ledger.ensure(connection)
            write_gaps(connection, found)
        print(f"{len(found):,} gaps written            {time.perf_counter() - began:6.2f} s")

        def asked() -> None:
            with reading(url) as connection:
                read_gaps(connection, only_open=True)

        def decided() -> None:
            expired(found, now)
            runs(due(found, now), found, ())

        print(f"read from the ledger            {seconds(asked):6.2f} s")
        print(f"decided what is due             {seconds(decided):6.2f} s   {len(runs(due(found, now)))} runs")
        command(folder)  # once before, so that files lie in memory
        print(
            f"tidegate gaps, one night        {seconds(lambda: command(folder, 'wide', '--since', str(now.date() - timedelta(days=1)))):6.2f} s"
        )
        print(f"tidegate gaps, all              {seconds(lambda: command(folder, 'wide')):6.2f} s")
        print(f"tidegate gaps, all, as JSON     {seconds(lambda: command(folder, 'wide', '--format', 'json')):6.2f} s")


if __name__ == "__main__":
    main()
