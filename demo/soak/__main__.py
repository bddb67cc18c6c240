"""``python -m demo.soak [--kills 30] [--seed 1]``: kills and nights, in figures; exit code 1 when anything was not as it must be."""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from demo import place, show
from demo.nights.stage import PROJECT as NIGHTS
from demo.nights.village import REGIONS, Village
from demo.soak.judging import Judge
from demo.soak.killing import Killer
from demo.soak.nights import Lane, look_for_gaps
from tidegate.errors import TidegateError
from tidegate.testing import LocalAirflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

PROJECT = Path(__file__).parent / "project"
LANES = {"harbour": True, "market": False}
"""Pipeline → whether its barrier decides by a time."""
SETTINGS = {
    # What died is found dead in seconds, and not in minutes.
    "scheduler.scheduler_health_check_threshold": "12",
    "scheduler.orphaned_tasks_check_interval": "5",
    "scheduler.task_instance_heartbeat_timeout": "20",
    "scheduler.task_instance_heartbeat_timeout_detection_interval": "3",
    "scheduler.task_queued_timeout": "90",
    "scheduler.task_queued_timeout_check_interval": "10",
    "triggerer.triggerer_health_check_threshold": "12",
}
_SOLD = 1500
_BUSY = 12
"""Tasks at once."""


def main(arguments: Sequence[str]) -> int:
    """Play, kill, judge, and return the exit code."""
    asked = asked_for(arguments)
    out = show.console()
    try:
        with scenery(asked.root, asked.seed) as (airflow, lanes):
            return soak(airflow, lanes, asked, out)
    except (TidegateError, TimeoutError) as error:
        out.print(str(error), markup=False, style="red")
        return 1


def asked_for(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m demo.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=6.0, help="seconds between two kills, about")
    parser.add_argument("--minutes", type=float, default=10.0, help="after which no more is killed")
    parser.add_argument("--root", type=Path, default=place.ROOT / ".tidegate" / "soak")
    return parser.parse_args(arguments)


@contextmanager
def scenery(root: Path, seed: int) -> Iterator[tuple[LocalAirflow, list[Lane]]]:
    """An Airflow over the villages' databases under a folder, which is made anew."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(NIGHTS, root / "project", ignore=shutil.ignore_patterns("pipelines"))
    shutil.copytree(PROJECT, root / "project", dirs_exist_ok=True)
    shutil.copy(place.ROOT / "dags" / "tidegate_catch_up.py", root / "project" / "dags")  # as it is shipped
    warehouse = root / "warehouse.db"
    sqlite3.connect(warehouse).close()
    files = {f"{name}_{region}": root / f"{name}_{region}.db" for name in LANES for region in REGIONS} | {"warehouse": warehouse}
    connections = {name: {"conn_type": "sqlite", "host": str(path)} for name, path in files.items()}
    dags = root / "project" / "dags"
    with LocalAirflow(root / "airflow", dags=dags, connections=connections, settings=SETTINGS, parallelism=_BUSY) as airflow:
        lanes = [Lane(Village(name, root, airflow, sold=_SOLD), seed, hangs=hangs) for name, hangs in LANES.items()]
        for lane in lanes:
            lane.village.settle()
            airflow.wait_for_dag(lane.village.name, timeout=120)
        airflow.wait_for_dag("tidegate_catch_up", timeout=120)
        yield airflow, lanes


def soak(airflow: LocalAirflow, lanes: Sequence[Lane], asked: argparse.Namespace, out: Console) -> int:
    """Play nights while parts are killed, and judge what is left: as it stands, and when all that was missing has been brought."""
    began = time.monotonic()

    def told(line: str) -> None:
        out.print(f"  {time.monotonic() - began:5.0f} s  {line}", markup=False)

    warehouse = asked.root.resolve() / "warehouse.db"
    killer = Killer(airflow, warehouse, asked.kills, asked.seed, told, until=began + 60 * asked.minutes)
    over, stop = Event(), Event()
    out.print(f"Airflow is up at {airflow.url}; {asked.kills} kills, seed {asked.seed}, at most {asked.minutes:.0f} minutes of them.")
    with ThreadPoolExecutor() as pool:
        killing = pool.submit(killer.run, asked.pause, over, stop)
        try:
            playing = [pool.submit(lane.play, over) for lane in lanes]
            looks = pool.submit(look_for_gaps, airflow, warehouse, over)
            for each in playing:
                each.result()
            told(f"all killed; {looks.result()} looks for gaps; what still runs must end")
            for lane in lanes:
                lane.at_rest()
            told("at rest: is it as it must be?")
            judges = [Judge(lane.village, lane.gone) for lane in lanes]
            for judge in judges:
                judge.runs()
                judge.intervals()
            told("what failed is cleared, what is missing is caught up")
            brought = list(pool.map(lambda lane: lane.heal(), lanes))
            for judge in judges:
                judge.runs(healed=True)
                judge.intervals(whole=True)
        finally:
            over.set()
            stop.set()
        killing.result()
    _tell(out, killer, lanes, judges)
    wrong = [line for lane in lanes for line in lane.village.wrong]
    for line in wrong:
        out.print(f"  {line}", markup=False, style="red")
    out.print(f"{sum(brought)} catch-up runs in the end; {len(killer.done)} kills, {len(wrong)} findings, {time.monotonic() - began:.0f} s")
    return 1 if wrong or len(killer.done) < killer.kills else 0


def _tell(out: Console, killer: Killer, lanes: Sequence[Lane], judges: Sequence[Judge]) -> None:
    for title, counts in killer.figures():
        out.print(f"{title}: {', '.join(f'{count} {name}' for name, count in counts.most_common())}", markup=False)
    runs = [(lane.village, run["dag_run_id"]) for lane in lanes for run in lane.village.runs()]
    nights = sum(len(lane.gone) for lane in lanes)
    tries = [task["try_number"] for village, run_id in runs for task in village.airflow.tasks(village.name, run_id)]
    again = sum(max(number - 1, 0) for number in tries)
    out.print(
        f"{nights} nights in {len(runs)} runs; as they stood before catch-up: {_counted(judge.outcomes for judge in judges)}; "
        f"{again} tries after the first, {sum(lane.by_hand for lane in lanes)} runs cleared by hand",
        markup=False,
    )
    if killer.died:
        out.print(f"ended by themselves: {_counted([Counter(killer.died)])}", markup=False)


def _counted(counters: Iterable[Counter[str]]) -> str:
    total = sum(counters, Counter[str]())
    return ", ".join(f"{count} {name}" for name, count in total.most_common())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
