"""Functions that run in another Python than Airflow's."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tidegate.errors import ImportRefused
from tidegate.factory import build_dag
from tidegate.model import load_pipeline
from tidegate.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import DAG

OPERATOR = "airflow.providers.standard.operators.python.ExternalPythonOperator"


def dag(tmp_path: Path, module: str) -> DAG:
    """Build a pipeline whose one step calls a function elsewhere."""
    include = tmp_path / "include"
    include.mkdir()
    (include / "elsewhere.py").write_text(module)
    path = include / "one.yaml"
    with_ = f"{{python: {sys.executable}, python_callable: {{import: 'elsewhere:doubled'}}, op_args: [21]}}"
    path.write_text(f"pipeline: one\nsteps:\n  go: {{uses: {OPERATOR}, with: {with_}}}\n")
    return build_dag(plan(load_pipeline(path).require()), include)


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "elsewhere", raising=False)


def test_the_source_of_the_function_itself_goes_there(tmp_path: Path) -> None:
    """Airflow writes it into a script, so it must be the function's own."""
    task = dag(tmp_path, "def doubled(number):\n    return number * 2\n").get_task("go")
    script = f"{task.get_python_source()}print(doubled(*{task.op_args}))"
    assert subprocess.run([task.python, "-c", script], capture_output=True, text=True, check=True).stdout == "42\n"


def test_a_module_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    """Here its module is imported while the DAG is built."""
    with pytest.raises(ImportRefused, match="nowhere"):
        dag(tmp_path, "import nowhere\ndef doubled(number):\n    return number * 2\n")
