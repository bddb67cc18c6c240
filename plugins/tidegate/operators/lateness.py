"""A branch that ends after its barrier has decided: its rows are staged, and a run of their own brings them to the warehouse. Runs in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.data.instants import compact
from tidegate.operators.barrier import RECORD_KEY, BarrierOperator
from tidegate.operators.starting import start_run
from tidegate.resilience.completeness import BranchState, Completeness
from tidegate.resilience.correlation import CORRELATION_ID
from tidegate.resilience.keys import ADOPT, CATCH_UP, INTERVAL_END, INTERVAL_START

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
    conf = {
        barrier.dimension: [task.branch],
        INTERVAL_START: night.interval.start.isoformat(),
        INTERVAL_END: night.interval.end.isoformat(),
        ADOPT: True,
        CATCH_UP: True,
        CORRELATION_ID: night.correlation_id,
    }
    run_id = f"catch_up__{compact(night.interval.start)}__{task.branch}__{night.correlation_id}-{night.try_number}"
    try:
        start_run(night.dag_id, run_id, conf)
    except Exception:
        task.log.exception("%s ended after its barrier had decided; the run that is to take its rows could not be started", task.branch)
        return
    task.log.info("%s ended after its barrier had decided; run %s takes its rows", task.branch, run_id)


def _decided(barrier: BarrierOperator, night: Night) -> Completeness | None:
    report = night.ti.xcom_pull(task_ids=barrier.task_id, key=RECORD_KEY)
    return Completeness.from_dict(report) if report else None
