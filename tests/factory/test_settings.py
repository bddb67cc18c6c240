"""Single settings, and what Airflow has in the end where defaults, a step and a branch of it speak at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from tidegate.factory import build_dag
from tidegate.factory.durations import with_durations
from tidegate.model import Project, load_pipeline
from tidegate.operators import JitteredRetryPolicy
from tidegate.operators.when import in_worker
from tidegate.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
BASH = "airflow.providers.standard.operators.bash.BashOperator"
SENSOR = "airflow.providers.standard.sensors.bash.BashSensor"
EXTRACT = "uses: extract, with: {connection: c, query: SELECT 1"
CODE = "def go(x=None, y=None): ...\ndef hook(context): ...\ndef way(params): return 'inside'\n"


def built(tmp_path: Path, text: str) -> DAG:
    """The DAG of a file, in a project that has functions."""
    (tmp_path / "calls.py").write_text(CODE)
    path = tmp_path / "one.yaml"
    path.write_text(f"pipeline: one\n{text}\n")
    return build_dag(with_durations(plan(load_pipeline(path, Project(tmp_path)).require())), tmp_path)


def test_what_airflow_does_by_itself_needs_no_policy(tmp_path: Path) -> None:
    """Waits that stay the same, of Airflow's operators alone, whoever says so."""
    dag = built(
        tmp_path,
        f"defaults: {{retry: {{delay: 5m, backoff: 1, jitter: none}}}}\nsteps:\n  go: {{uses: {EMPTY}}}\n"
        f"  own: {{uses: {EMPTY}, retry: {{delay: 2s, backoff: 1, jitter: none}}}}",
    )
    assert "retry_policy" not in dag.default_args
    assert [(task.retry_delay, task.retry_policy) for task in dag.tasks] == [(timedelta(minutes=5), None), (timedelta(seconds=2), None)]


def test_waits_that_stay_the_same_hold_for_tidegates_operators_too(tmp_path: Path) -> None:
    """They have a policy by themselves, which keeps what a retry cannot mend from being retried."""
    dag = built(tmp_path, f"defaults: {{retry: {{delay: 20m, backoff: 1, jitter: none}}}}\nsteps:\n  go: {{{EXTRACT}}}}}")
    policy = dag.get_task("go").retry_policy
    assert isinstance(policy, JitteredRetryPolicy)
    assert policy.serialize() == {"delay": 1200, "max_delay": 1200, "jitter": "none", "backoff": 1, "on": None}


def test_the_errors_that_are_retried_reach_every_operator(tmp_path: Path) -> None:
    """Tidegate's and Airflow's; numbers make a policy of what Airflow does by itself, and the largest of them is the task's retries."""
    steady = "delay: 20m, backoff: 1, jitter: none, on"
    dag = built(
        tmp_path,
        f"defaults: {{retry: {{{steady}: [unreachable, auth]}}}}\nsteps:\n  ours: {{{EXTRACT}}}}}\n  theirs: {{uses: {EMPTY}}}\n"
        f"  fewer: {{uses: {EMPTY}, retry: {{{steady}: timeout}}}}\n  often: {{uses: {EMPTY}, retry: {{on: {{unreachable: 5, timeout: 1}}}}}}\n"
        f"  capped: {{uses: {EMPTY}, retries: 6, retry: {{on: {{unreachable: 5}}}}}}",
    )
    tasks: Any = {task.task_id: (task.retries, task.retry_policy.serialize()["on"]) for task in dag.tasks if task.task_id != "outcome"}
    assert tasks == {
        "ours": (2, ["unreachable", "auth"]),
        "theirs": (0, ["unreachable", "auth"]),
        "fewer": (0, ["timeout"]),
        "often": (5, {"unreachable": 5, "timeout": 1}),
        "capped": (6, {"unreachable": 5}),
    }


