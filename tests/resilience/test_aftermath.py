"""What a barrier finds and orders when it decides though branches may be at work."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tidegate.resilience.aftermath import Absence, Orders, absence, in_time, judged, moment, orders, recorded, unbegun
from tidegate.resilience.completeness import Branch, BranchState, Completeness, DecidedBy
from tidegate.resilience.deadline import DecideBy
from tidegate.resilience.interval import Interval
from tidegate.resilience.quorum import Quorum

DAY = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
MEMBERS = ("check", "extract", "seal", "tidy")


def _absence(states: dict[str, list[str | None]], late: str | None = "at 04:30 UTC", **ended: str) -> Absence:
    return absence("seal", before={"check", "extract", "elsewhere"}, members=MEMBERS, ended=ended, states=states, late=late)


def test_the_task_that_failed_on_the_way_explains_its_branch() -> None:
    """The end itself, else one before it; what fails beside the way explains nothing."""
    assert _absence({}, seal="failed", check="failed") == Absence(BranchState.FAILED, task="seal")
    assert _absence({}, seal="upstream_failed", extract="failed", tidy="failed") == Absence(BranchState.FAILED, task="extract")
    assert _absence({}, seal="upstream_failed", elsewhere="failed").reason == "never ran: upstream_failed"
    assert _absence({}, tidy="failed").state is BranchState.NOT_STARTED


def test_what_was_skipped_before_a_barrier_decided_had_not_begun() -> None:
    """By the branch's budget in the moment of the deadline, or by an earlier try of the barrier; one that waits for all skips nothing itself."""
    skipped: dict[str, list[str | None]] = {task: ["skipped"] for task in MEMBERS}
    assert _absence(skipped, seal="skipped") == Absence(BranchState.NOT_STARTED, "was skipped before it had run")
    assert _absence(skipped, late=None, seal="skipped") == Absence(BranchState.FAILED, "never ran: skipped")


def test_an_end_that_did_not_run_says_in_which_state_it_is() -> None:
    """For a barrier that waits for all, one without a state as well."""
    assert _absence({"check": ["success"]}, seal="skipped") == Absence(BranchState.FAILED, "never ran: skipped")
    assert _absence({"check": ["success"]}, late=None) == Absence(BranchState.FAILED, "never ran: no state")


def test_a_branch_that_was_skipped_whole_had_not_begun() -> None:
    """By its budget, by the barrier's try that was killed, or by itself; where all must have ended, it never ran."""
    assert _absence({}, seal="skipped") == Absence(BranchState.NOT_STARTED, "was skipped before it had run")
    assert _absence({}, seal="skipped", late=None) == Absence(BranchState.FAILED, "never ran: skipped")


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ({"check": ["success"], "extract": [None]}, Absence(BranchState.LATE, "still at work at 04:30 UTC")),
        ({"check": ["queued"]}, Absence(BranchState.NOT_STARTED, "had not begun at 04:30 UTC")),
        ({}, Absence(BranchState.NOT_STARTED, "had not begun at 04:30 UTC")),
        ({"check": ["success"], "extract": ["running", "up_for_retry"]}, Absence(BranchState.FAILED, task="extract")),
    ],
)
def test_what_has_not_ended_is_late_or_had_not_begun_or_waits_for_another_try(states: dict[str, list[str | None]], found: Absence) -> None:
    """A branch has begun with the first of its tasks; one whose try failed is explained by that try."""
    assert _absence(states) == found


def test_what_has_not_begun_can_be_skipped() -> None:
    """What waits for another try has, and is skipped as well; what is at work or has ended is not."""
    states: dict[str, list[str | None]] = {"extract": ["up_for_retry"], "seal": ["scheduled"], "tidy": ["deferred"]}
    assert unbegun(MEMBERS, ended={"check"}, states=states) == ["extract", "seal"]


def test_the_moment_of_a_decision_is_its_time_or_its_cause() -> None:
    """As the reason of a late branch tells it."""
    assert moment(DecidedBy.TIME, DecideBy("2h")) == "2h after the run began"
    assert moment(DecidedBy.ENOUGH, DecideBy("2h")) == "when enough had arrived"
    assert moment(DecidedBy.HOPELESS, None) == "when it could not be enough any more"


def test_what_its_time_has_ended_was_at_work_until_then() -> None:
    """And what failed before it has failed; where nobody says a time, all have."""
    deadline, by = DAY.end, DecideBy("2h")
    stopped = Branch(name="emea", state=BranchState.FAILED, reason="was stopped", ended=deadline.isoformat())
    others = (
        replace(stopped, ended=DAY.start.isoformat()),
        replace(stopped, ended=""),
        Branch(name="apac", state=BranchState.ARRIVED, ended=deadline.isoformat()),
    )
    late = replace(stopped, state=BranchState.LATE, reason="still at work 2h after the run began")
    assert in_time((stopped, *others), deadline, by) == (late, *others)
    assert in_time((stopped,), None, None) == (stopped,)


