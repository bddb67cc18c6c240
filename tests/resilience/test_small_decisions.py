"""Retries, correlation ids, durations."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import AuthRefused, DataRefused, ErrorClass, QuorumMissed, TimedOut, Unreachable
from tidegate.model.durations import parse_duration
from tidegate.resilience.correlation import correlation_id
from tidegate.resilience.retry import wait, why_not

SECOND = timedelta(seconds=1)


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_longer_than_the_cap(try_number: int, chance: float) -> None:
    """However many tries, however unlucky."""
    pause = wait(try_number, delay=SECOND, max_delay=600 * SECOND, jitter="full", random=lambda: chance)
    assert timedelta(0) <= pause <= 600 * SECOND


def test_without_jitter_waits_double_up_to_the_cap() -> None:
    """1, 2, 4, 8, 8 seconds."""
    waits = [wait(n, delay=SECOND, max_delay=8 * SECOND, jitter="none", random=float) for n in range(1, 6)]
    assert [pause.total_seconds() for pause in waits] == [1, 2, 4, 8, 8]


@pytest.mark.parametrize(
    ("backoff", "seconds"), [(1.0, [10, 10, 10, 10]), (1.5, [10, 15, 22.5, 33.75]), (3.0, [10, 30, 90, 100]), (10.0, [10, 100, 100, 100])]
)
def test_waits_grow_by_what_is_said(backoff: float, seconds: list[float]) -> None:
    """One keeps them the same; none grows beyond the cap."""
    waits = [wait(n, delay=10 * SECOND, max_delay=100 * SECOND, jitter="none", random=float, backoff=backoff) for n in range(1, 5)]
    assert [pause.total_seconds() for pause in waits] == seconds


def test_jitter_spreads_a_wait_from_nothing_to_all_of_it() -> None:
    """Of the exponential wait, not of the cap."""
    chances = [0.0, 0.25, 0.999]
    waits = [wait(3, delay=SECOND, max_delay=600 * SECOND, jitter="full", random=lambda: chance, backoff=3.0) for chance in chances]  # noqa: B023
    assert [pause.total_seconds() for pause in waits] == [0, 2.25, 8.991]


@given(st.integers(1, 200), st.floats(1, 10))
def test_no_number_of_tries_and_no_backoff_is_too_much(try_number: int, backoff: float) -> None:
    """Nothing overflows, and no later wait is shorter."""
    first, second = (
        wait(n, delay=SECOND, max_delay=600 * SECOND, jitter="none", random=float, backoff=backoff) for n in (try_number, try_number + 1)
    )
    assert SECOND <= first <= second <= 600 * SECOND


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unreachable("gone"), None),
        (TimedOut("slow"), None),
        (RuntimeError("who knows"), None),
        (AuthRefused("no"), "auth: a retry would end the same way (AuthRefused)"),
        (DataRefused("no column"), "bad_data: a retry would end the same way (DataRefused)"),
        (KeyError("x"), "bug: a retry would end the same way (KeyError)"),
        (QuorumMissed("2 of 8"), "QuorumMissed: what is decided is not tried again"),
    ],
)
def test_where_nobody_says_what_may_be_mended_by_itself_is_retried(error: Exception, told: str | None) -> None:
    """And the reason says why something is not."""
    assert why_not(error, tried=9) == told


def test_the_config_may_say_what_is_retried() -> None:
    """Some classes and not others; what is decided is never decided again."""
    on = dict.fromkeys([ErrorClass.UNREACHABLE, ErrorClass.BAD_DATA])
    assert why_not(DataRefused("no rows yet"), tried=1, on=on) is None
    assert why_not(TimedOut("slow"), tried=1, on=on) == "timeout: it is not among the errors that are retried (TimedOut)"
    assert why_not(QuorumMissed("2 of 8"), tried=1, on=on) is not None


@pytest.mark.parametrize(
    ("most", "tried", "told"),
    [(0, 1, "0 retries at most"), (1, 1, None), (1, 2, "1 retry at most"), (3, 3, None), (3, 4, "3 retries at most")],
)
def test_a_class_may_have_a_number_of_retries(most: int, tried: int, told: str | None) -> None:
    """All retries so far count, whatever they were for."""
    said = why_not(TimedOut("slow"), tried=tried, on={ErrorClass.TIMEOUT: most})
    assert said == (told and f"timeout: {told} (TimedOut)")


def test_a_correlation_id_is_given_or_can_be_derived_again() -> None:
    """One a run, the same from every task of it."""
    assert correlation_id("dag", "run") == correlation_id("dag", "run")
    assert correlation_id("dag", "run") != correlation_id("dag", "run2")
    assert correlation_id("dag", "run", "order-17") == "order-17"


@pytest.mark.parametrize("given", ["*/ DROP TABLE x; --", "a b", "x" * 65, "", None, 7])
def test_a_given_id_that_could_leave_an_sql_comment_is_not_used(given: object) -> None:
    """It travels into SQL comments and file names."""
    assert correlation_id("dag", "run", given).startswith("tg-")


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("45m", 2700), ("1h30m", 5400), ("2d", 172800), ("1.5h", 5400), ("5 min", 300)])
def test_durations_read_as_people_write_them(text: str, seconds: float) -> None:
    """With their unit, always."""
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", [45, "45", "0s", "-3m", "soon", "", None, "3 weeks"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    """A number without a unit is a guess."""
    with pytest.raises(ValueError, match=r"such as 30s"):
        parse_duration(text)


def test_a_derived_id_stays_what_it_is() -> None:
    """Somebody searches for last year's."""
    assert correlation_id("dag", "run") == "tg-" + hashlib.sha256(b"dag\0run").hexdigest()[:16]
