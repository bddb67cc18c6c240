"""Skips tasks of the same run that have not begun. Called in the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import BaseOperator


def skip(task: BaseOperator, instances: Mapping[str, int]) -> None:
    """Skip tasks of the run in which a task is at work: those that are scheduled, queued, waiting for another try, or that Airflow has not looked at. Teardowns run all the same.

    What has begun in the meantime goes on: Airflow touches no task that is at work.

    :param instances: Task id → how many instances Airflow knows of it, for tasks that are mapped.
    """
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import SkipDownstreamTasks

    doomed = [task_id for task_id in instances if not task.dag.get_task(task_id).is_teardown]
    if doomed:
        indexes = [(task_id, index) for task_id in doomed if task.dag.get_task(task_id).is_mapped for index in range(instances[task_id])]
        task_runner.SUPERVISOR_COMMS.send(SkipDownstreamTasks(tasks=[*doomed, *indexes]))
        task.log.info("Skipped, for it is decided: %s", ", ".join(doomed))
