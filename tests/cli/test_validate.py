"""``tidegate validate`` as a person and as a pre-commit hook type it."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from command_line import ROOT, called, tidegate

from tidegate.model import Project, load_folder

if TYPE_CHECKING:
    from collections.abc import Callable

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


# -- What lies in a folder ------------------------------------------------------------------------------------------


@pytest.fixture
def pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of pipelines of a project to work in, with one that is right."""
    monkeypatch.chdir(tmp_path)
    return _write(tmp_path / "include" / "pipelines" / "good.yaml", RIGHT.format(name="good")).parent


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)  # the whole path may be longer than a socket's may be


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkfifo, "is a named pipe, not a file"),
        (_socket, "is a socket, not a file"),
        (lambda path: path.symlink_to("/dev/null"), "is a device, not a file"),
        (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels of symbolic links"),
        (lambda path: path.symlink_to("nowhere"), "cannot be read: No such file or directory"),
    ],
    ids=["pipe", "socket", "device", "loop", "nowhere"],
)
def test_what_is_no_file_is_told_and_hides_no_other(
    pipelines: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], why: str
) -> None:
    """A pipe is never opened, for it would wait for a writer; in a folder, by name, and where DAGs are built."""
    monkeypatch.chdir(pipelines)
    make(pipelines / "odd.yaml")
    for arguments, count in ((["."], 2), (["odd.yaml", "good.yaml"], 2), (["odd.yaml"], 1)):
        done = called("validate", *arguments)
        assert done.exit_code == 1
        assert f"odd.yaml  {why}\n" in done.stdout
        assert done.stdout.endswith(f"\n{count} file(s), 1 with 1 finding(s).\n")
    assert [loaded.name for loaded in load_folder(pipelines, Project.around(pipelines)) if loaded.findings] == ["odd"]


def test_a_link_is_a_file_of_its_own(pipelines: Path) -> None:
    """As it is a DAG of its own; by name it is found as in its folder."""
    (pipelines / "alias.yaml").symlink_to("good.yaml")
    told = "alias.yaml:1:1  pipeline: the pipeline is named 'good', its file 'alias.yaml'"
    for arguments in (["include/pipelines"], ["include/pipelines/good.yaml", "include/pipelines/alias.yaml"]):
        done = called("validate", *arguments)
        assert told in done.stdout
        assert "good.yaml: right\n" in done.stdout
        assert done.stdout.endswith("2 file(s), 1 with 1 finding(s).\n")


def test_a_link_lies_where_it_lies(pipelines: Path, tmp_path: Path) -> None:
    """What its file names is looked for around the link, by name as in a folder."""
    text = "pipeline: linked\nsteps: {run: {uses: extract, with: {connection: shop, query: sql/rows.sql}}}\n"
    (pipelines / "linked.yaml").symlink_to(_write(tmp_path / "shared" / "elsewhere.yaml", text))
    _write(tmp_path / "include" / "sql" / "rows.sql", "SELECT 1")
    for argument in ("include/pipelines", "include/pipelines/linked.yaml"):
        assert "'rows.sql'" not in called("validate", argument).stdout
        assert "include/pipelines/linked.yaml: right\n" in called("validate", argument).stdout


@pytest.mark.parametrize("suffix", ["YAML", "Yml"])
def test_a_suffix_may_have_capitals(pipelines: Path, suffix: str) -> None:
    """In a folder as by name."""
    path = _write(pipelines / f"UP.{suffix}", RIGHT.format(name="UP"))
    for argument in (pipelines, path):
        assert f"UP.{suffix}: right\n" in called("validate", str(argument)).stdout


@pytest.mark.parametrize("name", ["defaults.yml", "defaults.YAML", "Defaults.yaml"])
def test_defaults_by_another_name_are_told_what_to_be_called(pipelines: Path, name: str) -> None:
    """Nothing would read them."""
    path = _write(pipelines / name, "owner: me\n")
    for argument in (pipelines, path):
        done = called("validate", str(argument))
        assert f"{name}  a folder's defaults stand in a file named defaults.yaml\n  Rename it to defaults.yaml" in done.stdout


# -- Templates ------------------------------------------------------------------------------------------------------

TEMPLATE = "template: {name}\nsteps:\n  run: {{uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n"
WRONG = "template: wrong\nparameters: {a: {typ: int}}\nsteps: {a: {use: x, with: {b: '${a}'}}, c: {retries: '${a}', uses: other}}\n"


def test_templates_are_judged_as_templates(pipelines: Path) -> None:
    """Named, in their folder, and in the folder above."""
    folder = pipelines.parent / "templates"
    right = _write(folder / "fine.yaml", TEMPLATE.format(name="fine"))
    _write(folder / "fine@1.yaml", TEMPLATE.format(name="fine"))
    told = "include/templates/fine.yaml: right\ninclude/templates/fine@1.yaml: right\n"
    assert called("validate", "include/templates").stdout == f"{told}2 file(s), all right.\n"
    assert called("validate", "include").stdout == f"include/pipelines/good.yaml: right\n{told}3 file(s), all right.\n"
    assert called("validate", str(right), str(right)).stdout == f"{right}: right\n1 file(s), all right.\n"
    assert called("validate", "include/templates/none.yaml").stdout.startswith("include/templates/none.yaml  there is no such file")
    assert "a template is no pipeline" in called("plan", str(right)).stderr