def test_a_step_with_numbers_is_tried_that_often_whatever_the_defaults_say(tmp_path: Path) -> None:
    """And retries that a step says are its own, whatever numbers the defaults have."""
    numbers = "{on: {unreachable: 5}}"
    dag = built(tmp_path, f"defaults: {{retries: 2}}\nsteps:\n  go: {{uses: {EMPTY}, retry: {numbers}}}\n  other: {{uses: {EMPTY}}}")
    assert [task.retries for task in dag.tasks] == [5, 2]
    dag = built(tmp_path, f"defaults: {{retry: {numbers}}}\nsteps:\n  go: {{uses: {EMPTY}, retries: 1}}\n  other: {{uses: {EMPTY}}}")
    assert [task.retries for task in dag.tasks] == [1, 5]


def test_a_branchs_arguments_are_merged_with_its_steps(tmp_path: Path) -> None:
    """Mapping by mapping, of operators, functions and kinds alike; a result or a literal stays whole."""
    branches = "for_each: {region: {emea: {with: %s}, us: {}}}"
    dag = built(
        tmp_path,
        f"steps:\n  bash: {{{branches % '{env: {B: 2}}'}, uses: {BASH}, with: {{bash_command: ls, env: {{A: 1}}}}}}\n"
        f"  python: {{{branches % '{y: {b: 2}}'}, python: 'calls:go', with: {{x: 1, y: {{a: 1}}}}}}\n"
        f"  whole: {{{branches % '{y: {literal: {b: 2}}}'}, python: 'calls:go', with: {{y: {{a: 1}}}}}}\n"
        f"  extract: {{{branches % '{params: {b: 2}}'}, {EXTRACT}, params: {{a: 1}}}}}}",
    )
    get = dag.get_task
    assert [get("bash.emea").env, get("bash.us").env] == [{"A": 1, "B": 2}, {"A": 1}]
    assert [get("python.emea").op_kwargs, get("python.us").op_kwargs] == [{"x": 1, "y": {"a": 1, "b": 2}}, {"x": 1, "y": {"a": 1}}]
    assert get("whole.emea").op_kwargs == {"y": {"b": 2}}
    assert [get("extract.emea").parameters, get("extract.us").parameters] == [{"a": 1, "b": 2}, {"a": 1}]


def test_params_of_all_layers_add_up(tmp_path: Path) -> None:
    """As they do in Airflow; of a group's, Airflow alone would let them win over a step's."""
    dag = built(
        tmp_path,
        f"steps:\n  g:\n    defaults: {{params: {{a: 1, b: 1}}}}\n    steps:\n"
        f"      go: {{for_each: {{pier: {{north: {{params: {{c: 3}}}}}}}}, params: {{b: 2, c: 2}}, uses: {EMPTY}}}\n      plain: {{uses: {EMPTY}}}",
    )
    assert dag.get_task("g.go.north").params.dump() == {"a": 1, "b": 2, "c": 3}
    assert dag.get_task("g.plain").params.dump() == {"a": 1, "b": 1}


def test_what_is_held_has_slots_of_its_own(tmp_path: Path) -> None:
    """Else those that defaults say of another pool would be more than it has."""
    task = built(
        tmp_path, f"defaults: {{pool_slots: 3}}\nresources: {{erp: {{limit: 2}}}}\nsteps: {{go: {{uses: {EMPTY}, holds: erp}}}}"
    ).get_task("go")
    assert (task.pool, task.pool_slots) == ("erp", 1)


@pytest.mark.parametrize(
    ("around", "said", "slots"),
    [
        ("", "holds: erp, ", ("erp", 4)),
        ("", "holds: {erp: 6}, ", ("erp", 6)),
        ("", "holds: {erp: 2}, ", ("erp", 4)),
        ("", "pool: shop, ", ("shop", 4)),
        ("", "pool: shop, pool_slots: 8, ", ("shop", 8)),
        ("defaults: {pool: shop, pool_slots: 2}\n", "", ("shop", 4)),
        ("", "", ("default_pool", 1)),
    ],
)
def test_each_range_of_a_table_takes_a_slot(tmp_path: Path, around: str, said: str, slots: tuple[str, int]) -> None:
    """For each is a connection, and the pool is what counts them."""
    dag = built(
        tmp_path,
        f"{around}resources: {{erp: {{limit: 8}}}}\nsteps:\n"
        f"  go: {{{said}uses: extract, with: {{connection: c, table: t, split: {{by: id, into: 4}}}}}}",
    )
    task = dag.get_task("go")
    assert (task.pool, task.pool_slots) == slots


