"""A branch that ends after its barrier has decided: its rows are staged, and a run of their own brings them to the warehouse. Runs in a worker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tidegate.operators.barrier import RECORD_KEY, BarrierOperator
from tidegate.operators.starting import start_run
from tidegate.operators.surroundings import most_runs
from tidegate.resilience.completeness import BranchState, Completeness
from tidegate.resilience.correlation import CORRELATION_ID, correlation_id
from tidegate.resilience.gap import pinned, run_id_of

if TYPE_CHECKING:
    from tidegate.operators.extract import ExtractOperator
    from tidegate.operators.night import Night


def bring_what_is_late(task: ExtractOperator, night: Night) -> None:
    """Start the run that takes what an extract has just staged, where its barrier has decided without it, and enough had arrived then.

    What cannot be started, or ends in the moment of the decision, stays a gap, which the hourly catch-up closes in the same way.
    """
    barrier = next((other for other in task.get_flat_relatives(upstream=False) if isinstance(other, BarrierOperator)), None)
    if barrier is None or not barrier.watches or barrier.ends(task.branch) != (task.task_id,):
        return
    record = _decided(barrier, night)
    if record is None or not record.met or task.branch not in {*record.named(BranchState.LATE), *record.named(BranchState.NOT_STARTED)}:
        return
    conf = {**pinned(night.interval, barrier.dimension, [task.branch], adopt=True), CORRELATION_ID: night.correlation_id}
    branch = re.sub(r"[^A-Za-z0-9_.~:+-]", "-", task.branch)  # what Airflow takes in the id of a run
    run_id = run_id_of(night.interval, f"{branch}__{correlation_id(night.dag_id, night.run_id)}-{night.try_number}")
    at_work = night.ti.get_dr_count(dag_id=night.dag_id, states=["queued", "running"])
    if at_work > most_runs():  # its own run is one of them
        task.log.info(
            "%s ended after its barrier had decided; %s runs are at work, so the hourly catch-up takes its rows", task.branch, at_work
        )
        return
    try:
        new = start_run(night.dag_id, run_id, conf)
    except Exception:
        task.log.exception("%s ended after its barrier had decided; the run that is to take its rows could not be started", task.branch)
        return
    told = "takes its rows" if new else "is there already, so the hourly catch-up takes its rows"
    task.log.info("%s ended after its barrier had decided; run %s %s", task.branch, run_id, told)


def _decided(barrier: BarrierOperator, night: Night) -> Completeness | None:
    report = night.ti.xcom_pull(task_ids=barrier.task_id, key=RECORD_KEY)
    return Completeness.from_dict(report) if report else None
