"""The scheduler of the test kit, held to Airflow's own: the same DAGs, the same ends of tasks, the same states."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from airflow.sdk import TriggerRule

from tidegate.testing.scheduler import Ended, Scheduler, Task
from tidegate.testing.trigger_rules import RULES

HERE = Path(__file__).parent
STATES = ("success", "failed", "skipped", "upstream_failed")
RANDOM_DAGS = 150

AGREED = ("all_success", "all_done", "always", "none_failed", "none_failed_min_one_success", "one_success", "one_failed")
"""For tasks that are mapped over another's results: where a rule would skip them and the failed other one would give them up, Airflow's own answer hangs
on the order of a set."""

Case = tuple[list[Task], dict[str, Ended], bool]


def airflow_decides(cases: list[Case], home: Path) -> list[dict[str, Any]]:
    """What Airflow makes of each case: task id → state, and the run's state."""
    asked = [
        {
            "tasks": [asdict(task) for task in tasks],
            "ends": {task_id: {"state": end.state, "seconds": end.seconds, "skips": list(end.skips)} for task_id, end in ends.items()},
            "fail_fast": fail_fast,
        }
        for tasks, ends, fail_fast in cases
    ]
    done = subprocess.run(
        [sys.executable, HERE / "airflow_decides.py"],
        input=json.dumps(asked),
        env={**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return list(json.loads(done.stdout.rpartition("decided:")[2]))


def kit_decides(case: Case) -> dict[str, Any]:
    """What the kit makes of it."""
    tasks, ends, fail_fast = case
    run = Scheduler(tasks, fail_fast=fail_fast).run(lambda task_id, _: ends[task_id])
    return {"states": {task.task_id: run.states.get(task.task_id, "None") for task in tasks}, "state": run.state}


def table_of_rules() -> Case:
    """Every rule behind every pair of states, whichever of the two comes first, and behind every single state."""
    tasks, ends = [Task("broken")], {"broken": Ended("failed", 10)}
    for name, seconds in (("early", 60), ("late", 120)):
        for state in STATES:
            task_id = f"{name}_{state}"
            tasks.append(Task(task_id, ("broken",) if state == "upstream_failed" else ()))
            ends[task_id] = Ended(state if state != "upstream_failed" else "success", seconds)
    for rule in RULES:
        for early, late in itertools.product(STATES, STATES):
            before = (f"early_{early}", f"late_{late}")
            tasks.append(Task(f"{rule}.{early}.{late}", before, rule))
        tasks += [Task(f"{rule}.{state}", (f"late_{state}",), rule) for state in STATES]
    # behind each, one that tells by its state when the one before it had made up its mind
    tasks += [Task(f"after.{task.task_id}", (task.task_id,), "all_done") for task in tasks if "." in task.task_id]
    return tasks, ends | {task.task_id: Ended() for task in tasks if task.task_id not in ends}, False


def random_case(number: int) -> Case:
    """A small DAG of any shape: any rules, setups, teardowns, branches, mapped tasks, and any ends at any times."""
    random = Random(number)  # noqa: S311  cases, no secrets
    fail_fast = random.random() < 0.15
    tasks: list[Task] = []
    for index in range(random.randint(3, 9)):
        before = tuple(task.task_id for task in random.sample(tasks, min(len(tasks), random.randint(0, 3))))
        setups = [task.task_id for task in tasks if task.setup]
        teardown = bool(setups) and random.random() < 0.3
        if teardown:
            before = tuple(dict.fromkeys((*before, random.choice(setups))))
        behind_setup = any(setup in before for setup in setups)  # Airflow wants all_success there
        mapped = not teardown and random.random() < 0.2
        over = (
            next((task.task_id for task in tasks if task.task_id in before and not (task.mapped or task.setup)), None) if mapped else None
        )
        rule = random.choice(AGREED if over else list(RULES))
        tasks.append(
            Task(
                f"t{index}",
                before,
                "all_done_setup_success" if teardown else "all_success" if behind_setup or fail_fast else rule,
                setup=not teardown and not mapped and random.random() < 0.25,
                teardown=teardown,
                fails_run=teardown and random.random() < 0.4,
                mapped=mapped,
                mapped_over=(over,) if over and random.random() < 0.6 else (),
            )
        )
    ends = {}
    for task in tasks:
        behind = [other.task_id for other in tasks if task.task_id in other.upstream and not other.teardown]
        branches = not task.mapped and behind and random.random() < 0.25
        ends[task.task_id] = Ended(
            "success" if branches else random.choices(STATES[:3], (6, 3, 2))[0],
            random.choice((10, 20, 20, 30, 50)),
            tuple(random.sample(behind, random.randint(0, len(behind)))) if branches else (),
        )
    return tasks, ends, fail_fast


def test_every_rule_of_airflow_is_known() -> None:
    """A rule that a new Airflow brings is missed here first."""
    assert set(RULES) == {rule.value for rule in TriggerRule}


@pytest.mark.slow
def test_rules_decide_as_airflow_does(tmp_path: Path) -> None:
    """Every rule × every pair of states, in both orders; then DAGs of any shape. Each state of each task, and each run's, is Airflow's."""
    cases = [table_of_rules(), *(random_case(number) for number in range(RANDOM_DAGS))]
    for number, (case, airflow) in enumerate(zip(cases, airflow_decides(cases, tmp_path), strict=True)):
        assert kit_decides(case) == airflow, f"case {number - 1}: {case}"


def test_the_cases_hold_what_can_happen() -> None:
    """The comparison above would miss what no case contains."""
    found: set[tuple[str, str]] = set()
    for case in (table_of_rules(), *(random_case(number) for number in range(RANDOM_DAGS))):
        decided = kit_decides(case)
        found |= {(task.rule, decided["states"][task.task_id]) for task in case[0]}
        found |= {("run", decided["state"])}
        found |= {("fail_fast", decided["states"][task.task_id]) for task in case[0] if case[2]}
        found |= {("teardown", decided["states"][task.task_id]) for task in case[0] if task.teardown}
        found |= {("mapped", decided["states"][task.task_id]) for task in case[0] if task.mapped_over}
    rules_that_give_up = {"all_success", "all_done_min_one_success", "all_done_setup_success", "none_failed", "none_failed_min_one_success", "one_success"}  # fmt: skip
    assert {(rule, "upstream_failed") for rule in rules_that_give_up} <= found
    assert {(rule, "skipped") for rule in RULES} - {("all_done", "skipped"), ("always", "skipped")} - found == set()
    assert {(kind, state) for kind in ("teardown", "mapped") for state in STATES} - found == set()
    assert {("run", "success"), ("run", "failed"), ("fail_fast", "skipped"), ("fail_fast", "failed")} <= found


def test_a_run_always_ends() -> None:
    """No rule leaves a task waiting for ever."""
    for number in range(3_000):
        assert "None" not in kit_decides(random_case(number))["states"].values(), number
