"""What may end a task's reads early: a budget that was set for it, and a barrier that asks from another process. Runs in a worker."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tidegate.data.instants import stamp
from tidegate.errors import Stopped, TidegateError
from tidegate.operators.surroundings import staging_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow.sdk import Context

    from tidegate.data.staging import Staging
    from tidegate.data.stopping import Stop
    from tidegate.operators.night import Night

_BUDGET = "_tidegate_stop_at"


def end_reads_at(context: Context, at: datetime, why: str) -> None:
    """Let the task's reads end at an instant; for a ``pre_execute`` hook, which runs in the task's process.

    :param at: with a time zone.
    :param why: completes "sales_emea was …", such as ``stopped at 04:30 Europe/Berlin, when its barrier decides``.
    """
    setattr(context["ti"].task, _BUDGET, (at, why))


def run_of(run: Any) -> str:
    """The name of a run among those who ask its reads to stop; another one when the run has been cleared.

    :param run: Airflow's DAG run.
    """
    return f"{run.run_id} {stamp(run.start_date) if run.start_date else ''}".rstrip()


def stop_reads(night: Night, why: str) -> None:
    """Ask the extracts of a run that are at work, wherever they run, to stop; each looks every few seconds."""
    _staging().ask_to_stop(*_asked(night), why)


def forget_stop(night: Night) -> None:
    """Let the extracts of a run read again: its barrier begins anew, for a person has cleared it while the run was at work."""
    _staging().forget_stop(*_asked(night))


def _staging() -> Staging:
    from tidegate.data.staging import Staging

    return Staging(staging_root())


def _asked(night: Night) -> tuple[str, datetime, datetime, str]:
    return night.dag_id, night.interval.start, night.interval.end, run_of(night.context["dag_run"])


def stop_of(night: Night) -> Stop:
    """When the reads of a task's night are to end early, and why."""
    from tidegate.data.stopping import Stop

    at, why = getattr(night.ti.task, _BUDGET, (None, ""))
    staging, asked = _staging(), _asked(night)
    return Stop(at=at, why=why, asked=lambda: staging.asked_to_stop(*asked))


class EndsFromOutside:
    """An operator whose statement is cancelled on its server when a person, Airflow or a worker that shuts down ends the task."""

    _stop: Stop | None = None
    """Of the statement that is at work."""
    _killed = False

    def on_kill(self) -> None:
        """Cancel the statement."""
        self._killed = True
        if self._stop is not None:
            self._stop.now("stopped, for its task was ended from outside")

    @contextmanager
    def stoppable(self, stop: Stop) -> Iterator[Stop]:
        """Let :meth:`on_kill` end what the block runs, which is then tried again: a worker that goes away must not cost a task its other tries.

        :raises Stopped: somebody decided that it is to end.
        """
        self._stop = stop
        try:
            yield stop
        except Stopped as stopped:
            if self._killed:
                raise TidegateError(stopped.message, hint="It is tried again, unless a person ended it.") from stopped
            raise
