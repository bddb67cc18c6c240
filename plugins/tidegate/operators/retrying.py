"""Retries that know what a retry can mend, and that do not come back all at once."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

from tidegate.errors import ErrorClass
from tidegate.resilience.faults import classify
from tidegate.resilience.retry import RETRIED, counted, wait, why_not

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context


LONGEST_WAIT = timedelta(minutes=10)


class JitteredRetryPolicy(RetryPolicy):
    """Exponential waits with full jitter, for errors of the classes that a retry may mend. Evaluated in the worker.

    A retry that would begin after the time at which the task's barrier decides is not begun.

    :param delay: The first wait's upper bound.
    :param max_delay: The upper bound of every wait.
    :param jitter: ``full`` or ``none``.
    :param backoff: What the wait is multiplied by from try to try.
    :param on: The classes of error that are retried, or class → how many retries it may have: any of unreachable, timeout, auth, bad_data, bug and
        unknown. By default unreachable, timeout and unknown.
    """

    def __init__(
        self,
        *,
        delay: timedelta = timedelta(seconds=30),
        max_delay: timedelta = LONGEST_WAIT,
        jitter: str = "full",
        backoff: float = 2.0,
        on: Sequence[str] | Mapping[str, int] | None = None,
    ) -> None:
        self.delay = delay
        self.max_delay = max_delay
        self.jitter = jitter
        self.backoff = backoff
        self.on = on

    @property
    def retried(self) -> Mapping[ErrorClass, int | None]:
        """Class of error → the retries that it may have, or None for as many as the task has."""
        if self.on is None:
            return RETRIED
        return {ErrorClass(word): self.on[word] if isinstance(self.on, dict) else None for word in self.on}

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None) -> RetryDecision:
        """Fail what cannot be mended, else wait. What a retry would be the last of is left to Airflow, with the reason."""
        tried = _tries_in_a_row(try_number, max_tries, context)
        if (reason := why_not(exception, tried=tried, on=self.retried)) is not None:
            return RetryDecision.fail(reason=reason)
        name = f"{classify(exception)} ({type(exception).__name__})"
        if try_number > max_tries:
            return RetryDecision(reason=f"{name}: {counted(tried - 1)} did not help" if tried > 1 else f"{name}: the task has no retries")
        pause = wait(tried, delay=self.delay, max_delay=self.max_delay, jitter=self.jitter, backoff=self.backoff, random=random.random)
        from tidegate.operators.budget import (
            budget_of,  # here: it brings the timetables along, and this module is read wherever a DAG is parsed
        )

        deadline = budget_of(context)
        if deadline is not None and datetime.now(UTC) + pause >= deadline:
            return RetryDecision.fail(reason=f"{name}: another try would begin after {deadline:%H:%M:%S} UTC, when the barrier decides")
        return RetryDecision.retry(delay=pause, reason=f"{name}: trying again in {pause.total_seconds():.0f} s")

    def serialize(self) -> dict[str, Any]:
        """Plain JSON types."""
        delay, max_delay = self.delay.total_seconds(), self.max_delay.total_seconds()
        on = self.on if self.on is None or isinstance(self.on, dict) else list(self.on)
        return {"delay": delay, "max_delay": max_delay, "jitter": self.jitter, "backoff": self.backoff, "on": on}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> JitteredRetryPolicy:
        """The inverse of :meth:`serialize`."""
        delay, max_delay = (timedelta(seconds=data[key]) for key in ("delay", "max_delay"))
        return cls(delay=delay, max_delay=max_delay, jitter=data["jitter"], backoff=data["backoff"], on=data["on"])


def _tries_in_a_row(try_number: int, max_tries: int, context: Context | None) -> int:
    """Tries since the task was first started or cleared: Airflow's number goes on over a clear, and so does the greatest that it allows."""
    if context is None:
        return try_number
    retries: int = context["ti"].task.retries or 0
    return max(try_number - (max_tries - retries), 1)
