"""The ``tidegate`` command as a person types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TIDEGATE = Path(sys.executable).with_name("tidegate")


def tidegate(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    return subprocess.run([str(TIDEGATE), *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def test_right_files_are_said_to_be_right() -> None:
    """A folder is read to its depth; the exit code is 0."""
    done = tidegate("validate", "include/pipelines")
    assert (done.returncode, done.stdout) == (0, "include/pipelines/nightly_sales.yaml: right\n1 file(s), all right.\n")


def test_wrong_files_are_told_all_at_once_and_end_in_1() -> None:
    """Every finding of every file, on a pipe without colours."""
    bad = "tests/model/corpus/bad"
    done = tidegate("validate", f"{bad}/typo_in_needs.yaml", f"{bad}/quorum_too_high.yaml", "include/pipelines/nightly_sales.yaml")
    assert done.returncode == 1
    assert f"{bad}/typo_in_needs.yaml:8:5  steps.arrived.need: unknown key 'need'" in done.stdout
    assert done.stdout.endswith("3 file(s), 2 with 4 finding(s).\n")
    assert "\x1b" not in done.stdout


def test_a_file_that_is_not_there_is_told() -> None:
    """Not a traceback."""
    done = tidegate("validate", "include/pipelines/nowhere.yaml")
    assert done.returncode == 1
    assert "include/pipelines/nowhere.yaml  there is no such file" in done.stdout
    assert done.stderr == ""


def test_two_files_of_one_name_are_told_about_each_other(tmp_path: Path) -> None:
    """As their DAG's page would."""
    for folder in ("a", "b"):
        path = tmp_path / "include" / folder / "same.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("pipeline: same\nsteps:\n  run: {uses: airflow.providers.standard.operators.empty.EmptyOperator}\n")
    done = tidegate("validate", "include", cwd=tmp_path)
    assert done.returncode == 1
    assert "include/a/same.yaml  another file is named 'same' too: include/b/same.yaml" in done.stdout


def test_an_empty_folder_is_not_all_right(tmp_path: Path) -> None:
    """A check that checked nothing must not pass in CI."""
    done = tidegate("validate", str(tmp_path))
    assert done.returncode == 1
    assert "no pipeline file" in done.stdout


def test_a_projects_own_imports_can_be_allowed(tmp_path: Path) -> None:
    """As ``allow=`` does in the DAG file."""
    (tmp_path / "own.yaml").write_text("pipeline: own\nsteps:\n  run: {uses: acme.operators.Ship}\n")
    assert "'acme.operators.Ship' may not be imported" in tidegate("validate", "own.yaml", cwd=tmp_path).stdout
    assert tidegate("validate", "--allow", "acme.", "own.yaml", cwd=tmp_path).returncode == 0
