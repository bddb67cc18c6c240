"""Yesterday's rows stand in for a shop that is missing, on a real Airflow: in the table, ledger, record and note, until its own rows come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from comparing import SHOPS, is_played_as_it_ran, run_by_airflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # one fixture runs all nights
GAPS = "SELECT substr(interval_start, 1, 10), branch, status FROM tidegate_gap WHERE pipeline = '{}' ORDER BY 1, 2"
LOADS = "SELECT substr(interval_start, 1, 10), branch, substr(stale_from, 1, 10) FROM tidegate_load WHERE pipeline = '{}' ORDER BY 1, 2"


def _night(
    pipeline: str,
    day: int,
    *,
    closed: Sequence[str] = (),
    only: str = "",
    rows: Mapping[str, int] | None = None,
    held: Mapping[str, int] | None = None,
    last_good: Mapping[str, int] | None = None,
    spoilt: str = "",
    fails: str = "",
) -> dict[str, Any]:
    """A night for Airflow, and what a play is told of it."""
    asks = {"table": f"SELECT * FROM {pipeline} ORDER BY 1, 2", "gaps": GAPS.format(pipeline), "loads": LOADS.format(pipeline)}
    conf = {"shop": [only]} if only else {}
    real = {"pipeline": pipeline, "day": f"2026-01-{day:02}", "closed": list(closed), "conf": conf, "asks": asks, "spoilt": spoilt}
    if fails:
        real["conf"] = {"fails": [fails]}
    extract = "shops.{}.extract" if pipeline == "carried_tills" else "extract.{}"
    because = {extract.format(shop): f"shop_{shop} refused sql/sales.sql: no such table: sales." for shop in closed}
    told = {
        "fails": [*because, *([fails] if fails else [])],
        "because": because,
        "rows": rows or {},
        "held": held or {},
        "last_good": last_good or {},
        "chosen": conf,
    }
    return {"real": {**real, "rows": dict(rows or {})}, "told": told}


TWO = dict.fromkeys(SHOPS, 2)
BOTH = {"carl": 1, "dora": 1}
HELD = {"anna": 1, "ben": 1}
NIGHTS = {
    "one by one": [
        _night("carried", 1, rows=TWO),
        _night("carried", 2, closed=["carl", "dora"], last_good=BOTH),
        _night("carried", 2, only="dora", rows={"dora": 5}, held=HELD, last_good=BOTH),
        _night("carried", 2, only="carl", rows={"carl": 7}, held={**HELD, "dora": 5}, last_good=BOTH),
        _night("carried", 2, closed=["dora"], held={**HELD, "carl": 7, "dora": 5}, last_good=BOTH),
        _night("carried", 5, closed=["dora"], last_good={"dora": 3}),
        _night("carried", 4, closed=["dora"], last_good={"dora": 2}),
        _night("carried", 3, closed=["dora"], spoilt="carried/20260102*/extract/dora"),
    ],
    "combined": [
        _night("carried_total", 1, rows=TWO),
        _night("carried_total", 2, closed=["carl", "dora"], last_good=BOTH),
        _night("carried_total", 2, only="dora", rows={"dora": 5}, held=HELD, last_good=BOTH),
        _night("carried_total", 2, only="carl", rows={"carl": 7}, held={**HELD, "dora": 5}, last_good=BOTH),
    ],
    "behind which a task failed": [
        _night("carried_tills", 1, fails="shops.ben.seal"),
        _night("carried_tills", 2, closed=["ben", "carl"], last_good={"carl": 1}),
    ],
    "days from rows": [_night("carried_days", 1, rows=TWO), _night("carried_days", 2, closed=["dora"])],
    "of no use": [_night("carried_badly", 1, rows=TWO), _night("carried_badly", 2, closed=["dora"])],
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """All of them."""
    done = iter(run_by_airflow([night for nights in NIGHTS.values() for night in nights], tmp_path_factory.mktemp("airflow")))
    return {name: [next(done) for _ in nights] for name, nights in NIGHTS.items()}


def _of(found: dict[str, Any], name: str, day: int = 2) -> list[list[Any]]:
    return [row[1:] for row in found["warehouse"][name] if row[0] == f"2026-01-{day:02}"]


def test_yesterdays_numbers_stand_under_todays_day_and_are_marked(ran: dict[str, list[dict[str, Any]]]) -> None:
    """In the table, the ledger, the record, the sentence; they count neither as arrived nor as rows, and the gaps are open."""
    first, second = ran["one by one"][:2]
    assert first["record"]["sentence"] == "carried for 2026-01-01 is complete: 4 of 4 shops, 8 rows."
    assert _of(second, "table") == [["anna", 100, None], ["ben", 100, None], ["carl", 200, "2026-01-01"], ["dora", 200, "2026-01-01"]]
    assert _of(second, "table", 1) == [[shop, 200, None] for shop in SHOPS]
    assert _of(second, "loads") == [["anna", None], ["ben", None], ["carl", "2026-01-01"], ["dora", "2026-01-01"]]
    assert _of(second, "gaps") == [["carl", "open"], ["dora", "open"]]
    record = second["record"]
    why = "refused sql/sales.sql: no such table: sales; the rows of 2026-01-01 stand in"
    assert record["sentence"] == (
        f"carried for 2026-01-02 is partial: 2 of 4 shops, 2 rows. Missing: carl (shop_carl {why}); dora (shop_dora {why})."
    )
    assert (second["state"], record["outcome"], record["stale"], record["rows"]) == ("success", "partial", ["carl", "dora"], 2)
    assert second["note"] == record["sentence"]


def test_catch_up_replaces_exactly_what_stood_in_and_closes_its_gap(ran: dict[str, list[dict[str, Any]]]) -> None:
    """Dora comes; what stands in for carl still does. Then he comes, too."""
    third, fourth = ran["one by one"][2:4]
    assert _of(third, "table") == [["anna", 100, None], ["ben", 100, None], ["carl", 200, "2026-01-01"], ["dora", 500, None]]
    assert _of(third, "gaps") == [["carl", "open"], ["dora", "closed"]]
    assert third["record"]["sentence"].endswith("7 rows. Missing: carl (not chosen for this run; the rows of 2026-01-01 stand in).")
    assert third["record"]["stale"] == ["carl"]
    assert _of(fourth, "table") == [["anna", 100, None], ["ben", 100, None], ["carl", 700, None], ["dora", 500, None]]
    assert (_of(fourth, "gaps"), _of(fourth, "loads")) == ([["carl", "closed"], ["dora", "closed"]], [[shop, None] for shop in SHOPS])
    assert (fourth["record"]["outcome"], fourth["record"]["recovered"], fourth["record"]["stale"]) == ("complete", True, [])


def test_a_shops_own_rows_are_never_replaced_by_what_would_stand_in(ran: dict[str, list[dict[str, Any]]]) -> None:
    """The day is run again while dora is down: her rows are in the warehouse already."""
    again = ran["one by one"][4]
    assert _of(again, "table")[3] == ["dora", 500, None]
    assert (again["record"]["outcome"], again["record"]["stale"]) == ("complete", [])


def test_a_combination_holds_what_stands_in_until_it_comes(ran: dict[str, list[dict[str, Any]]]) -> None:
    """Each run makes the total anew, of all that there is; the view tells which shops are of an earlier day."""
    tables = [_of(found, "table") for found in ran["combined"]]
    stale = [[row for row in _of(found, "loads") if row[1]] for found in ran["combined"]]
    assert tables[1:] == [[[600, 6, "carl 2026-01-01, dora 2026-01-01"]], [[900, 9, "carl 2026-01-01"]], [[1400, 14, None]]]
    assert stale == [[], [["carl", "2026-01-01"], ["dora", "2026-01-01"]], [["carl", "2026-01-01"]], []]
    assert [found["record"]["stale"] for found in ran["combined"]] == [[], ["carl", "dora"], ["carl"], []]
    assert _of(ran["combined"][2], "gaps") == [["carl", "open"], ["dora", "closed"]]
    assert ran["combined"][3]["record"]["outcome"] == "complete"


def test_a_day_that_is_taken_from_the_rows_costs_what_stands_in_and_not_the_night(ran: dict[str, list[dict[str, Any]]]) -> None:
    """The load would touch another interval's rows; it takes the combination that was made without them."""
    first, second = ran["days from rows"]
    assert (first["state"], second["state"]) == ("success", "success")
    assert second["warehouse"]["table"] == [["2026-01-01", 800], ["2026-01-02", 300]]
    assert second["record"]["stale"] == []
    assert "stand in" not in second["record"]["sentence"]
    assert _of(second, "loads") == [["anna", None], ["ben", None], ["carl", None]]


