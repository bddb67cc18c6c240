"""What stands in for a file that cannot run: always there, never more than the file may do, and at its hours where they can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate.factory import build_dags

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
RIGHT = f"pipeline: right\nsteps: {{step: {{uses: {EMPTY}}}}}\n"


@pytest.fixture
def pipelines(tmp_path: Path) -> Path:
    """A folder of pipelines, one of which is right."""
    folder = tmp_path / "include" / "pipelines"
    folder.mkdir(parents=True)
    (folder / "right.yaml").write_text(RIGHT)
    return folder


@pytest.mark.parametrize(
    "rest",
    [
        "steps:\n  extract: {uses: extract\n",
        "steps:\n\tstep: {}\n",
        "owner: @me\n",
        "steps: {step: {}}\nsteps: {step: {}}\n",
        "steps: {step: {uses: nothing}}\n",
        "stebs: {}\n",
    ],
)
def test_a_file_that_cannot_be_read_keeps_its_schedule(pipelines: Path, rest: str) -> None:
    """Where that block is whole; no YAML at all stands in its way."""
    (pipelines / "night.yaml").write_text(
        f'pipeline: night\nschedule:\n  cron: "0 2 * * *"\n\n  timezone: Europe/Berlin\n  start: 2026-01-01\n  catchup: true\n{rest}'
    )
    dag = build_dags(pipelines)["night"]
    assert dag.task_ids == ["findings"]
    assert (dag.timetable.expression, dag.timetable.timezone) == ("0 2 * * *", "Europe/Berlin")
    assert dag.catchup
    assert "It keeps its schedule" in str(dag.doc_md)


@pytest.mark.parametrize("schedule", ['{cron: "0 25 * * *", start: 2026-01-01}', "{cron: [", '"0 2 * * *"', "{assets: {}}"])
def test_a_schedule_that_cannot_be_read_is_told_on_the_page(pipelines: Path, schedule: str) -> None:
    """Somebody must see that it no longer runs by itself."""
    (pipelines / "night.yaml").write_text(f"pipeline: night\nschedule: {schedule}\nsteps: {{step: {{uses: {EMPTY}}}}}\n")
    dag = build_dags(pipelines)["night"]
    assert type(dag.timetable).__name__ == "NullTimetable"
    assert "**It does not run by itself:**" in str(dag.doc_md)


@pytest.mark.parametrize(
    "schedule",
    [
        "{{timetable: {{uses: os.mkdir, args: [{made}]}}}}",
        "{{timetable: {{uses: airflow.timetables.trigger.CronTriggerTimetable, args: [{{uses: os.mkdir, args: [{made}]}}]}}}}",
        "{{assets: {{name: a, watchers: [{{name: w, uses: airflow.sdk.Asset, with: {{name: {{uses: os.mkdir, args: [{made}]}}}}}}]}}}}",
        "{{assets: a, partitions: {{default: {{uses: os.mkdir, args: [{made}]}}}}}}",
    ],
)
@pytest.mark.parametrize("rest", ["", "ownr: me\n"])
def test_a_refused_file_runs_nothing_that_it_may_not_name(pipelines: Path, tmp_path: Path, schedule: str, rest: str) -> None:
    """Its schedule is looked at before it is made, whatever else is wrong with the file."""
    made = tmp_path / "made"
    (pipelines / "night.yaml").write_text(
        f"pipeline: night\n{rest}schedule: {schedule.format(made=made)}\nsteps: {{step: {{uses: {EMPTY}}}}}\n"
    )
    assert build_dags(pipelines)["night"].task_ids == ["findings"]
    assert not made.exists()


@pytest.mark.parametrize(
    "schedule",
    [
        '{timetable: {uses: airflow.timetables.trigger.CronTriggerTimetable, args: ["no cron"], with: {timezone: UTC}}}',
        "{timetable: {uses: airflow.sdk.TaskGroup, args: [a]}}",
        "{timetable: {uses: airflow.timetables.nowhere.Timetable}}",
    ],
)
def test_a_schedule_that_airflow_refuses_breaks_only_its_own_dag(pipelines: Path, schedule: str) -> None:
    """The stand-in goes without it."""
    (pipelines / "night.yaml").write_text(f"pipeline: night\nschedule: {schedule}\nsteps: {{step: {{uses: {EMPTY}}}}}\n")
    dags = build_dags(pipelines)
    assert dags["night"].task_ids == ["findings"]
    assert dags["right"].task_ids == ["step"]


def test_an_executor_that_airflow_does_not_know_breaks_only_its_own_dag(pipelines: Path) -> None:
    """Airflow asks when it takes the DAG, and would leave it out."""
    (pipelines / "night.yaml").write_text(f"pipeline: night\nsteps: {{step: {{uses: {EMPTY}, executor: NoSuchExecutor}}}}\n")
    dags = build_dags(pipelines)
    assert dags["night"].task_ids == ["findings"]
    assert "NoSuchExecutor" in str(dags["night"].doc_md)
    assert dags["right"].task_ids == ["step"]


@pytest.mark.parametrize("name", ["with a space", "größe (old)", "a" * 240, "semi;colon", "new\nline"])
def test_a_file_name_that_is_no_id_breaks_only_its_own_dag(pipelines: Path, name: str) -> None:
    """It is found under the nearest name that Airflow takes."""
    (pipelines / f"{name}.yaml").write_text(f"pipeline: x\nsteps: {{step: {{uses: {EMPTY}}}}}\n")
    dags = build_dags(pipelines)
    assert len(dags) == 2
    assert dags["right"].task_ids == ["step"]


def test_no_name_of_a_broken_file_is_that_of_a_right_one(pipelines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a task of it finds it again by the id that Airflow knows."""
    (pipelines / "ri~ght.yaml").write_text(RIGHT)
    (pipelines / "ri_ght.yaml").write_text(RIGHT.replace("right", "ri_ght"))
    assert sorted(dag.dag_id for dag in build_dags(pipelines).values()) == ["ri.7e.ght", "ri_ght", "right"]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "ri.7e.ght")  # as Airflow says it to a task's process
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "findings")
    (dag,) = build_dags(pipelines).values()
    assert (dag.dag_id, dag.task_ids) == ("ri.7e.ght", ["findings"])


