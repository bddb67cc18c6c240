"""Which earlier intervals' rows may stand in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tidegate.resilience.fallback import candidates
from tidegate.resilience.interval import Interval

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TONIGHT = Interval(datetime(2026, 3, 30, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))


def before(days: float, length: timedelta = DAY) -> Interval:
    """An interval that begins so many days before tonight's."""
    start = TONIGHT.start - days * DAY
    return Interval(start, start + length)


def test_the_newest_comes_first_and_no_day_is_older_than_is_said() -> None:
    """By the starts of the intervals; the bound is inside."""
    assert candidates([before(3), before(1), before(4), before(2)], TONIGHT, 3 * DAY) == [before(1), before(2), before(3)]


def test_what_is_not_over_when_tonight_begins_does_not_stand_in() -> None:
    """Neither tonight's own rows nor those of a day that overlaps, nor those of a later one."""
    assert candidates([TONIGHT, before(0.5), before(-1)], TONIGHT, 7 * DAY) == []


def test_only_intervals_of_the_same_length_stand_in() -> None:
    """A day of a clock change is a day; a month or an hour is none."""
    spring, autumn = before(1.2, 23 * HOUR), before(2.2, 25 * HOUR)
    assert candidates([spring, autumn, before(40, 31 * DAY), before(1, HOUR)], TONIGHT, 90 * DAY) == [spring, autumn]
    february = Interval(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    march = Interval(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    assert candidates([february], march, 40 * DAY) == [february]


def test_an_eighth_is_not_too_much() -> None:
    """Three hours of a day; four are."""
    assert candidates([before(2, 21 * HOUR)], TONIGHT, 7 * DAY) == [before(2, 21 * HOUR)]
    assert candidates([before(2, 20 * HOUR)], TONIGHT, 7 * DAY) == []
