"""Every key, said by any of the layers, of every sort of step: the nearest word reaches the task, and none is lost."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from tidegate.factory import build_dag
from tidegate.factory.durations import with_durations
from tidegate.model import Project, load_pipeline
from tidegate.model.effort import Effort
from tidegate.plan import plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.sdk import DAG

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
BASH = "airflow.providers.standard.operators.bash.BashOperator"
SORTS = {
    "operator": f"uses: {BASH}, with: {{bash_command: ls, {{own}}}}",
    "extract": "uses: extract, with: {connection: c, query: SELECT 1, {own}}",
    "python": "python: 'calls:go', with: {{own}}",
    "condition": f"uses: {EMPTY}, when: true",
}
CALLS = "def go(x=None, y=None, **more): ...\n" + "".join(f"def {name}(context, result=None): ...\n" for name in "abcd")
LAYERS = ("defaults", "group", "step", "branch")
"""The furthest first."""

Row = tuple["Callable[[Any], Any]", list[tuple[str, Any]]]
"""What to ask a task; for each layer, what it says in YAML, and the answer where it is the nearest."""


def same(key: str, *values: Any) -> Row:
    """An attribute of the key's name."""
    return lambda task: getattr(task, key), [(str(value), value) for value in values]


def flag(key: str) -> Row:
    """Two layers say true, two false."""
    return lambda task: getattr(task, key), [("true", True), ("false", False), ("true", True), ("false", False)]


def named(hooks: Any) -> str:
    """Of one function, or a list of one; of a condition, what it calls then."""
    hook = hooks[0] if isinstance(hooks, list) else hooks
    hook = getattr(hook, "then", hook)
    return str(getattr(hook, "__name__", hook))


def code(attribute: str) -> Row:
    """A function of each layer's own."""
    return lambda task: named(getattr(task, attribute)), [(f"'calls:{name}'", name) for name in "abcd"]


def waits(task: Any) -> tuple[timedelta, str, float]:
    """How a task is retried; Airflow itself waits the same each time."""
    policy = task.retry_policy
    return (task.retry_delay, "none", 1) if policy is None else (policy.delay, policy.jitter, policy.backoff)


def steady(seconds: int) -> tuple[str, Any]:
    """Waits that stay the same, longer than the longest wait that others have by default."""
    return f"{{delay: {seconds}s, backoff: 1, jitter: none}}", (timedelta(seconds=seconds), "none", 1)


def growing(seconds: int) -> tuple[str, Any]:
    """Waits that grow."""
    return f"{{delay: {seconds}s}}", (timedelta(seconds=seconds), "full", 2)


def assets(key: str) -> Row:
    """One asset, and none of those that a nearer layer takes back."""
    return lambda task: [one.name for one in getattr(task, key)], [("a", ["a"]), ("[]", []), ("b", ["b"]), ("[]", [])]


ROWS: dict[str, Row] = {
    "retries": same("retries", 3, 4, 5, 6),
    "retry": (waits, [growing(1), steady(2), growing(3), steady(4)]),
    "retry of the others": (waits, [steady(700), growing(2), steady(800), growing(4)]),
    "timeout": (lambda task: task.execution_timeout, [(f"{n}m", timedelta(minutes=n)) for n in (1, 2, 3, 4)]),
    "pool": same("pool", *"abcd"),
    "pool_slots": same("pool_slots", 4, 3, 1, 2),
    "queue": same("queue", *"abcd"),
    "executor": same("executor", *"abcd"),
    "executor_config": (lambda task: task.executor_config, [(f"{{a: {n}}}", {"a": n}) for n in (1, 2, 3, 4)]),
    "run_as_user": same("run_as_user", *"abcd"),
    "operator_resources": (lambda task: task.resources.cpus.qty, [(f"{{cpus: {n}}}", n) for n in (1, 2, 3, 4)]),
    "priority_weight": same("priority_weight", 4, 3, 1, 2),
    "weight_rule": same("weight_rule", "upstream", "downstream", "absolute", "downstream"),
    "trigger_rule": same("trigger_rule", "all_done", "all_success", "none_failed", "all_success"),
    "depends_on_past": flag("depends_on_past"),
    "ignore_first_depends_on_past": flag("ignore_first_depends_on_past"),
    "wait_for_past_depends_before_skipping": flag("wait_for_past_depends_before_skipping"),
    "wait_for_downstream": flag("wait_for_downstream"),
    "owner": same("owner", *"abcd"),
    "email": (lambda task: task.email, [(f"{name}@b.c", [f"{name}@b.c"]) for name in "abcd"]),
    "email_on_retry": flag("email_on_retry"),
    "email_on_failure": flag("email_on_failure"),
    "params": (lambda task: task.params["n"], [(f"{{n: {n}, {'abcd'[n]}: 1}}", n) for n in range(4)]),
    "on_execute_callback": code("on_execute_callback"),
    "on_failure_callback": code("on_failure_callback"),
    "on_success_callback": code("on_success_callback"),
    "on_retry_callback": code("on_retry_callback"),
    "on_skipped_callback": code("on_skipped_callback"),
    "pre_execute": code("_pre_execute_hook"),
    "post_execute": code("_post_execute_hook"),
    "map_index_template": same("map_index_template", *"abcd"),
    "max_active_tis_per_dag": same("max_active_tis_per_dag", 4, 3, 1, 2),
    "max_active_tis_per_dagrun": same("max_active_tis_per_dagrun", 4, 3, 1, 2),
    "do_xcom_push": flag("do_xcom_push"),
    "multiple_outputs": flag("multiple_outputs"),
    "inlets": assets("inlets"),
    "outlets": assets("outlets"),
    **{key: same(key, *"abcd") for key in ("doc", "doc_md", "doc_json", "doc_yaml", "doc_rst")},
    "logger_name": (lambda task: task.log.name.rpartition(".")[2], [(name, name) for name in "abcd"]),
    "allow_nested_operators": flag("allow_nested_operators"),
    "render_template_as_native_obj": flag("render_template_as_native_obj"),
}
WITH: dict[str, tuple[tuple[str, ...], Row]] = {
    "operator": (LAYERS, (lambda task: task.cwd, [(f"cwd: /{name}", f"/{name}") for name in "abcd"])),
    "extract": (
        LAYERS,
        (lambda task: task.timezone, [(f"timezone: {zone}", zone) for zone in ("Asia/Tokyo", "Europe/Berlin", "UTC", "America/Lima")]),
    ),
    "python": (("step", "branch"), (lambda task: task.op_kwargs.get("x"), [(f"x: {n}", n) for n in (1, 2, 3, 4)])),
}