def _branches(**states: str) -> tuple[Branch, ...]:
    return tuple(Branch(name=name, state=BranchState(state)) for name, state in states.items())


def test_a_branch_that_must_not_fail_ends_the_night() -> None:
    """Though the quorum is met; for all branches where nobody names some."""
    branches = _branches(emea="arrived", apac="failed", texas="late")
    rule = Quorum.parse(1)
    assert judged(rule, branches, {}, ()) == (judged(rule, branches, {}, ["emea", "texas"])[0], [])
    for abort in (None, ["apac"]):
        decision, ending = judged(rule, branches, {}, abort)
        assert (decision.met, decision.lacking, ending) == (False, ("apac failed, which ends the night",), ["apac"])
    assert judged(Quorum.parse(2), branches, {}, ())[0].met is False


def _orders(by: DecidedBy, *, met: bool, **said: Any) -> Orders:
    record = Completeness(
        pipeline="p", interval=DAY, dimension="region", needed=1, met=met, decided_by=str(by),
        branches=_branches(a="arrived", b="late", c="not_started", d="failed", e="excluded"),
    )  # fmt: skip
    return orders(record, **{"late": "catch_up", "on_short": "finish", "aborted": False, **said})


CANNOT = "stopped, since it cannot be enough any more"


@pytest.mark.parametrize(
    ("by", "met", "said", "found"),
    [
        (DecidedBy.TIME, True, {}, Orders(("c", "d"))),
        (DecidedBy.TIME, True, {"late": "stop"}, Orders(("b", "c", "d"), "stopped, since it was decided")),
        (DecidedBy.ENOUGH, True, {"on_short": "stop"}, Orders(("c", "d"))),
        (DecidedBy.TIME, False, {}, Orders(("c", "d"))),
        (DecidedBy.TIME, False, {"on_short": "stop"}, Orders(("b", "c", "d"), CANNOT)),
        (DecidedBy.HOPELESS, False, {}, Orders()),
        (DecidedBy.HOPELESS, False, {"late": "stop"}, Orders()),
        (DecidedBy.HOPELESS, False, {"on_short": "stop"}, Orders(("b", "c", "d"), CANNOT)),
        (DecidedBy.HOPELESS, False, {"aborted": True}, Orders(("b", "c", "d"), CANNOT)),
    ],
)
def test_what_follows_from_a_decision(by: DecidedBy, met: bool, said: dict[str, Any], found: Orders) -> None:
    """What is late may end unless somebody says otherwise; where nothing can help any more, all may."""
    assert _orders(by, met=met, **said) == found


def test_what_airflow_says_nothing_of_has_not_begun() -> None:
    """A task that it has not looked at has no states, and can be skipped."""
    assert unbegun(MEMBERS, ended=(), states={}) == list(MEMBERS)


def test_a_branch_that_ends_the_night_is_told_beside_what_the_quorum_says_by_rows() -> None:
    """The usual rows are handed on to it."""
    branches = (Branch(name="emea", state=BranchState.ARRIVED, rows=60), Branch(name="apac", state=BranchState.FAILED))
    decision, _ = judged(Quorum.parse(coverage="90%"), branches, {"emea": 100, "apac": 100}, ())
    assert (decision.met, decision.coverage) == (False, 30)


def test_the_record_of_a_decision_has_all_of_it() -> None:
    """And of what was not asked for it says nothing."""
    branches = (Branch(name="emea", state=BranchState.ARRIVED, rows=1), Branch(name="apac", state=BranchState.FAILED))
    about: dict[str, Any] = {"pipeline": "p", "interval": DAY, "dimension": "region", "run_id": "r", "correlation_id": "c"}
    for rule, usual, covered in (
        (Quorum.parse(2, required=["apac"]), {}, None),
        (Quorum.parse(coverage="90%"), {"emea": 1, "apac": 3}, 25.0),
    ):
        decision, _ = judged(rule, branches, usual, ["apac"])
        for deadline in (None, DAY.end):
            found = recorded(rule, decision, branches, by=DecidedBy.TIME, at=DAY.start, deadline=deadline, **about)
            assert found == Completeness(
                branches=branches, needed=decision.needed, met=False, required_missing=decision.required_missing, coverage=covered,
                lacking=decision.lacking, rule=str(rule), deadline="2026-01-02T00:00:00+00:00" if deadline else "",
                decided_at="2026-01-01T00:00:00+00:00", decided_by="its time had come", **about,
            )  # fmt: skip
            assert "apac failed, which ends the night" in found.lacking
