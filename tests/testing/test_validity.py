"""The test that all pipelines of a repository are right, in the hands of those who use it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate import testing
from tidegate.testing import check_pipelines, pipelines_are_valid

ROOT = Path(__file__).parents[2]
EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
RIGHT = f"pipeline: right\nsteps:\n  a: {{uses: {EMPTY}}}\n"
MISSPELT = f"pipeline: misspelt\nsteps:\n  a: {{uses: {EMPTY}}}\n  b: {{need: a, uses: {EMPTY}}}\n"
REFUSED = f"pipeline: refused\nsteps:\n  a: {{uses: {EMPTY}, with: {{colour: blue}}}}\n"
MODULE = 'from tidegate.testing import pipelines_are_valid\n\ntest_pipelines = pipelines_are_valid("include/pipelines")\n'


def _folder(root: Path, *texts: str) -> Path:
    folder = root / "include" / "pipelines"
    folder.mkdir(parents=True)
    for text in texts:
        (folder / f"{text.partition(chr(10))[0].partition(': ')[2]}.yaml").write_text(text)
    return folder


def _pytest(root: Path, module: str = MODULE, *arguments: str) -> str:
    (root / "tests").mkdir(exist_ok=True)
    (root / "tests" / "test_pipelines.py").write_text(module)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", f"--rootdir={root}", "-c", "/dev/null", *arguments]
    return subprocess.run(command, cwd=root / "tests", env=os.environ, capture_output=True, text=True, check=False).stdout


def test_three_lines_test_every_file_by_its_name(tmp_path: Path) -> None:
    """A case a file; each that fails shows its findings, as the command line does, and nothing of the kit's own code. From any folder."""
    _folder(tmp_path, RIGHT, MISSPELT, REFUSED)
    told = _pytest(tmp_path)
    assert "PASSED test_pipelines.py::test_pipelines[right]" in told.replace("tests/", "")
    assert "2 failed, 1 passed" in told
    assert "misspelt.yaml:4:7  steps.b.need: unknown key 'need'" in told
    assert "EmptyOperator takes no 'colour'" in told
    assert "validity.py" not in told


def test_a_folder_without_pipelines_fails(tmp_path: Path) -> None:
    """A misspelt folder would else test nothing for ever."""
    assert "there is no such folder" in _pytest(tmp_path)
    _folder(tmp_path)
    assert "there is no pipeline file in this folder" in _pytest(tmp_path)


def test_all_findings_are_told_at_once(tmp_path: Path) -> None:
    """Without pytest, in one message."""
    folder = _folder(tmp_path, RIGHT, MISSPELT, REFUSED)
    with pytest.raises(AssertionError) as caught:
        check_pipelines(folder)
    assert str(caught.value).startswith("2 finding(s).")
    assert "Did you mean 'needs'?" in str(caught.value)
    assert "EmptyOperator takes no 'colour'" in str(caught.value)


def test_what_is_right_is_handed_back(tmp_path: Path) -> None:
    """For tests that go on to look at the pipelines themselves."""
    assert [spec.name for spec in check_pipelines(_folder(tmp_path, RIGHT)).values()] == ["right"]
    assert "nightly_sales" in check_pipelines("include/pipelines")


def test_what_only_airflow_refuses_is_a_finding(tmp_path: Path) -> None:
    """A mode that no sensor has; the files alone are right where nothing is built."""
    sensor = "airflow.providers.standard.sensors.time_delta.TimeDeltaSensor"
    folder = _folder(tmp_path, f"pipeline: waits\nsteps:\n  a: {{uses: {sensor}, with: {{delta: 1s, mode: sideways}}}}\n")
    with pytest.raises(AssertionError, match=r"(?s)waits\.yaml:3:\d+ .*mode"):
        check_pipelines(folder)
    assert list(check_pipelines(folder, build=False)) == ["waits"]


def test_import_paths_and_environments_are_those_of_the_dag_file(tmp_path: Path) -> None:
    """`allow` and `environment` mean what they mean to `build_dags`."""
    folder = _folder(tmp_path, "pipeline: own\nenvironments: {prod: {}}\nsteps:\n  a: {uses: colours.Paint}\n")
    with pytest.raises(AssertionError, match=r"'colours\.Paint' may not be imported"):
        check_pipelines(folder, build=False)
    assert check_pipelines(folder, allow=["colours."], environment="prod", build=False)
    with pytest.raises(AssertionError, match=r"colours\.Paint"):
        check_pipelines(folder, allow=["colours."])


def test_the_plain_check_passes_what_needs_airflow(tmp_path: Path) -> None:
    """`build=False` reads the files alone, without Airflow's seconds."""
    assert check_pipelines(_folder(tmp_path, REFUSED), build=False)


def test_names_load_on_first_use() -> None:
    """Playing nights and reading files brings no Airflow, no HTTP client, no process control."""
    code = (
        "from tidegate.testing import Night, check_pipelines, pipelines_are_valid\n"
        "check_pipelines('include/pipelines', build=False)\n"
        "Night.of('include/pipelines/nightly_sales.yaml').when(texas='failed').play()\n"
        "import sys; print({'airflow', 'sqlalchemy', 'httpx', 'psutil', 'pandas', 'pytest'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_public_names_are_those_promised() -> None:
    """Adding or losing one is a decision, made here."""
    assert set(testing.__all__) == {
        "AirflowApi", "Alert", "LocalAirflow", "Night", "Result", "TaskView", "Unplayable", "address_of", "check_pipelines",
        "pipelines_are_valid", "stop_leftovers",
    }  # fmt: skip
    assert all(getattr(testing, name).__module__.startswith("tidegate.testing.") for name in testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Knight'"):
        _ = testing.Knight


test_the_pipelines_of_this_repository = pipelines_are_valid("include/pipelines")
