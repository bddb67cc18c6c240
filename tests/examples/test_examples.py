"""Airflow's own example DAGs, said as pipelines: both have the same tasks, groups, edges, data, form and schedule."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow.example_dags
import airflow.providers.standard.example_dags
import pytest
from airflow.dag_processing.dagbag import DagBag
from likeness import of_dag, schedule

from tidegate.factory import build_dags
from tidegate.model.spec import OUTCOME

if TYPE_CHECKING:
    from airflow.sdk import DAG

PIPELINES = Path(__file__).parent / "include" / "pipelines"
FILES = {
    airflow.example_dags: (
        "example_asset_with_watchers", "example_assets", "example_branch_labels", "example_display_name", "example_dynamic_task_mapping",
        "example_dynamic_task_mapping_with_no_taskflow_operators", "example_params_trigger_ui", "example_params_ui_tutorial",
        "example_setup_teardown", "example_setup_teardown_taskflow", "example_task_group", "example_trigger_target_dag", "example_xcomargs",
        "tutorial", "tutorial_taskflow_api",
    ),
    airflow.providers.standard.example_dags: (
        "example_bash_operator", "example_branch_operator", "example_latest_only", "example_sensors", "example_short_circuit_operator",
        "example_trigger_controller_dag",
    ),
}  # fmt: skip
"""The installed files that are compared; some hold several DAGs."""
OURS = sorted(path.stem for path in PIPELINES.rglob("*.yaml") if path.name != "defaults.yaml")

DIFFERENCES: dict[str, dict[str, str]] = {
    "example_bash_operator": {
        "tasks.describe_dag_folder.bash_command": "The command is ours; what it prints is the same.",
    },
    "example_branch_operator": {
        "tasks.branching_ext_python.python": "A pipeline file cannot ask which Python reads it.",
        **dict.fromkeys([f"tasks.ext_py_{way}.python" for way in "abcd"], "Nor which Python that is elsewhere."),
        **dict.fromkeys(
            [f"tasks.{task}.venv_cache_path" for task in ("branching_venv", "venv_a", "venv_b", "venv_c", "venv_d")],
            "A pipeline file cannot ask where temporary files lie.",
        ),
    },
    "example_params_trigger_ui": {
        "tasks.select_languages": "The function of 'uses: branch' is called by Tidegate's ChoiceOperator, in place of @task.branch.",
    },
    "example_params_ui_tutorial": {
        "params.date": "The default is the day on which the file is read; a pipeline says the same on every day.",
        "params.date_time": "So is that.",
    },
    "example_sensors": {
        "tasks.week_day_sensor_failing_on_timeout.week_day": "The name of the day, for a member of an enumeration has no import path.",
    },
    "example_task_group_mapping": {
        "tasks": "A group is repeated over branches that the file names, in place of a list that is mapped over at run time.",
        "groups": "So there is a group for each.",
    },
    "example_trigger_controller_dag": {
        f"tasks.test_trigger_dagrun.{name}": "'uses: pipeline' is Airflow's operator, which hands on the interval and the correlation id, too."
        for name in ("operator", "pipeline", "poke_interval", "logical_date")
    },
}
"""DAG → what differs → why."""


@pytest.fixture(scope="module")
def theirs() -> dict[str, DAG]:
    """Airflow's, by id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # examples and providers use what Airflow means to give up
        bags = [DagBag(Path(folder.__path__[0]) / f"{name}.py") for folder, names in FILES.items() for name in names]
    assert [bag.import_errors for bag in bags if bag.import_errors] == []
    return {dag_id: dag for bag in bags for dag_id, dag in bag.dags.items()}


@pytest.fixture(scope="module")
def ours() -> dict[str, DAG]:
    """The pipelines, as a project builds them that allows two more prefixes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build_dags(PIPELINES, allow=["airflow.example_dags.", "datetime."])


def differences(left: Any, right: Any, at: str = "") -> list[str]:
    """The places at which two descriptions differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = dict.fromkeys([*left, *right])
        return [
            place
            for key in keys
            for place in ([f"{at}{key}"] if key not in left or key not in right else differences(left[key], right[key], f"{at}{key}."))
        ]
    return [] if left == right else [at.rstrip(".")]


def test_every_dag_of_these_files_is_a_pipeline(theirs: dict[str, DAG], ours: dict[str, DAG]) -> None:
    """None is left out, and none is a stand-in for a file that is wrong."""
    assert sorted(ours) == sorted(theirs) == OURS
    assert [(name, dag.doc_md) for name, dag in ours.items() if "broken" in dag.tags] == []


@pytest.mark.parametrize("name", OURS)
def test_both_are_alike(theirs: dict[str, DAG], ours: dict[str, DAG], name: str) -> None:
    """But for what is told above with its reason."""
    found = differences(of_dag(theirs[name]), of_dag(ours[name]))
    told = DIFFERENCES.get(name, {})
    unexplained = [place for place in found if not any(place == known or place.startswith(f"{known}.") for known in told)]
    assert unexplained == []
    assert [known for known in told if not any(place == known or place.startswith(f"{known}.") for place in found)] == []


@pytest.mark.parametrize("name", OURS)
def test_both_run_at_the_same_times(theirs: dict[str, DAG], ours: dict[str, DAG], name: str) -> None:
    """And about the same intervals, or for the same assets."""
    assert schedule(ours[name]) == schedule(theirs[name])


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_added(ours: dict[str, DAG], name: str) -> None:
    """A pipeline of plain operators has no outcome."""
    assert OUTCOME not in ours[name].task_ids
