"""The whole language on a real scheduler: every way in which a file says something, in a few runs that go on at once."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from command_line import TIDEGATE
from town import interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from town import Town

pytestmark = [pytest.mark.scheduler, pytest.mark.slow]
DAY = date(2026, 3, 2)
CONF: dict[str, dict[str, Any]] = {
    "grammar": {},
    "clean_sales": interval(DAY),
    "approved_total": {**interval(DAY), "refused": ["dora"]},
    "telephone": interval(DAY),
    "spilled": {},
    "outer_whole": {**interval(DAY), "correlation_id": "whole-7"},
}
"""The pipelines that are triggered, and with what."""


def until(ask: Callable[[], Any], seconds: float = 90) -> Any:
    """The first answer that says something."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > end:
            pytest.fail(f"nothing came within {seconds} s")
        time.sleep(0.3)
    return answer


@dataclass
class Ran:
    """The runs, and what was done while they went on."""

    town: Town
    ids: dict[str, str]
    states: dict[str, str] = field(default_factory=dict)
    waits: list[str] = field(default_factory=list)
    """Why a task without its pool waits, as Airflow says."""
    applied: list[str] = field(default_factory=list)

    def tasks(self, dag_id: str) -> dict[str, dict[str, Any]]:
        """Task, with its map index where it has one → what Airflow says of it."""
        found = self.town.airflow.tasks(dag_id, self.ids[dag_id])
        return {task["task_id"] if task["map_index"] < 0 else f"{task['task_id']}[{task['map_index']}]": task for task in found}

    def task_states(self, dag_id: str) -> dict[str, str]:
        """Task → state."""
        return {name: task["state"] for name, task in self.tasks(dag_id).items()}

    def ended(self) -> bool:
        """Whether all runs have."""
        for dag_id in self.ids.keys() - self.states:
            state = self.town.airflow.run(dag_id, self.ids[dag_id])["state"]
            if state in {"success", "failed"}:
                self.states[dag_id] = state
        return len(self.states) == len(self.ids)

    def xcom(self, dag_id: str, task_id: str, **named: Any) -> Any:
        """What a task returned."""
        return self.town.airflow.xcom(dag_id, self.ids[dag_id], task_id, **named)

    def told(self) -> set[tuple[str, str]]:
        """DAG and word of the lines that callbacks left."""
        path = self.town.airflow.home / "told.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return {(dag_id, word) for dag_id, word in (line.split(" ", 1) for line in lines)}


def apply(town: Town, *options: str) -> str:
    """``tidegate apply`` over the town's pipelines, where its Airflow runs."""
    command = [str(TIDEGATE), "apply", *options, str(town.root / "project" / "include" / "pipelines" / "language")]
    environment = town.airflow._environment
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def ran(town: Town) -> Ran:
    """One run of each pipeline, all at once; the person has answered, and the missing pool has been made."""
    for dag_id in (*CONF, "inner_part", "listener"):
        town.airflow.wait_for_dag(dag_id)
    town.sell(DAY, ("anna", "carl"))
    town.sell(DAY, ("dora",), cents=-5000)
    ran = Ran(town, {dag_id: town.airflow.trigger(dag_id, conf=conf) for dag_id, conf in CONF.items()})
    until(lambda: ran.task_states("grammar").get("person") == "awaiting_input")
    # An answer that comes before the scheduler has heard from the executor that the asking ended makes Airflow fail the task.
    log = town.airflow.process_log("scheduler")
    until(lambda: "TaskInstance Finished: dag_id=grammar, task_id=person," in log.read_text())
    task = f"/dags/grammar/dagRuns/{ran.ids['grammar']}/taskInstances/person/-1/hitlDetails"
    town.airflow.api.request("PATCH", task, json={"chosen_options": ["up"]})
    assert ran.task_states("grammar")["held"] == "scheduled", "there is no pool for it yet"
    waiting = f"/dags/grammar/dagRuns/{ran.ids['grammar']}/taskInstances/held/dependencies"
    ran.waits = [dependency["reason"] for dependency in town.airflow.api.request("GET", waiting)["dependencies"]]
    ran.applied = [apply(town, "--dry-run"), apply(town)]
    until(ran.ended, 150)
    return ran


def test_every_run_ends_as_it_should(ran: Ran) -> None:
    """Red where something that matters failed, else green; and Airflow took every file, the one with a deadline too."""
    assert ran.states == {
        "grammar": "success", "clean_sales": "success", "approved_total": "success", "telephone": "success",
        "spilled": "failed", "outer_whole": "failed",
    }  # fmt: skip
    assert ran.town.airflow.api.import_errors() == []
    assert [d["name"] for d in ran.town.airflow.api._http.get("/ui/dags/grammar/deadlineAlerts").json()["deadline_alerts"]] == ["an hour"]


