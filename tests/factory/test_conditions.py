"""A condition comes before what else is to be called, and takes nothing away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.factory import build_dag
from tidegate.model import Project, load_pipeline
from tidegate.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = """\
pipeline: night
defaults: {pre_execute: "calls:far"}
steps:
  plain: {when: true, uses: airflow.providers.standard.operators.bash.BashOperator, with: {bash_command: ls}}
  work:
    for_each: {pier: {north: {}, south: {pre_execute: "calls:near"}}}
    steps:
      inside: {when: true, uses: airflow.providers.standard.operators.bash.BashOperator, with: {bash_command: ls}}
      own: {when: true, pre_execute: "calls:own", uses: airflow.providers.standard.operators.bash.BashOperator, with: {bash_command: ls}}
      none: {when: true, pre_execute: null, uses: airflow.providers.standard.operators.bash.BashOperator, with: {bash_command: ls}}
"""


def test_the_nearest_hook_is_called_behind_a_condition(tmp_path: Path) -> None:
    """Of the defaults, a branch's own and the step's."""
    (tmp_path / "calls.py").write_text("def far(context): ...\ndef near(context): ...\ndef own(context): ...\n")
    path = tmp_path / "night.yaml"
    path.write_text(NIGHT)
    dag = build_dag(plan(load_pipeline(path, Project(tmp_path)).require()), tmp_path)

    def hook(task_id: str) -> str | None:
        task: Any = dag.get_task(task_id)
        then = task._pre_execute_hook.then
        return then and then.__name__

    assert [hook("plain"), hook("work.north.inside"), hook("work.south.inside"), hook("work.south.own"), hook("work.south.none")] == [
        "far", "far", "near", "own", None,
    ]  # fmt: skip
