"""More barriers wait at once than there are worker slots."""

from __future__ import annotations

import shutil
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from demo.nights.stage import PROJECT
from demo.nights.village import DAY, PATIENCE, REGIONS, Village, bounds
from tidegate.testing import LocalAirflow

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.nights, pytest.mark.timeout(600)]
SLOTS = 2
NIGHTS = ("calm", "enough", "silent", "again")


def test_no_slot_is_held_while_a_barrier_waits(tmp_path: Path) -> None:
    """Four barriers wait, and branches are at work in the two slots there are; each night ends."""
    root = tmp_path / "villages"
    shutil.copytree(PROJECT, root / "project")
    sqlite3.connect(root / "warehouse.db").close()
    files = {"warehouse": root / "warehouse.db"} | {
        f"{name}_{region}": root / f"{name}_{region}.db" for name in NIGHTS for region in REGIONS
    }
    connections = {name: {"conn_type": "sqlite", "host": str(path)} for name, path in files.items()}
    with LocalAirflow(root / "airflow", dags=root / "project" / "dags", connections=connections, parallelism=SLOTS) as airflow:
        villages = [Village(name, root, airflow) for name in NIGHTS]
        for village in villages:
            village.settle()
            village.sell(*bounds(DAY))
            airflow.wait_for_dag(village.name, timeout=120)
        runs = {village.name: village.begin() for village in villages}
        seen = set()
        deadline = time.monotonic() + PATIENCE
        while any(airflow.run(name, run_id)["state"] in {"queued", "running"} for name, run_id in runs.items()):
            views = [view for name, run_id in runs.items() for view in airflow.api.views(name, run_id)]
            waiting = sum(view.task_id == "arrived" and view.state == "deferred" for view in views)
            at_work = sum(view.task_id.startswith("extract.") and view.state == "running" for view in views)
            seen.add((waiting, at_work))
            assert sum(view.state == "running" for view in views) <= SLOTS
            assert time.monotonic() < deadline, views
            time.sleep(0.3)
        assert any(waiting > SLOTS and at_work for waiting, at_work in seen), sorted(seen)
        for village in villages:
            assert village.end(runs[village.name]).record["decided_by"]
