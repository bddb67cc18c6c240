"""Whether a barrier that watches has waited long enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.resilience.completeness import Branch, BranchState, DecidedBy
from tidegate.resilience.quorum import Quorum
from tidegate.resilience.tasks import asked_for, by_task
from tidegate.resilience.waiting import AT_WORK, ENDED, Waiting, begun, state_of

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


def waiting(names: str = "abc", **more: Any) -> Waiting:
    """A barrier over branches of one task each, of which two must arrive."""
    branches = more.pop("branches", tuple(Branch(name=name, state=BranchState.NOT_STARTED) for name in names))
    rule = more.pop("rule", Quorum.parse(2))
    return Waiting(rule=rule, branches=branches, ends={branch.name: (branch.name,) for branch in branches}, **more)


def over(found: Waiting, rows: dict[str, int] | None = None, now: datetime = NOW, **states: str | None) -> DecidedBy | None:
    """What brings it about, given the states of tasks."""
    return found.over({name: [state] for name, state in states.items()}, rows or {}, now)


def test_when_all_have_ended_there_is_something_to_decide() -> None:
    """Good or bad."""
    assert over(waiting(), a="success", b="failed", c="upstream_failed") is DecidedBy.ALL
    assert over(waiting(), a="success", b="success", c="up_for_retry") is None


def test_what_airflow_has_not_looked_at_yet_is_waited_for() -> None:
    """The barrier begins before its branches are even planned."""
    assert over(waiting()) is None
    assert over(waiting(), a=None, b=None, c=None) is None


def test_when_nothing_can_help_it_is_decided_at_once() -> None:
    """Two of three are needed, and two have failed."""
    assert over(waiting(), a="failed", b="failed", c="running") is DecidedBy.HOPELESS
    assert over(waiting(), a="failed", b="running", c="running") is None


def test_enough_is_enough_only_where_it_says_early() -> None:
    """Else the others are waited for."""
    assert over(waiting(), a="success", b="success", c="running") is None
    assert over(waiting(early=True), a="success", b="success", c="running") is DecidedBy.ENOUGH


def test_who_has_had_its_time_is_not_waited_for_where_there_is_enough_without() -> None:
    """All of those that are left, and not fewer; where there is not enough, they are waited for."""
    found = waiting()
    states = {"a": ["success"], "b": ["success"], "c": ["running"]}
    assert found.over(states, {}, NOW, ["c"]) is DecidedBy.PATIENCE
    assert found.over(states, {}, NOW, ["b"]) is None
    assert found.over({**states, "b": ["running"]}, {}, NOW, ["b", "c"]) is None
    assert found.at_work(states) == ["c"]


def test_at_its_time_it_decides_and_not_before() -> None:
    """To the instant."""
    found = waiting(deadline=NOW)
    assert over(found, a="running", now=NOW - timedelta(microseconds=1)) is None
    assert over(found, a="running", now=NOW) is DecidedBy.TIME
    assert over(found, a="success", b="success", c="success", now=NOW + timedelta(hours=1)) is DecidedBy.ALL


def test_a_branch_whose_failure_ends_the_night() -> None:
    """Though the others would be enough."""
    found = waiting(abort=frozenset("a"))
    assert over(found, a="failed", b="success", c="running") is DecidedBy.HOPELESS
    assert over(found, a="success", b="failed", c="running") is None
    assert over(found, a="up_for_retry", b="success", c="running") is None


def test_what_was_not_chosen_or_is_held_is_not_waited_for() -> None:
    """A catch-up of one branch waits for that one."""
    branches = (
        Branch(name="a", state=BranchState.NOT_STARTED),
        Branch(name="b", state=BranchState.HELD, rows=5),
        Branch(name="c", state=BranchState.EXCLUDED),
    )
    found = waiting(branches=branches)
    assert over(found, b="skipped", c="skipped", a="running") is None
    assert over(found, b="skipped", c="skipped", a="success") is DecidedBy.ALL


def test_rows_count_where_the_rule_counts_them() -> None:
    """A branch that brought almost nothing makes it hopeless before the last has ended."""
    found = waiting("ab", rule=Quorum.parse(coverage="90%"), usual={"a": 100, "b": 100})
    assert over(found, {"a": 70}, a="success", b="running") is DecidedBy.HOPELESS
    assert over(found, {"a": 85}, a="success", b="running") is None
    assert found.arrived({"a": ["success"], "b": ["running"]}) == ["a"]


def test_a_branch_of_several_ends_has_arrived_with_the_last_and_failed_with_the_first() -> None:
    """Its own word is the worst."""
    found = Waiting(rule=Quorum.parse(1), branches=(Branch(name="a", state=BranchState.NOT_STARTED),), ends={"a": ("x", "y")})
    assert found.over({"x": ["success"], "y": ["running"]}, {}, NOW) is None
    assert found.over({"x": ["failed"], "y": ["running"]}, {}, NOW) is DecidedBy.ALL
    assert found.over({"x": ["success"], "y": ["success"]}, {}, NOW) is DecidedBy.ALL


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([], None),
        ([None], None),
        (["running"], None),
        (["success", "queued"], None),
        (["failed", "running"], None),
        (["success", "success"], "success"),
        (["success", "removed"], "success"),
        (["success", "failed", "skipped"], "failed"),
        (["skipped"], "skipped"),
    ],
)
def test_a_mapped_task_has_ended_when_all_of_it_has(states: list[str | None], told: str | None) -> None:
    """And has succeeded when none of it did not."""
    assert state_of(states) == told


def test_a_branch_has_begun_when_a_task_of_it_is_at_work_or_done() -> None:
    """One that waits for a slot has not."""
    assert not begun({"x": ["queued"], "y": [None]}, ["x", "y", "z"])
    assert begun({"x": ["success"], "y": ["queued"]}, ["x", "y"])
    assert begun({"y": ["deferred"]}, ["x", "y"])


def test_airflows_answer_is_read_by_task() -> None:
    """A mapped task has a key for each index; tasks that nobody asked about are left out."""
    found = by_task({"a": "success", "b_0": "running", "b_1": None, "c_2": "failed", "d": "queued"}, ["a", "b", "c_2"])
    assert found == {"a": ["success"], "b": ["running", None], "c_2": ["failed"]}
    assert asked_for(["a", "b"]) == ["a", "b"]
    assert asked_for([str(number) for number in range(200)]) is None


STATES = st.sampled_from([None, "scheduled", "queued", "up_for_retry", *sorted(ENDED - {"removed"}), *sorted(AT_WORK)])


@given(st.dictionaries(st.sampled_from("abcdef"), STATES, min_size=6), st.integers(0, 6), st.booleans())
def test_waiting_always_ends(states: dict[str, str | None], needed: int, early: bool) -> None:
    """Whatever the states are: at the latest at its time, and where nothing is at work any more before that."""
    found = waiting("abcdef", rule=Quorum.parse(needed), deadline=NOW, early=early)
    assert over(found, now=NOW, **states) is not None
    if all(state in ENDED for state in states.values()):
        assert over(found, now=NOW - timedelta(hours=1), **states) is DecidedBy.ALL


def test_who_is_at_work_and_who_has_arrived_by_now() -> None:
    """By the end that carries the rows; of whom Airflow says nothing has not begun, and what failed has not arrived."""
    found = waiting("abcd")
    states = {"a": ["success"], "b": ["running"], "c": ["failed"]}
    assert found.at_work(states) == ["b"]
    assert found.arrived(states) == ["a"]


def test_of_whom_nobody_knows_the_rows_has_brought_none() -> None:
    """Of a task that carries no rows, or whose rows could not be asked for."""
    found = waiting("ab", rule=Quorum.parse(coverage="50%"), usual={"a": 1, "b": 1}, early=True)
    assert over(found, a="success", b="running") is None
    assert over(found, {"a": 1}, a="success", b="running") is DecidedBy.ENOUGH


def test_a_branch_that_was_skipped_did_not_fail() -> None:
    """So it ends no night, though it does not come any more."""
    found = waiting(abort=frozenset("a"))
    assert over(found, a="skipped", b="running", c="running") is None
    assert over(found, a="failed", b="running", c="running") is DecidedBy.HOPELESS
