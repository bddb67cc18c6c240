"""The record of a night: its states, its sentence, its way through JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import EXCLUDED, FLORIDA, NIGHT, PLAINS, TEXAS, record

from tidegate.errors import IntervalUnknown
from tidegate.resilience.completeness import Branch, BranchState, Completeness, Outcome
from tidegate.resilience.interval import Interval


def test_a_complete_night_says_so() -> None:
    """All there: count and rows."""
    assert record(TEXAS, PLAINS).sentence == "sales for 2017-12-23 is complete: 2 of 2 regions, 1,234 rows."


def test_a_partial_night_names_what_is_missing_and_why() -> None:
    """The reason stands beside the name."""
    night = record(TEXAS, PLAINS, FLORIDA)
    assert night.outcome is Outcome.PARTIAL
    told = "sales for 2017-12-23 is partial: 2 of 3 regions, 1,234 rows. Missing: florida (no database file at /data/florida.db)."
    assert night.sentence == told


def test_a_short_night_says_what_was_needed_and_that_nothing_was_loaded() -> None:
    """Required branches are named when they are the cause."""
    night = record(TEXAS, FLORIDA, needed=2, met=False, required_missing=("florida",))
    assert night.outcome is Outcome.SHORT
    told = (
        "sales for 2017-12-23 is short: 1 of 2 regions arrived, 2 needed; required but missing: florida. Nothing was loaded. "
        "Missing: florida (no database file at /data/florida.db)."
    )
    assert night.sentence == told


def test_a_night_that_is_short_of_rows_alone_names_nobody_as_missing() -> None:
    """All have arrived, with too little."""
    night = record(TEXAS, PLAINS, needed=0, met=False, lacking=("12 % of the usual rows, 90 % needed",))
    told = "sales for 2017-12-23 is short: 2 of 2 regions arrived; 12 % of the usual rows, 90 % needed. Nothing was loaded."
    assert night.sentence == told


def test_a_catch_up_run_completes_the_night_with_what_earlier_runs_brought() -> None:
    """Excluded branches that the warehouse holds count as present."""
    night = record(TEXAS, EXCLUDED, needed=1)
    assert night.outcome is Outcome.PARTIAL
    healed = night.as_loaded({"florida": 66, "texas": 1000}, {"texas"})
    assert healed.outcome is Outcome.COMPLETE
    assert healed.sentence == "sales for 2017-12-23 is complete: 2 of 2 regions, 1,066 rows; texas caught up."


def test_a_night_that_a_later_one_has_overtaken_says_so() -> None:
    """It is neither partial nor complete, and stays so on its way through JSON; a missed quorum tells more."""
    tomorrow = Interval(NIGHT.end, NIGHT.end + (NIGHT.end - NIGHT.start))
    night = record(TEXAS, replace(FLORIDA, stale_from="2017-12-22T00:00:00+00:00")).as_overtaken(tomorrow)
    assert (night.outcome, night.stale) == (Outcome.OVERTAKEN, ())
    assert night.sentence == "sales for 2017-12-23 was not loaded: the table already holds 2017-12-24, which is newer."
    assert Completeness.from_dict(json.loads(json.dumps(night.as_dict()))) == night
    assert replace(night, met=False).outcome is Outcome.SHORT


def test_what_this_run_loaded_counts_with_its_own_rows() -> None:
    """Not with the rows of the table after a transform."""
    assert record(TEXAS).as_loaded({"texas": 5}, {"texas"}).rows == 1000


def test_what_neither_arrived_nor_is_held_stays_as_it_was() -> None:
    """The ledger knows nothing of it."""
    assert record(TEXAS, FLORIDA).as_loaded({"texas": 5}, {"texas"}).branches == (TEXAS, FLORIDA)


def test_what_arrived_but_was_superseded_is_held_or_failed_as_the_ledger_says() -> None:
    """The record follows the warehouse, not what the run had hoped for."""
    night = record(TEXAS, PLAINS).as_loaded({"texas": 5}, set())
    assert {branch.name: str(branch.state) for branch in night.branches} == {"texas": "held", "plains": "failed"}
    assert night.outcome is Outcome.PARTIAL
    assert "plains (its rows were not loaded" in night.sentence


def wide(missing: int, *, reason: str = "the source does not answer") -> list[Branch]:
    """200 branches of which some failed, the last third of them not even begun."""
    states = [BranchState.NOT_STARTED if number >= missing * 2 // 3 else BranchState.FAILED for number in range(missing)]
    absent = [Branch(name=f"store_{number:03}", state=state, reason=reason) for number, state in enumerate(states)]
    return absent + [Branch(name=f"store_{number:03}", state=BranchState.ARRIVED, rows=1) for number in range(missing, 200)]


def test_of_many_missing_a_sentence_names_the_first_and_counts_the_others() -> None:
    """Sixty reasons are read by nobody, and a run's note has 1,000 characters; the record has them all."""
    night = record(*wide(60), needed=100)
    named = "; ".join(f"store_{number:03} (the source does not answer)" for number in range(8))
    told = f"sales for 2017-12-23 is partial: 140 of 200 regions, 140 rows. Missing: {named}; and 52 more: 32 failed, 20 not started."
    assert night.sentence == told
    assert len(night.as_dict()["failed"] + night.as_dict()["not_started"]) == 60
    assert "store_059" in night.line