def test_a_repeated_group_is_partial_where_branches_fail_at_different_steps(ran: Ran) -> None:
    """The record names each with the reason of the task that failed, and the warehouse has exactly the others' rows."""
    record = ran.town.record(ran.ids["clean_sales"], "clean_sales")
    assert record["outcome"] == "partial"
    found = {branch["name"]: (branch["state"], branch["reason"]) for branch in record["branches"]}
    assert {name: state for name, (state, _) in found.items()} == {
        "anna": "arrived", "ben": "failed", "carl": "arrived", "dora": "failed",
    }  # fmt: skip
    assert "0 rows" in found["ben"][1]
    assert "a price below zero" in found["dora"][1]
    assert ran.task_states("clean_sales")["shops.ben.clean"] == "upstream_failed"
    truth = [row for row in ran.town.truth(DAY) if row[0] in {"anna", "carl"}]
    assert ran.town.warehouse("SELECT shop, product, items, cents FROM clean_sales ORDER BY 1, 2") == truth


def test_a_step_that_judges_rows_keeps_them_from_the_total(ran: Ran) -> None:
    """The rows are the extract's, the word is the step's behind it; Airflow's reason for it is the function's own."""
    record = ran.town.record(ran.ids["approved_total"], "approved_total")
    assert {branch["name"]: branch["state"] for branch in record["branches"]} == {"anna": "arrived", "dora": "failed"}
    assert "shops.dora.approve" in record["sentence"]
    assert ran.town.warehouse("SELECT items FROM approved_total") == [(20,)]


def test_a_catch_up_heals_one_branch_and_leaves_the_others(ran: Ran) -> None:
    """By conf: the group's other branches are skipped; a total is made of all, but never of rows that were refused."""
    town = ran.town
    with closing(sqlite3.connect(town.database("dora"))) as connection, connection:
        connection.execute("UPDATE sales SET cents = cents + 6000 WHERE date(sold_at) = ?", [DAY.isoformat()])

    def catch_up(dag_id: str, shop: str) -> str:
        return town.airflow.trigger(dag_id, conf={**interval(DAY), "shop": [shop]})

    healed, other = catch_up("clean_sales", "dora"), catch_up("approved_total", "anna")
    assert town.airflow.wait("approved_total", other, timeout=90) == "success"
    assert town.warehouse("SELECT items FROM approved_total") == [(20,)], "dora's rows are staged, and were refused"
    whole = catch_up("approved_total", "dora")
    assert town.airflow.wait("clean_sales", healed, timeout=90) == "success"
    truth = [row for row in town.truth(DAY) if row[0] != "ben"]
    assert town.warehouse("SELECT shop, product, items, cents FROM clean_sales ORDER BY 1, 2") == truth
    assert town.note(healed, "clean_sales").startswith("clean_sales for 2026-03-02 is partial: 3 of 4 shops, 60 rows. Missing: ben")
    assert town.airflow.wait("approved_total", whole, timeout=90) == "success"
    assert town.warehouse("SELECT items FROM approved_total") == [(40,)]
    assert town.record(whole, "approved_total")["outcome"] == "complete"


def test_a_barrier_may_join_steps_without_rows(ran: Ran) -> None:
    """What counts is who arrived."""
    record = ran.town.record(ran.ids["telephone"], "telephone")
    assert record["outcome"] == "partial"
    assert {branch["name"]: branch["state"] for branch in record["branches"]} == {"anna": "arrived", "carl": "failed"}
    assert "Missing: carl" in record["sentence"]


def test_serial_steps_follow_one_another_and_parallel_ones_do_not_wait(ran: Ran) -> None:
    """In the order of the file; a serial group inside of a parallel one inside of a serial one."""
    tasks = ran.tasks("grammar")
    at = {name.removeprefix("order."): task["start_date"] for name, task in tasks.items() if name.startswith("order.")}
    assert at["first"] < min(at["both.left.a"], at["both.right.a"])
    assert at["both.left.a"] < at["both.left.b"]
    assert at["both.right.a"] < at["both.right.b"]
    assert max(at["both.left.a"], at["both.right.a"]) < min(at["both.left.b"], at["both.right.b"])
    assert max(at["both.left.b"], at["both.right.b"]) < at["last"]


def test_results_go_from_step_to_step(ran: Ran) -> None:
    """Whole, by key, mapped over, crossed, zipped; and the context's values by their names."""
    assert ran.xcom("grammar", "gathered") == {
        "whole": {"few": [1, 2], "sum": 3, "task": "named"},
        "part": 3,
        "doubles": [2, 4],
        "crossed": [10, 20, 20, 40],
        "paired": [-16, -7],
        "run_id": ran.ids["grammar"],
        "word": "tide",
    }
    assert ran.xcom("grammar", "named", key="few") == [1, 2]


def test_conditions_skip_and_what_stands_behind_may_go_on(ran: Ran) -> None:
    """A template, and a function of the project's; ``none_failed`` does not mind a skip."""
    states = ran.task_states("grammar")
    names = ("unspoken", "spoken", "behind", "skipped_along")
    assert [states[name] for name in names] == ["skipped", "success", "success", "skipped"]


def test_a_branch_step_chooses_by_cases_or_by_a_function(ran: Ran) -> None:
    """A chosen group begins with its first step; what is not chosen is skipped."""
    states = ran.task_states("grammar")
    assert [states[name] for name in ("ebb", "tide", "still")] == ["skipped", "success", "skipped"]
    assert [states[name] for name in ("north", "south", "walk.on")] == ["success", "skipped", "success"]


