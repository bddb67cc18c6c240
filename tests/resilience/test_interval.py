"""Intervals: what a trigger asks for, and what a schedule gives."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.errors import IntervalUnknown
from tidegate.resilience.interval import Interval, instant_of, requested_interval


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_trigger_that_gives_both_bounds_is_obeyed() -> None:
    """Bounds of any zone become UTC; none at all means UTC."""
    asked = {"interval_start": "2026-03-01T00:00:00+01:00", "interval_end": "2026-03-02T00:00:00"}
    assert requested_interval(asked) == Interval(at("2026-02-28T23:00"), at("2026-03-02T00:00"))


def test_a_trigger_that_gives_nothing_leaves_it_to_the_schedule() -> None:
    """Empty form fields are no request."""
    assert requested_interval({"interval_start": None, "interval_end": ""}) is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"interval_start": "2026-03-01"}, "interval_end is missing. Give both, or neither."),
        ({"interval_start": "yesterday", "interval_end": "2026-03-01"}, "interval_start is 'yesterday', which is no time."),
        ({"interval_start": "2026-03-02", "interval_end": "2026-03-01"}, "holds no time. Give an interval_start that lies before"),
        ({"interval_start": "2026-03-01", "interval_end": "2026-03-01"}, "holds no time."),
    ],
)
def test_half_or_senseless_requests_are_refused(asked: dict[str, str], told: str) -> None:
    """A run never guesses what it is about."""
    with pytest.raises(IntervalUnknown) as refused:
        requested_interval(asked)
    assert told in str(refused.value)


def test_a_whole_day_reads_as_its_date() -> None:
    """People say the 23rd, not from midnight to midnight."""
    day = Interval(at("2017-12-23T00:00"), at("2017-12-24T00:00"))
    assert str(day) == "2017-12-23"
    assert str(Interval(day.start, day.end + timedelta(hours=2))) == "2017-12-23 00:00 to 2017-12-24 02:00 UTC"


@pytest.mark.parametrize("after", [{"hours": 1}, {"minutes": 1}, {"seconds": 1}, {"microseconds": 1}])
def test_a_day_that_does_not_begin_at_midnight_is_told_by_its_ends(after: dict[str, int]) -> None:
    """To the minute."""
    start = datetime(2017, 12, 23, tzinfo=UTC) + timedelta(**after)
    told = f"2017-12-23 {start:%H:%M} to 2017-12-24 {start:%H:%M} UTC"
    assert str(Interval(start, start + timedelta(days=1))) == told


def test_a_time_without_a_zone_is_utc_wherever_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's own zone has no say; what is said in another zone is told in UTC."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        for text in ("2026-01-05T03:00", "2026-01-05T04:00+01:00"):
            found = instant_of("start", text)
            assert (found, found.tzinfo) == (datetime(2026, 1, 5, 3, tzinfo=UTC), UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_no_time_says_how_to_write_one() -> None:
    """With an example."""
    with pytest.raises(IntervalUnknown) as refused:
        instant_of("start", "soon")
    assert refused.value.hint == "Write it as 2026-01-31T00:00:00+00:00."