def test_all_missing_are_named_where_only_one_would_be_left_to_count() -> None:
    """Nine are named; ten are eight and two."""
    assert record(*wide(9)).sentence.endswith("store_008 (the source does not answer).")
    assert record(*wide(10)).sentence.endswith("store_007 (the source does not answer); and 2 more: 2 not started.")


@given(st.integers(10, 200), st.text("abc. ", min_size=1, max_size=400), st.booleans())
def test_a_wide_night_fits_into_a_note(missing: int, reason: str, met: bool) -> None:
    """However long the reasons are."""
    branches = wide(missing, reason=reason)
    lost = tuple(branch.name for branch in branches[:missing])
    night = record(*branches, needed=195, met=met, required_missing=lost)
    assert len(night.sentence) <= 1000
    assert len(night.carrying(dict.fromkeys(lost, "2017-12-21T23:00:00+00:00")).sentence) <= 1000


def test_a_reason_is_cut_only_where_there_are_many() -> None:
    """Of few, people want to read it all."""
    assert f"({'x' * 300})" in record(*wide(9, reason="x" * 300)).sentence
    assert f"({'x' * 72})" in record(*wide(10, reason="x" * 72)).sentence
    night = record(*wide(10, reason="x" * 73))
    assert f"({'x' * 71}…)" in night.sentence
    assert f"({'x' * 38}…; the rows of 2017-12-22 stand in)" in night.carrying({"store_000": "2017-12-22T00:00:00+00:00"}).sentence


def test_what_a_wide_night_lacked_and_whom_it_caught_up_is_counted_too() -> None:
    """Of required ones, of what ends the night, of those that came later."""
    names = tuple(f"store_{number:03}" for number in range(200))
    short = record(
        *wide(200), met=False, required_missing=names[:10], lacking=tuple(f"{name} failed, which ends the night" for name in names)
    )
    assert (
        "; required but missing: store_000, store_001, store_002, store_003, store_004, store_005, store_006, store_007, and 2 more; "
        in short.sentence
    )
    assert "; store_007 failed, which ends the night; and 192 more. Nothing was loaded." in short.sentence
    late = record(*wide(100)).as_loaded(dict.fromkeys(names, 1), names[100:])
    assert late.sentence.endswith("store_106, store_107, and 92 more caught up.")


BRANCHES = st.builds(
    Branch,
    name=st.text("abc", min_size=1, max_size=5),
    state=st.sampled_from(list(BranchState)),
    rows=st.integers(0, 10**9),
    seconds=st.floats(0, 10**5),
    reason=st.text(max_size=20),
)


@given(st.lists(BRANCHES, max_size=6), st.booleans())
def test_a_record_survives_json(branches: list[Branch], met: bool) -> None:
    """XCom and ledger hold JSON; nothing is lost on the way."""
    night = record(*branches, met=met)
    assert Completeness.from_dict(json.loads(json.dumps(night.as_dict()))) == night


def test_the_line_for_logs_has_every_name() -> None:
    """Rule, names by state, time and ids, each as a pair; what is empty is left out."""
    late = Branch(name="emea", state=BranchState.LATE, reason="still running")
    told = record(TEXAS, late, FLORIDA, rule="at least 80 %", deadline="2017-12-24T04:30:00+00:00", decided_by="its time had come").line
    assert told.startswith('decision=partial decided_by="its time had come" deadline=2017-12-24T04:30:00+00:00 pipeline=sales ')
    assert 'rule="at least 80 %" expected=texas,emea,florida arrived=texas failed=florida late=emea rows=1000' in told
    assert "coverage" not in told
    assert ' coverage="91.2 %"' in record(TEXAS, coverage=91.25).line


