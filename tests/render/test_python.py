"""Rendered Python does what the plan says, in this Airflow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from drawn_plans import plans
from hypothesis import HealthCheck, given, settings
from planned import BASH, PYTHON, SAMPLE, built, edges, every_feature, night, of_dag, of_plan, plan, rendered, task

from tidegate.errors import ImportRefused
from tidegate.plan.calls import Call, Imported, Included, Output, Zipped
from tidegate.plan.layout import Edge, Plan, PlannedTask
from tidegate.render import to_python

RUFF = Path(sys.executable).with_name("ruff")


@pytest.mark.parametrize("planned", [night(), every_feature(), plan(), plan(task("a"))], ids=["night", "features", "nothing", "one"])
def test_it_builds_the_tasks_groups_and_edges_of_the_plan(planned: Plan) -> None:
    """With labels, mapping, setups and teardowns."""
    assert of_dag(rendered(planned)) == of_plan(planned)


@pytest.mark.parametrize(
    "planned", [night(), every_feature(), night(doc_md="# Sales\n\nOf ten regions.")], ids=["night", "features", "page"]
)
def test_a_formatter_and_a_linter_find_nothing(planned: Plan) -> None:
    """Nobody who keeps the file has to tidy it first."""
    tidy(to_python(planned))


def tidy(source: str) -> None:
    """Fail where ruff would change or find something."""
    command = [str(RUFF), "format", "--isolated", "--line-length", "120", "--diff", "-"]
    assert subprocess.run(command, input=source, capture_output=True, text=True, check=False).stdout == ""
    command = [str(RUFF), "check", "--isolated", "--line-length", "120", "--select", "E,F,I,UP,W,A,C4,PL,SIM", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_arguments_arrive() -> None:
    """The DAG's and the tasks', mapped ones too, and results of other tasks."""
    dag = rendered(night(dagrun_timeout=None))
    assert (dag.description, dag.catchup, dag.tags) == ("Sales of each day.", True, {"sales", "tidegate"})
    assert (dag.get_task("extract.texas").retries, dag.get_task("extract.texas").pool) == (3, "erp")  # type: ignore[union-attr]
    mapped: Any = dag.get_task("by_product")
    assert (mapped.partial_kwargs["cwd"], mapped.expand_input.value["bash_command"].operator.task_id) == ("/", "arrived")
    assert dag.task_group.get_task_group_dict()["extract"].tooltip == "One task a region."


def test_a_timetable_of_tidegate_keeps_its_bounds_from_the_dag() -> None:
    """Airflow wants a start for catching up, and would then forbid runs by hand before it."""
    assert rendered(night()).start_date is None
    other = Call("airflow.sdk.CronDataIntervalTimetable", {"timezone": "UTC"}, ("@daily",))
    assert rendered(night(schedule=other)).start_date is not None


def test_templates_and_modules_are_found_under_include() -> None:
    """The file stands beside it, in dags/; a search path of the plan's own stays."""
    assert rendered(night()).template_searchpath == ["/project/include"]
    assert rendered(night(template_searchpath=["/sql"])).template_searchpath == ["/sql"]


def test_functions_under_include_are_imported_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``include/`` at the end of the path; a task of a function's name gives way."""
    (tmp_path / "include" / "jobs").mkdir(parents=True)
    (tmp_path / "include" / "jobs" / "rendered_sales.py").write_text("def clean(): ...\nclass Each:\n    def row(self): ...\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    source = to_python(
        plan(
            task("clean", uses=PYTHON, arguments={"python_callable": Included("jobs.rendered_sales:clean")}),
            task("each", uses=PYTHON, arguments={"python_callable": Included("jobs.rendered_sales:Each.row")}),
        )
    )
    assert "\nfrom jobs.rendered_sales import Each, clean  # noqa: E402\n" in source
    dag = built(source, __file__=str(tmp_path / "dags" / "night.py"))
    assert dag.get_task("clean").python_callable.__module__ == "jobs.rendered_sales"  # type: ignore[union-attr]
    assert sys.path[-1] == str(tmp_path / "include")


FUNCTIONS = """
def clean(rows=None, day=None): ...
def each(item, day=None): ...
"""


