"""Runs nights of ``project/`` by Airflow's ``dag.test()``: real operators, real databases. A program: nights as JSON on stdin, results on stdout."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.settings import Session
from airflow.utils.db import initdb
from sqlalchemy import select

from tidegate import build_dags
from tidegate.cli.breakers import change
from tidegate.resilience.breaker import Breaker, Stance

PROJECT = Path(__file__).parent / "project"
HOME = Path(os.environ["AIRFLOW_HOME"])
SHOPS = ("anna", "ben", "carl", "dora")
OPEN_AFTER = 2
"""What ``dark.yaml`` says."""
CREATE = "CREATE TABLE sales (id INTEGER, cents INTEGER, sold_at TEXT)"


WITHOUT_A_SLOT: list[str] = []
"""The tasks of the night at hand that find no slot until its barrier has decided: dag.test() itself has a slot for all."""


def _with_few_slots(found: Any) -> Any:
    """An answer of the scheduler to which tasks may start, with those left out that find no slot."""

    def update_state(run: DagRun, *, session: Any) -> Any:
        ready, callback = found(run, session=session)
        decided = any(ti.task_id == "arrived" and ti.state in {"success", "failed"} for ti in run.get_task_instances(session=session))
        return [ti for ti in ready if decided or ti.task_id not in WITHOUT_A_SLOT], callback

    return update_state


def sell(day: date, closed: list[str], away: list[str], rows: dict[str, int]) -> None:
    """Make the shops' databases for one run: those that are closed have no table, and those that are away do not answer."""
    for shop in SHOPS:
        path = HOME / f"{shop}.db"
        path.unlink(missing_ok=True)
        if shop in away:
            continue
        with closing(sqlite3.connect(path)) as connection, connection:
            if shop not in closed:
                connection.execute(CREATE)
                sold = [(number, 100, f"{day.isoformat()} 12:00:00") for number in range(rows.get(shop, 1))]
                connection.executemany("INSERT INTO sales VALUES (?, ?, ?)", sold)


def run(night: dict[str, Any], session: Any) -> dict[str, Any]:
    """What becomes of one night."""
    day = date.fromisoformat(night["day"])
    if night.get("sells", True):
        sell(day, night.get("closed", []), night.get("away", []), night.get("rows", {}))
    start = datetime.combine(day, time.min)
    interval = {"interval_start": start.isoformat(), "interval_end": (start + timedelta(days=1)).isoformat()}
    conf = {**(interval if night.get("interval", True) else {}), **night.get("conf", {})}
    for path in (HOME / "staging").glob(f"{night['spoilt']}/*.parquet") if night.get("spoilt") else ():
        path.write_bytes(b"what?")
    WITHOUT_A_SLOT[:] = night.get("unstarted", [])
    dag = build_dags(PROJECT / "include" / "pipelines")[night["pipeline"]]  # a run in this process leaves its conf in the DAG's params
    for branch, nights in night.get("breakers", {}).items():
        breaker = Breaker(nights=nights, stance=Stance.OPEN if nights >= OPEN_AFTER else Stance.CLOSED)
        change(dag.dag_id, branch, lambda _before, breaker=breaker: breaker)
    done = dag.test(run_conf=conf)
    states: dict[str, set[str]] = {}
    for ti in done.get_task_instances(session=session):
        states.setdefault(ti.task_id, set()).add(str(ti.state))
    told = {key: outcome_told(session, done.run_id, key) for key in ("record", "note")}
    return {
        "state": str(done.state),
        "states": {task_id: "failed" if "failed" in found else "/".join(sorted(found)) for task_id, found in states.items()},
        **told,
        "noted": session.get_one(DagRun, done.id, populate_existing=True).note,
        "warehouse": {name: asked_of_the_warehouse(question) for name, question in night.get("asks", {}).items()},
    }


def outcome_told(session: Any, run_id: str, key: str) -> Any:
    """What the outcome left for others, None where nothing."""
    asked = select(XComModel.value).where(XComModel.run_id == run_id, XComModel.task_id == "outcome", XComModel.key == key)
    return session.scalar(asked)


def asked_of_the_warehouse(question: str) -> list[Any]:
    """The rows that it answers."""
    with closing(sqlite3.connect(HOME / "warehouse.db")) as connection:
        return connection.execute(question).fetchall()


def main() -> None:
    """Run all nights, one after the other, in one home."""
    nights = json.load(sys.stdin)
    initdb()
    session = Session()
    DagRun.update_state = _with_few_slots(DagRun.update_state)  # type: ignore[method-assign]
    found = [run(night, session) for night in nights]
    print("\n===\n" + json.dumps(found))  # noqa: T201  what the caller reads


if __name__ == "__main__":
    main()