def test_named_lists_stand_in_the_record() -> None:
    """A reader of the ledger need not walk through the branches."""
    data = record(TEXAS, PLAINS, FLORIDA, Branch(name="emea", state=BranchState.EXCLUDED)).as_dict()
    assert data["expected"] == ["texas", "plains", "florida"]
    assert (data["arrived"], data["failed"], data["late"], data["excluded"]) == (["texas", "plains"], ["florida"], [], ["emea"])


def test_rows_that_stand_in_are_named_and_count_for_nothing() -> None:
    """The branch is missing as before; the sentence, the line and the list say whose rows stand in."""
    plain = record(TEXAS, PLAINS, FLORIDA)
    night = plain.carrying({"florida": "2017-12-22T00:00:00+00:00", "texas": "2017-12-22T00:00:00+00:00"})
    assert night.sentence == plain.sentence.replace("florida.db)", "florida.db; the rows of 2017-12-22 stand in)")
    assert (night.outcome, night.rows, night.missing) == (Outcome.PARTIAL, plain.rows, night.stale)
    assert [branch.stale_from for branch in night.branches] == ["", "", "2017-12-22T00:00:00+00:00"]
    assert (night.as_dict()["stale"], plain.as_dict()["stale"]) == (["florida"], [])
    assert " stale=florida " in night.line
    assert "stale" not in plain.line
    assert Completeness.from_dict(json.loads(json.dumps(night.as_dict()))) == night


def test_rows_of_a_night_that_does_not_begin_at_midnight_stand_in_by_their_time() -> None:
    """Such as those of a day in Berlin."""
    night = record(TEXAS, FLORIDA).carrying({"florida": "2017-12-21T23:00:00+00:00"})
    assert "; the rows of 2017-12-21 23:00 UTC stand in)" in night.sentence


def test_after_the_load_the_ledger_says_what_stands_in() -> None:
    """Of a branch that was not chosen, too; what the load has left out does not; what is held needs nobody."""
    stale = {"florida": "2017-12-22T00:00:00+00:00"}
    assert (
        record(TEXAS, EXCLUDED)
        .as_loaded({"texas": 5}, {"texas"}, stale)
        .sentence.endswith("Missing: florida (not chosen for this run; the rows of 2017-12-22 stand in).")
    )
    assert record(TEXAS, FLORIDA).carrying(stale).as_loaded({"texas": 5}, {"texas"}).stale == ()
    assert record(TEXAS, FLORIDA).carrying(stale).as_loaded({"texas": 5, "florida": 7}, {"texas"}, stale).stale == ()


def test_the_whole_line_for_logs() -> None:
    """As people search for it."""
    names = [Branch(name=name, state=BranchState.LATE) for name in ("a", "b")]
    assert record(*names, decided_at="2017-12-24T04:30:01+00:00", coverage=50.0).line == (
        "decision=partial decided_at=2017-12-24T04:30:01+00:00 pipeline=sales interval=2017-12-23T00:00:00+00:00/2017-12-24T00:00:00+00:00 "
        'expected=a,b late=a,b rows=0 coverage="50 %" run_id=run correlation_id=tg-1'
    )


def test_one_is_told_as_one() -> None:
    """A branch, a row."""
    one = Branch(name="a", state=BranchState.ARRIVED, rows=1)
    assert record(one).sentence == "sales for 2017-12-23 is complete: 1 of 1 region, 1 row."
    assert record(one, replace(one, name="b")).sentence == "sales for 2017-12-23 is complete: 2 of 2 regions, 2 rows."


def test_a_sentence_tells_of_rows_that_were_set_aside() -> None:
    """Of branches whose rows there are, beside the rows; the line for searches has them too, and so has the record."""
    aside = [replace(TEXAS, quarantined=1200), replace(PLAINS, quarantined=3, state=BranchState.HELD), replace(FLORIDA, quarantined=7)]
    told = record(*aside)
    assert told.sentence == (
        "sales for 2017-12-23 is partial: 2 of 3 regions, 1,234 rows and 1,203 in quarantine (texas 1,200, plains 3). "
        "Missing: florida (no database file at /data/florida.db)."
    )
    assert " quarantined=texas:1200,plains:3 " in told.line
    assert [branch["quarantined"] for branch in told.as_dict()["branches"]] == [1200, 3, 7]
    assert Completeness.from_dict(told.as_dict()) == told
    assert "quarantine" not in record(TEXAS).sentence + record(TEXAS).line


