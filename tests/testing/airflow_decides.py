"""Runs DAGs through Airflow's own scheduling decisions, task ends given. A program: cases as JSON on stdin, what became of them on stdout.

The states of real task instances in a metadata database are decided by ``DagRun.task_instance_scheduling_decisions`` and ``update_state``, as in the
scheduler's loop. What workers do is played: a task that is ready runs for as long as the case says, and ends as it says; skipping what is behind a
branch, and ending what else runs where a DAG fails fast, is done by Airflow's own code.
"""

from __future__ import annotations

import heapq
import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.dag_processing.dagbag import sync_bag_to_db
from airflow.models.taskinstance import TaskInstance, _stop_remaining_tasks
from airflow.models.taskmap import TaskMap
from airflow.sdk import DAG, BaseOperator, XComArg
from airflow.serialization.serialized_objects import DagSerialization
from airflow.settings import Session
from airflow.utils.db import initdb
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import or_, update

BUNDLE = "cases"
DAY = datetime(2026, 1, 1, tzinfo=UTC)


class Work(BaseOperator):
    """A task that is never executed here."""

    def __init__(self, *, n: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = n


def dag_of(case: dict[str, Any], name: str) -> DAG:
    """The DAG of a case; its tasks stand in the case behind those before them."""
    dag = DAG(name, schedule=None, fail_fast=case.get("fail_fast", False))
    made: dict[str, Any] = {}
    for task in case["tasks"]:
        said: dict[str, Any] = {"task_id": task["task_id"], "dag": dag}
        said |= {"trigger_rule": task["rule"]} if not task.get("teardown") else {}
        if task.get("mapped_over"):
            found = Work.partial(**said).expand(n=XComArg(made[task["mapped_over"][0]]))
        elif task.get("mapped"):
            found = Work.partial(**said).expand(n=[1, 2])
        else:
            found = Work(**said)
        made[task["task_id"]] = found
        if task.get("setup"):
            found.as_setup()
        if task.get("teardown"):
            found.as_teardown(on_failure_fail_dagrun=task.get("fails_run", False))
        for before in task["upstream"]:
            found.set_upstream(made[before])
    dag.validate()
    return dag


def run_of(case: dict[str, Any], name: str, dag: DAG, session: Any) -> dict[str, Any]:
    """What Airflow makes of one run of a DAG."""
    core = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    run = core.create_dagrun(
        run_id=name, logical_date=DAY, data_interval=(DAY, DAY), run_after=DAY, conf={}, run_type=DagRunType.MANUAL,
        state="running", triggered_by=DagRunTriggeredByType.TEST, start_date=DAY, session=session,
    )  # fmt: skip
    run.dag = core
    ends: list[tuple[float, int, str]] = []
    running: dict[str, list[TaskInstance]] = {}
    clock, number, order = 0.0, 0, list(core.task_dict)
    while True:
        while True:
            told = run.task_instance_scheduling_decisions(session=session)
            ready = sorted(told.schedulable_tis, key=lambda ti: order.index(ti.task_id))
            for ti in ready:
                ti.state = "running"
                if ti.task_id not in running:
                    number += 1
                    heapq.heappush(ends, (clock + case["ends"][ti.task_id]["seconds"], number, ti.task_id))
                running.setdefault(ti.task_id, []).append(ti)
            session.flush()
            if not (ready or told.changed_tis):
                break
        if not ends:
            break
        clock = ends[0][0]
        while ends and ends[0][0] == clock:
            task_id = heapq.heappop(ends)[2]
            _end(case, run, running.pop(task_id), case["ends"][task_id], session)
    run.update_state(session=session, execute_callbacks=False)
    found: dict[str, set[str | None]] = {}
    for ti in run.get_task_instances(session=session):
        found.setdefault(ti.task_id, set()).add(ti.state and str(ti.state.value if hasattr(ti.state, "value") else ti.state))
    return {"states": {task_id: "/".join(sorted(map(str, states))) for task_id, states in found.items()}, "state": str(run.state.value)}


def _end(case: dict[str, Any], run: Any, tis: list[TaskInstance], end: dict[str, Any], session: Any) -> None:
    """What the API does when a worker says that a task has ended: skip what it skips, set its state, stop the others where that is asked for."""
    tis = [ti for ti in tis if ti.state == "running"]
    if not tis:  # stopped by another one
        return
    for ti in tis:
        ti.state = end["state"]
    session.flush()
    if end["skips"]:
        free = or_(TaskInstance.state.is_(None), TaskInstance.state.not_in(["running", "success", "failed"]))
        here = (TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id, TaskInstance.task_id.in_(end["skips"]))
        session.execute(update(TaskInstance).where(*here, free).values(state="skipped"))
        session.expire_all()
    if end["state"] == "success" and not run.dag.get_task(tis[0].task_id).is_mapped:
        session.add(TaskMap(dag_id=run.dag_id, task_id=tis[0].task_id, run_id=run.run_id, map_index=-1, length=2, keys=None))
    if end["state"] == "failed" and case.get("fail_fast"):
        tis[0].task = run.dag.get_task(tis[0].task_id)
        teardowns = {task_id: task.is_teardown for task_id, task in run.dag.task_dict.items()}
        _stop_remaining_tasks(task_instance=tis[0], task_teardown_map=teardowns, session=session)
    session.flush()


def main() -> None:
    """Decide all cases in one database."""
    cases = json.load(sys.stdin)
    initdb()
    session = Session()
    dags = {f"case_{number}": dag_of(case, f"case_{number}") for number, case in enumerate(cases)}
    bag = SimpleNamespace(dags=dags, import_errors={}, bundle_path=None, file_last_changed={}, dag_warnings=set())
    from airflow.models.dagbundle import DagBundleModel

    session.add(DagBundleModel(name=BUNDLE))
    session.commit()
    for dag in dags.values():
        dag.fileloc, dag.relative_fileloc = __file__, "airflow_decides.py"
    sync_bag_to_db(bag, BUNDLE, None, session=session)
    session.commit()
    found = [run_of(case, name, dags[name], session) for case, name in zip(cases, dags, strict=True)]
    print("decided:" + json.dumps(found))  # noqa: T201  what the caller reads


if __name__ == "__main__":
    main()
