"""Whatever a kind of the project's own does instead of building an operator is told where the step uses it, by every face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from command_line import called

from tidegate.factory import build_dags
from tidegate.model import Project, load_pipeline
from tidegate.plan import judged, plan

if TYPE_CHECKING:
    from pathlib import Path

KIND = """\
import sys
from tidegate.kinds import Call, Kind, Settings, Task

ECHO = "airflow.providers.standard.operators.bash.BashOperator"

class Words(Settings):
    text: str = "tide"

def build(settings, task):
    BODY

KIND = Kind(settings=Words, build=build)
"""
PIPELINE = """\
pipeline: one
steps:
  ebb: {uses: airflow.providers.standard.operators.empty.EmptyOperator}
  flow: {needs: ebb, uses: airflow.providers.standard.operators.empty.EmptyOperator}
  each: {for_each: {harbour: [a, b]}, uses: airflow.providers.standard.operators.empty.EmptyOperator}
  group: {steps: {inner: {uses: airflow.providers.standard.operators.empty.EmptyOperator}}}
  say: {needs: [flow, each, group], uses: own}
  also: {for_each: {harbour: [a, b]}, uses: own}
"""
ECHOES = "return Call(ECHO, {'bash_command': task.output('%s')})"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A pipeline whose last steps are of a kind that is yet to be written."""
    for folder in ("kinds", "pipelines"):
        (tmp_path / "include" / folder).mkdir(parents=True)
    path = tmp_path / "include" / "pipelines" / "one.yaml"
    path.write_text(PIPELINE)
    return path


def kind(file: Path, body: str) -> None:
    """The kind, with this as the body of its build function."""
    (file.parents[1] / "kinds" / "own.py").write_text(KIND.replace("BODY", body))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return {}['tide']", "its build function fails in line 10: KeyError: 'tide'"),
        ("sys.exit(3)", "its build function fails in line 10: SystemExit: 3"),
        ("return {'path': ECHO}", "it built dict"),
        ("return Call(ECHO, None)", "it built a Call of 'airflow.providers.standard.operators.bash.BashOperator'"),
        ("return Call('no path')", "it built a Call of 'no path'"),
        (ECHOES % "nosuch", "it takes the result of 'nosuch', and there is no such step"),
        (ECHOES % "ebb", "it takes the result of 'ebb', which the step does not need"),
        (ECHOES % "group", "it takes the result of 'group', which is a group"),
        (ECHOES % "each", "it takes the result of 'each', which is 2 tasks"),
    ],
)
def test_a_kind_that_builds_nothing_is_a_finding(file: Path, body: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the kind, its file, and why; in each step that uses it, once however many branches it has."""
    kind(file, body)
    findings = judged(load_pipeline(file, Project(file.parents[1]))).findings
    assert [(finding.path, finding.line) for finding in findings] == [("steps.say.uses", 7), ("steps.also.uses", 8)]
    message = f"The kind 'own' (include/kinds/own.py) builds no task 'say': {told}"
    assert findings[0].message == message
    monkeypatch.setenv("COLUMNS", "300")
    for command in ("validate", "plan"):
        done = called(command, str(file))
        assert done.exit_code == 1
        assert message in done.stdout + done.stderr
    page = build_dags(file.parent)["one"].doc_md or ""
    assert message in page
    assert "one.yaml:8:" in page


def test_what_the_step_needs_a_kind_may_take(file: Path) -> None:
    """One step, one step of a group, one branch."""
    file.write_text(PIPELINE.replace("  also: {for_each: {harbour: [a, b]}, uses: own}\n", ""))
    for name, task_id in {"flow": "flow", "group.inner": "group.inner", "each.b": "each.b"}.items():
        kind(file, ECHOES % name)
        loaded = judged(load_pipeline(file, Project(file.parents[1])))
        task = next(task for task in plan(loaded.require()).tasks if task.step == "say")
        assert task.call.arguments["bash_command"].task_id == task_id
