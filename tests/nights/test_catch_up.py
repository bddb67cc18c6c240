"""Gaps on a real scheduler: a partial night is healed by the DAG that looks hourly, without a person."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.nights, pytest.mark.timeout(900)]
PIPELINE, TABLE = "healing_sales", "healing_sales"


def gaps(town: Town, day: date) -> dict[str, tuple[Any, ...]]:
    """Shop → state, status, attempts and who closed it."""
    query = "SELECT branch, state, status, attempts, closed_by FROM tidegate_gap WHERE pipeline = ? AND interval_start LIKE ?"
    return {branch: tuple(rest) for branch, *rest in town.warehouse(query, PIPELINE, f"{day}%")}


def let_time_pass(town: Town, hours: int = 25) -> None:
    """Make the pipeline's gaps older than the longest wait; those of other pipelines stay as young as they are."""
    with closing(sqlite3.connect(town.root / "warehouse.db", timeout=60)) as connection, connection:
        for name in ("opened_at", "last_attempt_at"):
            moments = connection.execute(
                f"SELECT rowid, {name} FROM tidegate_gap WHERE pipeline = ? AND {name} IS NOT NULL", [PIPELINE]
            ).fetchall()
            for row, moment in moments:
                earlier = datetime.fromisoformat(moment) - timedelta(hours=hours)
                connection.execute(f"UPDATE tidegate_gap SET {name} = ? WHERE rowid = ?", [earlier.isoformat(), row])


def look(town: Town) -> dict[tuple[str, str, str], str]:
    """Let the hourly DAG look once: day, shops, what was done → which run, or why."""
    town.airflow.wait_for_dag("tidegate_catch_up")
    run_id = town.airflow.trigger("tidegate_catch_up")
    state = town.airflow.wait("tidegate_catch_up", run_id, timeout=120)
    assert state == "success", town.airflow.log("tidegate_catch_up", run_id, "catch_up")
    report = town.airflow.xcom("tidegate_catch_up", run_id, "catch_up")
    return {
        (row["interval_start"][:10], ",".join(row["branches"]), row["did"]): row["why"] for row in report if row["pipeline"] == PIPELINE
    }


def event(town: Town, run_id: str) -> dict[str, Any]:
    """What a run told those who build on its asset."""
    asked = {"source_dag_id": PIPELINE, "source_run_id": run_id}
    (found,) = town.airflow.api.request("GET", "/assets/events", params=asked)["asset_events"]
    extra: dict[str, Any] = found["extra"]
    return extra


def test_a_partial_night_is_healed_hour_by_hour(town: Town) -> None:
    """Ben sold nothing yet and dora is down: two gaps. Ben comes an hour later, dora when she is back; nobody else is read again."""
    town.airflow.wait_for_dag(PIPELINE)
    day = date(2026, 2, 17)
    town.sell(day, ("anna", "carl", "dora"))
    town.close("dora")
    try:
        first, state = town.night(day, PIPELINE)
        assert state == "success"
        assert gaps(town, day) == {"ben": ("failed", "open", 0, ""), "dora": ("failed", "open", 0, "")}
        assert look(town) == {}, "the first try is an hour after the night"

        town.sell(day, ("ben",))
        let_time_pass(town)
        done = look(town)
    finally:
        town.open("dora")
    assert "no database file" in done[str(day), "dora", "down"]
    run_id = done[str(day), "ben", "started"]
    assert run_id.startswith("catch_up__2026-02-17T00:00:00+00:00__")
    before = dict(town.warehouse("SELECT branch, attempt FROM tidegate_load WHERE pipeline = ?", PIPELINE))
    assert town.airflow.wait(PIPELINE, run_id, timeout=120) == "success"
    assert gaps(town, day) == {"ben": ("failed", "closed", 1, run_id), "dora": ("failed", "open", 1, "")}
    told = event(town, run_id)
    assert (told["verdict"], told["recovered"]) == ("partial", False)

    let_time_pass(town)
    ((key, run_id),) = look(town).items()
    assert key == (str(day), "dora", "started")
    assert town.airflow.wait(PIPELINE, run_id, timeout=120) == "success"
    assert gaps(town, day)["dora"] == ("failed", "closed", 2, run_id)
    told = event(town, run_id)
    assert (told["verdict"], told["recovered"], told["rows"]) == ("complete", True, 80)
    assert town.loaded(day, TABLE) == town.truth(day)
    after = dict(town.warehouse("SELECT branch, attempt FROM tidegate_load WHERE pipeline = ?", PIPELINE))
    assert {shop: after[shop] for shop in ("anna", "carl")} == {shop: before[shop] for shop in ("anna", "carl")}
    transformed = [task for task in town.airflow.tasks(PIPELINE, run_id) if task["task_id"] == "by_product"]
    assert [(task["state"], task["rendered_map_index"]) for task in transformed] == [("success", "dora")]
    let_time_pass(town)
    assert look(town) == {}
    assert first != run_id


