"""A breaker remembers nights: it opens after so many bad ones in a row, and no night counts twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ErrorClass, IntervalUnknown
from tidegate.resilience.breaker import Breaker, Ending, Stance, after_night, ending_of, isolated, reset, waited_out
from tidegate.resilience.completeness import BranchState, Completeness, DecidedBy
from tidegate.resilience.interval import Interval

DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
ANSWERED, SILENT, UNTOLD = Ending.ANSWERED, Ending.SILENT, Ending.UNTOLD

endings = st.sampled_from(Ending)
histories = st.lists(st.tuples(st.integers(0, 8), endings), max_size=30)
"""Nights by number, in any order and as often as may be: reruns, clears, old intervals."""


def night(number: int) -> Interval:
    """The interval of one night."""
    return Interval(FIRST + number * DAY, FIRST + (number + 1) * DAY)


def after(history: list[tuple[int, Ending]], breaker: Breaker | None = None, open_after: int = 3) -> Breaker:
    """A breaker after some nights."""
    breaker = breaker or Breaker()
    for number, ending in history:
        breaker = after_night(breaker, night(number), ending, open_after=open_after, now=night(number).end, reason=f"night {number}")
    return breaker


def test_three_bad_nights_in_a_row_open_it() -> None:
    """Not two; it says since when, and why."""
    two = after([(0, SILENT), (1, SILENT)])
    assert (two.stance, two.nights, two.since) == (Stance.CLOSED, 2, None)
    three = after([(2, SILENT)], two)
    assert three == Breaker(stance=Stance.OPEN, nights=3, counted=night(2), since=night(2).end, reason="night 2")
    assert three.told(night(3)) == "breaker open, night 4"


def test_an_open_breaker_counts_on_and_keeps_the_day_on_which_it_opened() -> None:
    """A region that is down for a week is one incident."""
    five = after([(number, SILENT) for number in range(5)])
    assert (five.stance, five.nights, five.since, five.reason) == (Stance.OPEN, 5, night(2).end, "night 4")


def test_success_closes_it_and_starts_over() -> None:
    """As if nothing had been, but for the night that was counted."""
    assert after([(0, SILENT), (1, SILENT), (2, SILENT), (3, ANSWERED)]) == Breaker(counted=night(3))
    assert after([(0, SILENT), (1, SILENT), (2, ANSWERED), (3, SILENT)]).nights == 1


def test_bad_data_says_nothing_of_the_source() -> None:
    """It neither counts nor makes good; the night may still be counted once."""
    bad = after([(0, SILENT), (1, SILENT)])
    assert after([(2, UNTOLD), (3, UNTOLD)], bad) == bad
    assert after([(2, UNTOLD), (2, SILENT)], bad).nights == 3


def test_a_rerun_never_counts_twice() -> None:
    """Neither of a bad night nor of one that was good already."""
    assert after([(0, SILENT)] * 5).nights == 1
    assert after([(0, ANSWERED), (0, SILENT)]) == Breaker(counted=night(0))


def test_a_rerun_that_turns_out_well_closes_it() -> None:
    """The region was mended in the morning, and its night cleared; an older night says nothing of today."""
    opened = after([(number, SILENT) for number in range(3)])
    assert after([(2, ANSWERED)], opened) == Breaker(counted=night(2))
    assert after([(1, ANSWERED)], opened) == opened


def test_the_night_that_is_told_is_the_one_that_would_be_counted() -> None:
    """A rerun of night 5 is night 5 still."""
    opened = after([(number, SILENT) for number in range(5)])
    assert opened.told(night(4)) == "breaker open, night 5"
    assert opened.told(night(5)) == "breaker open, night 6"


@given(history=histories)
def test_an_isolated_branch_stays_so_whatever_its_nights_bring(history: list[tuple[int, Ending]]) -> None:
    """Until a person resets it."""
    away = isolated(Breaker(), now=FIRST, because="moves house")
    assert after(history, away) == away
    assert away.told(night(0)) == "isolated: moves house"
    assert isolated(away, now=FIRST).told(night(0)) == "isolated"


@given(history=histories)
def test_a_reset_closes_it_and_counts_no_old_night(history: list[tuple[int, Ending]]) -> None:
    """What was counted stays counted."""
    breaker = after(history)
    closed = reset(breaker)
    assert (closed.stance, closed.nights, closed.since, closed.reason) == (Stance.CLOSED, 0, None, "")
    assert after([(number, SILENT) for number, _ in history if breaker.counted and night(number) <= breaker.counted], closed) == closed


@given(history=histories, open_after=st.integers(1, 5))
def test_it_is_open_exactly_when_enough_nights_were_bad(history: list[tuple[int, Ending]], open_after: int) -> None:
    """And has a day then; never more bad nights than there were different ones."""
    breaker = after(history, open_after=open_after)
    assert (breaker.stance is Stance.OPEN) == (breaker.nights >= open_after) == (breaker.since is not None)
    assert breaker.nights <= len({number for number, ending in history if ending is SILENT})


@given(history=histories, repeated=histories)
def test_nights_that_were_counted_never_make_it_worse(history: list[tuple[int, Ending]], repeated: list[tuple[int, Ending]]) -> None:
    """Whatever is run again, a breaker has no more bad nights than before."""
    breaker = after(history)
    last = breaker.counted
    again = [(number, ending) for number, ending in repeated if last is not None and night(number) <= last]
    assert after(again, breaker).nights <= breaker.nights


@given(history=histories, tail=st.integers(0, 5), open_after=st.integers(1, 5))
def test_the_nights_since_the_last_success_are_what_counts(history: list[tuple[int, Ending]], tail: int, open_after: int) -> None:
    """Whatever was before."""
    nights = [(number, SILENT) for number in range(10, 10 + tail)]
    assert after([*history, (9, ANSWERED), *nights], open_after=open_after).nights == tail


@given(history=histories)
def test_what_is_stored_is_read_again(history: list[tuple[int, Ending]]) -> None:
    """Through JSON, as Airflow keeps it."""
    for breaker in (after(history), isolated(after(history), now=FIRST, because="moves house")):
        assert Breaker.from_dict(json.loads(json.dumps(breaker.as_dict()))) == breaker


@pytest.mark.parametrize(
    "damage",
    [None, "open", [], {}, 3, {"stance": "ajar"}, {"nights": -1}, {"nights": "3"}, {"nights": True}, {"reason": None}, {"since": "once"},
     {"since": 5}, {"counted": "yesterday"}, {"counted": {"start": "2026-11-20"}},
     {"counted": {"start": "2026-11-21", "end": "2026-11-20"}}],
    ids=str,
)  # fmt: skip
def test_damage_is_told(damage: Any) -> None:
    """Who reads goes on as if it were closed."""
    if isinstance(damage, dict) and damage:
        damage = {**Breaker().as_dict(), **damage}
    with pytest.raises(ValueError, match="what is stored of the breaker cannot be read"):
        Breaker.from_dict(damage)


@pytest.mark.parametrize("kind", ErrorClass)
def test_only_silence_is_counted(kind: ErrorClass) -> None:
    """No answer, or not in time; a refused password, bad data and wrong SQL are answers."""
    silent = kind in {ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT}
    assert ending_of("failed", BranchState.FAILED, fault=str(kind)) is (SILENT if silent else UNTOLD)
    assert ending_of("up_for_retry", BranchState.FAILED, fault=str(kind)) is (SILENT if silent else UNTOLD)


@pytest.mark.parametrize("overdue", [True, False])
def test_late_is_who_is_at_work_when_the_time_has_come(*, overdue: bool) -> None:
    """Not who was stopped, or left behind, because the others had decided the night."""
    expected = SILENT if overdue else UNTOLD
    assert ending_of("", BranchState.LATE, overdue=overdue) is expected
    assert ending_of("failed", BranchState.FAILED, fault="timeout", stopped=True, overdue=overdue) is expected


@given(branch=st.sampled_from(BranchState), overdue=st.booleans())
def test_a_source_that_gave_its_rows_has_answered(branch: BranchState, *, overdue: bool) -> None:
    """Whatever became of them behind it."""
    assert ending_of("success", branch, overdue=overdue) is ANSWERED


@pytest.mark.parametrize("state", ["", "skipped", "upstream_failed", "failed"])
def test_who_was_never_asked_says_nothing(state: str) -> None:
    """For want of slots, or since a step before it failed, or since its process died."""
    assert ending_of(state, BranchState.NOT_STARTED if not state else BranchState.FAILED) is UNTOLD


@pytest.mark.parametrize(
    ("by", "deadline", "expected"),
    [(DecidedBy.TIME, "04:30", True), (DecidedBy.ALL, "04:30", True), (DecidedBy.ENOUGH, "05:00", False), (DecidedBy.HOPELESS, "", False),
     (DecidedBy.PATIENCE, "", True), (DecidedBy.PATIENCE, "05:00", True)],
)  # fmt: skip
def test_who_had_had_their_time(by: DecidedBy, deadline: str, *, expected: bool) -> None:
    """The barrier's, or their own; those that were stopped at that instant among them."""
    record = Completeness(
        pipeline="nightly_sales", interval=night(0), dimension="region", branches=(), needed=0, met=True, decided_by=str(by),
        decided_at="2026-11-21T04:30:00.5+00:00", deadline=f"2026-11-21T{deadline}:00+00:00" if deadline else "",
    )  # fmt: skip
    assert waited_out(record) is expected