def test_a_sentence_tells_the_share_of_the_usual_rows_where_somebody_asked() -> None:
    """Behind the rows."""
    assert record(TEXAS, coverage=91.25).sentence == "sales for 2017-12-23 is complete: 1 of 1 region, 1,000 rows (91.2 % of the usual)."


def test_a_short_night_tells_all_that_lacked() -> None:
    """What was held already, the required ones, what other rules lacked; a rule that does not count says no number."""
    held = Branch(name="ohio", state=BranchState.HELD, rows=3)
    gone = (Branch(name="florida", state=BranchState.FAILED, reason="odd code X"), Branch(name="maine", state=BranchState.LATE))
    short = record(
        TEXAS, held, *gone, needed=0, met=False, required_missing=("florida", "maine"), lacking=("50 % of the usual rows", "no way")
    )
    assert short.sentence == (
        "sales for 2017-12-23 is short: 1 of 3 regions arrived, 1 held already; required but missing: florida, maine; 50 % of the usual rows; no way. "
        "Nothing was loaded. Missing: florida (odd code X); maine (no reason known)."
    )


def test_a_partial_night_names_those_that_were_not_chosen() -> None:
    """Each with what is known of it."""
    night = record(TEXAS, EXCLUDED, Branch(name="maine", state=BranchState.FAILED))
    assert night.sentence.endswith(" Missing: florida (not chosen for this run); maine (no reason known).")


def test_several_that_were_caught_up_are_named() -> None:
    """Beside those that were held."""
    night = record(TEXAS, PLAINS, EXCLUDED).as_loaded({"texas": 1, "plains": 1, "florida": 1}, {"texas", "plains"})
    assert night.sentence.endswith("; texas, plains caught up.")


def test_a_record_is_plain_with_what_readers_want_beside_it() -> None:
    """Every word of it is read somewhere: by alerts, the ledger, assets."""
    late = Branch(name="emea", state=BranchState.LATE, reason="still at work", usual=7)
    night = record(
        TEXAS, late, needed=1, met=False, required_missing=("emea",), lacking=("no way",), coverage=12.5, rule="at least 1", decided_by="x"
    )
    assert night.as_dict() == {
        **{name: getattr(night, name) for name in ("pipeline", "dimension", "needed", "met", "coverage", "rule", "deadline", "decided_at")},
        "decided_by": "x",
        "overtaken_by": "",
        "run_id": "run",
        "correlation_id": "tg-1",
        "interval": {"start": "2017-12-23T00:00:00+00:00", "end": "2017-12-24T00:00:00+00:00"},
        "branches": [{**asdict(TEXAS), "state": "arrived"}, {**asdict(late), "state": "late"}],
        "required_missing": ["emea"],
        "lacking": ["no way"],
        "expected": ["texas", "emea"],
        **{str(state): [] for state in BranchState},
        "arrived": ["texas"],
        "late": ["emea"],
        "outcome": "short",
        "stale": [],
        "rows": 1000,
        "sentence": night.sentence,
    }
    assert Completeness.from_dict(night.as_dict()) == night


def test_a_record_may_lack_what_nobody_asked_for() -> None:
    """And one that is damaged says where."""
    data = record(TEXAS).as_dict()
    for name in ("coverage", "lacking", "rule", "deadline", "decided_at", "decided_by"):
        del data[name]
    assert Completeness.from_dict(data) == record(TEXAS)
    for name in ("start", "end"):
        with pytest.raises(IntervalUnknown, match=f"^{name} is 'x'"):
            Completeness.from_dict({**data, "interval": {**data["interval"], name: "x"}})


def test_the_line_names_all_whose_rows_stand_in() -> None:
    """Between commas, as the others."""
    gone = [Branch(name=name, state=BranchState.FAILED) for name in ("a", "b")]
    assert " stale=a,b " in record(*gone).carrying(dict.fromkeys("ab", "2017-12-22T00:00:00+00:00")).line
