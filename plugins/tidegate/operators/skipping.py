"""Skips tasks of the same run that have not begun. Called in the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import BaseOperator


def skip(task: BaseOperator, task_ids: Sequence[str]) -> None:
    """Skip tasks of the run in which a task is at work: those that are scheduled, queued, waiting for another try, or that Airflow has not looked at. Teardowns run all the same.

    What has begun in the meantime goes on: Airflow touches no task that is at work.
    """
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import SkipDownstreamTasks

    doomed = [task_id for task_id in task_ids if not task.dag.get_task(task_id).is_teardown]
    if doomed:
        task_runner.SUPERVISOR_COMMS.send(SkipDownstreamTasks(tasks=list(doomed)))
        task.log.info("Skipped, for it is decided: %s", ", ".join(doomed))
