"""A pipeline without a load and with a ledger of its own, through Airflow's ``dag.test()``: recorded, judged by history, caught up."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from gapped import SCHEDULE, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

STEPS = """
ledger: warehouse
steps:
  extract: {for_each: {region: [texas, plains, ohio]}, uses: extract, retries: 0, with: {connection: "sales_{region}", query: SELECT x FROM sales}}
  arrived: {needs: extract, uses: barrier, with: {at_least: 2, coverage: 50%, expire: 7d}}
  sent: {needs: arrived, uses: airflow.providers.standard.operators.bash.BashOperator, retries: 0, with: {bash_command: "test ! -e FOLDER/closed"}}
"""
SALES = ("texas", "plains", "ohio")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A project of one pipeline, whose rows go somewhere that Tidegate does not know."""
    place = Place(tmp_path_factory.mktemp("project"))
    pipelines = place.folder / "include" / "pipelines"
    pipelines.mkdir(parents=True)
    (pipelines / "sender.yaml").write_text(f"pipeline: sender\n{SCHEDULE}\n{STEPS.replace('FOLDER', str(place.folder))}")
    (place.folder / "dags").mkdir()
    (place.folder / "dags" / "sender.py").write_text(
        f'from tidegate import build_dags  # airflow dag\n\ndag = build_dags("{pipelines}")["sender"]\n'
    )
    place.airflow("db", "migrate")
    place.airflow("dags", "reserialize")
    yield place
    place.close()


def night(place: Place, day: int, *present: str, rows: int = 4, **conf: Any) -> tuple[str, str]:
    """Run a night in which only some databases are there: its state, and the sentence of its record."""
    for name in SALES:
        path = place.folder / f"{name}.db"
        path.unlink(missing_ok=True)
        if name in present:
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("CREATE TABLE sales (x INTEGER)")
                connection.executemany("INSERT INTO sales VALUES (?)", [(number,) for number in range(rows)])
    bounds = {"interval_start": f"2026-01-0{day}T00:00:00+00:00", "interval_end": f"2026-01-0{day + 1}T00:00:00+00:00"}
    state, record = place.asked(
        {"dag": str(place.folder / "dags" / "sender.py"), "conf": {**bounds, **conf}, "told": ["outcome", "record"]}
    )
    return state, record["sentence"]


def known(place: Place, day: int) -> dict[str, Any]:
    """What the ledger has of a night: its outcome, and branch → state, rows, gap."""
    found = json.loads(place.say("ledger", "show", "sender", f"2026-01-0{day}T00:00+00:00", "--format", "json").stdout)["intervals"]
    return {each["outcome"]: {line["branch"]: (line["state"], line["rows"], line["gap"]) for line in each["branches"]} for each in found}


def test_nights_are_recorded_caught_up_and_judged_by_those_before(place: Place) -> None:
    """As with a load: what arrived is held, what lacks is a gap, a missed quorum and a failed night leave what they must."""
    state, told = night(place, 1, "texas", "plains")
    assert state == "success"
    assert told.startswith("sender for 2026-01-01 is partial: 2 of 3 regions, 8 rows. Missing: ohio (")
    assert known(place, 1) == {"partial": {"ohio": ("missing", None, "open"), "plains": ("loaded", 4, None), "texas": ("loaded", 4, None)}}
    gaps = json.loads(place.say("gaps", "sender", "--format", "json").stdout)["gaps"]
    assert [(gap["branch"], gap["status"], gap["dimension"]) for gap in gaps] == [("ohio", "open", "region")]

    # Brought alone, it is judged with those that are there, and the night recovers.
    state, told = night(place, 1, "ohio", region=["ohio"])
    assert (state, told) == ("success", "sender for 2026-01-01 is complete: 3 of 3 regions, 12 rows; ohio caught up.")
    assert known(place, 1) == {"complete": dict.fromkeys(("ohio", "plains", "texas"), ("loaded", 4, None))}
    assert json.loads(place.say("gaps", "sender", "--format", "json").stdout)["gaps"] == []

    # A quorum that was missed leaves the gaps of all.
    assert night(place, 2, "texas")[0] == "failed"
    assert known(place, 2) == {"short": dict.fromkeys(("ohio", "plains", "texas"), ("missing", None, "open"))}

    # Where something behind the barrier failed, nothing was brought, as where a load failed.
    (place.folder / "closed").touch()
    assert night(place, 3, *SALES)[0] == "failed"
    (place.folder / "closed").unlink()
    assert place.say("ledger", "show", "sender", "2026-01-03T00:00+00:00").returncode == 1

    # Once three nights are known, the next one is judged by their rows.
    for day in (3, 4):
        assert night(place, day, *SALES)[0] == "success"
    state, told = night(place, 5, *SALES, rows=1)
    assert (state, "25 % of the usual" in told) == ("failed", True), told
