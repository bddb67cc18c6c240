"""Starts runs from within a task, and asks about them, by its own right and no credentials. Called in the worker."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Mapping


def start_run(dag_id: str, run_id: str, conf: Mapping[str, Any]) -> bool:
    """Start a run.

    :return: Whether it is new; False where there is one of this id already.
    :raises TidegateError: Airflow did not start it.
    """
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun

    answer = task_runner.SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=dag_id, run_id=run_id, conf=dict(conf)))
    if not isinstance(answer, ErrorResponse):
        return True
    if answer.error is ErrorType.DAGRUN_ALREADY_EXISTS:
        return False
    raise TidegateError(f"Airflow did not start run {run_id} of {dag_id}: {answer.detail or answer.error}")


def is_active(ti: Any, dag_id: str, run_id: str) -> bool:
    """Whether a run waits or runs."""
    return bool(ti.get_dr_count(dag_id=dag_id, run_ids=[run_id], states=["queued", "running"]))


def why_not(ti: Any, dag_id: str) -> str:
    """Why no run of a DAG would begin now; empty where one would."""
    from airflow.sdk.api.client import ServerResponseError
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return "the DAG is paused" if ti.get_dag(dag_id).is_paused else ""
    except AirflowRuntimeError as error:
        status = (error.error.detail or {}).get("status_code")
        if status != HTTPStatus.NOT_FOUND:
            raise
    except ServerResponseError as error:  # what Airflow's dag.test() hands on in its place
        if error.response.status_code != HTTPStatus.NOT_FOUND:
            raise
    return "Airflow knows no such DAG"
