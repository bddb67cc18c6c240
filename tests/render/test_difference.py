"""What differs between two plans, and nothing that does not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from drawn_plans import plans
from hypothesis import given
from planned import BASH, PYTHON, edges, every_feature, group, night, plan, task

from tidegate.plan.calls import Call, Output, Zipped
from tidegate.plan.layout import Edge, Plan
from tidegate.render import difference


def lines(old: Plan, new: Plan) -> list[str]:
    """Say each change on its line."""
    return [change.line() for change in difference(old, new)]


@given(plans())
def test_a_plan_does_not_differ_from_itself(planned: Plan) -> None:
    """However it was ordered."""
    assert difference(planned, planned) == ()
    turned = Plan(planned.name, dict(planned.arguments), planned.groups, planned.tasks[::-1], planned.edges[::-1])
    assert difference(planned, turned) == ()


@given(plans(), plans())
def test_forth_and_back_mirror_each_other(old: Plan, new: Plan) -> None:
    """What is new one way is gone the other way; equal plans alone have no difference."""
    there, back = difference(old, new), difference(new, old)
    mirrored = {"+": "-", "-": "+", "~": "~"}
    assert sorted((mirrored[one.sign], one.kind, one.name, one.argument) for one in there) == sorted(
        (one.sign, one.kind, one.name, one.argument) for one in back
    )


def test_tasks_groups_and_edges_come_and_go() -> None:
    """With the operator of a task, and the reason of an edge that is not data."""
    old = plan(task("a"), task("b", uses=BASH), *edges("a > b"))
    new = plan(group("g"), task("a"), task("c", uses=PYTHON), Edge("a", "c", "rule", "once checked"))
    assert lines(old, new) == [
        "+ group g",
        "- task b  airflow.providers.standard.operators.bash.BashOperator",
        "+ task c  airflow.providers.standard.operators.python.PythonOperator",
        "- edge a → b",
        "+ edge a → c  rule (once checked)",
    ]


def test_arguments_are_told_where_they_differ() -> None:
    """Old and new, as deep as both go the same way."""
    policy = "tidegate.operators.JitteredRetryPolicy"
    before = {
        "retries": 3,
        "retry_policy": Call(policy, {"max_delay": timedelta(minutes=5), "jitter": "full", "on": {"timeout": 1}}),
        "env": {"A": "1", "B": "2"},
    }
    after = {
        "retries": 5,
        "retry_policy": Call(policy, {"max_delay": timedelta(minutes=10), "jitter": "full", "on": {"timeout": 2}}),
        "env": {"A": "1", "C": "3"},
    }
    assert lines(plan(task("load", uses=BASH, arguments=before)), plan(task("load", uses=BASH, arguments=after))) == [
        "~ task load  retries: 3 → 5",
        "~ task load  retry_policy.max_delay: 5m → 10m",
        "~ task load  retry_policy.on.timeout: 1 → 2",
        "+ task load  env.C: 3",
        "- task load  env.B: 2",
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": Call("x.A", {"b": 1})}, {"a": Call("x.B", {"b": 1})}, "~ task t  a: A(b=1) → B(b=1)"),
        ({"a": Call("x.A", {}, (1, 2))}, {"a": Call("x.A", {}, (1, 3))}, "~ task t  a.2: 2 → 3"),
        ({"a": True}, {"a": 1}, "~ task t  a: true → 1"),
        ({"a": 1}, {"a": "1"}, '~ task t  a: 1 → "1"'),
        ({"a": None}, {}, "- task t  a: none"),
        ({"a": [1, 2]}, {"a": [1]}, "~ task t  a: [1, 2] → [1]"),
        ({"a": ""}, {"a": "x"}, '~ task t  a: "" → x'),
    ],
)
def test_values_of_all_kinds_are_compared_by_what_they_make(before: dict[str, Any], after: dict[str, Any], told: str) -> None:
    """Calls of one thing by their arguments, all else as a whole."""
    assert lines(plan(task("t", arguments=before)), plan(task("t", arguments=after))) == [told]


def test_what_a_task_is_counts_too() -> None:
    """Operator, mapping, setup, teardown, function, group."""
    old = every_feature()
    changed = {
        "make": {"setup": False},
        "drop": {"teardown": ("make",), "on_failure_fail_dagrun": False},
        "crossed": {"expand": {"bash_command": ["a"], "env": [{"A": "1"}, {"A": "2"}]}},
        "zipped": {"expand_kwargs": Zipped({"bash_command": Output("list"), "cwd": Output("list")})},
        "late": {"call": Call(BASH)},
        "one": {"function": "jobs:one", "inputs": {"day": 1}},
    }
    new = replace(old, tasks=tuple(replace(one, **changed.get(one.task_id, {})) for one in old.tasks))
    assert lines(old, new) == [
        "- task make  setup: true",
        '~ task drop  teardown: ["make", "more"] → ["make"]',
        "- task drop  on_failure_fail_dagrun: true",
        "~ task late  uses: airflow.providers.standard.operators.empty.EmptyOperator → airflow.providers.standard.operators.bash.BashOperator",
        '~ task crossed  expand.bash_command: ["a", "b"] → ["a"]',
        "~ task zipped  expand_kwargs.cwd: result of names → result of list",
        "+ task one  with.day: 1",
        "+ task one  function: jobs:one",
    ]


def test_the_dag_itself_is_compared() -> None:
    """Its name, its schedule, its form; the bounds of a timetable by themselves."""
    old, new = night(), night(description="Sales.", max_active_runs=1)
    changed = replace(
        new, name="nightly", arguments={**new.arguments, "schedule": Call("tidegate.timetables.NightTimetable", {}, ("@daily",))}
    )
    assert [line.split(": ")[0] for line in lines(old, changed)] == [
        "~ dag nightly  dag_id",
        "~ dag nightly  description",
        "~ dag nightly  schedule.1",
        "- dag nightly  schedule.timezone",
        "- dag nightly  schedule.start",
        "+ dag nightly  max_active_runs",
    ]


def test_the_reason_of_an_edge_is_part_of_it() -> None:
    """Data goes without saying; two reasons for one edge are told together."""
    old = plan(task("a"), task("b"), Edge("a", "b"))
    new = plan(task("a"), task("b"), Edge("a", "b", "resource", "erp"), Edge("a", "b"))
    assert lines(old, new) == ["~ edge a → b  because: data → data, resource (erp)"]


def test_long_values_are_shown_where_they_part() -> None:
    """Not two equal beginnings."""
    text = "select " + "x, " * 200
    (line,) = lines(plan(task("t", arguments={"sql": f"{text}a from b"})), plan(task("t", arguments={"sql": f"{text}c from b"})))
    assert line == "~ task t  sql: …, x, x, x, x, x, x, a from b → …, x, x, x, x, x, x, c from b"


def test_long_lists_are_told_by_what_they_do_not_share() -> None:
    """In the same order; a list that was turned round is shown whole."""
    assert lines(plan(a=["b", "c", "d", "e", "f"]), plan(a=["b", "c", "x", "e", "f", "y"])) == [
        "~ dag night  a: 5 items → 6 items (-d, +x, +y)"
    ]
    assert lines(plan(a=[1, 2, 3, 4, 5]), plan(a=[5, 4, 3, 2, 1])) == ["~ dag night  a: [1, 2, 3, 4, 5] → [5, 4, 3, 2, 1]"]


def test_changes_are_json() -> None:
    """With the values as the plan's JSON has them."""
    old = plan(task("t", arguments={"execution_timeout": timedelta(minutes=5)}))
    new = plan(task("t", arguments={"execution_timeout": timedelta(minutes=9)}), task("u"))
    told = [change.as_dict() for change in difference(old, new)]
    assert json.loads(json.dumps(told)) == [
        {"change": "changed", "kind": "task", "name": "t", "argument": "execution_timeout", "old": "5m", "new": "9m"},
        {"change": "added", "kind": "task", "name": "u", "argument": "", "new": "airflow.providers.standard.operators.empty.EmptyOperator"},
    ]
