"""What loads when: parsing stays light, the pure layers stay pure, the public names are those promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tidegate

ROOT = Path(__file__).parent.parent
HEAVY = {"pandas", "pyarrow", "duckdb", "networkx"}


def modules_after(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after running some code."""
    ask = f"{code}\nimport sys; print('modules:', *{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("modules:")[2].split())


def test_parsing_the_dag_files_imports_nothing_heavy() -> None:
    """Every DAG file of the repository, as the dag-processor runs them, with their DAGs built."""
    files = sorted((ROOT / "dags").glob("*.py"))
    assert files
    code = "import runpy\n" + "\n".join(
        f"assert any(type(v).__name__ == 'DAG' for v in runpy.run_path({str(file)!r}).values())" for file in files
    )
    assert modules_after(code) & HEAVY == set()


def test_this_check_can_fail() -> None:
    """The same measurement sees a heavy module that is imported."""
    assert modules_after("import pyarrow") & HEAVY == {"pyarrow"}


@pytest.mark.parametrize("layer", ["errors", "model", "resilience", "plan", "kinds"])
def test_the_pure_layers_know_no_airflow_and_no_database(layer: str) -> None:
    """Importing one in a fresh interpreter brings neither."""
    assert modules_after(f"import tidegate.{layer}") & {"airflow", "sqlalchemy", *HEAVY} == set()


def test_moving_rows_needs_no_airflow() -> None:
    """The data layer can be used, and tested, without it."""
    names = sorted(path.stem for path in (ROOT / "plugins/tidegate/data").glob("*.py"))
    assert "airflow" not in modules_after("\n".join(f"import tidegate.data.{name}" for name in names if name != "__init__"))


EXTRACT = """
import sys
from datetime import UTC, datetime
import sqlalchemy as sa
from tidegate.data.extract import extract
from tidegate.data.manifest import StageKey
from tidegate.data.staging import Staging
from tidegate.model.accept import Accept
key = StageKey(pipeline="p", step="s", branch="b", interval_start=datetime(2026, 1, 1, tzinfo=UTC), interval_end=datetime(2026, 1, 2, tzinfo=UTC))
query = "SELECT 1 AS a, 'x' AS b, CAST(1.5 AS DECIMAL(9,2)) AS c, CURRENT_TIMESTAMP AS d, NULL AS e, CURRENT_DATE AS f"
assert extract(
    sa.make_url({url!r}), query, key=key, staging=Staging({folder!r}), accept=Accept(columns={{"a": "int"}}), attempt="a", correlation_id="c",
    connection_name="n", source_name="q",
).rows == 1
"""


@pytest.mark.parametrize("server", ["postgres_url", "mariadb_url"])
def test_reading_a_server_needs_no_pandas(request: pytest.FixtureRequest, tmp_path: Path, server: str) -> None:
    """Which takes a third of a second of each task, and fifty megabytes; Arrow loads it where it is asked to look at a list."""
    url = request.getfixturevalue(server).render_as_string(hide_password=False)
    loaded = modules_after(EXTRACT.format(url=url, folder=str(tmp_path)))
    assert "pyarrow" in loaded
    assert "pandas" not in loaded


def test_the_command_line_checks_files_without_airflow() -> None:
    """Validating in a pre-commit hook must not wait for Airflow's import."""
    code = "from typer.testing import CliRunner\nfrom tidegate.cli import app\n"
    code += "assert CliRunner().invoke(app, ['validate', 'include/pipelines']).exit_code == 0"
    assert "airflow" not in modules_after(code)


def test_the_public_names_are_those_promised_and_all_load() -> None:
    """Adding or losing one is a decision, made here."""
    promised = {
        "AlertRoute", "BarrierOperator", "CatchUpOperator", "ChoiceOperator", "ExtractOperator", "JitteredRetryPolicy", "LoadOperator", "OutcomeOperator",
        "PipelineOperator", "SharesOperator", "SqlOperator", "TidyOperator", "TransformOperator", "When", "build_dags",
    }  # fmt: skip
    assert set(tidegate.__all__) == promised
    assert all(getattr(tidegate, name).__module__.startswith("tidegate.") for name in promised)
    with pytest.raises(AttributeError, match="no attribute 'Operator'"):
        _ = tidegate.Operator
