"""Puts the night's sentence on the run as its note, so that a green run says partial wherever runs are listed.

Runs in the scheduler, which is why every path out of here is guarded: an exception would hurt every DAG.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from tidegate.model.spec import OUTCOME
from tidegate.resilience.verdict import NOTE_KEY

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

log = logging.getLogger(__name__)

LONGEST_NOTE = 1000
"""Characters that Airflow keeps."""


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001  Airflow's signature
    """A run ended well: say how well."""
    _set_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001
    """A run failed: say why."""
    _set_note(dag_run)


def _set_note(dag_run: DagRun) -> None:
    try:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select
        from sqlalchemy.orm import object_session

        query = select(XComModel.value).where(
            XComModel.dag_id == dag_run.dag_id,
            XComModel.run_id == dag_run.run_id,
            XComModel.task_id == OUTCOME,
            XComModel.key == NOTE_KEY,
        )
        with create_session(
            scoped=False
        ) as session:  # one of its own: a query that fails must not take the scheduler's transaction with it
            value = session.scalars(query).first()
            if value is None:
                return
            sentence = XComModel.deserialize_value(_Row(value))
            run = (
                dag_run if object_session(dag_run) is not None else session.get_one(type(dag_run), dag_run.id)
            )  # `airflow dags test` has let go of it
            if isinstance(sentence, str) and is_ours(run.dag_id, sentence) and is_ours(run.dag_id, run.note or sentence):
                run.note = sentence if len(sentence) <= LONGEST_NOTE else f"{sentence[: LONGEST_NOTE - 1]}…"
    except Exception:
        log.exception("The note of run %s could not be set", getattr(dag_run, "run_id", "?"))


def is_ours(dag_id: str, note: str) -> bool:
    """Whether a note is a verdict's sentence, which may be written over: what a person wrote stays."""
    return note.startswith(tuple(f"{dag_id} {word} " for word in ("for", "is", "failed:")))


class _Row:
    """What Airflow's deserializer wants: something with a value."""

    def __init__(self, value: object) -> None:
        self.value = value
