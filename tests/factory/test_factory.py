"""Specs to DAGs: structure, form, order, and that a task's start builds only its own."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset

from tidegate.factory import build_dag, build_dags, discovery
from tidegate.model import Project, Reader, load_pipeline
from tidegate.plan import plan

ROOT = Path(__file__).parent.parent.parent
CORPUS = ROOT / "tests" / "model" / "corpus"


@pytest.fixture
def night() -> Any:
    """The DAG of the corpus's file that uses every key."""
    spec = load_pipeline(CORPUS / "good" / "night.yaml", Project(CORPUS / "include")).require()
    return build_dag(plan(spec), CORPUS / "include")


def test_branches_are_tasks_named_after_them_in_a_group_and_outcome_is_the_one_leaf(night: Any) -> None:
    """The grid reads like the file."""
    assert night.task_ids == [
        "extract.no", "extract.us-east", "extract.404", "arrived", "cleaned", "load", "tell", "outcome",
    ]  # fmt: skip
    assert [task.task_id for task in night.leaves] == ["outcome"]
    assert night.get_task("arrived").upstream_task_ids == {"extract.no", "extract.us-east", "extract.404"}
    assert night.get_task("outcome").upstream_task_ids == {"tell"}


def test_a_branch_has_its_own_connection_and_its_effort(night: Any) -> None:
    """``{region}`` is the branch; the step's word wins over the defaults."""
    task = night.get_task("extract.us-east")
    assert (task.source_conn_id, task.branch, task.dimension, task.step) == ("sales_us-east", "us-east", "region", "extract")
    assert (task.retries, task.execution_timeout, task.pool, task.queue) == (0, timedelta(minutes=45), "sources", "near")
    assert (task.retry_policy.delay, task.retry_policy.jitter) == (timedelta(seconds=1), "full")
    barrier = night.get_task("arrived")
    assert (barrier.retries, barrier.execution_timeout, barrier.trigger_rule) == (3, timedelta(minutes=90), "all_done")
    assert (barrier.retry_policy.delay, barrier.retry_policy.jitter) == (timedelta(seconds=30), "none")


def test_the_schedule_gives_one_interval_per_tick_in_the_pipelines_zone(night: Any) -> None:
    """Midnight of a bare date is the zone's own; the bounds are the timetable's, so that tasks run whenever a person triggers them."""
    timetable = night.timetable
    assert (timetable.expression, timetable.timezone) == ("0 2 * * *", "Europe/Berlin")
    assert timetable.start == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert timetable.end == datetime(2026, 12, 30, 23, tzinfo=UTC)
    assert night.catchup
    assert {task.end_date for task in night.tasks} == {task.start_date for task in night.tasks} == {None}


def test_the_form_offers_branches_and_interval(night: Any) -> None:
    """All branches are chosen until somebody chooses."""
    form = night.params.dump()
    assert form == {"region": ["no", "us-east", "404"], "interval_start": None, "interval_end": None}


def test_the_form_stands_once_in_what_airflow_stores(night: Any) -> None:
    """Airflow's own copies in every task would name each branch once for each branch; a run has the params of both all the same."""
    from airflow.serialization.serialized_objects import DagSerialization

    stored = DagSerialization.to_dict(night)["dag"]
    assert [name for name, _ in stored["params"]] == ["region", "interval_start", "interval_end"]
    assert not any("params" in task["__var"] for task in stored["tasks"])


def test_jinja_is_left_to_airflow_and_settings_reach_any_operator(night: Any) -> None:
    """``{{ ds }}`` is rendered at run time."""
    assert night.get_task("tell").bash_command == "echo {{ ds }}"


def test_equal_files_make_equal_dags(tmp_path: Path) -> None:
    """Serialized twice from fresh builds, a DAG does not change: no version that nobody made."""
    from airflow.serialization.serialized_objects import DagSerialization

    def serialized() -> str:
        dag = build_dags(ROOT / "include" / "pipelines")["nightly_sales"]
        dag.fileloc = "pipelines.py"  # as the dag-processor sets it
        return json.dumps(DagSerialization.to_dict(dag), sort_keys=True, default=str)

    assert serialized() == serialized()
    assert str(ROOT) not in serialized(), "a DAG must be the same wherever the project lies"


