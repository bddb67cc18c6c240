"""A source that is dark for nights, on a real scheduler: its breaker opens, probes, and closes; a person has the last word."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from command_line import TIDEGATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.nights, pytest.mark.timeout(900)]  # the six nights are one fixture
DAYS = [date(2025, 3, day) for day in range(3, 9)]
"""Five nights without a lamp, and one with it."""


def wait_for(seen: Callable[[], Any]) -> Any:
    """What is seen, once there is something."""
    deadline = time.monotonic() + 120
    while not (found := seen()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def nights(town: Town) -> dict[date, dict[str, Any]]:
    """What became of the six nights, which the scheduler runs one after the other."""
    for day in DAYS:
        town.sell(day, ("anna",))
    town.airflow.wait_for_dag("lighthouse")
    found: dict[date, dict[str, Any]] = {}
    for day in DAYS:
        run_id = f"scheduled__{day + timedelta(days=1)}T00:00:00+00:00"
        wait_for(lambda: any(run["dag_run_id"] == run_id for run in town.airflow.api.runs("lighthouse")))  # noqa: B023
        state = town.airflow.wait("lighthouse", run_id, timeout=120)
        (lamp,) = (task for task in town.airflow.tasks("lighthouse", run_id) if task["task_id"] == "extract.lamp")
        record = town.record(run_id, "lighthouse")
        branch = next(branch for branch in record["branches"] if branch["name"] == "lamp")
        found[day] = {
            "run_id": run_id, "state": state, "tries": lamp["try_number"], "lamp": branch["state"], "reason": branch["reason"],
            "record": record, "log": town.airflow.log("lighthouse", run_id, "extract.lamp"),
        }  # fmt: skip
    return found


def told(town: Town, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``tidegate breaker`` says in this Airflow's home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment = {**kept, "AIRFLOW_HOME": str(town.airflow.home)}
    return subprocess.run([str(TIDEGATE), "breaker", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_three_nights_are_tried_and_counted_and_two_are_probed(nights: dict[date, dict[str, Any]]) -> None:
    """From the fourth on there is one try, which only probes; the branch stays in the denominator, and the run is green."""
    assert [night["state"] for night in nights.values()] == ["success"] * 6
    assert [night["tries"] for night in nights.values()] == [2, 2, 2, 1, 1, 1]
    assert [night["lamp"] for night in nights.values()] == ["failed"] * 3 + ["open"] * 2 + ["arrived"]
    assert [night["record"]["outcome"] for night in nights.values()] == ["partial"] * 5 + ["complete"]
    fifth = nights[DAYS[4]]
    assert (
        fifth["record"]["sentence"] == "lighthouse for 2025-03-07 is partial: 1 of 2 shops, 20 rows. Missing: lamp (breaker open, night 5)."
    )
    assert (fifth["record"]["open"], fifth["record"]["expected"]) == (["lamp"], ["anna", "lamp"])
    assert "tonight's probe: shop_lamp finds no database file at" in fifth["log"]
    assert "'tidegate breaker reset lighthouse lamp' closes it by hand" in fifth["log"]


def test_when_the_probe_passes_the_branch_is_read_in_full_and_the_breaker_closes(town: Town, nights: dict[date, dict[str, Any]]) -> None:
    """As the warehouse, the log and the command tell, though the scheduler looks for orphaned state all the while."""
    last = nights[DAYS[5]]
    assert "lamp: breaker open, night 6, but the probe passed, so it is read in full" in last["log"]
    assert last["record"]["sentence"] == "lighthouse for 2025-03-08 is complete: 2 of 2 shops, 40 rows."
    assert {row[0] for row in town.loaded(DAYS[5], "lighthouse")} == {"anna", "lamp"}
    opened, closed = (town.airflow.log("lighthouse", nights[DAYS[number]]["run_id"], "arrived") for number in (2, 5))
    assert "Breaker of lamp: open, before it was closed. shop_lamp finds no database file at" in opened
    assert "Breaker of lamp: closed, before it was open." in closed
    assert told(town, "lighthouse").stdout == "2 breaker(s), 0 open, 0 isolated.\n"


def test_an_isolated_branch_is_not_asked_until_it_is_reset(town: Town, nights: dict[date, dict[str, Any]]) -> None:
    """By no run, whoever starts it; the reason stands where the branch is missed."""
    assert nights
    isolated = told(town, "isolate", "lighthouse", "lamp", "--because", "it is painted")
    assert (isolated.returncode, isolated.stdout) == (0, "lighthouse, extract: lamp is isolated.\n")
    run_id, state = town.night(DAYS[0], "lighthouse")
    assert state == "success"
    assert [branch["state"] for branch in town.record(run_id, "lighthouse")["branches"]] == ["arrived", "open"]
    assert "Missing: lamp (isolated: it is painted)." in town.record(run_id, "lighthouse")["sentence"]
    listed = told(town)
    assert "lighthouse  extract  lamp    isolated" in listed.stdout
    assert "it is painted" in listed.stdout
    assert told(town, "reset", "lighthouse", "lamp").stdout == "lighthouse, extract: lamp is closed.\n"
    run_id, _ = town.night(DAYS[0], "lighthouse")
    assert town.record(run_id, "lighthouse")["arrived"] == ["anna", "lamp"]


def test_runs_by_hand_are_not_counted(town: Town, nights: dict[date, dict[str, Any]]) -> None:
    """Whoever starts one is watching."""
    assert nights
    (town.root / "lamp.db").rename(town.root / "lamp.away")
    try:
        run_id, _ = town.night(DAYS[5] + timedelta(days=1), "lighthouse")
    finally:
        (town.root / "lamp.away").rename(town.root / "lamp.db")
    assert town.record(run_id, "lighthouse")["failed"] == ["anna", "lamp"]
    assert told(town, "lighthouse").stdout == "2 breaker(s), 0 open, 0 isolated.\n"


def test_a_damaged_breaker_counts_as_closed(town: Town, nights: dict[date, dict[str, Any]]) -> None:
    """It makes no night worse; the log and the list tell, and a reset mends it."""
    assert nights
    (asset,) = town.airflow.api.request("GET", "/assets", params={"name_pattern": "tidegate:breakers:lighthouse:extract"})["assets"]
    town.airflow.api.request("PUT", f"/assets/{asset['id']}/state-store/lamp", json={"value": {"stance": "ajar"}})
    run_id, state = town.night(DAYS[0], "lighthouse")
    assert (state, town.record(run_id, "lighthouse")["arrived"]) == ("success", ["anna", "lamp"])
    log = town.airflow.log("lighthouse", run_id, "extract.lamp")
    assert "The breaker of lamp counts as closed: what is stored of the breaker cannot be read" in log
    assert "lighthouse extract lamp closed 0 what is stored of the breaker cannot be read" in " ".join(told(town).stdout.split())
    told(town, "reset", "lighthouse", "lamp")
    assert "cannot be read" not in told(town).stdout


def test_who_is_late_is_counted(town: Town, nights: dict[date, dict[str, Any]]) -> None:
    """At the barrier's time, whatever becomes of the read then; who is in time is not."""
    assert nights
    town.airflow.wait_for_dag("foggy")
    (run,) = wait_for(lambda: town.airflow.api.runs("foggy"))
    assert town.airflow.wait("foggy", run["dag_run_id"], timeout=120) == "success"
    record = town.record(run["dag_run_id"], "foggy")
    assert record["arrived"] == ["anna"]
    assert record["late"] + record["failed"] == ["emil"]
    listed = told(town, "foggy").stdout
    assert "foggy extract emil open 1" in " ".join(listed.split())
    assert listed.endswith("2 breaker(s), 1 open, 0 isolated.\n")


def test_what_has_no_breaker_is_told(town: Town, nights: dict[date, dict[str, Any]]) -> None:
    """A branch that is misspelt, a pipeline that says none."""
    assert nights
    misspelt = told(town, "isolate", "lighthouse", "lmap", "--because", "it is painted")
    assert (misspelt.returncode, misspelt.stderr) == (1, "No branch 'lmap' of lighthouse has a breaker. Did you mean 'lamp'?\n")
    none = told(town, "shop_sales")
    assert none.returncode == 1
    assert none.stderr.startswith("shop_sales has no breakers that Airflow knows. Give an extract breaker: {open_after: 3}")