def test_what_is_hidden_is_no_pipeline(pipelines: Path) -> None:
    """Locks and copies that editors leave, in hidden folders too."""
    (pipelines / ".ipynb_checkpoints").mkdir()
    for name in (".#right.yaml", ".right.yaml", ".ipynb_checkpoints/right.yaml"):
        (pipelines / name).write_text("pipeline: [")
    assert list(build_dags(pipelines)) == ["right"]


def test_a_page_tells_the_first_of_very_many_findings(pipelines: Path) -> None:
    """A page of megabytes helps nobody, and is stored with every version of the DAG."""
    keys = "".join(f"key_{number}: {'x' * 500}\n" for number in range(500))
    (pipelines / "night.yaml").write_text(f"pipeline: night\n{keys}steps: {{step: {{uses: {EMPTY}}}}}\n")
    page = str(build_dags(pipelines)["night"].doc_md)
    assert "Its file has 500 finding(s)" in page
    assert "and 450 more" in page
    assert len(page) < 60_000


@pytest.mark.parametrize(
    ("step", "place", "told"),
    [
        (
            "{uses: BASH, with: {bash_comand: ls}}",
            "5:",
            "steps.group.steps.run.with.bash_comand: Step 'group.run': BashOperator takes no 'bash_comand'",
        ),
        (
            "{uses: airflow.providers.standard.operators.bash.Bash}",
            "5:",
            "steps.group.steps.run.uses: airflow.providers.standard.operators.bash.Bash cannot",
        ),
        (
            "{uses: BASH, with: {}}",
            "5:",
            "steps.group.steps.run.uses: Step 'group.run' uses airflow.providers.standard.operators.bash.BashOperator, which does",
        ),
    ],
)
def test_what_airflow_refuses_is_told_in_its_place(pipelines: Path, step: str, place: str, told: str) -> None:
    """With the line, as what is wrong with the file itself; a group's steps too."""
    step = step.replace("BASH", "airflow.providers.standard.operators.bash.BashOperator")
    (pipelines / "night.yaml").write_text(f"pipeline: night\nsteps:\n  group:\n    steps:\n      run: {step}\n")
    page = str(build_dags(pipelines)["night"].doc_md)
    assert f"include/pipelines/night.yaml:{place}" in page
    assert told in page
    assert f"    5 |       run: {step}" in page
