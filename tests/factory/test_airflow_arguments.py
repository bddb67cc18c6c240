"""Every argument of Airflow's DAG and operators has its key, or a sentence why not; what a key says is what Airflow has in the end."""

from __future__ import annotations

import inspect
import textwrap
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
from airflow.sdk import DAG, Asset, BaseOperator, ExceptionRetryPolicy, TriggerRule, WeightRule
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS

from tidegate.factory import build_dag
from tidegate.model import Project, load_pipeline
from tidegate.model.airflow_names import DAG_ARGUMENTS, OPERATOR_ARGUMENTS, Elsewhere
from tidegate.model.effort import Defaults
from tidegate.model.effort import TriggerRule as TriggerRules
from tidegate.model.functions import CONTEXT
from tidegate.model.spec import Pipeline, RunType
from tidegate.model.step import Step
from tidegate.plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import BaseModel

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
CALLS = '''
def told(context): """A callback."""
def before(context): """A hook."""
def after(context, result=None): """A hook."""
def loud(text): """A filter."""
'''

Row = tuple[str, "Callable[[Any], Any]", Any]
"""YAML beside the key → what to ask Airflow's object → the answer."""


def named(*functions: Any) -> list[str]:
    """The names of functions, as of a callback or of several."""
    flat = [one for function in functions for one in (function if isinstance(function, list | tuple) else [function])]
    return [function.__name__ for function in flat]