def test_a_missed_quorum_is_tried_whole_and_adopts_what_had_arrived(town: Town) -> None:
    """Three are down: one alone is too little. When one of them is back all four are asked, and anna's source is not read again."""
    town.airflow.wait_for_dag(PIPELINE)
    day = date(2026, 2, 18)
    town.sell(day)
    for shop in ("ben", "carl", "dora"):
        town.close(shop)
    try:
        _, state = town.night(day, PIPELINE)
        assert state == "failed"
        assert gaps(town, day)["anna"] == ("arrived", "open", 0, "")
        let_time_pass(town)
        assert set(look(town)) == {(str(day), "ben,carl,dora", "down")}
        town.open("ben")
        let_time_pass(town)
        run_id = look(town)[str(day), "anna,ben,carl,dora", "started"]
        assert town.airflow.wait(PIPELINE, run_id, timeout=120) == "success"
    finally:
        for shop in ("ben", "carl", "dora"):
            if not town.database(shop).exists():
                town.open(shop)
    assert "anna adopts attempt" in town.airflow.log(PIPELINE, run_id, "extract.anna")
    assert "ben has staged nothing to adopt" in town.airflow.log(PIPELINE, run_id, "extract.ben")
    assert {shop: gap[1] for shop, gap in gaps(town, day).items()} == {"anna": "closed", "ben": "closed", "carl": "open", "dora": "open"}
    assert town.loaded(day, TABLE) == [row for row in town.truth(day) if row[0] in {"anna", "ben"}]
    let_time_pass(town)
    run_id = look(town)[str(day), "carl,dora", "started"]
    assert town.airflow.wait(PIPELINE, run_id, timeout=120) == "success"
    assert town.loaded(day, TABLE) == town.truth(day)
    assert event(town, run_id)["recovered"]


def test_three_old_nights_are_caught_up_while_tonight_runs(town: Town) -> None:
    """Two at once and not more; tonight is not held up; in the end every number is right."""
    town.airflow.wait_for_dag(PIPELINE)
    old = [date(2026, 2, number) for number in (3, 4, 5)]
    tonight = date(2026, 2, 6)
    for day in (*old, tonight):
        town.sell(day)
    town.close("carl")
    try:
        for day in old:
            assert town.night(day, PIPELINE)[1] == "success"
    finally:
        town.open("carl")
    let_time_pass(town)
    start = datetime(2026, 2, 6, tzinfo=UTC)
    bounds = {"interval_start": start.isoformat(), "interval_end": (start + timedelta(days=1)).isoformat()}
    running = town.airflow.trigger(PIPELINE, conf=bounds)
    done = look(town)
    assert sorted(did for _, _, did in done) == ["started", "started", "waits"]
    started = [why for (_, _, did), why in done.items() if did == "started"]
    for run_id in (running, *started):
        assert town.airflow.wait(PIPELINE, run_id, timeout=180) == "success"
    ((key, run_id),) = look(town).items()
    assert key[2] == "started"
    assert town.airflow.wait(PIPELINE, run_id, timeout=120) == "success"
    for day in (*old, tonight):
        assert town.loaded(day, TABLE) == town.truth(day)
        assert all(gap[1] == "closed" for gap in gaps(town, day).values())


def test_a_backfill_beside_tonight_blocks_and_harms_nothing(town: Town) -> None:
    """It takes in tonight's own interval, and one region only where it is asked for one: every row is there once, from its last attempt."""
    town.airflow.wait_for_dag(PIPELINE)
    days = [date(2026, 1, number) for number in (20, 21, 22)]
    for day in days:
        town.sell(day)
    first, last = (datetime(2026, 1, number, tzinfo=UTC) for number in (20, 22))
    bounds = {"interval_start": last.isoformat(), "interval_end": (last + timedelta(days=1)).isoformat()}
    tonight = town.airflow.trigger(PIPELINE, conf=bounds)
    backfill = town.airflow.backfill(PIPELINE, first, last)
    assert town.airflow.wait(PIPELINE, tonight, timeout=240) == "success"
    assert set(town.airflow.wait_backfill(backfill, timeout=240).values()) == {"success"}
    for day in days:
        assert town.loaded(day, TABLE) == town.truth(day)

    def attempts() -> dict[tuple[str, str], str]:
        query = "SELECT substr(interval_start, 1, 10), branch, attempt FROM tidegate_load WHERE pipeline = ? AND interval_start LIKE '2026-01-2%'"
        return {(day, shop): attempt for day, shop, attempt in town.warehouse(query, PIPELINE)}

    before = attempts()
    with closing(sqlite3.connect(town.database("ben"))) as connection, connection:
        connection.execute("DELETE FROM sales WHERE product = 'pear' AND date(sold_at) = '2026-01-21'")
    backfill = town.airflow.backfill(PIPELINE, first, last, reprocess="completed", conf={"shop": ["ben"]})
    assert set(town.airflow.wait_backfill(backfill, timeout=240).values()) == {"success"}
    after = attempts()
    assert {key for key in after if after[key] != before[key]} == {(str(day), "ben") for day in days}
    for day in days:
        assert town.loaded(day, TABLE) == town.truth(day)
