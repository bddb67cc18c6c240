"""Runs another pipeline as a step of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from tidegate.errors import IntervalUnknown
from tidegate.operators.night import Night
from tidegate.resilience.correlation import CORRELATION_ID
from tidegate.resilience.keys import INTERVAL_END, INTERVAL_START

if TYPE_CHECKING:
    from airflow.sdk import Context


class PipelineOperator(TriggerDagRunOperator):
    """Starts a run of another pipeline about this run's interval, under this run's correlation id. Runs in a worker; waits in the triggerer.

    Every other argument is that of Airflow's ``TriggerDagRunOperator``.

    :param pipeline: The other pipeline's name, or any DAG's id.
    """

    def __init__(self, *, pipeline: str, **kwargs: Any) -> None:
        super().__init__(trigger_dag_id=pipeline, logical_date=None, **kwargs)
        self.pipeline = pipeline

    def execute(self, context: Context) -> None:
        """Start the run, and wait for it where that was asked."""
        night = Night.of(context)
        given: dict[str, Any] = {CORRELATION_ID: night.correlation_id}
        try:
            interval = night.interval
            given |= {INTERVAL_START: interval.start.isoformat(), INTERVAL_END: interval.end.isoformat()}
        except IntervalUnknown as error:
            self.log.info("%s The other run gets no interval from here.", error.message)
        self.conf = {**given, **(self.conf or {})}
        if self.trigger_run_id is None:
            # One run for one try of this task, whatever becomes of the process that asked for it.
            self.trigger_run_id = f"{night.run_id}__{night.dag_id}.{night.task_id}__{night.try_number}"
        super().execute(context)
