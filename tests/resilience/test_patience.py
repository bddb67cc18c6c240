"""How long a branch may take, by its own history and by how slow the night is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.patience import Patience, Stopwatch, seconds_of, slowest_usual, span, usual_seconds

USUAL = {"a": 600.0, "b": 1200.0, "c": 1800.0, "d": 3600.0}
NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


def nights(**seconds: list[float]) -> list[tuple[Branch, ...]]:
    """Nights in which branches took so long, the newest first; 0 where one did not arrive."""
    count = max(len(each) for each in seconds.values())
    states = {False: BranchState.FAILED, True: BranchState.ARRIVED}
    return [
        tuple(Branch(name=name, state=states[each[night] > 0], seconds=each[night]) for name, each in seconds.items() if night < len(each))
        for night in range(count)
    ]


def test_a_branch_is_late_after_three_times_its_usual() -> None:
    """To the second, on a night as any other."""
    patience = Patience(usual=USUAL)
    took = {"a": 600.0, "b": 1100.0}
    assert patience.overdue({"c": 5400.0}, took) == {}
    assert patience.overdue({"c": 5401.0}, took) == {"c": "after 1h30m; 3 times its usual 30m, are 1h30m"}


def test_on_a_slow_night_all_get_more() -> None:
    """As much more as the median of those that have ended needed."""
    patience = Patience(usual=USUAL)
    took = {"a": 1200.0, "b": 2400.0}
    assert patience.slowness(took) == 2.0
    assert patience.overdue({"c": 10_000.0}, took) == {}
    told = patience.overdue({"c": 10_801.0}, took)["c"]
    assert told == "after 3h; 3 times its usual 30m, on a night 2.0 times as slow as usual, are 3h"


def test_a_fast_night_takes_nothing_away() -> None:
    """The others were lucky."""
    assert Patience(usual=USUAL).slowness({"a": 60.0, "b": 120.0}) == 1.0


def test_until_half_have_ended_nobody_is_late() -> None:
    """Nobody knows how slow the night is."""
    patience = Patience(usual=USUAL)
    assert patience.slowness({"a": 600.0}) is None
    assert patience.slowness({}) is None
    assert patience.slowness({"unknown": 5.0, "a": 600.0}) is None
    assert patience.overdue({"c": 100_000.0}, {"a": 600.0}) == {}
    assert Patience().overdue({"c": 100_000.0}, {"a": 600.0}) == {}


def test_a_branch_of_whom_too_little_is_known_is_waited_for() -> None:
    """Its timeout and the deadline hold."""
    assert Patience(usual=USUAL).overdue({"new": 100_000.0}, {"a": 600.0, "b": 1200.0}) == {}


def test_a_quick_branch_gets_a_while_at_the_least() -> None:
    """Three times two seconds are nothing."""
    patience = Patience(usual={"a": 2.0, "b": 2.0})
    assert patience.overdue({"b": 600.0}, {"a": 2.0}) == {}
    assert patience.overdue({"b": 601.0}, {"a": 2.0}) == {"b": "after 10m; 3 times its usual 2s, are less than the 10m"}


def test_five_nights_tell_what_is_usual() -> None:
    """Those in which it arrived, and took any time at all."""
    known = nights(a=[10, 20, 30, 40, 50], b=[10, 0, 20, 30, 40], c=[0, 5, 5, 5, 5, 5])
    assert usual_seconds(known) == {"a": 30, "c": 5}
    assert seconds_of(known)["c"] == [5] * 5


def test_the_slowest_usual_is_the_95th_percentile() -> None:
    """Of fourteen nights it is the slowest, of a hundred the 95th."""
    assert slowest_usual(nights(a=[float(number) for number in range(1, 15)]), "a") == 14
    assert slowest_usual(nights(a=[float(number) for number in range(1, 101)]), "a") == 95
    assert slowest_usual(nights(a=[1.0] * 4), "a") is None
    assert slowest_usual([], "a") is None


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0s"), (59, "59s"), (60, "1m"), (150, "2m"), (3600, "1h"), (5400, "1h30m"), (90_000, "1d1h")]
)
def test_durations_are_told_as_people_say_them(seconds: float, told: str) -> None:
    """Coarse."""
    assert span(seconds) == told


def test_a_stopwatch_measures_what_it_sees() -> None:
    """From the first look on, and anew when a branch is at work again."""
    watch = Stopwatch()
    minute = timedelta(minutes=1)
    assert watch.look(["a", "b"], [], NOW) == {"a": 0, "b": 0}
    assert watch.look(["b"], ["a", "c"], NOW + minute) == {"b": 60}
    assert watch.took == {"a": 60}
    assert watch.look(["b"], ["a"], NOW + 2 * minute) == {"b": 120}
    assert watch.took == {"a": 60}
    assert watch.look(["a"], ["b"], NOW + 3 * minute) == {"a": 180}
    assert watch.took == {"b": 180}
    assert watch.look([], ["b", "d"], NOW + 4 * minute, {"a": 1.0, "b": 150.0, "d": 20.0}) == {}
    assert watch.took == {"b": 150, "d": 20}


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(1, 1e5), min_size=1),
    st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1e5)),
    st.floats(1, 10),
)
def test_more_patience_makes_nobody_late(at_work: dict[str, float], took: dict[str, float], times: float) -> None:
    """And who is late now is late a second later."""
    patience = Patience(times=times, usual=USUAL)
    late = set(patience.overdue(at_work, took))
    assert set(Patience(times=times + 1, usual=USUAL).overdue(at_work, took)) <= late
    assert late <= set(patience.overdue({name: seconds + 1 for name, seconds in at_work.items()}, took))
    assert all(at_work[name] > 600 for name in late)


def test_only_nights_in_which_it_arrived_say_how_long_a_branch_takes() -> None:
    """One that failed after an hour says nothing, and neither does one of which nobody knows the time."""
    failed = tuple(Branch(name="a", state=BranchState.FAILED, seconds=3600.0) for _ in range(5))
    unknown = tuple(Branch(name="b", state=BranchState.ARRIVED, seconds=0.0) for _ in range(5))
    assert seconds_of([failed, unknown]) == {}


def test_the_95th_percentile_is_of_the_nights_that_are_known() -> None:
    """Of twenty the nineteenth, of twenty-one the twentieth, of few the last; 1 is the fastest."""
    for count, place in ((5, 5), (19, 19), (20, 19), (21, 20), (100, 95), (101, 96)):
        assert slowest_usual(nights(a=[float(number) for number in range(1, count + 1)]), "a") == float(place)


def test_two_of_five_are_not_half() -> None:
    """Three are."""
    patience = Patience(usual=dict.fromkeys("abcde", 10.0))
    assert patience.slowness({"a": 20.0, "b": 20.0}) is None
    assert patience.slowness({"a": 20.0, "b": 20.0, "c": 20.0}) == 2.0
