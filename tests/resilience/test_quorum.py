"""Quorums: what is enough, and that one arrival more never makes it less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.quantity import AtLeast
from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.quorum import Quorum, decide

STATES = st.sampled_from(list(BranchState))
NAMES = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=10, unique=True)


def branches(**states: BranchState) -> tuple[Branch, ...]:
    """Branches of these names and states."""
    return tuple(Branch(name=name, state=state) for name, state in states.items())


ARRIVED, FAILED, EXCLUDED, HELD = BranchState.ARRIVED, BranchState.FAILED, BranchState.EXCLUDED, BranchState.HELD


@pytest.mark.parametrize(
    ("bound", "expected", "needed"),
    [(7, 10, 7), ("70%", 10, 7), ("70%", 9, 7), ("100%", 3, 3), ("0%", 3, 0), (7, 2, 2), ("33.4 %", 3, 2), ("66.6%", 3, 2), (0, 5, 0)],
)
def test_percentages_round_up_and_counts_never_ask_for_more_than_there_are(bound: str | int, expected: int, needed: int) -> None:
    """80 % of 9 are 8, not 7.2; 7 of 2 are 2."""
    assert AtLeast.parse(bound).of(expected) == needed


@pytest.mark.parametrize("words", [-1, "80", "101%", "80 percent", True, "%", ""])
def test_what_is_no_quantity_is_refused(words: str | int) -> None:
    """The message names the word and shows both forms."""
    with pytest.raises(ValueError, match="write a count such as 7, or a percentage such as 80%"):
        AtLeast.parse(words)


def test_exactly_the_quorum_is_enough_and_one_less_is_not() -> None:
    """The boundary itself."""
    rule = Quorum.parse(2)
    assert decide(rule, branches(a=ARRIVED, b=ARRIVED, c=FAILED)).met
    assert not decide(rule, branches(a=ARRIVED, b=FAILED, c=FAILED)).met


def test_a_required_branch_outweighs_the_count() -> None:
    """Nine of ten are not enough without the one that must be there."""
    decision = decide(Quorum.parse("10%", ["c"]), branches(a=ARRIVED, b=ARRIVED, c=FAILED))
    assert (decision.met, decision.required_missing) == (False, ("c",))


def test_excluded_branches_leave_the_denominator_and_are_not_required() -> None:
    """A run that asked for two needs two."""
    decision = decide(Quorum.parse("100%", ["c"]), branches(a=ARRIVED, b=ARRIVED, c=EXCLUDED))
    assert (decision.met, decision.needed) == (True, 2)


def test_failed_branches_stay_in_the_denominator() -> None:
    """Nothing is silently dropped."""
    assert decide(Quorum.parse("80%"), branches(a=ARRIVED, b=FAILED)).needed == 2


def test_a_catch_up_that_brings_one_of_two_has_enough_where_the_night_had() -> None:
    """What an earlier run brought counts, and stays in the denominator."""
    decision = decide(Quorum.parse("70%", ["a"]), branches(a=HELD, b=HELD, c=ARRIVED, d=FAILED))
    assert (decision.met, decision.needed, decision.required_missing) == (True, 3, ())


@pytest.mark.parametrize("state", [EXCLUDED, FAILED, HELD])
def test_nothing_at_all_is_never_enough(state: BranchState) -> None:
    """Whatever the rule: there is nothing to go on with."""
    assert not decide(Quorum.parse(0), branches(a=state)).met


@given(names=NAMES, data=st.data(), percent=st.integers(0, 100))
def test_one_arrival_more_never_turns_enough_into_not_enough(names: list[str], data: st.DataObject, percent: int) -> None:
    """Monotone, with any rule, from any states."""
    rule = Quorum.parse(f"{percent}%", data.draw(st.lists(st.sampled_from(names), unique=True)))
    states = {name: data.draw(STATES) for name in names}
    late = data.draw(st.sampled_from(names))
    before = decide(rule, branches(**states))
    if states[late] is EXCLUDED:
        return
    after = decide(rule, branches(**{**states, late: ARRIVED}))
    assert after.met or not before.met
