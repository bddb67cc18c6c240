"""What Tidegate's operators share: the correlation id on every log line, and a failure that tells the join why."""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import structlog
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException, AirflowTaskTimeout, DownstreamTasksSkipped

from tidegate.data.instants import stamp
from tidegate.errors import TidegateError
from tidegate.operators.night import Night
from tidegate.operators.retrying import LONGEST_WAIT, JitteredRetryPolicy
from tidegate.operators.surroundings import include_of
from tidegate.redaction import without_secrets
from tidegate.resilience.faults import classify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.sdk import Context, RetryPolicy

DEFAULT_RETRIES = 2
FAILURE_KEY = "failure"
"""XCom key under which a failed try says why; Airflow itself keeps no error text that another task could read."""


class TidegateOperator(BaseOperator):
    """A task that knows its night. Runs in a worker.

    SQL files and modules lie under the first folder of the DAG's ``template_searchpath``, else under ``include/`` beside the DAGs folder.
    The DAG's id is the pipeline's name, by which staging and ledger are keyed.

    :param retries: Tries after the first.
    :param retry_policy: What to do after a failure; by default waits grow from ``retry_delay``, with full jitter, and what a retry cannot
        mend is not retried.
    :param retry_delay: The first wait's upper bound.
    """

    def __init__(
        self,
        *,
        retries: int | None = DEFAULT_RETRIES,
        retry_policy: RetryPolicy | None = None,
        retry_delay: timedelta | float = timedelta(seconds=30),
        **kwargs: Any,
    ) -> None:
        delay = retry_delay if isinstance(retry_delay, timedelta) else timedelta(seconds=retry_delay)
        policy = retry_policy or JitteredRetryPolicy(delay=delay, max_delay=max(delay, LONGEST_WAIT))
        if self.carries_rows:
            kwargs["do_xcom_push"] = True
        retries = DEFAULT_RETRIES if retries is None else retries
        super().__init__(retries=retries, retry_policy=policy, retry_delay=delay, **kwargs)

    carries_rows: ClassVar[bool] = False
    """Whether the task works on an interval's rows and tells those behind it of them by its result. It always leaves one, whatever
    ``do_xcom_push`` says, so that a success without a result tells that a person marked it so."""

    @property
    def ledger_conn_id(self) -> str | None:
        """The connection of the ledger that this task writes, for a task that writes one."""
        return None

    @property
    def include(self) -> Path:
        """The folder of SQL files and modules."""
        return include_of(self)

    def execute(self, context: Context) -> Any:
        """Do the work."""
        return self.at_work(context, self.work)

    def at_work(self, context: Context, work: Callable[[Night], Any]) -> Any:
        """Do something with the correlation id bound to the log; on failure, leave the reason where the join finds it."""
        started = stamp()
        try:
            night = Night.of(context)
            with structlog.contextvars.bound_contextvars(correlation_id=night.correlation_id):
                return work(night)
        except (AirflowSkipException, AirflowRescheduleException, DownstreamTasksSkipped):
            raise
        except (Exception, AirflowTaskTimeout) as error:
            failure = {
                "reason": reason_of(error, self),
                "error": type(error).__name__,
                "class": str(classify(error)),
                "started": started,
                "ended": stamp(),
            }
            try:
                context["ti"].xcom_push(key=FAILURE_KEY, value=failure)
            except Exception:
                self.log.exception("The reason could not be left for the join; the task's own error follows")
            raise

    @abstractmethod
    def work(self, night: Night) -> Any:
        """The task itself; what it returns becomes its XCom."""


def reason_of(error: BaseException, task: BaseOperator) -> str:
    """Why a task failed, in one line for a person; the hint of what to do stays in the task's log."""
    if isinstance(error, AirflowTaskTimeout):
        return f"timed out after {task.execution_timeout}"
    if isinstance(error, TidegateError):
        return " ".join(error.message.split())
    return without_secrets(f"{type(error).__name__}: {error}")