def test_templates_and_kinds_of_the_projects_own(ran: Ran) -> None:
    """A template is a group; a pinned version of a kind stands beside the newest."""
    assert ran.xcom("grammar", "words.old") == "sealed blue"
    assert ran.xcom("grammar", "words.new") == "sealed blue at words.new"


def test_a_missing_pool_is_told_and_apply_makes_it(ran: Ran) -> None:
    """Until then Airflow does not start the task, and says so in its scheduler's log and of the task; then the task holds its slots."""
    reason = "Tasks using non-existent pool 'till' will not be scheduled"
    assert any(reason in told for told in ran.waits), ran.waits
    assert reason in ran.town.airflow.process_log("scheduler").read_text()
    assert ran.applied == [
        "till: would be created with 2 slots\n1 pool(s), 1 would be changed.\n", "till: created with 2 slots\n1 pool(s), 1 changed.\n",
    ]  # fmt: skip
    held = ran.tasks("grammar")["held"]
    assert (held["pool"], held["pool_slots"], held["state"]) == ("till", 2, "success")
    pool = ran.town.airflow.api.request("GET", "/pools/till")
    assert (pool["slots"], pool["description"]) == (2, "The till of the town.")
    assert apply(ran.town) == "till: has 2 slots, as declared\n1 pool(s), 0 changed.\n"


def test_steps_wait_for_time_for_a_look_and_for_a_person(ran: Ran) -> None:
    """In the triggerer, by rescheduling, and in Airflow's inbox; none of them holds a worker."""
    assert "Pausing task as DEFERRED" in ran.town.airflow.log("grammar", ran.ids["grammar"], "wait")
    states = ran.task_states("grammar")
    assert {states[name] for name in ("wait", "look", "person")} == {"success"}
    assert ran.xcom("grammar", "person")["chosen_options"] == ["up"]
    ended = datetime.fromisoformat(ran.tasks("grammar")["wait"]["end_date"])
    assert ended - datetime.fromisoformat(ran.town.airflow.run("grammar", ran.ids["grammar"])["run_after"]) > timedelta(seconds=8)


def test_a_teardown_runs_after_a_failure_which_the_run_does_not_forget(ran: Ran) -> None:
    """It gets what its setup returned; the error of the step is the run's."""
    states = ran.task_states("spilled")
    assert states == {"open": "success", "work": "failed", "never": "upstream_failed", "close": "success"}
    assert ran.xcom("spilled", "close") == "till 7 closed"
    assert "RuntimeError: till 7 is on the floor" in ran.town.airflow.log("spilled", ran.ids["spilled"], "work", try_number=2)


def test_callbacks_are_called(ran: Ran) -> None:
    """Functions of the project's with and without arguments, notifiers; of steps and of the run."""
    expected = {
        ("grammar", "called"), ("grammar", "gathered"), ("grammar", "run done"), ("spilled", "again"), ("spilled", "called"),
        ("spilled", "run failed"),
    }  # fmt: skip
    end = time.monotonic() + 20
    while (missing := expected - ran.told()) and time.monotonic() < end:
        time.sleep(0.3)
    assert missing == set()
    assert "alert: gathered begins" in ran.town.airflow.log("grammar", ran.ids["grammar"], "gathered")


def test_a_pipeline_inside_of_a_pipeline_is_about_the_same_and_its_failure_counts(ran: Ran) -> None:
    """Same interval, same correlation id; waited for without a worker; the run that fails fails its step, and so the whole."""
    assert ran.task_states("outer_whole") == {"well": "success", "badly": "failed", "outcome": "failed"}
    for name in ("well", "badly"):
        assert "Pausing task as DEFERRED" in ran.town.airflow.log("outer_whole", ran.ids["outer_whole"], name)
    runs = {run["conf"].get("fail", False): run for run in ran.town.airflow.api.runs("inner_part")}
    assert {fail: run["state"] for fail, run in runs.items()} == {False: "success", True: "failed"}
    for run in runs.values():
        assert run["conf"]["correlation_id"] == "whole-7"
        assert run["conf"]["interval_start"] == CONF["outer_whole"]["interval_start"]
        record = ran.town.record(run["dag_run_id"], "inner_part")
        assert record["correlation_id"] == "whole-7"
        assert record["interval"]["start"] == CONF["outer_whole"]["interval_start"]
    assert "badly" in ran.town.record(ran.ids["outer_whole"], "outer_whole")["sentence"]


def test_what_a_pipeline_publishes_starts_another_and_carries_its_record(ran: Ran) -> None:
    """Once: the run that failed published nothing."""
    (run,) = until(lambda: ran.town.airflow.api.runs("listener"), 20)
    assert (run["run_type"], ran.town.airflow.wait("listener", run["dag_run_id"], timeout=60)) == ("asset_triggered", "success")
    (record,) = ran.town.airflow.xcom("listener", run["dag_run_id"], "heard")
    assert (record["pipeline"], record["outcome"], record["correlation_id"]) == ("inner_part", "complete", "whole-7")
