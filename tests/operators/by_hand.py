"""Tasks and contexts for tests of what runs inside of a task: real operators in a real DAG, around the values of one run."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from airflow.sdk import BaseOperator


def placed(operator: type[BaseOperator], include: Path, **arguments: Any) -> Any:
    """An operator in a DAG whose ``include/`` is a folder."""
    with DAG("night", schedule=None, template_searchpath=[str(include)]):
        return operator(task_id="asked", **arguments)


def context(task: Any, *, returned: Mapping[str, Any] | None = None, conf: Mapping[str, Any] | None = None, **params: Any) -> Any:
    """What Airflow hands to a task; ``returned`` is what other tasks have left."""
    ti = SimpleNamespace(
        dag_id="night",
        run_id="run-1",
        task=task,
        task_id=task.task_id,
        try_number=2,
        xcom_push=lambda **_: None,
        xcom_pull=lambda task_ids, **_: (returned or {})[task_ids],
    )
    run = SimpleNamespace(
        dag_id="night",
        run_id="run-1",
        conf=dict(conf or {}),
        data_interval_start=None,
        data_interval_end=None,
        run_after=None,
        start_date=datetime(2026, 3, 3, 2, tzinfo=UTC),
    )
    return {"task": task, "ti": ti, "dag": task.dag, "dag_run": run, "params": params, "run_id": "run-1"}