def test_defaults_for_operators_do_not_reach_behind_a_kinds_settings(tmp_path: Path) -> None:
    """An argument that a kind sets from a setting of another name, and the way of a transform that it does not go."""
    dag = built(
        tmp_path,
        "defaults: {with: {parameters: {a: 1}, sql: SELECT 2, conf: {a: 1}, deferrable: false}}\nsteps:\n"
        f"  extract: {{{EXTRACT}}}}}\n  change: {{needs: extract, uses: transform, with: {{python: 'calls:go'}}}}\n"
        "  call: {uses: pipeline, with: {pipeline: other, deferrable: true}}\n  called: {uses: pipeline, with: {pipeline: other}}",
    )
    extract, change = dag.get_task("extract"), dag.get_task("change")
    assert (extract.parameters, change.sql, change.parameters) == ({}, None, {})
    call, called = dag.get_task("call"), dag.get_task("called")
    assert [(task.conf, task.deferrable) for task in (call, called)] == [({"a": 1}, True), ({"a": 1}, False)]


def test_a_condition_keeps_what_else_is_called(tmp_path: Path) -> None:
    """An empty operator needs a callback for its condition to be asked; any will do, and none is lost."""
    dag = built(
        tmp_path,
        "defaults: {on_execute_callback: 'calls:hook'}\nsteps:\n"
        f"  far: {{when: true, uses: {EMPTY}}}\n  none: {{when: true, on_execute_callback: [], uses: {EMPTY}}}\n"
        f"  own: {{when: true, on_execute_callback: [], for_each: {{pier: {{north: {{on_execute_callback: 'calls:hook'}}}}}}, uses: {EMPTY}}}",
    )

    def called(task_id: str) -> list[Any]:
        return [getattr(one, "__name__", one) for one in dag.get_task(task_id).on_execute_callback]

    assert [called("far"), called("none"), called("own.north")] == [["hook"], [in_worker.__name__], ["hook"]]


@pytest.mark.parametrize(("poll", "seconds"), [("0.5s", 0.5), ("1m30s", 90)])
def test_a_short_poll_stays_one(tmp_path: Path, poll: str, seconds: float) -> None:
    """Half a second is not no time at all."""
    task: Any = built(tmp_path, f"steps: {{go: {{uses: pipeline, with: {{pipeline: other, poll: {poll}}}}}}}").get_task("go")
    assert task.poke_interval == seconds


def test_durations_are_read_wherever_arguments_stand(tmp_path: Path) -> None:
    """Under defaults of any layer, a branch, and what a step is mapped over."""
    dag = built(
        tmp_path,
        "defaults: {with: {poke_interval: 1m30s}}\nsteps:\n"
        f"  far: {{uses: {SENSOR}, with: {{bash_command: ls}}}}\n"
        f"  text: {{uses: {BASH}, with: {{bash_command: 5m}}}}\n"
        f"  g:\n    defaults: {{with: {{poke_interval: 2m}}}}\n    steps:\n      near: {{uses: {SENSOR}, with: {{bash_command: ls}}}}\n"
        f"  own: {{for_each: {{pier: {{north: {{with: {{poke_interval: 4m}}}}}}}}, uses: {SENSOR}, with: {{bash_command: ls}}}}\n"
        f"  mapped: {{uses: {SENSOR}, with: {{bash_command: ls}}, expand: {{poke_interval: [3m, 5]}}}}\n"
        f"  rows: {{uses: {SENSOR}, expand_kwargs: [{{bash_command: ls, poke_interval: 6m}}]}}\n"
        f"  zipped: {{uses: {SENSOR}, with: {{bash_command: ls}}, expand_kwargs: {{zip: {{poke_interval: [7m]}}}}}}",
    )
    get: Any = dag.get_task
    assert [get(name).poke_interval for name in ("far", "g.near", "own.north")] == [90, 120, 240]
    assert get("text").bash_command == "5m"
    assert get("mapped").expand_input.value["poke_interval"] == [timedelta(minutes=3), 5]
    assert get("rows").expand_input.value == [{"bash_command": "ls", "poke_interval": timedelta(minutes=6)}]
    assert "poke_interval" not in get("mapped").partial_kwargs
    DagSerialization.to_dict(dag)


