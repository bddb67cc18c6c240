"""From a spec to tasks and edges, without Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.model import Project, load_pipeline
from tidegate.plan import Call, Output, Plan, plan
from tidegate.plan.calls import Imported

CORPUS = Path(__file__).parent.parent / "model" / "corpus"


def planned(name: str) -> Plan:
    """The plan of a good file."""
    return plan(load_pipeline(CORPUS / "good" / f"{name}.yaml", Project(CORPUS / "include")).require())


def test_branches_become_tasks_and_all_of_them_lead_to_the_barrier() -> None:
    """In the order of the file."""
    layout = planned("combined")
    assert [task.task_id for task in layout.tasks] == ["extract.a", "extract.b", "arrived", "total", "load", "outcome"]
    assert tuple((edge.upstream, edge.downstream) for edge in layout.edges) == (
        ("extract.a", "arrived"),
        ("extract.b", "arrived"),
        ("arrived", "total"),
        ("total", "load"),
        ("load", "outcome"),
    )


@pytest.mark.parametrize("name", ["night", "one_source", "combined"])
def test_outcome_is_the_one_leaf_and_every_edge_joins_two_tasks(name: str) -> None:
    """Nothing ends beside it, nothing hangs in the air."""
    layout = planned(name)
    ids = {task.task_id for task in layout.tasks}
    assert ids - {edge.upstream for edge in layout.edges} == {"outcome"}
    assert {end for edge in layout.edges for end in (edge.upstream, edge.downstream)} <= ids


def test_a_step_over_what_arrives_is_one_task_that_airflow_maps() -> None:
    """Its branches are known only at run time."""
    (task,) = planned("night").of_step("cleaned")
    assert (task.task_id, task.branch, task.expand) == ("cleaned", None, {"part": Output("arrived")})


def test_shares_of_all_rows_are_one_task_that_airflow_maps() -> None:
    """By a hash over numbers; by value over what a task ahead finds, which takes of the step what holds for both."""
    layout = planned("dealt_out")
    by_hash, (ahead, by_value) = layout.of_step("by_customer"), layout.of_step("each_product")
    (task,) = by_hash
    assert (dict(task.expand), task.call.arguments["into"]) == ({"share": [0, 1, 2, 3]}, 4)
    assert task.call.arguments["parts"] == ahead.call.arguments["parts"] == Output("arrived")
    assert task.call.arguments["held"] == ahead.call.arguments["held"] == Output("arrived", "held")
    assert (ahead.task_id, by_value.expand) == ("each_product_values", {"share": Output("each_product_values")})
    assert ahead.call.arguments == {
        "by": ["product"], "parts": Output("arrived"), "held": Output("arrived", "held"), "dimension": "region", "retries": 1,
    }  # fmt: skip
    edges = {(edge.upstream, edge.downstream) for edge in layout.edges}
    assert {("arrived", "each_product_values"), ("each_product_values", "each_product")} <= edges


def written(tmp_path: Path, text: str) -> Plan:
    """The plan of a file of some steps."""
    (tmp_path / "judges.py").write_text("def judge(region):\n    pass\n")
    path = tmp_path / "some.yaml"
    path.write_text(f"pipeline: some\nsteps:\n{text}")
    return plan(load_pipeline(path, Project(tmp_path)).require())


@pytest.mark.parametrize(
    ("needs", "ends"),
    [
        ("needs: extract", ["regions.{}.extract", "regions.{}.judge"]),
        ("needs: []", ["regions.{}.extract", "regions.{}.judge"]),
    ],
    ids=["behind the rows", "beside the rows"],
)
def test_a_branch_ends_where_its_rows_are_and_where_they_are_judged(tmp_path: Path, needs: str, ends: list[str]) -> None:
    """The step that carries the rows first, though the branch is not at its end there; only the last one leads to the barrier."""
    made = written(
        tmp_path,
        f"""\
  regions:
    for_each: {{region: [a, b]}}
    steps:
      judge: {{{needs}, python: "judges:judge", with: {{region: "{{region}}"}}}}
      extract: {{uses: extract, with: {{connection: "x_{{region}}", query: SELECT 1}}}}
  arrived: {{needs: regions, uses: barrier}}
  total: {{needs: arrived, uses: transform, with: {{sql: SELECT 1}}}}
  load: {{needs: total, uses: load, with: {{connection: w, table: t, replace: day}}}}
