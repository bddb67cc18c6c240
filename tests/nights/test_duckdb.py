"""Nights from one DuckDB file into another, on a real scheduler: parallel tasks wait for the file, and the ledger is in it."""

from __future__ import annotations

import subprocess
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from command_line import TIDEGATE

from tidegate.data.ledger import VERSION

if TYPE_CHECKING:
    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.slow]


def asked(town: Town, query: str) -> list[tuple[Any, ...]]:
    """Rows of the warehouse."""
    with duckdb.connect(town.root / "house.duckdb", read_only=True) as connection:
        return connection.execute(query).fetchall()


def sell(town: Town, day: date, *shops: str) -> None:
    """Let shops sell three things each on a day."""
    with duckdb.connect(town.root / "ducks.duckdb") as connection:
        for shop in shops:
            connection.execute(
                "INSERT INTO sales SELECT ? || '-' || ? || '-' || i, ?, 1.10 * i, ? + i * INTERVAL 1 HOUR FROM range(3) AS made(i)",
                [shop, day.isoformat(), shop, day],
            )


def told(town: Town, *arguments: str, code: int = 0) -> str:
    """What the command says where the town's Airflow runs."""
    environment = town.airflow._environment
    command = [str(TIDEGATE), *arguments]
    done = subprocess.run(command, env=environment, cwd=town.root / "project", capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_a_night_is_partial_and_caught_up(town: Town) -> None:
    """A load and three other tasks write the file at once, and one behind them; then the shop that was missing comes as well."""
    day = date(2026, 1, 7)
    sell(town, day, "anna", "ben", "dora")
    run_id, state = town.night(day, "ducks")
    assert state == "success", {task["task_id"]: task["state"] for task in town.airflow.tasks("ducks", run_id)}
    assert town.note(run_id, "ducks").startswith("ducks for 2026-01-07 is partial: 3 of 4 shops, 9 rows. Missing: carl (")
    assert asked(town, "SELECT branch, state FROM tidegate_completeness ORDER BY 1") == [
        ("anna", "loaded"), ("ben", "loaded"), ("carl", "missing"), ("dora", "loaded"),
    ]  # fmt: skip
    assert asked(town, "SELECT total FROM duck_totals") == [(Decimal("9.90"),)]
    assert "1 interval(s): 1 partial." in told(town, "ledger", "ducks")
    assert "brought 0 rows" in told(town, "gaps", "ducks")
    assert told(town, "ledger", "upgrade", "ducks") == f"duck_house: has version {VERSION}\n"

    assert "duck" not in told(town, "doctor", code=1)  # which finds what is wrong with others of the town

    sell(town, day, "carl")
    run_id, state = town.night(day, "ducks", shop=["carl"])
    assert state == "success"
    assert town.note(run_id, "ducks") == "ducks for 2026-01-07 is complete: 4 of 4 shops, 12 rows; carl caught up."
    assert asked(town, "SELECT shop, count(*) FROM duck_sales GROUP BY 1 ORDER BY 1") == [("anna", 3), ("ben", 3), ("carl", 3), ("dora", 3)]
    assert asked(town, "SELECT day, number FROM duck_notes ORDER BY 2") == [(day, "1"), (day, "2"), (day, "3")]
    assert asked(town, "SELECT day, total FROM duck_totals") == [(day, Decimal("13.20"))]
    assert asked(town, "SELECT status FROM tidegate_gap") == [("closed",)]
