"""Quorums: what is enough, and that one arrival more never makes it less."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.quantity import AtLeast
from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.quorum import Quorum, Standing, decide, standing, usual_rows

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


def rows(**numbers: int) -> tuple[Branch, ...]:
    """Branches that arrived with so many rows; those with fewer than none have failed."""
    return tuple(Branch(name=name, state=ARRIVED if number >= 0 else FAILED, rows=max(number, 0)) for name, number in numbers.items())


def test_all_are_needed_where_a_rule_says_nothing_else() -> None:
    """With a share of rows or other ways, only what is said is asked for."""
    two = branches(a=ARRIVED, b=FAILED)
    assert not decide(Quorum.parse(), two).met
    assert not decide(Quorum.parse(required=["a"]), two).met
    assert not decide(Quorum.parse(coverage="90%"), two).met, "nobody knows the usual yet"
    assert decide(Quorum.parse(any=[{"required": ["b"]}, {"at_least": 1}]), two).met


def test_a_branch_counts_at_most_its_usual_rows() -> None:
    """What one brings too much makes up for nothing that another lacks; one without a history is left out."""
    usual = {"a": 100, "b": 300}
    decision = decide(Quorum.parse(coverage="75%"), rows(a=900, b=200, c=7), usual)
    assert (decision.met, decision.coverage, decision.lacking) == (True, Decimal(75), ())
    decision = decide(Quorum.parse(coverage="75.1%"), rows(a=900, b=200, c=7), usual)
    assert (decision.met, decision.lacking) == (False, ("75 % of the usual rows, 75.1 % needed",))
    assert decide(Quorum.parse(coverage="1%"), rows(c=7), usual).coverage is None


def test_a_rule_knows_whether_it_counts_rows() -> None:
    """Only then the ledger is asked."""
    assert Quorum.parse(coverage="1%").counts_rows
    assert Quorum.parse(any=[{"coverage": "1%"}]).counts_rows
    assert not Quorum.parse("1%", any=[{"at_least": 1}]).counts_rows


def test_a_share_never_reads_as_the_one_that_was_asked_for() -> None:
    """It is rounded down."""
    decision = decide(Quorum.parse(coverage="90%"), rows(a=8999), {"a": 10_000})
    assert decision.lacking == ("89.9 % of the usual rows, 90 % needed",)


def test_weights_are_counted_in_place_of_heads() -> None:
    """A branch of weight three is three of five; what is needed is no number of branches then."""
    rule = Quorum.parse("60%", weight={"a": 3})
    assert decide(rule, branches(a=ARRIVED, b=FAILED, c=FAILED)).met
    decision = decide(rule, branches(a=FAILED, b=ARRIVED, c=ARRIVED))
    assert (decision.met, decision.needed, decision.lacking) == (False, 0, ("a weight of 2 of 5, 3 needed",))


def test_of_several_ways_one_must_hold_besides() -> None:
    """What lacks in each is told."""
    rule = Quorum.parse(required=["a"], any=[{"at_least": 3}, {"required": ["b"], "coverage": "90%"}])
    usual = {"b": 10, "c": 1}
    assert decide(rule, rows(a=1, b=10, c=-1), usual).met
    assert not decide(rule, rows(a=-1, b=10, c=1), usual).met
    decision = decide(rule, rows(a=1, b=5, c=-1), usual)
    assert decision.lacking == ("not one of the other ways: 2 of 3, 3 needed; nor 45.4 % of the usual rows, 90 % needed",)


@pytest.mark.parametrize("share", ["90", 90, "120%", ""])
def test_what_is_no_share_is_refused(share: str | int) -> None:
    """The message names the word and shows how it is written."""
    with pytest.raises(ValueError, match="is no percentage; write it as 90%"):
        AtLeast.percentage(share)


def test_usual_is_the_median_of_the_nights_in_which_a_branch_was_there() -> None:
    """From the third of them on; one that was short of rows, or had too many, changes little."""
    nights = [{"a": 10, "b": 5}, {"a": 12}, {"a": 1000, "b": 5}, {"a": 11}]
    assert usual_rows(nights) == {"a": 11}


def test_a_decision_is_known_as_soon_as_no_arrival_can_change_it() -> None:
    """Two of three needed: met with two, impossible without two, possible between."""
    rule = Quorum.parse(2)
    states = branches(a=ARRIVED, b=FAILED, c=FAILED)
    assert standing(rule, states, {"b", "c"}) is Standing.POSSIBLE
    assert standing(rule, states, ()) is Standing.IMPOSSIBLE
    assert standing(rule, branches(a=ARRIVED, b=ARRIVED, c=FAILED), {"c"}) is Standing.MET
    covered = Quorum.parse(coverage="90%")
    assert standing(covered, rows(a=80, b=-1), {"b"}, {"a": 100, "b": 100}) is Standing.POSSIBLE
    assert standing(covered, rows(a=70, b=-1), {"b"}, {"a": 100, "b": 100}) is Standing.IMPOSSIBLE


RULES = st.fixed_dictionaries(
    {},
    optional={
        "at_least": st.integers(0, 12) | st.integers(0, 100).map("{}%".format),
        "required": st.lists(st.sampled_from("abcdefghij"), max_size=2),
        "coverage": st.integers(0, 100).map("{}%".format),
    },
)


@st.composite
def nights(draw: st.DrawFn) -> tuple[Quorum, dict[str, Branch], dict[str, int]]:
    """A rule of any kind, branches of any states and rows, and what is usual of some of them."""
    names = draw(NAMES)
    words = draw(RULES)
    weight = draw(st.dictionaries(st.sampled_from(names), st.integers(0, 4)))
    rule = Quorum.parse(**words, any=draw(st.lists(RULES, max_size=2)), weight=weight)
    found = {name: Branch(name=name, state=draw(STATES), rows=draw(st.integers(0, 50))) for name in names}
    return rule, found, draw(st.dictionaries(st.sampled_from(names), st.integers(0, 50)))


@given(nights(), st.data())
def test_no_arrival_makes_less_of_enough(night: tuple[Quorum, dict[str, Branch], dict[str, int]], data: st.DataObject) -> None:
    """Monotone under every rule: counts, weights, required ones, shares of rows, and ways of them; early words are kept."""
    rule, found, usual = night
    absent = [name for name, branch in found.items() if not branch.present and branch.state is not EXCLUDED]
    pending = data.draw(st.lists(st.sampled_from(absent), unique=True)) if absent else []
    before, early = decide(rule, list(found.values()), usual), standing(rule, list(found.values()), pending, usual)
    for name in pending:
        found[name] = replace(found[name], state=ARRIVED)
        after = decide(rule, list(found.values()), usual)
        assert after.met or not before.met
        assert (after.coverage or 0) >= (before.coverage or 0)
        before = after
    assert early is not Standing.MET or before.met
    assert early is not Standing.IMPOSSIBLE or not before.met


def test_a_rule_is_told_in_words() -> None:
    """As the log line of the join has it."""
    rule = Quorum.parse("80%", ["a"], coverage="90%", any=[{"at_least": 9}, {"required": ["b", "c"]}], weight={"a": 3})
    assert str(rule) == "at least 80 %, weighing a 3, required a, 90 % of the usual rows, one of: at least 9; required b, c"
    assert str(Quorum.parse()) == "at least 100 %"


def test_three_nights_are_enough_to_say_what_is_usual() -> None:
    """Two are not."""
    nights = [{"a": 10, "b": 1}, {"a": 30, "b": 2}, {"a": 20}]
    assert usual_rows(nights) == {"a": 20}


def test_what_is_told_apart_is_not_told_twice() -> None:
    """The number and the required ones stand in the decision by themselves; of a way all that it lacks is told."""
    two = branches(a=ARRIVED, b=FAILED, c=FAILED)
    assert decide(Quorum.parse(2, required=["b"]), two).lacking == ()
    ways = [{"at_least": 2, "required": ["b", "c"]}, {"at_least": 3}]
    told = decide(Quorum.parse(1, any=ways), two).lacking
    assert told == ("not one of the other ways: 1 of 3, 2 needed, required but missing: b, c; nor 1 of 3, 3 needed",)


def test_what_may_still_arrive_is_not_there_yet() -> None:
    """Whatever its state says."""
    assert standing(Quorum.parse(2), branches(a=ARRIVED, b=ARRIVED), {"b"}) is Standing.POSSIBLE
    assert standing(Quorum.parse(1), branches(a=ARRIVED, b=ARRIVED), {"b"}) is Standing.MET


def test_coverage_alone_needs_the_branches_of_whom_nothing_is_known() -> None:
    """In the first nights, behind a ledger that cannot be read, and of a branch that is new: they must not be missed unseen. A number, where one is said, holds."""
    two_of_three = branches(a=ARRIVED, b=ARRIVED, c=FAILED)
    told = decide(Quorum.parse(coverage="50%"), two_of_three)
    assert (told.met, told.lacking) == (False, ("missing, and nobody knows yet what is usual of them: c",))
    told = decide(Quorum.parse(coverage="50%"), branches(a=ARRIVED, b=FAILED, c=FAILED))
    assert told.lacking == ("missing, and nobody knows yet what is usual of them: b, c",)
    assert decide(Quorum.parse(coverage="50%"), branches(a=ARRIVED, b=ARRIVED, c=ARRIVED)).met
    assert decide(Quorum.parse(2, coverage="50%"), two_of_three).met
    assert not decide(Quorum.parse(any=[{"coverage": "50%"}, {"at_least": 3}]), two_of_three).met
    assert standing(Quorum.parse(coverage="50%"), two_of_three, {"b"}) is Standing.IMPOSSIBLE
    new = (Branch(name="a", state=ARRIVED, rows=10), Branch(name="b", state=FAILED))
    assert not decide(Quorum.parse(coverage="50%"), new, {"a": 10}).met
    assert decide(Quorum.parse(coverage="50%"), new, {"a": 10, "b": 10}).met
