"""Functions under include/ are called as Airflow would call them."""

from __future__ import annotations

import asyncio
import inspect
import sys
from typing import TYPE_CHECKING

from tidegate.factory import build_dag
from tidegate.model import Project, load_pipeline
from tidegate.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_an_async_function_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow asks before it calls; its module is imported only then."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "slow_jobs.py").write_text("async def double(x):\n    return 2 * x\n")
    path = tmp_path / "night.yaml"
    path.write_text('pipeline: night\nsteps:\n  double: {python: "slow_jobs:double", with: {x: 21}}\n')
    task = build_dag(plan(load_pipeline(path, Project(tmp_path)).require()), tmp_path).get_task("double")
    function = task.python_callable
    assert inspect.iscoroutinefunction(inspect.unwrap(function))
    assert task.is_async
    assert "slow_jobs" not in sys.modules
    assert asyncio.run(function(x=21)) == 42
    sys.modules.pop("slow_jobs")


def test_a_function_with_arguments_of_its_own_is_stored(tmp_path: Path) -> None:
    """Airflow looks for the source of what is called, and is content with that of the stand-in."""
    from airflow.serialization.serialized_objects import DagSerialization

    (tmp_path / "alarms.py").write_text("def page(context, who):\n    pass\n")
    path = tmp_path / "night.yaml"
    path.write_text(
        "pipeline: night\nsteps:\n  wait:\n    uses: airflow.providers.standard.operators.empty.EmptyOperator\n"
        '    on_failure_callback: {import: "alarms:page", with: {who: me}}\n    pre_execute: {import: "alarms:page", with: {who: me}}\n'
    )
    dag = build_dag(plan(load_pipeline(path, Project(tmp_path)).require()), tmp_path)
    assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).task_ids == ["wait"]


def test_a_function_shows_its_parameters_without_being_imported(tmp_path: Path) -> None:
    """Airflow hands a function those values of the context that it names; one that seemed to take anything would get all of them."""
    from airflow.sdk.bases.decorator import determine_kwargs

    (tmp_path / "looks.py").write_text("def is_there(params, *, ds=None):\n    return params['there']\n")
    path = tmp_path / "night.yaml"
    path.write_text(
        "pipeline: night\nsteps:\n  look:\n    uses: airflow.providers.standard.operators.python.PythonOperator\n"
        '    with: {python_callable: {import: "looks:is_there"}}\n'
    )
    function = build_dag(plan(load_pipeline(path, Project(tmp_path)).require()), tmp_path).get_task("look").python_callable
    assert list(inspect.signature(function).parameters) == ["params", "ds"]
    given = determine_kwargs(function, [], {"params": {"there": 7}, "ds": "2026-01-01", "run_id": "run-1"})
    assert given == {"params": {"there": 7}, "ds": "2026-01-01"}
    assert "looks" not in sys.modules
    assert function(**given) == 7
    sys.modules.pop("looks")
