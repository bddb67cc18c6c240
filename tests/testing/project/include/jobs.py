"""Steps that do what the run's conf says of them."""

from typing import Any

from airflow.sdk.exceptions import AirflowSkipException


def work(ti: Any, dag_run: Any) -> str:
    """Fail or skip where the conf names this task, or this index of it."""
    conf = dag_run.conf or {}
    if {ti.task_id, f"{ti.task_id}[{ti.map_index}]"}.intersection(conf.get("fails", [])):
        raise RuntimeError("told to")
    if ti.task_id in conf.get("skips", []):
        raise AirflowSkipException("told to")
    return ti.task_id


def work_on(number: int, ti: Any, dag_run: Any) -> str:
    """The same, for one of several numbers."""
    return f"{work(ti, dag_run)} {number}"


def way(ti: Any, dag_run: Any) -> list[str]:
    """The steps to go on with."""
    work(ti, dag_run)
    return list((dag_run.conf or {}).get("ways", []))


def full(dag_run: Any) -> bool:
    """Whether the conditional step runs."""
    return bool((dag_run.conf or {}).get("full", True))