START = datetime(2026, 1, 1, tzinfo=UTC)
DAG_ROWS: dict[str, list[Row]] = {
    "dag_id": [("", lambda dag: dag.dag_id, "one")],
    "description": [("description: What it is for.", lambda dag: dag.description, "What it is for.")],
    "default_args": [
        ("defaults: {retries: 7}", lambda dag: dag.default_args["retries"], 7),
        ("defaults: {with: {bash_command: ls}}", lambda dag: dag.default_args["bash_command"], "ls"),
    ],
    "start_date": [
        ("schedule: {continuous: true, start: 2026-01-01}", lambda dag: dag.start_date, START),
        ("schedule: {cron: '@daily', start: 2026-01-01}", lambda dag: dag.timetable.start, START),
    ],
    "end_date": [
        ("schedule: {continuous: true, start: 2026-01-01, end: 2027-01-01}", lambda dag: dag.end_date, datetime(2027, 1, 1, tzinfo=UTC)),
        ("schedule: {every: 1d, start: 2025-01-01, end: 2026-01-01}", lambda dag: dag.timetable.end, START),
    ],
    "schedule": [
        ("schedule: {cron: '0 2 * * *', start: 2026-01-01}", lambda dag: dag.timetable.expression, "0 2 * * *"),
        ("schedule: {continuous: true, start: 2026-01-01}", lambda dag: type(dag.timetable).__name__, "ContinuousTimetable"),
        ("schedule: {assets: ships}", lambda dag: [asset.name for asset in dag.timetable.asset_condition.objects], ["ships"]),
        ("", lambda dag: dag.timetable.can_be_scheduled, False),
    ],
    "catchup": [
        ("schedule: {cron: '@daily', start: 2026-01-01, catchup: true}", lambda dag: dag.catchup, True),
        ("schedule: {cron: '@daily', start: 2026-01-01, catchup: false}", lambda dag: dag.catchup, False),
    ],
    "template_undefined": [
        ("template_undefined: lenient", lambda dag: dag.template_undefined, jinja2.Undefined),
        ("template_undefined: debug", lambda dag: dag.template_undefined, jinja2.DebugUndefined),
        ("template_undefined: strict", lambda dag: dag.template_undefined, jinja2.StrictUndefined),
    ],
    "user_defined_macros": [
        ("user_defined_macros: {n: 3}", lambda dag: dag.user_defined_macros["n"], 3),
        ("user_defined_macros: {f: {import: 'calls:loud'}}", lambda dag: named(dag.user_defined_macros["f"]), ["loud"]),
    ],
    "user_defined_filters": [("user_defined_filters: {f: 'calls:loud'}", lambda dag: named(dag.user_defined_filters["f"]), ["loud"])],
    "max_active_tasks": [("max_active_tasks: 3", lambda dag: dag.max_active_tasks, 3)],
    "max_active_runs": [("max_active_runs: 3", lambda dag: dag.max_active_runs, 3)],
    "max_consecutive_failed_dag_runs": [("max_consecutive_failed_dag_runs: 3", lambda dag: dag.max_consecutive_failed_dag_runs, 3)],
    "dagrun_timeout": [("timeout: 1h30m", lambda dag: dag.dagrun_timeout, timedelta(minutes=90))],
    "deadline": [
        (
            "deadline: {within: 2h, callback: {uses: tidegate.notifications.LogNotifier}}",
            lambda dag: [(type(one.reference).__name__, one.interval, one.callback.path) for one in dag.deadline],
            [("DagRunQueuedAtDeadline", timedelta(hours=2), "tidegate.notifications.LogNotifier")],
        )
    ],
    "on_success_callback": [("on_success_callback: calls:told", lambda dag: named(dag.on_success_callback), ["told"])],
    "on_failure_callback": [
        ("on_failure_callback: [calls:told, calls:told]", lambda dag: named(dag.on_failure_callback), ["told", "told"])
    ],
    "doc_md": [("doc_md: '**more**'", lambda dag: dag.doc_md.splitlines()[-1], "**more**")],
    "params": [
        ("params: {n: 3}", lambda dag: dag.params["n"], 3),
        ("params: {n: {default: 3, type: integer}}", lambda dag: dag.params.get_param("n").schema, {"type": "integer"}),
    ],
    "access_control": [("access_control: {Op: [can_edit]}", lambda dag: dag.access_control, {"Op": {"DAGs": ["can_edit"]}})],
    "is_paused_upon_creation": [("is_paused_upon_creation: false", lambda dag: dag.is_paused_upon_creation, False)],
    "jinja_environment_kwargs": [("jinja_environment_kwargs: {trim_blocks: true}", lambda dag: dag.get_template_env().trim_blocks, True)],
    "render_template_as_native_obj": [("render_template_as_native_obj: true", lambda dag: dag.render_template_as_native_obj, True)],
    "tags": [("tags: [a]", lambda dag: set(dag.tags), {"a", "tidegate"})],
    "owner_links": [("owner_links: {me: 'mailto:a@b.c'}", lambda dag: dag.owner_links, {"me": "mailto:a@b.c"})],
    "fail_fast": [("fail_fast: true", lambda dag: dag.fail_fast, True)],
    "allowed_run_types": [
        ("allowed_run_types: [manual, backfill]", lambda dag: sorted(dag.allowed_run_types), [DagRunType.BACKFILL, DagRunType.MANUAL])
    ],
    "dag_display_name": [("display_name: One & only", lambda dag: dag.dag_display_name, "One & only")],
    "disable_bundle_versioning": [("disable_bundle_versioning: true", lambda dag: dag.disable_bundle_versioning, True)],
    "rerun_with_latest_version": [("rerun_with_latest_version: true", lambda dag: dag.rerun_with_latest_version, True)],
}


def same(key: str, value: Any, written: str = "") -> list[Row]:
    """A key whose attribute has its name and its value."""
    return [(f"{key}: {written or value}", lambda task: getattr(task, key), value)]


def callback(key: str) -> list[Row]:
    """A key that takes a function."""
    return [(f"{key}: calls:told", lambda task: named(getattr(task, key)), ["told"])]


