"""Whether to try again, and after how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.errors import Decided, ErrorClass
from tidegate.resilience.faults import classify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

RETRIED: Mapping[ErrorClass, int | None] = {ErrorClass.UNREACHABLE: None, ErrorClass.TIMEOUT: None, ErrorClass.UNKNOWN: None}
"""The classes of error that are retried where nobody says: those that may be mended by themselves."""


def why_not(error: BaseException, *, tried: int, on: Mapping[ErrorClass, int | None] = RETRIED) -> str | None:
    """Why an error is not tried again, for a person; None when it is.

    :param tried: Tries so far, this one counted.
    :param on: Class of error → the retries that it may have, or None for as many as the task has. All retries so far count, whatever for.
    """
    kind, name = classify(error), type(error).__name__
    if isinstance(error, Decided):
        return f"{name}: what is decided is not tried again"
    if kind not in on:
        why = "it is not among the errors that are retried" if kind in RETRIED else "a retry would end the same way"
        return f"{kind}: {why} ({name})"
    most = on[kind]
    if most is not None and tried > most:
        return f"{kind}: {counted(most)} at most ({name})"
    return None


def counted(retries: int) -> str:
    """Retries for a person."""
    return f"{retries} {'retry' if retries == 1 else 'retries'}"


def wait(
    try_number: int, *, delay: timedelta, max_delay: timedelta, jitter: str, random: Callable[[], float], backoff: float = 2.0
) -> timedelta:
    """How long to wait after try ``try_number`` failed: exponential, capped, and spread by full jitter.

    Full jitter takes any moment between at once and the cap: of the known spreads it costs a recovering source the fewest calls
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    :param try_number: 1 after the first try.
    :param backoff: What the wait is multiplied by from try to try.
    :param random: Gives a float in [0, 1).
    """
    steps = min(max(try_number - 1, 0), 30)
    longest: timedelta = min(delay * min(backoff**steps, max_delay / delay), max_delay)
    return longest * random() if jitter == "full" else longest