def test_a_choice_is_retried_as_all_of_tidegates_kinds_are(tmp_path: Path) -> None:
    """Its function may ask a database; what a retry cannot mend, such as an unclear condition, fails at once by the policy."""
    choice = "{uses: branch, with: {cases: [{if: '{{ true }}', then: go}]}%s}"
    dag = built(tmp_path, f"steps:\n  a: {choice % ''}\n  b: {choice % ', retries: 5'}\n  go: {{needs: [a, b], uses: {EMPTY}}}")
    found: Any = [dag.get_task(name) for name in "ab"]
    assert [(task.retries, type(task.retry_policy)) for task in found] == [(2, JitteredRetryPolicy), (5, JitteredRetryPolicy)]


def test_a_function_chooses_steps_in_groups_by_the_names_that_needs_takes(tmp_path: Path) -> None:
    """Two steps of one name in two groups are two."""
    group = f"{{steps: {{inside: {{needs: ask, uses: {EMPTY}}}}}}}"
    dag = built(
        tmp_path,
        f"steps:\n  ask: {{uses: branch, with: {{python: 'calls:way'}}}}\n  g: {group}\n  h: {group}\n  near: {{needs: ask, uses: {EMPTY}}}",
    )
    task: Any = dag.get_task("ask")
    assert task.names == {"g.inside": ["g.inside"], "h.inside": ["h.inside"], "near": ["near"]}


def test_dates_among_what_a_run_is_given_are_text(tmp_path: Path) -> None:
    """As JSON has them: of another pipeline's configuration, and of a task's own params."""
    dag = built(
        tmp_path,
        "defaults: {params: {far: 2026-01-02}}\nsteps:\n"
        "  go: {uses: pipeline, params: {day: 2026-01-01}, with: {pipeline: other, conf: {day: 2026-01-01, days: [2026-01-01]}}}",
    )
    task: Any = dag.get_task("go")
    assert task.conf == {"day": "2026-01-01", "days": ["2026-01-01"]}
    assert task.params.dump() == {"far": "2026-01-02", "day": "2026-01-01"}


@pytest.mark.parametrize(
    ("schedule", "zone"), [("", UTC), ("schedule: {cron: '@daily', start: 2026-01-01, timezone: Asia/Tokyo}\n", ZoneInfo("Asia/Tokyo"))]
)
def test_a_deadlines_day_begins_where_the_schedules_does(tmp_path: Path, schedule: str, zone: Any) -> None:
    """At midnight in its zone."""
    deadline = "deadline: {reference: 2026-07-01, within: 1h, callback: {uses: tidegate.notifications.LogNotifier}}"
    dag = built(tmp_path, f"{schedule}{deadline}\nsteps: {{go: {{uses: {EMPTY}}}}}")
    assert dag.deadline is not None
    found: Any = dag.deadline[0].reference
    assert found._datetime == datetime(2026, 7, 1, tzinfo=zone)


def test_the_outcome_waits_for_all_under_a_groups_or_a_branchs_rule(tmp_path: Path) -> None:
    """A task that starts before what it needs has ended tells nothing of it."""
    dag = built(
        tmp_path,
        f"outcome: true\nsteps:\n  a: {{uses: {EMPTY}}}\n"
        f"  g: {{needs: a, defaults: {{trigger_rule: always}}, steps: {{inside: {{steps: {{go: {{uses: {EMPTY}}}}}}}}}}}",
    )
    assert dag.get_task("outcome").upstream_task_ids == {"a", "g.inside.go"}
    dag = built(
        tmp_path,
        f"outcome: true\nsteps:\n  a: {{uses: {EMPTY}}}\n  g: {{needs: a, for_each: {{pier: {{north: {{trigger_rule: one_done}}}}}}, steps: {{go: {{uses: {EMPTY}}}}}}}",
    )
    assert dag.get_task("outcome").upstream_task_ids == {"a", "g.north.go"}
