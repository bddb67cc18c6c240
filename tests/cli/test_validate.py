"""``tidegate validate`` as a person and as a pre-commit hook type it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from command_line import ROOT, called, tidegate

BAD = "tests/model/corpus/bad"
RIGHT = "pipeline: {name}\nsteps:\n  run: {{uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_right_files_are_said_to_be_right() -> None:
    """A folder is read to its depth; the exit code is 0."""
    done = tidegate("validate", "include/pipelines")
    assert (done.returncode, done.stderr) == (0, "")
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "include" / "pipelines").rglob("*.yaml") if path.name != "defaults.yaml")
    assert done.stdout == "".join(f"{file}: right\n" for file in files) + f"{len(files)} file(s), all right.\n"


def test_wrong_files_are_told_all_at_once_and_end_in_1() -> None:
    """Every finding of every file, on a pipe without colours."""
    done = tidegate("validate", f"{BAD}/typo_in_needs.yaml", f"{BAD}/quorum_too_high.yaml", "include/pipelines/nightly_sales.yaml")
    assert done.returncode == 1
    assert f"{BAD}/typo_in_needs.yaml:8:5  steps.arrived.need: unknown key 'need'" in done.stdout
    assert re.search(r"\n3 file\(s\), 2 with \d+ finding\(s\)\.\n$", done.stdout)
    assert "\x1b" not in done.stdout


def test_a_file_that_is_not_there_is_told() -> None:
    """Not a traceback."""
    done = tidegate("validate", "include/pipelines/nowhere.yaml")
    assert done.returncode == 1
    assert "include/pipelines/nowhere.yaml  there is no such file" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [("--format", "xml", "x.yaml"), (), ("--wrong",)], ids=["format", "no file", "option"])
def test_a_wrong_call_ends_in_2(arguments: tuple[str, ...]) -> None:
    """What is wrong with the call is told apart from what is wrong with a file."""
    assert called("validate", *arguments).exit_code == 2


def test_two_files_of_one_name_are_told_about_each_other(tmp_path: Path) -> None:
    """As their DAG's page would."""
    for folder in ("a", "b"):
        _write(tmp_path / "include" / folder / "same.yaml", RIGHT.format(name="same"))
    done = tidegate("validate", "include", cwd=tmp_path)
    assert done.returncode == 1
    assert "include/a/same.yaml  another file is named 'same' too: include/b/same.yaml" in done.stdout


def test_an_empty_folder_is_not_all_right(tmp_path: Path) -> None:
    """A check that checked nothing must not pass in CI."""
    done = called("validate", str(tmp_path))
    assert done.exit_code == 1
    assert "no pipeline file" in done.stdout


def test_a_projects_own_imports_can_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``allow=`` does in the DAG file."""
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "own.yaml", "pipeline: own\nsteps:\n  run: {uses: acme.operators.Ship}\n")
    assert "'acme.operators.Ship' may not be imported" in called("validate", "own.yaml").stdout
    assert called("validate", "--allow", "acme.", "own.yaml").exit_code == 0


def test_an_environment_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its variables are those that the file is checked with."""
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "own.yaml", f"{RIGHT.format(name='own')}environments: {{prod: {{who: me}}}}\nowner: ${{who}}\n")
    assert called("validate", "own.yaml").exit_code == 1
    assert called("validate", "--env", "prod", "own.yaml").exit_code == 0


def test_a_folders_defaults_stand_for_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no pipeline, but part of each in their folder; and no pipeline is told twice."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "include" / "pipelines"
    _write(folder / "a.yaml", RIGHT.format(name="a"))
    _write(folder / "defaults.yaml", "ownr: me\n")
    done = called("validate", "include/pipelines/defaults.yaml", "include/pipelines/a.yaml")
    assert done.exit_code == 1
    assert "include/pipelines/defaults.yaml:1:1  ownr: unknown key 'ownr'" in done.stdout
    assert done.stdout.endswith("1 file(s), 1 with 1 finding(s).\n")


def test_findings_can_go_into_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary stays on the terminal, and the exit code is the same."""
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "own.yaml", "pipeline: own\n")
    done = called("validate", "own.yaml", "--format", "json", "--output", "reports/found.json")
    assert (done.exit_code, done.stdout) == (1, "1 file(s), 1 with 1 finding(s). Written to reports/found.json.\n")
    assert json.loads(Path("reports/found.json").read_text())["summary"]["findings"] == 1
    done = called("validate", "own.yaml", "--output", "own.yaml/x.txt")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


# -- The hook -------------------------------------------------------------------------------------------------------


def test_the_hook_works_as_pre_commit_calls_it(tmp_path: Path) -> None:
    """``.pre-commit-hooks.yaml``: its entry, with the names of files behind it, in the top folder of somebody's repository."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"]) == ("tidegate-validate", "python")
    program, *arguments = shlex.split(hook["entry"])
    assert program == "tidegate"
    _write(tmp_path / "include" / "pipelines" / "team" / "good.yml", RIGHT.format(name="good"))
    wrong = _write(tmp_path / "include" / "pipelines" / "wrong.yaml", "pipeline: wrong\nsteps: {}\n")
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.y*ml"))
    chosen = [file for file in [*files, "include/sql/x.sql", "docs/include/pipelines/x.yaml"] if re.search(hook["files"], file)]
    assert chosen == files
    assert tidegate(*arguments, *chosen, cwd=tmp_path).returncode == 1
    wrong.write_text(RIGHT.format(name="wrong"))
    assert tidegate(*arguments, *chosen, cwd=tmp_path).returncode == 0
