"""By when a barrier decides: times of day, durations, runs that begin late, nights on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.resilience.deadline import DecideBy, first_after

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_duration_counts_from_the_runs_start() -> None:
    """Whoever started it, and whenever it was due."""
    rule = DecideBy("2h30m")
    for scheduled in (True, False):
        assert rule.instant(began=utc("2026-01-05 02:00:03"), due=utc("2026-01-05 01:00"), scheduled=scheduled) == utc(
            "2026-01-05 04:30:03"
        )
    assert str(rule) == "2h30m after the run began"


def test_a_time_of_day_is_the_first_one_after_the_tick() -> None:
    """In the zone of the schedule."""
    rule = DecideBy("04:30", BERLIN)
    assert rule.instant(began=utc("2026-01-05 01:00:05"), due=utc("2026-01-05 01:00"), scheduled=True) == utc("2026-01-05 03:30")
    assert DecideBy("00:30", BERLIN).instant(began=utc("2026-01-05 01:01"), due=utc("2026-01-05 01:00"), scheduled=True) == utc(
        "2026-01-05 23:30"
    )
    assert str(rule) == "at 04:30 Europe/Berlin"


def test_a_run_that_begins_after_its_time_gets_as_long_as_one_in_time() -> None:
    """A scheduler that was down must not end the night before it has begun."""
    rule = DecideBy("04:30", BERLIN)
    late = utc("2026-01-05 07:00")
    assert rule.instant(began=late, due=utc("2026-01-05 01:00"), scheduled=True) == late + timedelta(hours=2, minutes=30)


def test_a_run_that_no_tick_started_gets_as_long_as_one_in_time() -> None:
    """By hand a minute before the time, or at noon."""
    rule = DecideBy("04:30", BERLIN)
    for began in (utc("2026-01-05 03:29"), utc("2026-01-05 11:00")):
        assert rule.instant(began=began, due=utc("2026-01-05 01:00"), scheduled=False) == began + timedelta(hours=2, minutes=30)


def test_without_a_schedule_it_is_the_next_time_on_the_clock() -> None:
    """There is no tick to measure from."""
    assert DecideBy("04:30", BERLIN).instant(began=utc("2026-01-05 11:00"), due=None, scheduled=False) == utc("2026-01-06 03:30")


def test_when_clocks_are_put_forward_a_time_that_they_skip_comes_as_late_as_without() -> None:
    """Berlin goes from 02:00 to 03:00 on 29 March 2026; 02:30 is never shown, and 03:30 is."""
    assert first_after(utc("2026-03-29 00:30"), time(2, 30), BERLIN) == utc("2026-03-29 01:30")
    assert first_after(utc("2026-03-29 00:30"), time(4, 30), BERLIN) == utc("2026-03-29 02:30")


def test_when_clocks_are_put_back_the_first_of_two_counts_that_lies_after_the_tick() -> None:
    """Berlin shows 02:30 twice on 25 October 2026."""
    assert first_after(utc("2026-10-24 23:00"), time(2, 30), BERLIN) == utc("2026-10-25 00:30")
    assert first_after(utc("2026-10-25 00:45"), time(2, 30), BERLIN) == utc("2026-10-25 01:30")
    assert first_after(utc("2026-10-25 01:30"), time(2, 30), BERLIN) == utc("2026-10-26 01:30")


@given(
    st.integers(0, 3 * 366 * 24 * 60).map(lambda minutes: utc("2025-01-01") + timedelta(minutes=minutes)),
    st.times().map(lambda moment: moment.replace(second=0, microsecond=0)),
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC"]),
)
def test_the_first_time_after_a_moment_is_after_it_and_within_two_days(moment: datetime, clock: time, zone: str) -> None:
    """And the clocks show it, or have just skipped it."""
    found = first_after(moment, clock, zone)
    assert moment < found <= moment + timedelta(days=1, hours=2)
    shown = found.astimezone(ZoneInfo(zone)).time()
    if shown != clock:
        before = (found - timedelta(hours=1)).astimezone(ZoneInfo(zone))
        assert before.utcoffset() != found.astimezone(ZoneInfo(zone)).utcoffset()


def test_a_word_is_neither() -> None:
    """What it should be is said."""
    with pytest.raises(ValueError, match="neither a time of day nor a duration"):
        str(DecideBy("dawn"))
    with pytest.raises(ValueError, match="neither"):
        str(DecideBy("24:30"))


def test_it_is_told_in_utc_whatever_the_zone_of_the_run_is() -> None:
    """It stands in the record beside other times in UTC."""
    began = utc("2026-07-05 11:00").astimezone(ZoneInfo("America/New_York"))
    for rule in (DecideBy("1h"), DecideBy("04:30", BERLIN)):
        found = rule.instant(began=began, due=utc("2026-07-05 00:00"), scheduled=False)
        assert found.tzinfo is UTC


def test_a_run_that_begins_at_its_time_has_had_none() -> None:
    """To the instant: it gets as long as one in time."""
    rule = DecideBy("04:30", BERLIN)
    assert rule.instant(began=utc("2026-01-05 03:30"), due=utc("2026-01-05 01:00"), scheduled=True) == utc("2026-01-05 06:00")


def test_a_time_that_is_skipped_at_midnight_comes_on_the_next_day() -> None:
    """Nuuk goes from 23:00 to 00:00 on 30 March 2024: 23:30 comes at 00:30 of the day after."""
    assert first_after(utc("2024-03-31 01:10"), time(23, 30), "America/Nuuk") == utc("2024-03-31 01:30")


def test_a_time_that_is_skipped_does_not_come_early() -> None:
    """Nobody's deadline is before the jump; and it is told in UTC."""
    found = first_after(utc("2026-03-29 00:15"), time(2, 30), BERLIN)
    assert found == utc("2026-03-29 01:30")
    assert found.tzinfo is UTC