""",
    )
    (barrier,) = made.of_step("arrived")
    assert barrier.call.arguments["branches"] == {branch: [end.format(branch) for end in ends] for branch in "ab"}
    assert barrier.call.arguments["staged_as"] == "regions.extract"
    waits = {edge.upstream for edge in made.edges if edge.downstream == "arrived"}
    last = ends[1:] if needs == "needs: extract" else ends
    assert waits == {end.format(branch) for end in last for branch in "ab"}


NAMED = "  named: {needs: arrived, for_each: {part: arrived}, uses: transform, with: {sql: SELECT 1}}"

BY_PATH = "{warehouse_conn_id: w, table: t, merge: [id], parts: {from: arrived}}"


@pytest.mark.parametrize(
    ("behind", "settled_by"),
    [
        ("  load: {needs: arrived, uses: load, with: {connection: w, table: t, merge: id}}", ["load"]),
        (
            f"{NAMED}\n  end: {{steps: {{load: {{needs: named, uses: load, with: {{connection: w, table: t, merge: id}}}}}}}}",
            ["end.load"],
        ),
        (f"  load: {{needs: arrived, uses: tidegate.operators.LoadOperator, with: {BY_PATH}}}", ["load"]),
        (f"{NAMED}\n  load: {{needs: named, uses: tidegate.LoadOperator, with: {BY_PATH.replace('arrived', 'named')}}}", ["load"]),
        (NAMED, None),
    ],
    ids=["at once", "behind a transform", "by its path", "by its path behind a transform", "not at all"],
)
def test_an_extract_by_watermark_knows_the_load_of_its_rows(tmp_path: Path, behind: str, settled_by: list[str] | None) -> None:
    """Directly or behind transforms; others need not know."""
    made = written(
        tmp_path,
        f"""\
  regions:
    for_each: {{region: [a, b]}}
    steps:
      extract: {{uses: extract, with: {{connection: "x_{{region}}", table: orders, watermark: updated_at}}}}
      tidied: {{needs: extract, uses: transform, with: {{sql: SELECT 1}}}}
  beside: {{uses: extract, with: {{connection: x, table: orders, watermark: updated_at}}}}
  arrived: {{needs: regions, uses: barrier}}
{behind}
""",
    )
    assert [task.call.arguments.get("settled_by") for task in made.of_step("regions.extract")] == [settled_by, settled_by]
    (beside,) = made.of_step("beside")
    assert "settled_by" not in beside.call.arguments


def test_the_condition_of_an_empty_operator_is_asked(tmp_path: Path) -> None:
    """Airflow's scheduler marks such a task done without a worker, unless something must be called in one."""
    empty = "airflow.providers.standard.operators.empty.EmptyOperator"
    made = written(
        tmp_path,
        f"""\
  plain: {{uses: {empty}}}
  asked: {{uses: {empty}, when: "{{{{ params.x }}}}"}}
  told: {{uses: {empty}, when: false, on_execute_callback: "judges:judge"}}
""",
    )
    plain, asked, told = (task.call.arguments for task in made.tasks)
    assert plain == {}
    assert asked == {
        "pre_execute": Call("tidegate.operators.When", {}, ("{{ params.x }}",)),
        "on_execute_callback": Imported("tidegate.operators.when.in_worker"),
    }
    assert told["on_execute_callback"] != asked["on_execute_callback"]


def test_serial_steps_go_on_whatever_becomes_of_a_teardown(tmp_path: Path) -> None:
    """The step behind it follows what stands before it, as Airflow has it of teardowns."""
    empty = "airflow.providers.standard.operators.empty.EmptyOperator"
    steps = [("put", ""), ("work", ""), ("clean", ", teardown: put"), ("tell", "")]
    path = tmp_path / "chain.yaml"
    path.write_text("pipeline: chain\nserial: true\nsteps:\n" + "".join(f"  {name}: {{uses: {empty}{rest}}}\n" for name, rest in steps))
    edges = {(edge.upstream, edge.downstream) for edge in plan(load_pipeline(path).require()).edges}
    assert edges == {("put", "work"), ("put", "clean"), ("work", "clean"), ("work", "tell")}


def test_a_choice_inside_of_a_branch_may_name_it(tmp_path: Path) -> None:
    """``{q}`` in a case's condition is the branch, as everywhere else."""
    empty = "airflow.providers.standard.operators.empty.EmptyOperator"
    path = tmp_path / "asking.yaml"
    path.write_text(f"""\
pipeline: asking
steps:
  each:
    for_each: {{q: [a, b]}}
    steps:
      ask: {{uses: branch, with: {{cases: [{{if: "{{{{ '{{q}}' == 'a' }}}}", then: first}}]}}}}
      first: {{needs: ask, uses: {empty}}}
""")
    asked = {task.task_id: task.call.arguments["cases"] for task in plan(load_pipeline(path).require()).tasks if "ask" in task.task_id}
    assert asked == {f"each.{q}.ask": [{"if": f"{{{{ '{q}' == 'a' }}}}", "then": [f"each.{q}.first"]}] for q in "ab"}