OPERATOR_ROWS: dict[str, list[Row]] = {
    "owner": same("owner", "me"),
    "email": same("email", ["a@b.c"]),
    "email_on_retry": same("email_on_retry", False, "false"),
    "email_on_failure": same("email_on_failure", False, "false"),
    "retries": same("retries", 7),
    "retry_delay": [("retry: {delay: 3s}", lambda task: task.retry_delay, timedelta(seconds=3))],
    "retry_exponential_backoff": [
        ("retry: {backoff: 3}", lambda task: task.retry_policy.backoff, 3),
        ("retry: {delay: 3s, backoff: 1, jitter: none}", lambda task: (task.retry_exponential_backoff, task.retry_policy), (0, None)),
    ],
    "max_retry_delay": [("retry: {max_delay: 1h}", lambda task: task.retry_policy.max_delay, timedelta(hours=1))],
    "retry_policy": [
        ("retry: {jitter: none}", lambda task: task.retry_policy.jitter, "none"),
        ("retry: {on: {timeout: 1}}", lambda task: task.retry_policy.on, {"timeout": 1}),
        (
            "retry: {policy: {uses: airflow.sdk.ExceptionRetryPolicy, with: {rules: []}}}",
            lambda task: type(task.retry_policy),
            ExceptionRetryPolicy,
        ),
    ],
    "depends_on_past": same("depends_on_past", True, "true"),
    "ignore_first_depends_on_past": same("ignore_first_depends_on_past", False, "false"),
    "wait_for_past_depends_before_skipping": same("wait_for_past_depends_before_skipping", True, "true"),
    "wait_for_downstream": [("wait_for_downstream: true", lambda task: (task.wait_for_downstream, task.depends_on_past), (True, True))],
    "params": [("params: {n: 3}", lambda task: task.params["n"], 3)],
    "priority_weight": same("priority_weight", 3),
    "weight_rule": [(f"weight_rule: {rule.value}", lambda task: task.weight_rule, rule.value) for rule in WeightRule],
    "queue": same("queue", "quay"),
    "pool": same("pool", "cranes"),
    "pool_slots": same("pool_slots", 2),
    "execution_timeout": [("timeout: 1m30s", lambda task: task.execution_timeout, timedelta(seconds=90))],
    "on_execute_callback": callback("on_execute_callback"),
    "on_failure_callback": callback("on_failure_callback"),
    "on_success_callback": callback("on_success_callback"),
    "on_retry_callback": callback("on_retry_callback"),
    "on_skipped_callback": callback("on_skipped_callback"),
    "pre_execute": [("pre_execute: calls:before", lambda task: named(task._pre_execute_hook), ["before"])],
    "post_execute": [("post_execute: calls:after", lambda task: named(task._post_execute_hook), ["after"])],
    "trigger_rule": [(f"trigger_rule: {rule.value}", lambda task: task.trigger_rule, rule) for rule in TriggerRule],
    "resources": [("operator_resources: {cpus: 2, ram: 64}", lambda task: (task.resources.cpus.qty, task.resources.ram.qty), (2, 64))],
    "run_as_user": same("run_as_user", "sailor"),
    "map_index_template": same("map_index_template", "x"),
    "max_active_tis_per_dag": same("max_active_tis_per_dag", 3),
    "max_active_tis_per_dagrun": same("max_active_tis_per_dagrun", 3),
    "executor": same("executor", "LocalExecutor"),
    "executor_config": same("executor_config", {"a": 1}, "{a: 1}"),
    "do_xcom_push": same("do_xcom_push", False, "false"),
    "multiple_outputs": same("multiple_outputs", True, "true"),
    "inlets": same("inlets", [Asset("ships")], "ships"),
    "outlets": same("outlets", [Asset("ships"), Asset(uri="s3://a/b")], "[ships, 's3://a/b']"),
    "doc": same("doc", "text"),
    "doc_md": same("doc_md", "text"),
    "doc_json": same("doc_json", "text"),
    "doc_yaml": same("doc_yaml", "text"),
    "doc_rst": same("doc_rst", "text"),
    "task_display_name": [("display_name: One & only", lambda task: task.task_display_name, "One & only")],
    "logger_name": [("logger_name: mine", lambda task: task.log.name, "airflow.task.operators.mine")],
    "allow_nested_operators": same("allow_nested_operators", False, "false"),
    "render_template_as_native_obj": same("render_template_as_native_obj", True, "true"),
}


