"""Whether to try again, and after how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta


def worth_retrying(error: BaseException) -> bool:
    """Whether the same try may end differently. Errors that are not Tidegate's own are given the benefit of the doubt."""
    return error.retryable if isinstance(error, TidegateError) else True


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