def test_a_tasks_start_reads_only_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow says which DAG it wants; the others are not even opened."""
    project = tmp_path / "include"
    shutil.copytree(CORPUS / "include", project)
    (project / "pipelines" / "deep").mkdir(parents=True)
    for name in ("night", "one_source", "combined"):
        shutil.copy(CORPUS / "good" / f"{name}.yaml", project / "pipelines" / ("deep" if name == "night" else "."))
    assert sorted(build_dags(project / "pipelines")) == ["combined", "night", "one_source"]

    read: list[str] = []
    load = Reader.load
    monkeypatch.setattr(Reader, "load", lambda self, path, **named: (read.append(path.stem), load(self, path, **named))[1])
    monkeypatch.setattr(discovery, "get_parsing_context", lambda: SimpleNamespace(dag_id="night"))
    assert list(build_dags(project / "pipelines")) == ["night"]
    assert read == ["night"]


@pytest.mark.parametrize(
    ("uses", "settings", "told"),
    [
        ("airflow.providers.nowhere.Operator", "{}", "airflow.providers.nowhere.Operator cannot be imported"),
        ("airflow.sdk.DAG", "{}", "which is no Airflow operator"),
        ("airflow.providers.standard.operators.bash.BashOperator", "{bash_comand: ls}", "bash_comand"),
    ],
)
def test_an_operator_that_airflow_refuses_breaks_only_its_own_dag(tmp_path: Path, uses: str, settings: str, told: str) -> None:
    """The DAG stays visible, with the reason on its page."""
    place = tmp_path / "include" / "pipelines"
    place.mkdir(parents=True)
    (place / "one.yaml").write_text(f"pipeline: one\nsteps:\n  run: {{uses: {uses}, with: {settings}}}\n")
    (place / "two.yaml").write_text("pipeline: two\nsteps:\n  run: {uses: airflow.providers.standard.operators.empty.EmptyOperator}\n")
    dags = build_dags(place)
    assert dags["two"].task_ids == ["run"]
    assert dags["one"].task_ids == ["findings"]
    assert told in dags["one"].doc_md
    assert "broken" in dags["one"].tags


def test_one_name_in_two_files_is_told_and_neither_runs_by_chance(tmp_path: Path) -> None:
    """Which of the two would win must not depend on a folder's order."""
    for name in ("a", "b"):
        path = tmp_path / "include" / "pipelines" / name / "same.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("pipeline: same\nsteps:\n  run: {uses: airflow.providers.standard.operators.empty.EmptyOperator}\n")
    dags = build_dags(tmp_path / "include" / "pipelines")
    assert dags["same"].task_ids == ["findings"]
    assert "another file is named 'same' too" in dags["same"].doc_md


def test_a_project_may_allow_its_own_operators(tmp_path: Path) -> None:
    """By ``allow=`` in its DAG file; a fan-out fills the branch into their settings."""
    place = tmp_path / "include" / "pipelines"
    place.mkdir(parents=True)
    body = "{for_each: {region: [a, b]}, uses: tidegate.ExtractOperator, with: {source_conn_id: 'x_{region}', query: 'SELECT {{ ds }}'}}"
    (place / "own.yaml").write_text(f"pipeline: own\nsteps:\n  run: {body}\n")
    dag = build_dags(place, allow=["mycompany."])["own"]
    assert [dag.get_task(f"run.{name}").source_conn_id for name in "ab"] == ["x_a", "x_b"]
    assert dag.get_task("run.a").query == "SELECT {{ ds }}"


@pytest.mark.parametrize(
    "line",
    [
        "env: {uses: airflow.providers.standard.hooks.subprocess.Popen, with: {args: [touch, %s]}}",
        "env: {uses: airflow.providers.standard.hooks.subprocess.Popen, args: [[touch, %s]]}",
        "env: {import: airflow.providers.standard.hooks.subprocess.os}",
        "env: {uses: airflow.providers.common.compat.module_loading.import_string, args: [os.system]}",
    ],
)
def test_what_an_allowed_module_has_of_others_is_not_made(tmp_path: Path, line: str) -> None:
    """The stand-in tells of it, with the place where it is defined; nothing has run."""
    place = tmp_path / "include" / "pipelines"
    place.mkdir(parents=True)
    operator = "airflow.providers.standard.operators.bash.BashOperator"
    given = f"{{bash_command: ls, {line.replace('%s', str(tmp_path / 'RAN'))}}}"
    (place / "own.yaml").write_text(f"pipeline: own\nsteps:\n  run: {{uses: {operator}, with: {given}}}\n")
    dag = build_dags(place)["own"]
    assert dag.task_ids == ["findings"]
    assert "leads to what" in dag.doc_md
    assert not (tmp_path / "RAN").exists()


def test_an_object_of_jinja_s_environment_is_made(tmp_path: Path) -> None:
    """As everywhere."""
    place = tmp_path / "include" / "pipelines"
    place.mkdir(parents=True)
    (place / "own.yaml").write_text(
        "pipeline: own\njinja_environment_kwargs: {finalize: {import: airflow.sdk.Asset}, extensions: [jinja2.ext.do]}\n"
        "steps: {run: {uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n"
    )
    environment = build_dags(place)["own"].get_template_env()
    assert environment.finalize is Asset
    assert "jinja2.ext.ExprStmtExtension" in environment.extensions


def test_a_dag_that_fails_half_way_is_not_found_beside_its_stand_in(tmp_path: Path) -> None:
    """Airflow collects every DAG that a ``with`` block opened in a DAG file; of one id there must be one."""
    from airflow.dag_processing.dagbag import DagBag

    pipelines = tmp_path / "include" / "pipelines"
    pipelines.mkdir(parents=True)
    step = "{uses: airflow.providers.standard.operators.bash.BashOperator, with: {bash_comand: ls}}"
    (pipelines / "half.yaml").write_text(
        f"pipeline: half\nsteps:\n  first: {{uses: extract, with: {{connection: a, query: 'SELECT 1'}}}}\n  run: {step}\n"
    )
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "pipelines.py").write_text(
        f"# an Airflow dag file\nfrom tidegate import build_dags\nglobals().update(build_dags({str(pipelines)!r}))\n"
    )
    bag = DagBag(dags)
    assert bag.import_errors == {}
    assert {dag_id: dag.task_ids for dag_id, dag in bag.dags.items()} == {"half": ["findings"]}
