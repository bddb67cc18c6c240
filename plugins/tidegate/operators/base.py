"""What Tidegate's operators share: the correlation id on every log line, and a failure that tells the join why."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException, AirflowTaskTimeout

from tidegate.errors import TidegateError
from tidegate.operators.night import Night, utc_now
from tidegate.operators.retrying import JitteredRetryPolicy
from tidegate.operators.surroundings import default_include

if TYPE_CHECKING:
    from airflow.sdk import Context

FAILURE_KEY = "failure"
"""XCom key under which a failed try says why; Airflow itself keeps no error text that another task could read."""


class TidegateOperator(BaseOperator):
    """A task that knows its night. Runs in a worker.

    SQL files and modules lie under the first folder of the DAG's ``template_searchpath``, else under ``include/`` beside the DAGs folder.
    The DAG's id is the pipeline's name, by which staging and ledger are keyed.
    """

    def __init__(self, **kwargs: Any) -> None:
        if kwargs.get("retry_policy") is None:
            kwargs["retry_policy"] = JitteredRetryPolicy()
        super().__init__(**kwargs)

    @property
    def ledger_conn_id(self) -> str | None:
        """The connection of the ledger that this task writes, for a task that writes one."""
        return None

    @property
    def include(self) -> Path:
        """The folder of SQL files and modules."""
        dag = self.get_dag()
        searchpath = dag.template_searchpath if dag is not None else None
        if not searchpath:
            return default_include()
        return Path(searchpath if isinstance(searchpath, str) else next(iter(searchpath)))

    def execute(self, context: Context) -> Any:
        """Do the work with the correlation id bound to the log; on failure, leave the reason where the join finds it."""
        started = utc_now()
        try:
            night = Night.of(context)
            with structlog.contextvars.bound_contextvars(correlation_id=night.correlation_id):
                return self.work(night)
        except AirflowSkipException:
            raise
        except (Exception, AirflowTaskTimeout) as error:
            failure = {"reason": reason_of(error, self), "error": type(error).__name__, "started": started, "ended": utc_now()}
            context["ti"].xcom_push(key=FAILURE_KEY, value=failure)
            raise

    @abstractmethod
    def work(self, night: Night) -> Any:
        """The task itself; what it returns becomes its XCom."""


def reason_of(error: BaseException, task: BaseOperator) -> str:
    """Why a task failed, in one line for a person; the hint of what to do stays in the task's log."""
    if isinstance(error, AirflowTaskTimeout):
        return f"timed out after {task.execution_timeout}"
    text = error.message if isinstance(error, TidegateError) else str(error)
    return " ".join(text.split()) or type(error).__name__