def test_what_is_too_old_or_damaged_does_not_stand_in(ran: dict[str, list[dict[str, Any]]]) -> None:
    """The branch is omitted, and the night is no worse for it."""
    too_old, old, damaged = ran["one by one"][5:]
    assert [found["state"] for found in (too_old, old, damaged)] == ["success"] * 3
    assert [found["record"]["stale"] for found in (too_old, old, damaged)] == [[], ["dora"], []]
    assert _of(old, "table", 4)[3] == ["dora", 500, "2026-01-02"]
    assert len(_of(damaged, "table", 3)) == len(_of(too_old, "table", 5)) == 3


def test_rows_behind_which_a_task_failed_are_nobodys_last_good_ones(ran: dict[str, list[dict[str, Any]]]) -> None:
    """Ben's till could not be sealed yesterday, so what it had staged does not stand in today."""
    second = ran["behind which a task failed"][1]
    assert second["record"]["stale"] == ["carl"]
    assert [row[0] for row in _of(second, "table")] == ["anna", "carl"]


def test_a_transform_that_fails_with_it_goes_on_without(ran: dict[str, list[dict[str, Any]]]) -> None:
    """Its part is left out, and the load takes the others."""
    second = ran["of no use"][1]
    assert (second["state"], second["states"]["by_shop"]) == ("success", "success")
    assert _of(second, "table") == [["anna", 100], ["ben", 100], ["carl", 100]]
    assert second["record"]["stale"] == []
    assert "stand in" not in second["record"]["sentence"]


@pytest.mark.parametrize(("name", "number"), [(name, number) for name, nights in NIGHTS.items() for number in range(len(nights))])
def test_a_night_is_played_as_airflow_runs_it(ran: dict[str, list[dict[str, Any]]], name: str, number: int) -> None:
    """With what stands in. What a transform or a load makes of it is not played."""
    is_played_as_it_ran(NIGHTS[name][number], ran[name][number])
