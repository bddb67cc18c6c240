"""A project with gaps: pipelines, a warehouse with a ledger, and an Airflow home of its own."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from servers import emptied

from tidegate.data import ledger
from tidegate.data.engines import writing
from tidegate.data.gaps import write_gaps
from tidegate.data.instants import stamp
from tidegate.data.ledger import IntervalRow
from tidegate.resilience.gap import Gap
from tidegate.resilience.interval import Interval

STEPS = """
steps:
  extract: {for_each: {region: [texas, plains, ohio]}, uses: extract, with: {connection: "sales_{region}", query: "SELECT 1 AS x"}}
  arrived: {needs: extract, uses: barrier, with: {at_least: 2}}
  load: {needs: arrived, uses: load, with: {connection: CONNECTION, table: sales, replace: [day]}}
"""
SCHEDULE = "schedule: {cron: '0 0 * * *', start: 2026-01-01, timezone: Europe/Berlin}"


@dataclass
class Place:
    """A project, a warehouse, and an Airflow home."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    more: dict[str, str] = field(default_factory=dict)
    """Variables of its environment besides."""

    def write(self, name: str, connection: str = "warehouse", steps: str = STEPS) -> None:
        """A pipeline."""
        place = self.folder / "include" / "pipelines"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.yaml").write_text(f"pipeline: {name}\n{SCHEDULE}\n{steps.replace('CONNECTION', connection)}")

    @property
    def env(self) -> dict[str, str]:
        """The environment of the home."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        warehouse = json.dumps({"conn_type": "sqlite", "host": str(self.folder / "warehouse.db")})
        empty = json.dumps({"conn_type": "sqlite", "host": str(self.folder / "empty.db")})
        sources = {
            f"AIRFLOW_CONN_SALES_{name.upper()}": json.dumps({"conn_type": "sqlite", "host": str(self.folder / f"{name}.db")})
            for name in ("texas", "plains", "ohio")
        }
        return {
            **kept,
            **sources,
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_WAREHOUSE": warehouse,
            "AIRFLOW_CONN_EMPTY": empty,
            **self.more,
        }

    def airflow(self, *arguments: str) -> None:
        """Airflow's own command."""
        command = [sys.executable, "-m", "airflow", *arguments]
        subprocess.run(command, env=self.env, check=True, capture_output=True, timeout=120)

    def say(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """``tidegate`` in the project."""
        code, stdout, stderr = self.asked([arguments, typed])
        return subprocess.CompletedProcess(arguments, code, stdout, stderr)

    def look(self) -> tuple[str, list[dict[str, Any]]]:
        """Let the DAG of ``dags/tidegate_catch_up.py`` look once: its state, what it reports."""
        state, report = self.asked({"dag": str(self.folder / "dags" / "tidegate_catch_up.py")})
        return state, report

    def asked(self, question: Any) -> Any:
        """What a process answers that imports Airflow once."""
        if self.process is None:
            command = [sys.executable, str(Path(__file__).with_name("answering.py"))]
            with (self.folder / "answering.log").open("w") as log:
                self.process = subprocess.Popen(
                    command, env=self.env, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
                )
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, (self.folder / "answering.log").read_text()[-4000:]
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        if self.process:
            self.process.communicate(timeout=60)
            self.process = None

    def put(self, *gaps: Gap, short: bool = False) -> None:
        """Begin the ledger anew with these gaps."""
        with writing(emptied(sa.URL.create("sqlite", database=str(self.folder / "warehouse.db")))) as connection:
            ledger.ensure(connection)
            write_gaps(connection, gaps)
            if short:
                start, end = (moment.isoformat() for moment in (gaps[0].interval.start, gaps[0].interval.end))
                row = IntervalRow(
                    pipeline="nightly", interval_start=start, interval_end=end, outcome="short", sentence="", expected=3, arrived=0,
                    missing=(), record={}, run_id="r", correlation_id="c", decided_at=stamp(),
                )  # fmt: skip
                ledger.write_interval(connection, row)

    def seen(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """Day and branch → status, attempts, run, who closed it and why."""
        query = "SELECT substr(interval_end, 1, 10), branch, status, attempts, run_id, closed_by, note FROM tidegate_gap"
        with closing(sqlite3.connect(self.folder / "warehouse.db")) as connection:
            return {(day, branch): tuple(rest) for day, branch, *rest in connection.execute(query)}

    def runs(self) -> list[tuple[str, dict[str, Any]]]:
        """The runs of ``nightly`` that wait in Airflow → their conf."""
        with closing(sqlite3.connect(self.folder / "airflow.db")) as connection:
            found = connection.execute(
                "SELECT run_id, conf FROM dag_run WHERE dag_id = 'nightly' AND state = 'queued' ORDER BY run_id"
            ).fetchall()
        return [(run_id, json.loads(conf)) for run_id, conf in found]


def gap(number: int, branch: str = "texas", **more: Any) -> Gap:
    """A gap of the night that ends at midnight of a January day in Berlin; two days old."""
    end = datetime(2026, 1, number, 23, tzinfo=UTC)
    opened = datetime.now(UTC) - timedelta(days=2, minutes=1)
    given = {
        "pipeline": "nightly", "interval": Interval(end - timedelta(days=1), end), "branch": branch, "dimension": "region", "state": "failed",
        "reason": "no route to host", "owner": "analytics", "opened_at": opened, "expires_at": opened + timedelta(days=30),
    }  # fmt: skip
    return Gap(**{**given, **more})