def test_functions_become_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``@task`` makes them: their result is the variable; mapped, labelled, as setups and teardowns too."""
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "rendered_jobs.py").write_text(FUNCTIONS)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def calls(task_id: str, name: str = "clean", *, retries: int = 1, **more: Any) -> PlannedTask:
        return task(task_id, uses="airflow.sdk.task", arguments={"retries": retries}, function=f"rendered_jobs:{name}", **more)

    long = "a value that makes the line longer than a line may be, so that the call has to be broken"
    planned = plan(
        calls("clean"),
        calls("second", inputs={"rows": Output("clean", "rows"), "day": long}, retries=1_000_000),
        calls("mapped", "each", inputs={"day": long}, expand={"item": Output("clean")}),
        calls("short", "each", expand={"item": [1, 2]}),
        calls("pairs", "each", expand_kwargs=Zipped({"item": Output("clean"), "day": Output("second")})),
        task("plain", uses=BASH, arguments={"bash_command": Output("second")}),
        calls("drop", teardown=("clean", "second")),
        *edges("clean > second mapped pairs", "second > pairs plain", "clean second > drop", "mapped short > drop"),
        Edge("short", "plain", label="why"),
    )
    source = to_python(planned)
    tidy(source)
    assert 'clean_task = task(task_id="clean", retries=1)(clean)()\n' in source
    dag = built(source, __file__=str(tmp_path / "dags" / "night.py"))
    expected = of_plan(planned)
    expected["tasks"] |= {
        one: ("_PythonDecoratedOperator", mapped, None) for one, (kind, mapped, _) in expected["tasks"].items() if kind == "task"
    }
    assert of_dag(dag) == expected
    second: Any = dag.get_task("second")
    assert (second.retries, second.op_kwargs["rows"].key, second.op_kwargs["day"]) == (1_000_000, "rows", long)


def test_zipped_outputs_are_airflows_own_zip() -> None:
    """With a function at the top of the module, whose source Airflow stores."""
    source = to_python(every_feature())
    assert 'def zipped_arguments(values):\n    """The arguments of one mapped task of zipped."""\n' in source
    assert "list_task.output.zip(names.output).map(zipped_arguments)" in source
    value = built(source).get_task("zipped").expand_input.value  # type: ignore[union-attr]
    assert value.callables[0](("echo", "/")) == {"bash_command": "echo", "cwd": "/"}


def test_a_list_beside_an_output_takes_tidegates_zip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow has none."""
    seen: dict[str, Any] = {}
    module = ModuleType("tidegate.operators.zipped")
    module.zipped = lambda **given: seen.update(given) or [{"bash_command": "a"}]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    mixed = Zipped({"bash_command": Output("names"), "cwd": ["/", "/srv"]})
    source = to_python(plan(task("names", uses=PYTHON, arguments=SAMPLE), task("both", uses=BASH, expand_kwargs=mixed)))
    assert 'expand_kwargs(zipped(bash_command=names.output, cwd=["/", "/srv"]))' in source
    built(source)
    assert seen["cwd"] == ["/", "/srv"]


@pytest.mark.parametrize(
    "path",
    [
        "airflow.sdk.BaseOperator\nimport os",
        "airflow.sdk.x(__import__('os'))",
        "airflow.class.Operator",
        "os;x",
        "airflow.sdk:A.b()",
        "a..B",
    ],
)
def test_what_is_no_name_is_not_written(path: str) -> None:
    """It would be a statement."""
    for planned in (plan(task("a", uses=path)), plan(task("a", arguments={"x": Imported(path)}))):
        with pytest.raises(ImportRefused, match="cannot be written as a name"):
            to_python(planned)


def test_nor_a_function_of_such_a_module() -> None:
    """Nor can Python import it."""
    with pytest.raises(ImportRefused, match="2024_sales"):
        to_python(plan(task("a", arguments={"x": Included("jobs.2024_sales:clean")})))


def test_equal_plans_make_equal_text_and_the_order_of_edges_does_not_matter() -> None:
    """A rendered file in version control changes only when the pipeline does."""
    planned = night()
    turned = Plan(planned.name, planned.arguments, planned.groups, planned.tasks, planned.edges[::-1])
    assert to_python(planned) == to_python(night()) == to_python(turned)


def test_tasks_that_take_each_others_output_are_named() -> None:
    """Python could not say it."""
    circle = plan(*(task(one, uses=BASH, arguments={"bash_command": Output(other)}) for one, other in ("ab", "ba")))
    with pytest.raises(ValueError, match="output: a, b"):
        to_python(circle)


@given(plans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_small_plan_becomes_its_dag(planned: Plan) -> None:
    """Neither a task nor an edge more or less, whatever stands in which group."""
    assert of_dag(rendered(planned)) == of_plan(planned)
