"""A plan as rows, as JSON and as Mermaid."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from planned import BASH, edges, every_feature, group, night, plan, task

from tidegate.plan.calls import Output
from tidegate.plan.layout import Edge, Plan
from tidegate.render import COLUMNS, as_dict, rows, to_mermaid

GOLDEN = Path(__file__).parent / "golden"


def test_rows_say_what_each_task_waits_for_and_how_hard_it_tries() -> None:
    """All branches of a step are one word; a task's own settings win over its groups' and the DAG's."""
    planned = night(default_args={"retries": 2, "pool": "night"})
    by_id = {row.task: row for row in rows(planned)}
    assert len(by_id) == len(planned.tasks)
    assert (by_id["arrived"].needs, by_id["arrived"].retries, by_id["arrived"].pool) == ("extract (10)", "2", "night")
    texas = by_id["extract.texas"]
    assert (texas.uses, texas.branch, texas.pool, texas.retries, texas.timeout) == ("BashOperator", "region: texas", "erp", "3", "45m")
    assert by_id["by_product"].notes == "mapped over bash_command: result of arrived"
    assert all(len(row.cells()) == len(COLUMNS) for row in by_id.values())


def test_rows_tell_defaults_of_groups_and_some_of_the_branches() -> None:
    """The nearest default holds; needing two branches of three is told by their names."""
    planned = plan(
        group("outer", default_args={"retries": 1, "pool": "a"}),
        group("outer.inner", "outer", default_args={"pool": "b", "execution_timeout": timedelta(minutes=90)}),
        *(task(f"outer.inner.{name}", group="outer.inner", step="outer.inner", arguments={"pool_slots": 2}) for name in "xyz"),
        task("after"),
        *edges("outer.inner.x outer.inner.y > after"),
    )
    first, *_, last = rows(planned)
    assert (first.retries, first.pool, first.timeout) == ("1", "b × 2", "1h30m")
    assert last.needs == "outer.inner.x, outer.inner.y"


def test_rows_tell_setups_and_teardowns() -> None:
    """In words."""
    by_id = {row.task: row for row in rows(every_feature())}
    assert (by_id["make"].notes, by_id["drop"].notes, by_id["late"].notes) == ("setup", "teardown of make, more; fails the run", "teardown")
    assert by_id["zipped"].notes == "mapped over zip(bash_command=result of list, cwd=result of names)"


@pytest.mark.parametrize("planned", [night(), every_feature()], ids=["night", "features"])
def test_json_holds_all_of_a_plan(planned: Plan) -> None:
    """In plain types, with the reasons of edges."""
    document = as_dict(planned)
    assert json.loads(json.dumps(document)) == document
    assert [one["id"] for one in document["tasks"]] == [one.task_id for one in planned.tasks]
    assert [(one["from"], one["to"], one["because"], one["label"]) for one in document["edges"]] == [
        (edge.upstream, edge.downstream, edge.because, edge.label) for edge in planned.edges
    ]
    assert "provenance" not in document
    assert as_dict(planned, {"steps.a": "night.yaml:3"})["provenance"] == {"steps.a": "night.yaml:3"}


def test_json_has_the_documented_shape() -> None:
    """Every key always."""
    document = as_dict(
        plan(
            task("a", uses=BASH, arguments={"execution_timeout": timedelta(minutes=5)}, bindings={"region": "emea"}),
            task("b", uses=BASH, expand={"bash_command": Output("a")}, teardown=("a",)),
            Edge("a", "b", "resource", "one at a time"),
            name="two",
            tags=["x"],
        )
    )
    assert (document["pipeline"], document["dag"], document["groups"]) == ("two", {"tags": ["x"]}, [])
    assert document["edges"] == [{"from": "a", "to": "b", "because": "resource", "label": "one at a time"}]
    assert document["tasks"][0] == {
        "id": "a",
        "label": "a",
        "step": "a",
        "group": None,
        "branches": {"region": "emea"},
        "uses": BASH,
        "arguments": {"execution_timeout": "5m"},
        "positional": [],
        "function": None,
        "inputs": {},
        "expand": {},
        "expand_kwargs": None,
        "setup": False,
        "teardown": None,
        "on_failure_fail_dagrun": False,
    }
    assert (document["tasks"][1]["expand"], document["tasks"][1]["teardown"]) == ({"bash_command": {"from": "a"}}, ["a"])


def test_mermaid_reads_as_recorded() -> None:
    """Subgraphs, shapes, three kinds of arrows, labels with quotes and markup, ids that Mermaid reserves."""
    planned = every_feature()
    odd = plan(
        group("a&b"),
        task("end"),
        task("a-b", group="a&b"),
        task("a_b", group="a&b"),
        Edge("end", "a-b", "rule", 'say "<b>no</b>"; `x` #1'),
    )
    recorded = (GOLDEN / "features.mmd").read_text(), (GOLDEN / "odd.mmd").read_text(), (GOLDEN / "night.mmd").read_text()
    assert (to_mermaid(planned), to_mermaid(odd), to_mermaid(night())) == recorded


def test_nothing_of_airflow_is_imported_to_show_a_plan() -> None:
    """Nor anything heavy: a plan is looked at on a laptop without Airflow running."""
    code = (
        "import sys; from tidegate.plan.layout import Plan, PlannedTask; from tidegate.plan.calls import Call; import tidegate.render as r\n"
        "p = Plan('a', {}, (), (PlannedTask('t', 't', Call('a.B')),), ())\n"
        "r.to_python(p), r.rows(p), r.as_dict(p), r.to_mermaid(p), r.to_svg(p), r.difference(p, p)\n"
        "print(sorted({'airflow', 'pandas', 'resvg_py'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
