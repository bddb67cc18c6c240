"""A small ``make soak``: three kills, and a judge who sees what is wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from demo.soak.__main__ import asked_for, scenery, soak
from demo.soak.judging import Judge

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.nights, pytest.mark.timeout(1500)]
WRONG = {
    "a row is doubled": "INSERT INTO market SELECT * FROM market WHERE region = 'north' LIMIT 1",
    "a row is lost": "DELETE FROM market WHERE rowid = (SELECT min(rowid) FROM market)",
    "a branch is gone without a gap": "DELETE FROM tidegate_load WHERE pipeline = 'market' AND branch = 'north'",
    "a gap of what is there is open": "UPDATE tidegate_gap SET status = 'open' WHERE pipeline = 'market'",
    "the ledger names another attempt": "UPDATE tidegate_load SET attempt = 'another' WHERE pipeline = 'market'",
}


def test_every_night_ends_right_whatever_is_killed_and_what_would_be_wrong_is_found(tmp_path: Path) -> None:
    """Nothing is found after three kills; each damage that is done to the warehouse by hand is."""
    root = tmp_path / "soak"
    asked = asked_for(["--kills", "3", "--seed", "4", "--root", str(root)])
    with scenery(root, asked.seed) as (airflow, lanes):
        assert soak(airflow, lanes, asked, Console()) == 0
        market = next(lane.village for lane in lanes if lane.village.name == "market")
        whole = (root / "warehouse.db").read_bytes()
        for what, damage in WRONG.items():
            with closing(sqlite3.connect(root / "warehouse.db")) as warehouse, warehouse:
                done = warehouse.execute(damage).rowcount
            Judge(market, {}).intervals()
            assert bool(market.wrong) == bool(done), what
            market.wrong.clear()
            (root / "warehouse.db").write_bytes(whole)
