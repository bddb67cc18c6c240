"""Plays all scenarios on one real Airflow, a few at a time."""

from __future__ import annotations

import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.nights.scenarios import SCENARIOS, Scenario
from demo.nights.village import REGIONS, Village
from tidegate.testing import LocalAirflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PROJECT = Path(__file__).parent / "project"
_AT_ONCE = 3
_APART = 7.0
"""Seconds between two beginnings: tasks of nights that begin together wait for processors, not for databases."""


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that is over."""

    scenario: Scenario
    village: Village
    seconds: float


@contextmanager
def scenery(root: Path, scenarios: Sequence[Scenario] = SCENARIOS) -> Iterator[LocalAirflow]:
    """An Airflow over the villages' databases under a folder, which is made anew."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    shutil.copytree(PROJECT, root / "project")
    names = {scenario.pipeline for scenario in scenarios}
    for file in (root / "project" / "include" / "pipelines").rglob("*.yaml"):
        if file.stem not in names:
            file.unlink()  # or its schedule would begin, without databases
    sqlite3.connect(root / "warehouse.db").close()
    files = {f"{scenario.pipeline}_{region}": root / f"{scenario.pipeline}_{region}.db" for scenario in scenarios for region in REGIONS}
    connections = {name: {"conn_type": "sqlite", "host": str(path)} for name, path in {**files, "warehouse": root / "warehouse.db"}.items()}
    for scenario in scenarios:
        village = Village(scenario.pipeline, root, None)  # type: ignore[arg-type]  no run yet
        village.settle()
        scenario.sold(village)
    with LocalAirflow(root / "airflow", dags=root / "project" / "dags", connections=connections, parallelism=16) as airflow:
        airflow.command("pools", "set", "line", "1", "one reader at a time")
        for scenario in scenarios:
            airflow.wait_for_dag(scenario.pipeline, timeout=120)
        yield airflow


def play(
    airflow: LocalAirflow, root: Path, scenarios: Sequence[Scenario] = SCENARIOS, told: Callable[[Played], Any] = print
) -> list[Played]:
    """Play scenarios, and tell of each when it is over."""

    def one(number: int, scenario: Scenario) -> Played:
        time.sleep(_APART * min(number, _AT_ONCE))
        village = Village(scenario.pipeline, root, airflow)
        began = time.monotonic()
        try:
            scenario.play(village)
        except Exception as error:  # noqa: BLE001  one row of the table must not take the others with it
            village.wrong.append(f"{scenario.pipeline}: {type(error).__name__}: {error}")
        played = Played(scenario, village, time.monotonic() - began)
        told(played)
        return played

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, range(len(scenarios)), scenarios))