def test_who_was_late_says_nothing_unless_somebody_says_that_it_had_had_its_time() -> None:
    """The benefit of the doubt is the source's."""
    assert ending_of("running", BranchState.LATE) is UNTOLD
    assert ending_of("failed", BranchState.FAILED, fault="timeout", stopped=True) is UNTOLD


def test_what_is_stored_is_plain() -> None:
    """Anybody may read it."""
    breaker = isolated(Breaker(nights=2, counted=night(0)), now=night(3).start, because="moves house")
    assert breaker.since == night(3).start
    told = {"start": night(0).start.isoformat(), "end": night(0).end.isoformat()}
    assert breaker.as_dict() == {
        "stance": "isolated",
        "nights": 2,
        "counted": told,
        "since": night(3).start.isoformat(),
        "reason": "moves house",
    }


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"nights": "3"}, "ValueError: '3' is no number of nights"),
        ({"reason": None}, "TypeError: None is no text"),
        ({"since": "once"}, "IntervalUnknown: since is 'once'"),
        ({"counted": {"start": "x", "end": "2026-11-21"}}, "IntervalUnknown: start is 'x'"),
        ({"counted": {"start": "2026-11-21", "end": "y"}}, "IntervalUnknown: end is 'y'"),
    ],
)
def test_damage_says_what_is_damaged(damage: dict[str, Any], told: str) -> None:
    """By its name."""
    with pytest.raises(ValueError, match="cannot be read") as refused:
        Breaker.from_dict({**Breaker().as_dict(), **damage})
    assert told in str(refused.value)


def test_a_night_of_which_nobody_says_why_keeps_the_reason_before() -> None:
    """It is likely the same."""
    once = after_night(Breaker(), night(0), SILENT, open_after=3, now=FIRST, reason="refused")
    assert after_night(once, night(1), SILENT, open_after=3, now=FIRST).reason == "refused"


def test_a_decision_at_its_time_was_waited_for_and_a_damaged_record_says_where() -> None:
    """To the instant."""
    told: dict[str, Any] = {"deadline": "2026-11-21T04:30:00+00:00", "decided_at": "2026-11-21T04:30:00+00:00"}
    about: dict[str, Any] = {"pipeline": "p", "interval": night(0), "dimension": "region", "branches": (), "needed": 0, "met": True}
    assert waited_out(Completeness(**about, **told))
    for name in told:
        with pytest.raises(IntervalUnknown, match=f"^{name} is 'x'"):
            waited_out(Completeness(**about, **{**told, name: "x"}))
