"""Holds a played night to the same night run by Airflow's ``dag.test()``, with real operators and real databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.testing import Night

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent / "testing"
PROJECT = HERE / "project"
SHOPS = ("anna", "ben", "carl", "dora")


def run_by_airflow(nights: Sequence[dict[str, Any]], home: Path) -> list[dict[str, Any]]:
    """What became of each night, by its part that is real."""
    connections = {f"shop_{shop}": home / f"{shop}.db" for shop in SHOPS} | {"warehouse": home / "warehouse.db"}
    made = {f"AIRFLOW_CONN_{name.upper()}": json.dumps({"conn_type": "sqlite", "host": str(path)}) for name, path in connections.items()}
    settings = {"AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    done = subprocess.run(
        [sys.executable, HERE / "airflow_runs.py"],
        input=json.dumps([night["real"] for night in nights]),
        env={**os.environ, **made, **settings, "AIRFLOW_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return list(json.loads(done.stdout.rpartition("\n===\n")[2]))


def is_played_as_it_ran(night: dict[str, Any], airflow: dict[str, Any]) -> None:
    """Every task's state, the run's, the record and its sentence to the letter."""
    real = night["real"]
    day = date.fromisoformat(real["day"]) if real.get("interval", True) else None
    pipeline = PROJECT / "include" / "pipelines" / f"{real['pipeline']}.yaml"
    played = Night.of(pipeline, day=day).when(night.get("words"), **night["told"]).play()
    assert dict(sorted(played.states.items())) == dict(sorted(airflow["states"].items()))
    assert played.state == airflow["state"]
    record = airflow["record"]
    if record is None:
        assert played.record is None
        return
    assert played.sentence == record["sentence"]
    assert played.outcome == record["outcome"]
    assert (played.verdict.word, played.verdict.recovered) == (record["verdict"], record["recovered"])
    if "branches" not in record:
        assert played.record is None
        return
    assert played.needed == record["needed"]
    assert played.record is not None
    assert (played.record.decided_by, played.record.rule, bool(played.record.deadline)) == (
        record["decided_by"],
        record["rule"],
        bool(record["deadline"]),
    )
    assert (played.record.coverage, list(played.record.lacking)) == (record["coverage"], record["lacking"])
    assert {branch.name: (str(branch.state), branch.rows, branch.reason) for branch in played.record.branches} == {
        branch["name"]: (branch["state"], branch["rows"], branch["reason"]) for branch in record["branches"]
    }
