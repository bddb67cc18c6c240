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
