"""What one branch of a repeated group has of its own reaches the tasks in it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tidegate.factory import build_dag
from tidegate.model import Project, load_pipeline
from tidegate.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

REGIONS = """\
pipeline: regions
steps:
  regions:
    for_each:
      region:
        near: {}
        far: {retries: 5, timeout: 2h, with: {bash_command: slowly, append_env: true}}
    defaults: {retries: 1, queue: all}
    steps:
      read: {uses: extract, with: {connection: "sales_{region}", query: SELECT 1}}
      tell:
        needs: read
        uses: airflow.providers.standard.operators.bash.BashOperator
        with: {bash_command: "tell {region}"}
"""


def test_a_branch_of_a_group_has_settings_of_its_own(tmp_path: Path) -> None:
    """Over the defaults of the group, below the word of a step; arguments go to the operators that take them."""
    path = tmp_path / "regions.yaml"
    path.write_text(REGIONS)
    dag = build_dag(plan(load_pipeline(path, Project(tmp_path)).require()), tmp_path)
    found = {task_id: (task.retries, task.queue, task.execution_timeout) for task_id, task in dag.task_dict.items() if task_id != "outcome"}
    assert found == {
        "regions.near.read": (1, "all", None),
        "regions.near.tell": (1, "all", None),
        "regions.far.read": (5, "all", timedelta(hours=2)),
        "regions.far.tell": (5, "all", timedelta(hours=2)),
    }
    near, far = dag.get_task("regions.near.tell"), dag.get_task("regions.far.tell")
    assert (near.append_env, far.append_env, far.bash_command) == (False, True, "tell far")


def test_a_result_cannot_stand_among_them(tmp_path: Path) -> None:
    """The tasks of the branch would wait for each other."""
    path = tmp_path / "regions.yaml"
    path.write_text(REGIONS.replace("slowly", "{from: read}"))
    (finding,) = load_pipeline(path, Project(tmp_path)).findings
    assert finding.path == "steps.regions.for_each.region.far.with.bash_command.from"
