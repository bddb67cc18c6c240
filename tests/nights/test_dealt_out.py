"""A transform in three tasks, each with a share of the rows of all shops, on a real scheduler: one fails and is cleared, a shop comes later."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.slow]
DAY = date(2026, 2, 17)


def truth(town: Town) -> list[tuple[int, int, int]]:
    """What was sold for which price, in how many shops and how often, straight from those that are open."""
    sold = defaultdict(list)
    for shop in ("anna", "ben", "carl", "dora"):
        if town.database(shop).exists():
            with closing(sqlite3.connect(town.database(shop))) as connection:
                for (cents,) in connection.execute("SELECT cents FROM sales WHERE date(sold_at) = ?", [DAY.isoformat()]):
                    sold[cents].append(shop)
    return sorted((cents, len(set(shops)), len(shops)) for cents, shops in sold.items())


def loaded(town: Town) -> list[tuple[Any, ...]]:
    """The same as the warehouse has it."""
    if not town.warehouse("SELECT 1 FROM sqlite_master WHERE name = 'prices'"):
        return []
    return town.warehouse("SELECT cents, shops, items FROM prices WHERE day = ? ORDER BY 1", DAY.isoformat())


def receipts(town: Town) -> dict[str, tuple[str, int]]:
    """Shop → attempt and rows."""
    found = town.warehouse("SELECT branch, attempt, rows FROM tidegate_load WHERE pipeline = 'prices'")
    return {branch: (attempt, rows) for branch, attempt, rows in found}


def shares(town: Town, run_id: str) -> dict[int, tuple[str, int, str]]:
    """Map index → state, tries, and what the UI calls it."""
    found = [task for task in town.airflow.tasks("prices", run_id) if task["task_id"] == "by_price"]
    return {task["map_index"]: (task["state"], task["try_number"], task["rendered_map_index"]) for task in found}


def test_a_night_in_shares(town: Town) -> None:
    """All of a shop's rows are there or none; whatever is cleared, caught up or backfilled, the numbers are those of the shops."""
    town.sell(DAY)
    town.sell(DAY, ("carl",), each=7, cents=113)
    town.close("dora")
    (town.root / "jammed").touch()
    try:
        run_id, state = town.night(DAY, "prices")
        assert state == "failed"
        tasks = shares(town, run_id)
        (jammed,) = [index for index, (state, _, _) in tasks.items() if state == "failed"]
        assert sorted(name for state, _, name in tasks.values() if state == "success") == [
            f"part {number} of 3" for number in (1, 2, 3) if number != jammed + 1
        ]
        assert loaded(town) == []
        assert "jammed" in town.note(run_id, "prices")

        # Somebody gives in, and marks it as success by hand: rows would be missing in silence.
        town.airflow.api.request("PATCH", f"/dags/prices/dagRuns/{run_id}/taskInstances/by_price/{jammed}", json={"new_state": "success"})
        town.airflow.clear("prices", run_id, ["load", "outcome"])
        assert town.airflow.wait("prices", run_id, timeout=120) == "failed"
        assert f"Of the 3 parts of by_price that were made of the same rows part {jammed + 1} is missing" in town.note(run_id, "prices")
        assert loaded(town) == []
    finally:
        (town.root / "jammed").unlink()

    # It is cleared alone, with what is behind it.
    town.airflow.clear("prices", run_id, [["by_price", jammed]], include_downstream=True)  # type: ignore[list-item]
    assert town.airflow.wait("prices", run_id, timeout=120) == "success"
    assert {index: tries for index, (_, tries, _) in shares(town, run_id).items()} == {
        index: 2 if index == jammed else 1 for index in range(3)
    }
    assert loaded(town) == truth(town)
    held = receipts(town)
    assert held == dict.fromkeys(("anna", "ben", "carl"), (held["anna"][0], len(truth(town))))
    assert town.note(run_id, "prices").startswith("prices for 2026-02-17 is partial: 3 of 4 shops, 67 rows. Missing: dora (")

    # The shop that was away comes alone: a price that others have as well is one row all the same.
    town.open("dora")
    run_id, state = town.night(DAY, "prices", shop=["dora"])
    assert state == "success"
    assert town.note(run_id, "prices") == "prices for 2026-02-17 is complete: 4 of 4 shops, 87 rows; dora caught up."
    assert loaded(town) == truth(town)
    held = receipts(town)
    assert held == dict.fromkeys(("anna", "ben", "carl", "dora"), (held["anna"][0], len(truth(town))))

    # Whatever is run again changes no number.
    town.airflow.clear("prices", run_id, ["load"], include_downstream=True)
    assert town.airflow.wait("prices", run_id, timeout=120) == "success"
    assert (loaded(town), receipts(town)) == (truth(town), held)
    with closing(sqlite3.connect(town.database("anna"))) as connection, connection:
        connection.execute("DELETE FROM sales WHERE cents = 101 AND date(sold_at) = ?", [DAY.isoformat()])
    midnight = datetime.combine(DAY, time(), UTC)
    backfill = town.airflow.backfill("prices", midnight, midnight)
    assert set(town.airflow.wait_backfill(backfill, timeout=240).values()) == {"success"}
    assert loaded(town) == truth(town)
    assert receipts(town)["anna"][0] != held["anna"][0]
