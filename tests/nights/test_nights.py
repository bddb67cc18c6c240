"""Nights on a real scheduler: what arrives, what is missing, what is told, what the warehouse holds."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from town import Town

pytestmark = pytest.mark.scheduler


def states(town: Town, run_id: str, dag_id: str = "shop_sales") -> dict[str, str]:
    """Task and map index → state."""
    return {f"{task['task_id']}[{task['map_index']}]": task["state"] for task in town.airflow.tasks(dag_id, run_id)}


def test_when_all_arrive_the_night_is_complete(town: Town) -> None:
    """State, record, note and ledger agree; the first second of the day is inside, that of the next is not."""
    day = date(2026, 1, 5)
    town.sell(day)
    town.sell(date(2026, 1, 6), each=1)
    run_id, state = town.night(day)
    assert state == "success"
    assert town.loaded(day) == town.truth(day)
    assert [row[2] for row in town.loaded(day)] == [10] * 8
    told = "shop_sales for 2026-01-05 is complete: 4 of 4 shops, 80 rows."
    assert town.note(run_id) == town.record(run_id)["sentence"] == told
    (ledger,) = town.warehouse("SELECT outcome, sentence, expected, arrived FROM tidegate_interval WHERE interval_start LIKE '2026-01-05%'")
    assert ledger == ("complete", told, 4, 4)
    assert "alert:" not in town.airflow.log("shop_sales", run_id, "outcome")


def test_a_partial_night_is_green_says_partial_everywhere_and_is_healed_by_a_catch_up(town: Town) -> None:
    """One shop unreachable, one without rows: half arrived, and half is enough. Then one comes back, then the other."""
    day = date(2026, 1, 12)
    town.sell(day, ("anna", "carl", "dora"))
    town.close("dora")
    try:
        run_id, state = town.night(day)
    finally:
        town.open("dora")
    assert state == "success"
    record = town.record(run_id)
    assert record["outcome"] == record["verdict"] == "partial"
    assert {branch["name"]: branch["state"] for branch in record["branches"]} == {
        "anna": "arrived", "ben": "failed", "carl": "arrived", "dora": "failed",
    }  # fmt: skip
    note = town.note(run_id)
    assert note.startswith("shop_sales for 2026-01-12 is partial: 2 of 4 shops, 40 rows. Missing: ben (")
    assert "no database file at" in note
    log = town.airflow.log("shop_sales", run_id, "outcome")
    assert f"alert: PARTIAL  {note}" in log
    assert """--conf '{"shop": ["ben", "dora"], "interval_start": "2026-01-12T00:00:00+00:00\"""" in log
    assert {row[0] for row in town.loaded(day)} == {"anna", "carl"}
    attempts = dict(town.warehouse("SELECT branch, attempt FROM tidegate_load WHERE interval_start LIKE '2026-01-12%'"))

    run_id, state = town.night(day, shop=["ben", "dora"])
    assert (state, town.record(run_id)["outcome"]) == ("success", "partial")
    assert town.note(run_id).startswith("shop_sales for 2026-01-12 is partial: 3 of 4 shops, 60 rows. Missing: ben (")

    town.sell(day, ("ben",))
    run_id, state = town.night(day, shop=["ben"])
    assert state == "success"
    record = town.record(run_id)
    assert (record["outcome"], record["recovered"]) == ("complete", True)
    assert town.note(run_id) == "shop_sales for 2026-01-12 is complete: 4 of 4 shops, 80 rows; ben caught up."
    assert "alert: RECOVERED" in town.airflow.log("shop_sales", run_id, "outcome")
    assert town.loaded(day) == town.truth(day)
    after = dict(town.warehouse("SELECT branch, attempt FROM tidegate_load WHERE interval_start LIKE '2026-01-12%'"))
    assert {shop: after[shop] for shop in attempts} == attempts
    seen = states(town, run_id)
    assert (seen["extract.anna[-1]"], seen["extract.ben[-1]"]) == ("skipped", "success")


def test_a_missed_quorum_fails_the_run_names_who_is_missing_and_heals_when_cleared(town: Town) -> None:
    """The required shop is down: nothing is loaded, the run is red; the same run, cleared, makes it right."""
    day = date(2026, 1, 19)
    town.sell(day)
    town.close("anna")
    try:
        run_id, state = town.night(day)
    finally:
        town.open("anna")
    assert state == "failed"
    note = town.note(run_id)
    assert note.startswith(
        "shop_sales for 2026-01-19 is short: 3 of 4 shops arrived, 2 needed; required but missing: anna. Nothing was loaded."
    )
    assert "Missing: anna (shop_anna finds no database file at" in note
    assert town.loaded(day) == []
    (outcome,) = town.warehouse("SELECT outcome FROM tidegate_interval WHERE interval_start LIKE '2026-01-19%'")
    assert outcome == ("short",)
    assert "alert: FAILED" in town.airflow.log("shop_sales", run_id, "outcome")

    town.airflow.clear("shop_sales", run_id, only_failed=True, include_downstream=True)
    assert town.airflow.wait("shop_sales", run_id, timeout=120) == "success"
    assert town.loaded(day) == town.truth(day)
    assert town.note(run_id) == "shop_sales for 2026-01-19 is complete: 4 of 4 shops, 80 rows."
    assert town.record(run_id)["recovered"]