def built(tmp_path: Path, text: str) -> DAG:
    """The DAG of a file, in a project that has functions."""
    (tmp_path / "calls.py").write_text(CALLS)
    path = tmp_path / "one.yaml"
    path.write_text(text)
    return build_dag(with_durations(plan(load_pipeline(path, Project(tmp_path)).require())), tmp_path)


def tasks_of(tmp_path: Path, sort: str, word: str, values: list[str], able: tuple[str, ...] = LAYERS) -> list[tuple[Any, int]]:
    """A task for each choice of layers that speak, with the number of the nearest one."""
    found = []
    body = SORTS[sort]
    for top in (False, True) if "defaults" in able else (False,):
        lines = ["pipeline: one", f"defaults: {{{word % values[0]}}}" if top else "", "steps:"]
        asked = {}
        for group, step, branch in product((False, True), repeat=3):
            if group and "group" not in able:
                continue
            said = [top, group, step, branch]
            name = "".join("ny"[one] for one in said)
            own = word % values[2] if step else ""
            inner = body.replace("{own}", own.removeprefix("with: {").removesuffix("}") if own.startswith("with: ") else "")
            beside = "" if own.startswith("with: ") or not own else f", {own}"
            lines += [
                f"  {name}:",
                f"    defaults: {{{word % values[1] if group else ''}}}",
                f"    steps: {{go: {{for_each: {{pier: {{north: {{{word % values[3] if branch else ''}}}}}}}, {inner}{beside}}}}}",
            ]
            if any(said):
                asked[name] = max(number for number, one in enumerate(said) if one)
        dag = built(tmp_path, "\n".join(lines) + "\n")
        found += [(dag.get_task(f"{name}.go.north"), nearest) for name, nearest in asked.items()]
    return found


def test_every_key_is_asked_below() -> None:
    """Of what may be said of a step's effort."""
    assert {key.partition(" ")[0] for key in ROWS} == set(Effort.model_fields)


@pytest.mark.filterwarnings("ignore:Setting email:DeprecationWarning")  # Airflow means to give it up
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("key", ROWS)
def test_the_nearest_word_on_a_key_reaches_the_task(tmp_path: Path, key: str, sort: str) -> None:
    """Whoever else speaks."""
    ask, said = ROWS[key]
    if (sort, key) == ("extract", "do_xcom_push"):
        return  # which is refused, for its result is what it is for
    for task, nearest in tasks_of(tmp_path, sort, f"{key.partition(' ')[0]}: %s", [text for text, _ in said]):
        expected = said[nearest][1]
        assert ask(task) == expected, task.task_id


@pytest.mark.filterwarnings("ignore:Setting email:DeprecationWarning")
@pytest.mark.parametrize("sort", ["operator", "extract"])
@pytest.mark.parametrize("key", [key for key in ROWS if key != "params" and " " not in key and Effort.model_fields[key].default is None])
def test_null_takes_back_what_defaults_say(tmp_path: Path, key: str, sort: str) -> None:
    """The task is as if nobody had said anything; params add up."""
    ask, said = ROWS[key]
    body = SORTS[sort].replace("{own}", "")
    back = built(tmp_path, f"pipeline: one\ndefaults: {{{key}: {said[0][0]}}}\nsteps:\n  go: {{{body}, {key}: null}}\n").get_task("go")
    none = built(tmp_path, f"pipeline: one\nsteps:\n  go: {{{body}}}\n").get_task("go")
    if key == "operator_resources":
        ask = lambda task: task.resources  # noqa: E731
    assert ask(back) == ask(none)


@pytest.mark.parametrize("sort", WITH)
def test_the_nearest_argument_reaches_the_task(tmp_path: Path, sort: str) -> None:
    """Also where it is the value that the operator has by default."""
    able, (ask, said) = WITH[sort]
    for task, nearest in tasks_of(tmp_path, sort, "with: {%s}", [text for text, _ in said], able):
        assert ask(task) == said[nearest][1], task.task_id
