"""Retries that know what a retry can mend, and that do not come back all at once."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

from tidegate.resilience.retry import wait, worth_retrying

if TYPE_CHECKING:
    from airflow.sdk import Context


LONGEST_WAIT = timedelta(minutes=10)


class JitteredRetryPolicy(RetryPolicy):
    """Exponential waits with full jitter; errors that no retry can mend fail at once. Evaluated in the worker.

    :param delay: The first wait's upper bound.
    :param max_delay: The upper bound of every wait.
    :param jitter: ``full`` or ``none``.
    :param backoff: What the wait is multiplied by from try to try.
    """

    def __init__(
        self, *, delay: timedelta = timedelta(seconds=30), max_delay: timedelta = LONGEST_WAIT, jitter: str = "full", backoff: float = 2.0
    ) -> None:
        self.delay = delay
        self.max_delay = max_delay
        self.jitter = jitter
        self.backoff = backoff

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002  Airflow's signature
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Fail what cannot be mended, else wait."""
        if not worth_retrying(exception):
            return RetryDecision.fail(reason=f"{type(exception).__name__}: a retry would end the same way")
        pause = wait(try_number, delay=self.delay, max_delay=self.max_delay, jitter=self.jitter, backoff=self.backoff, random=random.random)
        return RetryDecision.retry(delay=pause, reason=f"{type(exception).__name__}: trying again in {pause.total_seconds():.0f} s")

    def serialize(self) -> dict[str, Any]:
        """Plain JSON types."""
        delay, max_delay = self.delay.total_seconds(), self.max_delay.total_seconds()
        return {"delay": delay, "max_delay": max_delay, "jitter": self.jitter, "backoff": self.backoff}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> JitteredRetryPolicy:
        """The inverse of :meth:`serialize`."""
        delay, max_delay = (timedelta(seconds=data[key]) for key in ("delay", "max_delay"))
        return cls(delay=delay, max_delay=max_delay, jitter=data["jitter"], backoff=data["backoff"])
