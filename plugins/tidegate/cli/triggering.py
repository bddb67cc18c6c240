"""Runs of DAGs as ``airflow dags trigger`` starts them. Runs where Airflow's own command runs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tidegate.errors import Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator


def trigger(dag_id: str, run_id: str, conf: dict[str, Any]) -> bool:
    """Start a run; whether it waits, since its DAG is paused.

    :raises Refused: Airflow knows no such DAG, or its params do not allow the conf.
    :raises Unreachable: the metadata database does not answer, or holds no Airflow.
    """
    from getpass import getuser

    from airflow.api.client import get_current_api_client
    from airflow.models import DagModel
    from airflow.sdk.exceptions import AirflowException

    with _asking():
        try:
            get_current_api_client().trigger_dag(dag_id, run_id=run_id, conf=conf, triggering_user_name=getuser())
        except (AirflowException, ValueError) as error:
            hint = "Wait until the DAG file was read, or look at its page in Airflow."
            raise Refused(f"Airflow says: {' '.join(str(error).split()).rstrip('.')}.", hint=hint) from None
        model = DagModel.get_current(dag_id)
        return bool(model and model.is_paused)


def is_active(dag_id: str, run_id: str) -> bool:
    """Whether a run waits or runs.

    :raises Unreachable: the metadata database does not answer, or holds no Airflow.
    """
    from airflow.models import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with _asking(), create_session() as session:
        state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    return state in {"queued", "running"}


@contextmanager
def _asking() -> Iterator[None]:
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        hint = "Run it where, and as whom, Airflow's own command runs."
        raise Unreachable(f"Airflow's metadata database does not take this: {reason}.", hint=hint) from None
