"""How long a server asks to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.resilience.retry_after import seconds_asked

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@given(st.integers(0, 10**6))
def test_seconds_and_dates_mean_the_same(seconds: int) -> None:
    """Whichever of the two HTTP's forms a server writes."""
    assert seconds_asked(f" {seconds} ", NOW) == seconds
    assert seconds_asked(format_datetime(NOW + timedelta(seconds=seconds), usegmt=True), NOW) == seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("²", None),
        ("Thu, 01 Jan 2026 11:59:00 GMT", 0.0), ("Thu, 01 Jan 2026 12:00:07", 7.0),
    ],
)  # fmt: skip
def test_what_means_no_time_is_none(said: str | None, seconds: float | None) -> None:
    """And a moment that has passed is now; one without a zone is in UTC."""
    assert seconds_asked(said, NOW) == seconds


@given(st.text())
def test_whatever_a_server_says(said: str) -> None:
    """It is told how long, or that nothing was said."""
    found = seconds_asked(said, NOW)
    assert found is None or found >= 0