def test_rerunning_clearing_and_backfilling_change_no_number_and_double_no_row(town: Town) -> None:
    """The same night four times, by every way that people know; the ledger knows each last attempt."""
    day = date(2026, 1, 26)
    town.sell(day)
    run_id, state = town.night(day)
    truth = town.truth(day)
    assert (state, town.loaded(day)) == ("success", truth)

    def loads() -> list[Any]:
        return town.warehouse("SELECT branch, attempt, rows FROM tidegate_load WHERE interval_start LIKE '2026-01-26%' ORDER BY 1")

    seen = [loads()]
    _, state = town.night(day)
    seen.append(loads())
    assert (state, town.loaded(day)) == ("success", truth)

    town.airflow.clear("shop_sales", run_id)
    assert town.airflow.wait("shop_sales", run_id, timeout=120) == "success"
    seen.append(loads())
    assert town.loaded(day) == truth

    done = town.airflow.command("backfill", "create", "--dag-id", "shop_sales", "--from-date", str(day), "--to-date", str(day))
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [run for run in town.airflow.api.runs("shop_sales") if run["run_type"] == "backfill"]
    assert [run["data_interval_start"][:10] for run in runs] == ["2026-01-26"]
    assert town.airflow.wait("shop_sales", runs[0]["dag_run_id"], timeout=120) == "success"
    seen.append(loads())
    assert town.loaded(day) == truth

    assert len({row[1] for load in seen for row in load}) == 16, "each of the four runs loaded each of the four shops anew"
    assert all([(row[0], row[2]) for row in load] == [(shop, 2) for shop in ("anna", "ben", "carl", "dora")] for load in seen)


def test_rows_that_vanish_at_the_source_vanish_in_the_warehouse(town: Town) -> None:
    """A product that was sold by mistake, and a rerun."""
    import sqlite3

    day = date(2026, 2, 2)
    town.sell(day)
    town.night(day)
    with closing(sqlite3.connect(town.database("carl"))) as connection, connection:
        connection.execute("DELETE FROM sales WHERE product = 'pear' AND date(sold_at) = ?", [day.isoformat()])
    _, state = town.night(day, shop=["carl"])
    assert (state, town.loaded(day)) == ("success", town.truth(day))
    assert len(town.loaded(day)) == 7


def test_a_combining_transform_keeps_what_earlier_runs_brought(town: Town) -> None:
    """A total over all shops, by a pandas function: a catch-up of one shop adds it to the others, it does not replace them."""
    day = date(2026, 2, 9)
    town.sell(day, ("anna", "ben", "carl"), each=10)
    run_id, state = town.night(day, "town_totals")
    assert state == "success"
    totals = "SELECT items, cents FROM town_totals WHERE day = '2026-02-09'"
    assert town.warehouse(totals) == [(30, 3135)]
    log = town.airflow.log("town_totals", run_id, "outcome")
    assert "alert: town: town_totals for 2026-02-09 is partial: 3 of 4 shops" in log
    assert "The alert through airflow.providers.smtp.notifications.smtp.SmtpNotifier could not be sent" in log
    (untold,) = town.record(run_id, "town_totals")["alerts_failed"]
    assert untold.startswith("airflow.providers.smtp.notifications.smtp.SmtpNotifier: ")

    town.sell(day, ("dora",), each=10)
    run_id, state = town.night(day, "town_totals", shop=["dora"])
    assert state == "success"
    assert town.warehouse(totals) == [(40, 4180)]
    assert town.record(run_id, "town_totals")["outcome"] == "complete"


def test_a_load_that_was_skipped_fails_the_night(town: Town) -> None:
    """All shops arrived, and nothing was loaded: a green run that says complete would be a lie."""
    day = date(2026, 2, 11)
    town.sell(day, ("anna", "ben"))
    run_id, state = town.night(day, "silent_load")
    assert state == "failed"
    assert town.note(run_id, "silent_load") == "silent_load for 2026-02-11 failed: load (was skipped, so nothing was loaded)."
    assert town.record(run_id, "silent_load")["outcome"] == "failed"


def test_the_run_is_judged_when_all_has_ended(town: Town) -> None:
    """A leaf that did not wait does not end the run early; and a misspelt notifier is told though there is nothing to tell it."""
    run_id, state = town.night(date(2026, 2, 12), "impatient")
    assert state == "failed"
    record = town.record(run_id, "impatient")
    assert [failure["task"] for failure in record["failures"]] == ["slow_failure"]
    assert record["alerts_failed"] == ["tidegate.notifications.Misspelt: ImportRefused"]


def test_one_correlation_id_goes_from_the_trigger_to_the_ledger(town: Town) -> None:
    """Given by the trigger, found in the log line, the record, the staged manifest and the ledger."""
    day = date(2026, 2, 16)
    town.sell(day)
    run_id, _ = town.night(day, correlation_id="order-17")
    assert town.record(run_id)["correlation_id"] == "order-17"
    assert "correlation_id='order-17'" in town.airflow.log("shop_sales", run_id, "extract.anna")
    assert town.airflow.xcom("shop_sales", run_id, "extract.anna")["manifest"]["correlation_id"] == "order-17"
    ids = "SELECT DISTINCT correlation_id FROM tidegate_load WHERE interval_start LIKE '2026-02-16%'"
    assert town.warehouse(ids) == [("order-17",)]


def test_a_trigger_that_asks_for_an_unknown_shop_is_refused(town: Town) -> None:
    """By the form's schema, before anything runs."""
    with pytest.raises(TidegateError, match="emil"):
        town.airflow.trigger("shop_sales", conf={"shop": ["emil"]})