def rows(table: dict[str, list[Row]]) -> list[Any]:
    """One case for each line of YAML."""
    return [pytest.param(*row, id=f"{name} {row[0]}") for name, found in table.items() for row in found]


def told(tmp_path: Path, text: str) -> tuple[Any, Project]:
    """What becomes of a file, in a project that has functions."""
    include = tmp_path / "include"
    (include / "pipelines").mkdir(parents=True)
    (include / "calls.py").write_text(CALLS)
    path = include / "pipelines" / "one.yaml"
    path.write_text(text)
    project = Project.around(path)
    return load_pipeline(path, project), project


def built(tmp_path: Path, *, top: str = "", step: str = "") -> DAG:
    """The DAG of a pipeline of one step."""
    text = f"pipeline: one\n{top}\nsteps:\n  go:\n    uses: {EMPTY}\n{textwrap.indent(step, '    ')}\n"
    loaded, project = told(tmp_path, text)
    return build_dag(plan(loaded.require()), project.include)


def parameters(of: Any) -> set[str]:
    """The arguments of a constructor."""
    return set(inspect.signature(of.__init__).parameters) - {"self", "kwargs"}


def test_every_argument_of_a_dag_has_its_place() -> None:
    """Of this Airflow; a new argument fails here."""
    assert set(DAG_ARGUMENTS) == parameters(DAG)


def test_every_argument_of_an_operator_has_its_place() -> None:
    """Of this Airflow; a new argument fails here."""
    assert set(OPERATOR_ARGUMENTS) == parameters(BaseOperator)


def words(model: type[BaseModel], key: str) -> set[str]:
    """The keys of a model; those below one of its keys, for a path such as ``retry``."""
    found = {info.alias or name: info for name, info in model.model_fields.items()}
    if not key:
        return set(found)
    inner = next(part for part in getattr(found[key].annotation, "__args__", ()) if hasattr(part, "model_fields"))
    return words(inner, "")


@pytest.mark.parametrize(
    ("model", "key"),
    [
        *((Pipeline, key) for key in DAG_ARGUMENTS.values() if isinstance(key, str)),
        *((Step, key) for key in OPERATOR_ARGUMENTS.values() if isinstance(key, str)),
    ],
)
def test_every_key_that_is_named_is_one(model: type[BaseModel], key: str) -> None:
    """What a person is told to write must be right."""
    outer, _, inner = key.rpartition(".")
    assert inner in words(model, outer)


@pytest.mark.parametrize(("table", "shown"), [(DAG_ARGUMENTS, DAG_ROWS), (OPERATOR_ARGUMENTS, OPERATOR_ROWS)], ids=["dag", "operator"])
def test_every_argument_with_a_key_is_shown_below(table: dict[str, Any], shown: dict[str, list[Row]]) -> None:
    """Nothing is only claimed."""
    assert set(shown) == {name for name, key in table.items() if isinstance(key, str)}


@pytest.mark.filterwarnings("ignore:The airflow.security.permissions:DeprecationWarning")  # Airflow means to give it up
@pytest.mark.parametrize(("text", "ask", "expected"), rows(DAG_ROWS))
def test_a_pipelines_key_reaches_airflows_dag(tmp_path: Path, text: str, ask: Callable[[DAG], Any], expected: Any) -> None:
    """With the value that the file says."""
    assert ask(built(tmp_path, top=text)) == expected


