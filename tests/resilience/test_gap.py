"""Gaps: what a record opens, refreshes and closes, when one is tried again, and which runs bring them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import EXCLUDED, FLORIDA, NIGHT, TEXAS, record

from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.gap import TOO_LITTLE, Gap, Status, due, expired, runs, settled
from tidegate.resilience.interval import Interval

NOW = datetime(2017, 12, 24, 4, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GAP = Gap(
    pipeline="sales",
    interval=NIGHT,
    branch="florida",
    dimension="region",
    state="failed",
    reason="down",
    owner="analytics",
    opened_at=NOW,
    expires_at=NOW + 30 * DAY,
    run_id="run",
)


def after(known: list[Gap], *branches: Branch, held: tuple[str, ...] = (), run_id: str = "run", now: datetime = NOW) -> dict[str, Gap]:
    """What the record of a run with these branches changes."""
    night = replace(record(*branches), run_id=run_id)
    changed = settled(night, {gap.branch: gap for gap in known}, held, owner="analytics", expire=30 * DAY, now=now)
    return {gap.branch: gap for gap in changed}


def test_what_is_missing_and_not_held_opens() -> None:
    """With its state, its reason, its owner; what is there opens nothing."""
    changed = after([], TEXAS, FLORIDA, held=("texas",))
    assert changed == {"florida": replace(GAP, reason=FLORIDA.reason)}


def test_a_night_that_was_overtaken_opens_nothing_and_closes_what_was_open() -> None:
    """A later one is the whole table, so nothing can be brought any more."""
    night = record(TEXAS, FLORIDA).as_overtaken(Interval(NIGHT.end, NIGHT.end + DAY))
    given = {"florida": GAP, "ohio": replace(GAP, branch="ohio", status=Status.WAIVED)}
    changed = settled(replace(night, run_id="second"), given, (), owner="analytics", expire=30 * DAY, now=NOW + HOUR)
    assert changed == [replace(GAP, status=Status.CLOSED, closed_at=NOW + HOUR, closed_by="second", note=night.sentence)]


def test_what_arrived_with_too_few_others_is_a_gap_too() -> None:
    """The quorum was missed, so the warehouse holds none of it."""
    assert {name: (gap.state, gap.reason) for name, gap in after([], TEXAS, FLORIDA).items()} == {
        "texas": ("arrived", TOO_LITTLE),
        "florida": ("failed", FLORIDA.reason),
    }


def test_a_branch_that_was_not_chosen_changes_nothing() -> None:
    """Neither does it open a gap, nor does it touch one."""
    assert after([], EXCLUDED) == {}
    assert after([GAP], EXCLUDED, run_id="other") == {}


@pytest.mark.parametrize("status", [Status.OPEN, Status.WAIVED, Status.EXPIRED])
def test_what_is_held_is_closed(status: Status) -> None:
    """By the run that saw it, whatever had become of the gap."""
    held = Branch(name="florida", state=BranchState.HELD)
    (closed,) = after([replace(GAP, status=status)], held, held=("florida",), run_id="catch_up__1", now=NOW + HOUR).values()
    assert closed == replace(GAP, status=Status.CLOSED, closed_at=NOW + HOUR, closed_by="catch_up__1")
    assert after([closed], held, held=("florida",), run_id="another") == {}


def test_a_gap_that_is_missed_again_keeps_its_age_and_counts() -> None:
    """Each run counts once, however often it tells the same."""
    (again,) = after([GAP], FLORIDA, run_id="second", now=NOW + HOUR).values()
    assert (again.opened_at, again.attempts, again.last_attempt_at) == (NOW, 1, NOW + HOUR)
    (same,) = after([again], FLORIDA, run_id="second", now=NOW + 2 * HOUR).values()
    assert (same.attempts, same.last_attempt_at) == (1, NOW + HOUR)
    (first,) = after([GAP], FLORIDA, now=NOW + HOUR).values()
    assert (first.attempts, first.last_attempt_at) == (0, None)


def test_a_closed_gap_that_is_missing_after_all_opens_anew() -> None:
    """Somebody took its rows out of the ledger."""
    closed = replace(GAP, status=Status.CLOSED, attempts=3, closed_at=NOW, closed_by="run")
    (again,) = after([closed], FLORIDA, run_id="later", now=NOW + DAY).values()
    assert (again.status, again.opened_at, again.attempts, again.expires_at) == (Status.OPEN, NOW + DAY, 0, NOW + 31 * DAY)


def test_what_is_waived_stays_waived() -> None:
    """A run that misses it again does not ask the person again."""
    waived = GAP.waived(NOW, by="ada", because="the shop is closed")
    assert (waived.status, waived.closed_by, waived.note) == (Status.WAIVED, "ada", "the shop is closed")
    (again,) = after([waived], FLORIDA, run_id="second").values()
    assert again.status is Status.WAIVED


def test_waits_grow_from_an_hour_to_a_day() -> None:
    """Doubling, from the last try, or from the opening where there was none."""
    gap, waits = GAP, []
    for _ in range(7):
        begun = gap.last_attempt_at or gap.opened_at
        waits.append((gap.next_attempt - begun) // HOUR)
        gap = gap.tried(gap.next_attempt)
    assert waits == [1, 2, 4, 8, 16, 24, 24]


def test_a_try_keeps_what_it_does_not_know_better() -> None:
    """A probe in vain is no run, and may have a reason."""
    probed = GAP.tried(NOW + HOUR, reason="no route")
    assert (probed.run_id, probed.reason, probed.attempts) == ("run", "no route", 1)
    started = probed.tried(NOW + DAY, run_id="catch_up__1")
    assert (started.run_id, started.reason, started.attempts) == ("catch_up__1", "no route", 2)


def test_what_is_due() -> None:
    """Open, not given up, and its wait over, to the instant."""
    others = [replace(GAP, status=status) for status in (Status.CLOSED, Status.WAIVED, Status.EXPIRED)]
    assert due([GAP, *others], NOW + HOUR) == [GAP]
    assert due([GAP], NOW + HOUR - timedelta(seconds=1)) == []
    assert due([GAP], GAP.expires_at) == []


def test_what_is_given_up() -> None:
    """From its end on, and only what is open."""
    assert expired([GAP], GAP.expires_at - timedelta(seconds=1)) == []
    assert expired([replace(GAP, status=Status.CLOSED)], GAP.expires_at) == []
    assert expired([GAP], GAP.expires_at) == [replace(GAP, status=Status.EXPIRED, closed_at=GAP.expires_at)]


NEXT = Interval(NIGHT.end, NIGHT.end + DAY)
OTHERS = [
    replace(GAP, branch="texas"),
    replace(GAP, interval=NEXT, branch="texas", opened_at=NOW - DAY),
    replace(GAP, pipeline="returns", branch="texas"),
]


def test_one_run_for_each_pipeline_and_interval() -> None:
    """All branches of an interval together; whoever has waited longest goes first."""
    made = runs([GAP, *OTHERS])
    assert [(run.pipeline, run.interval, run.branches) for run in made] == [
        ("sales", NEXT, ("texas",)),
        ("returns", NIGHT, ("texas",)),
        ("sales", NIGHT, ("florida", "texas")),
    ]
    assert made[2].conf == {
        "region": ["florida", "texas"],
        "interval_start": "2017-12-23T00:00:00+00:00",
        "interval_end": "2017-12-24T00:00:00+00:00",
        "adopt": True,
        "catch_up": True,
    }
    assert made[2].run_id("hourly") == "catch_up__2017-12-23T00:00:00+00:00__hourly"


def test_of_a_short_interval_all_that_is_open_goes_into_the_run() -> None:
    """Else the quorum would judge a part, and let in what the night had refused."""
    waiting = [replace(OTHERS[0], attempts=5), *OTHERS[1:]]
    (run,) = runs([GAP], waiting, short={("sales", NIGHT)})
    assert (run.branches, run.whole) == (("florida", "texas"), True)
    (run,) = runs([GAP], waiting)
    assert (run.branches, run.whole) == (("florida",), False)


def test_branches_that_are_down_stay_out() -> None:
    """Where the night had enough, the others come without them."""
    (run,) = runs([GAP, OTHERS[0]])
    left = run.without({"florida"})
    assert left is not None
    assert left.branches == ("texas",)
    assert run.without({"florida", "texas"}) is None


def test_a_short_interval_is_tried_whole_or_not_at_all() -> None:
    """It is worth a run when one of those that had failed may come; and when all had come, when they can be read again."""
    arrived = replace(OTHERS[0], state="arrived")
    short = {("sales", NIGHT)}
    (run,) = runs([GAP, arrived], short=short)
    assert run.without({"florida"}) is None
    assert run.without({"texas"}) == run
    (again,) = runs([arrived], short=short)
    assert again.conf["adopt"] is False
    assert again.without({"florida"}) == again


@given(st.lists(st.sampled_from([GAP, *OTHERS]), max_size=6), st.booleans())
def test_no_gap_is_lost_and_none_comes_twice(gaps: list[Gap], short: bool) -> None:
    """Whatever goes in comes out in exactly one run."""
    made = runs(gaps, short={("sales", NIGHT)} if short else ())
    out = [(gap.pipeline, gap.interval, gap.branch) for run in made for gap in run.gaps]
    assert sorted(out) == sorted({(gap.pipeline, gap.interval, gap.branch) for gap in gaps})


def test_a_try_and_a_waiver_have_their_time() -> None:
    """Else nobody could say when the next try is due, or who gave it up when."""
    tried = GAP.tried(NOW + HOUR, run_id="catch_up__1", reason="still down")
    assert tried == replace(GAP, attempts=1, last_attempt_at=NOW + HOUR, run_id="catch_up__1", reason="still down")
    assert GAP.tried(NOW + HOUR) == replace(GAP, attempts=1, last_attempt_at=NOW + HOUR)
    waived = GAP.waived(NOW + HOUR, by="ana", because="closed for good")
    assert waived == replace(GAP, status=Status.WAIVED, closed_at=NOW + HOUR, closed_by="ana", note="closed for good")


def test_a_gap_that_is_missed_again_ends_when_its_config_says_now() -> None:
    """From the day it was opened on."""
    known = replace(GAP, expires_at=NOW + DAY)
    (again,) = after([known], FLORIDA, run_id="second", now=NOW + HOUR).values()
    assert again.expires_at == NOW + 30 * DAY
