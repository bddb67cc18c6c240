"""What the test kit reads off a plan, held to the DAG that the factory builds of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tidegate.factory import build_dag
from tidegate.factory.durations import with_durations
from tidegate.model import Loaded, Project, load_folder
from tidegate.plan import plan
from tidegate.testing.script import RETRIES, TELLING, Script

pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated")  # pipelines of other tests say all that Airflow still takes

TESTS = Path(__file__).parents[1]
PROJECTS = [
    (TESTS / "testing" / "project" / "include", "pipelines"),
    (TESTS / "examples" / "include", "pipelines"),
    (TESTS / "nights" / "project" / "include", "pipelines/language"),
    (TESTS.parent / "include", "pipelines"),
    (TESTS / "model" / "corpus" / "include", "../good"),
]


def _loaded() -> list[Any]:
    found = []
    for include, folder in PROJECTS:
        project = Project(include, (*Project.around(include).allowed_imports, "airflow."))
        loaded = load_folder(include / folder, project)
        found += [pytest.param(each, include, id=f"{include.parent.name}-{each.name}") for each in loaded if each.spec is not None]
    return found


@pytest.mark.parametrize(("loaded", "include"), _loaded())
def test_a_script_says_what_the_dag_says(loaded: Loaded, include: Path) -> None:
    """Who waits for whom, by which rule; setups, teardowns, mapped tasks; tries and timeouts, from wherever they are said."""
    spec = loaded.require()
    script, dag = Script(spec), build_dag(with_durations(plan(spec)), include)
    assert script.scheduler.fail_fast == dag.fail_fast
    assert set(script.tasks) == set(dag.task_ids)
    for task_id, task in script.scheduler.tasks.items():
        real: Any = dag.get_task(task_id)
        assert task.rule == real.trigger_rule, task_id
        assert set(task.upstream) == real.upstream_task_ids, task_id
        assert (task.setup, task.teardown, task.mapped) == (real.is_setup, real.is_teardown, real.is_mapped), task_id
        assert task.fails_run == bool(real.on_failure_fail_dagrun), task_id
        assert set(task.mapped_over) == ({other.task_id for other in real.iter_mapped_dependencies()} if real.is_mapped else set()), task_id
        planned = script.tasks[task_id]
        assert script.timeout(planned) == real.execution_timeout, task_id
        assert script.tries(planned) == (real.retries or 0) + 1, task_id


def test_there_are_many_to_compare() -> None:
    """All projects were found, with pipelines of every shape."""
    specs = [parameters.values[0].require() for parameters in _loaded()]
    tasks = [task for spec in specs for task in Script(spec).scheduler.tasks.values()]
    assert len(specs) > 60
    assert any(task.teardown for task in tasks)
    assert any(task.mapped_over for task in tasks)
    assert len({task.rule for task in tasks}) > 8


def test_what_the_kit_knows_of_the_operators_is_so() -> None:
    """Names and defaults that are repeated, so that a play imports no Airflow."""
    from tidegate.operators import OutcomeOperator
    from tidegate.operators.base import DEFAULT_RETRIES, TidegateOperator
    from tidegate.operators.imports import imported

    assert RETRIES == DEFAULT_RETRIES
    assert all(issubclass(imported(path), TidegateOperator) for path in TELLING)
    heirs = {heir.__name__ for heir in TidegateOperator.__subclasses__() if heir.__module__.startswith("tidegate.operators.")}
    assert {path.rpartition(".")[2] for path in TELLING} == heirs - {"CatchUpOperator", "TidyOperator"}, "which stand in no pipeline file"
    assert OutcomeOperator.__name__ in heirs