@pytest.mark.filterwarnings("ignore:Setting email:DeprecationWarning")  # Airflow means to give it up
@pytest.mark.parametrize(("text", "ask", "expected"), rows(OPERATOR_ROWS))
@pytest.mark.parametrize("by", ["step", "defaults"])
def test_a_steps_key_reaches_airflows_operator(tmp_path: Path, by: str, text: str, ask: Callable[[Any], Any], expected: Any) -> None:
    """Whether the step says it, or the pipeline's defaults; of all steps, only one can have a name in the UI."""
    if by == "defaults" and text.partition(":")[0] not in Defaults.model_fields:
        assert text.startswith("display_name")
        return
    dag = built(tmp_path, step=text) if by == "step" else built(tmp_path, top=f"defaults:\n  {text}")
    assert ask(dag.get_task("go")) == expected


REFUSED = [(name, told) for name, told in OPERATOR_ARGUMENTS.items() if isinstance(told, Elsewhere)]


@pytest.mark.parametrize(("name", "why"), REFUSED, ids=[name for name, _ in REFUSED])
@pytest.mark.parametrize("place", ["{uses: %s, %s: x}", "{uses: %s, with: {%s: x}}"], ids=["step", "with"])
def test_an_argument_without_a_key_is_refused_with_its_sentence(tmp_path: Path, place: str, name: str, why: Elsewhere) -> None:
    """In a step, and under ``with``."""
    loaded, _ = told(tmp_path, f"pipeline: one\nsteps:\n  go: {place % (EMPTY, name)}\n")
    assert [(why.why in finding.message, finding.hint) for finding in loaded.findings] == [(True, why.hint)]


REFUSED_OF_A_DAG = [(name, told) for name, told in DAG_ARGUMENTS.items() if isinstance(told, Elsewhere)]


@pytest.mark.parametrize(("name", "why"), REFUSED_OF_A_DAG, ids=[name for name, _ in REFUSED_OF_A_DAG])
def test_an_argument_of_a_dag_without_a_key_is_refused_with_its_sentence(tmp_path: Path, name: str, why: Elsewhere) -> None:
    """At the top of the file."""
    loaded, _ = told(tmp_path, f"pipeline: one\n{name}: x\nsteps:\n  go: {{uses: {EMPTY}}}\n")
    assert [(why.why in finding.message, finding.hint) for finding in loaded.findings] == [(True, why.hint)]


@pytest.mark.parametrize("name", sorted(name for name, key in OPERATOR_ARGUMENTS.items() if isinstance(key, str)))
def test_an_argument_with_a_key_is_not_taken_under_with(tmp_path: Path, name: str) -> None:
    """Of two ways to say one thing, one would win unseen."""
    loaded, _ = told(tmp_path, f"pipeline: one\nsteps:\n  go: {{uses: {EMPTY}, with: {{{name}: x}}}}\n")
    assert [finding.message for finding in loaded.findings] == [f"'{name}' is said of the step, not under 'with'"]


def test_what_a_function_may_ask_for_is_airflows_context() -> None:
    """A name too few is refused without reason; one too many fails when the DAG is built."""
    assert set(CONTEXT) == KNOWN_CONTEXT_KEYS


def test_words_are_airflows_own() -> None:
    """Trigger rules and kinds of run."""
    assert set(TriggerRules.__args__) == {rule.value for rule in TriggerRule}
    assert set(RunType.__args__) == {kind.value for kind in DagRunType}


@pytest.mark.parametrize("name", sorted(CONTEXT))
def test_a_function_may_ask_for_every_name_of_the_context(tmp_path: Path, name: str) -> None:
    """Airflow takes the task as it is built."""
    text = "pipeline: one\nsteps:\n  go: {python: 'asks:go'}\n"
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "asks.py").write_text(f"def go({name}):\n    return {name}\n")
    path = tmp_path / "include" / "one.yaml"
    path.write_text(text)
    assert build_dag(plan(load_pipeline(path).require()), tmp_path / "include").task_ids == ["go"]
