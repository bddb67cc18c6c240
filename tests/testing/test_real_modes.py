"""The other load modes in nights that Airflow runs: a partial night, the one after it, a night anew, and a branch that comes later."""

from __future__ import annotations

from typing import Any

import pytest
from comparing import SHOPS, is_played_as_it_ran, run_by_airflow

pytestmark = pytest.mark.slow

MODES = ("appended", "merged", "swapped")
FIRST, SECOND, THIRD = "2026-01-01", "2026-01-02", "2026-01-03"
ALL = dict.fromkeys(SHOPS, 2)


def _asked(pipeline: str) -> dict[str, str]:
    return {
        "rows": f"SELECT substr(sold_at, 1, 10), shop, count(*) FROM {pipeline} GROUP BY 1, 2 ORDER BY 1, 2",
        "gaps": f"SELECT branch, status FROM tidegate_gap WHERE pipeline = '{pipeline}' AND interval_start LIKE '{FIRST}%'",
        "first": f"SELECT outcome, arrived, sentence FROM tidegate_interval WHERE pipeline = '{pipeline}' AND interval_start LIKE '{FIRST}%'",
        "ledger": f"SELECT substr(interval_start, 1, 10), branch FROM tidegate_load WHERE pipeline = '{pipeline}' ORDER BY 1, 2",
    }


def _nights(pipeline: str) -> list[dict[str, Any]]:
    """What becomes of a partial night and of the one after it; then of the first one's missing branch, and of a night that is run anew.

    At last of a chosen branch alone, for a night that nothing was loaded of.
    """
    told = {"pipeline": pipeline, "asks": _asked(pipeline)}
    return [
        {**told, "day": FIRST, "rows": {**ALL, "anna": 3}, "away": ["ben"]},
        {**told, "day": SECOND, "rows": {**ALL, "anna": 1}},
        {**told, "day": FIRST, "rows": ALL, "conf": {"shop": ["ben"]}},
        {**told, "day": SECOND, "rows": {**ALL, "carl": 3}},
        {**told, "day": THIRD, "rows": ALL, "conf": {"shop": ["ben"]}},
    ]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """All of them, run by Airflow."""
    done = iter(run_by_airflow([{"real": night} for pipeline in MODES for night in _nights(pipeline)], tmp_path_factory.mktemp("airflow")))
    return {pipeline: [next(done) for _ in _nights(pipeline)] for pipeline in MODES}


def _rows(night: dict[str, Any], day: str) -> dict[str, int]:
    return {shop: count for found, shop, count in night["warehouse"]["rows"] if found == day}


def _ledger(night: dict[str, Any], day: str) -> list[str]:
    return [branch for found, branch in night["warehouse"]["ledger"] if found == day]


def test_a_partial_night_is_loaded_by_each(ran: dict[str, list[dict[str, Any]]]) -> None:
    """What arrived, and no more; as the kit plays it."""
    for pipeline in MODES:
        night = ran[pipeline][0]
        why = next(branch["reason"] for branch in night["record"]["branches"] if branch["name"] == "ben")
        assert "finds no database file" in why
        told = {"rows": {**ALL, "anna": 3}, "fails": ["extract.ben"], "because": {"extract.ben": why}}
        is_played_as_it_ran({"real": _nights(pipeline)[0], "told": told}, night)
        assert night["state"] == "success"
        assert night["noted"] == night["note"]
        assert _rows(night, FIRST) == {"anna": 3, "carl": 2, "dora": 2}
        assert _ledger(night, FIRST) == ["anna", "carl", "dora"]


def test_rows_are_added_once(ran: dict[str, list[dict[str, Any]]]) -> None:
    """The branch that was missing is added; a night anew, whose extracts have read anew, is refused and changes nothing."""
    _, second, caught_up, anew, _ = ran["appended"]
    assert _rows(second, FIRST) == {"anna": 3, "carl": 2, "dora": 2}
    assert _rows(second, SECOND) == {**ALL, "anna": 1}
    assert (caught_up["state"], _rows(caught_up, FIRST)) == ("success", {**ALL, "anna": 3})
    assert (anew["state"], anew["states"]["load"]) == ("failed", "failed")
    assert anew["warehouse"] == caught_up["warehouse"]


def test_rows_are_changed_by_their_keys(ran: dict[str, list[dict[str, Any]]]) -> None:
    """A key that a later night has brought too is that night's, and a night anew brings what it has. Nothing is deleted."""
    _, second, caught_up, anew, _ = ran["merged"]
    assert (_rows(second, FIRST), _rows(second, SECOND)) == ({"anna": 2}, {**ALL, "anna": 1})
    assert (caught_up["state"], caught_up["states"]["load"]) == ("success", "success")
    assert (_rows(caught_up, FIRST), _rows(caught_up, SECOND)) == ({"anna": 2, "ben": 2}, {"anna": 1, "carl": 2, "dora": 2})
    assert (anew["state"], _rows(anew, FIRST), _rows(anew, SECOND)) == ("success", {"anna": 1}, {**ALL, "carl": 3})
    assert _ledger(anew, FIRST) == _ledger(anew, SECOND) == list(SHOPS)


def test_a_night_is_the_whole_table(ran: dict[str, list[dict[str, Any]]]) -> None:
    """The one before is gone, and its missing branch does not come back for it."""
    _, second, caught_up, anew, _ = ran["swapped"]
    assert (_rows(second, FIRST), _rows(second, SECOND)) == ({}, {**ALL, "anna": 1})
    assert (_ledger(second, FIRST), _ledger(second, SECOND)) == ([], list(SHOPS))
    assert caught_up["warehouse"]["rows"] == second["warehouse"]["rows"]
    assert (anew["state"], _rows(anew, SECOND)) == ("success", {**ALL, "carl": 3})


def test_a_chosen_branch_alone_is_not_the_whole_table(ran: dict[str, list[dict[str, Any]]]) -> None:
    """It is refused, and the night before stays; the other modes add its rows to what is there."""
    for pipeline in MODES:
        *_, before, chosen = ran[pipeline]
        if pipeline == "swapped":
            assert (chosen["state"], chosen["states"]["load"]) == ("failed", "failed")
            assert chosen["warehouse"] == before["warehouse"]
        else:
            assert (chosen["state"], _rows(chosen, THIRD), _ledger(chosen, THIRD)) == ("success", {"ben": 2}, ["ben"])
            assert _rows(chosen, SECOND)


def test_a_night_behind_a_later_whole_table_says_so(ran: dict[str, list[dict[str, Any]]]) -> None:
    """It is green, neither partial nor told of; the gap that it leaves closes, for no catch-up can close it."""
    _, second, caught_up, _, _ = ran["swapped"]
    sentence = f"swapped for {FIRST} was not loaded: the table already holds {SECOND}, which is newer."
    assert second["warehouse"]["gaps"] == [["ben", "open"]]
    assert (caught_up["state"], caught_up["record"]["verdict"], caught_up["note"]) == ("success", "overtaken", sentence)
    assert (caught_up["warehouse"]["gaps"], caught_up["warehouse"]["first"]) == ([["ben", "closed"]], [["overtaken", 0, sentence]])