@pytest.mark.parametrize(("argument", "count"), [("include/pipelines", 2), ("include", 3), ("include/templates", 2)])
def test_what_is_wrong_in_a_template_that_nothing_uses_is_told(pipelines: Path, argument: str, count: int) -> None:
    """Its parameters, and the steps that no parameter speaks for; of the others nothing is said to be wrong."""
    _write(pipelines.parent / "templates" / "wrong.yaml", WRONG)
    _write(pipelines.parent / "templates" / "fine.yaml", TEMPLATE.format(name="fine"))
    done = called("validate", argument)
    assert done.exit_code == 1
    assert "include/templates/wrong.yaml:2:18  parameters.a.typ: unknown key 'typ'" in done.stdout
    assert "include/templates/wrong.yaml:3:13  steps.a.use: unknown key 'use'" in done.stdout
    assert done.stdout.endswith(f"\n{count} file(s), 1 with 2 finding(s).\n")


def test_what_a_pipeline_told_of_a_template_is_told_once(pipelines: Path) -> None:
    """The step that uses it has found it."""
    _write(pipelines.parent / "templates" / "wrong.yaml", WRONG)
    _write(pipelines / "using.yaml", "pipeline: using\nsteps: {run: {uses: wrong, with: {a: 1}}}\n")
    done = called("validate", "include/pipelines")
    assert done.stdout.count("unknown key 'typ'") == 1
    assert "include/templates/wrong.yaml: stands on what is told above" in done.stdout


@pytest.mark.parametrize("name", ["fine.yml", "deep/fine.yaml", "two.dots.yaml", "fine.YAML"])
def test_a_template_that_no_step_can_use_is_told(pipelines: Path, name: str) -> None:
    """It lies where nothing looks for it."""
    _write(pipelines.parent / "templates" / name, TEMPLATE.format(name="fine"))
    assert f"include/templates/{name}  no step can use this template\n" in called("validate", "include/pipelines").stdout


def test_a_folder_of_pipelines_may_be_called_templates(pipelines: Path) -> None:
    """Only that of the project holds templates."""
    _write(pipelines / "templates" / "more.yaml", RIGHT.format(name="more"))
    assert "include/pipelines/templates/more.yaml: right\n" in called("validate", "include").stdout


# -- What a program reads -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate", "FILE", "--format", "json"],
        ["validate", "FILE", "--format", "sarif"],
        ["plan", "FILE", "--format", "json"],
        ["diff", "FILE", "FILE", "--json"],
    ],
    ids=" ".join,
)
def test_what_a_kind_prints_does_not_stand_in_the_output(pipelines: Path, arguments: list[str]) -> None:
    """When it is imported and when it builds; a person sees it all the same."""
    kind = """
from tidegate.kinds import Call, Kind, Settings

print("imported")


def build(settings, task):
    print("built")
    return Call("airflow.providers.standard.operators.empty.EmptyOperator", {})


KIND = Kind(settings=Settings, build=build)
"""
    _write(pipelines.parent / "kinds" / "loud.py", kind)
    path = _write(pipelines / "noisy.yaml", "pipeline: noisy\nsteps: {run: {uses: loud}}\n")
    done = called(*(str(path) if argument == "FILE" else argument for argument in arguments))
    assert (done.exit_code, type(json.loads(done.stdout))) == (0, dict)
    assert "imported\n" in done.stderr


# -- The hook -------------------------------------------------------------------------------------------------------


def test_the_hook_works_as_pre_commit_calls_it(tmp_path: Path) -> None:
    """``.pre-commit-hooks.yaml``: its entry, with the names of files behind it, in the top folder of somebody's repository."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"]) == ("tidegate-validate", "python")
    program, *arguments = shlex.split(hook["entry"])
    assert program == "tidegate"
    _write(tmp_path / "include" / "pipelines" / "team" / "good.yml", RIGHT.format(name="good"))
    wrong = _write(tmp_path / "include" / "pipelines" / "wrong.yaml", "pipeline: wrong\nsteps: {}\n")
    _write(tmp_path / "include" / "templates" / "part.yaml", TEMPLATE.format(name="part"))
    _write(tmp_path / "include" / "pipelines" / "UP.YML", RIGHT.format(name="UP"))
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.[yY]*"))
    chosen = [file for file in [*files, "include/sql/x.sql", "docs/include/pipelines/x.yaml"] if re.search(hook["files"], file)]
    assert chosen == files
    assert tidegate(*arguments, *chosen, cwd=tmp_path).returncode == 1
    wrong.write_text(RIGHT.format(name="wrong"))
    assert tidegate(*arguments, *chosen, cwd=tmp_path).returncode == 0
