"""The record of a night: its states, its sentence, its way through JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from records import EXCLUDED, FLORIDA, PLAINS, TEXAS, record

from tidegate.resilience.completeness import Branch, BranchState, Completeness, Outcome


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


def test_a_catch_up_run_completes_the_night_with_what_earlier_runs_brought() -> None:
    """Excluded branches that the warehouse holds count as present."""
    night = record(TEXAS, EXCLUDED, needed=1)
    assert night.outcome is Outcome.PARTIAL
    healed = night.as_loaded({"florida": 66, "texas": 1000}, {"texas"})
    assert healed.outcome is Outcome.COMPLETE
    assert healed.sentence == "sales for 2017-12-23 is complete: 2 of 2 regions, 1,066 rows; texas caught up."


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
