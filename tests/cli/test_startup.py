"""The command line is at hand at once: only what needs Airflow imports it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from command_line import ROOT, called

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"airflow", "sqlalchemy", "pandas", "pyarrow", "duckdb"}
NIGHT = ROOT / "include" / "pipelines" / "nightly_sales.yaml"
COMMANDS = {
    "validate": ["validate", str(ROOT / "include" / "pipelines"), "--format", "sarif"],
    "plan": ["plan", str(NIGHT), "--format", "svg"],
    "diff": ["diff", str(NIGHT), str(NIGHT)],
    "render": ["render", str(NIGHT)],
    "explain": ["explain", "schedule.cron"],
    "schema": ["schema", "--vscode"],
    "new": ["new", "sales", "--yes"],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_command_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    """In a fresh interpreter, to the end."""
    code = (
        f"from typer.testing import CliRunner\nfrom tidegate.cli import app\nassert CliRunner().invoke(app, {arguments!r}).exit_code == 0\n"
    )
    code += "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert HEAVY & set(done.stdout.split()) == set()


def test_help_tells_the_commands_and_the_exit_codes() -> None:
    """In the order of use."""
    told = called("--help").stdout
    places = [told.index(f" {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert "Exit codes: 0" in told


def test_the_version_is_told() -> None:
    """That of the distribution that is installed."""
    done = called("--version")
    assert (done.exit_code, done.stdout) == (0, f"tidegate {version('airflow-tidegate')}\n")
