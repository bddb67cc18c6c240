"""``tidegate new`` writes what ``tidegate validate`` finds right, and nothing over anything."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from command_line import ROOT, TIDEGATE, called, tidegate

from tidegate.cli.drafts import Template, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

PIPELINES = Path("include/pipelines")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("template", Template, ids=lambda template: template.value)
def test_what_is_written_is_right_at_once(tmp_path: Path, template: Template) -> None:
    """Typed as a person types it, then validated; every SQL file that it names is there, and every file that is there is named."""
    done = tidegate("new", "my-sales", "--template", template.value, "--yes", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    files = _files(tmp_path)
    assert [line.removeprefix("Wrote ") for line in done.stdout.splitlines() if line.startswith("Wrote")] == sorted(
        files, key=done.stdout.index
    )
    text = (tmp_path / PIPELINES / "my-sales.yaml").read_text()
    assert [file for file in files if file.endswith(".sql") and file.removeprefix("include/") not in text] == []
    assert "__" not in text
    checked = tidegate("validate", "include/pipelines", cwd=tmp_path)
    assert checked.stdout == "include/pipelines/my-sales.yaml: right\n1 file(s), all right.\n"


def test_the_next_steps_are_said(here: Path) -> None:
    """The SQL to write, the check, the connections, and the DAG file where there is none yet."""
    arguments = ("--template", "nightly", "--regions", "emea, apac", "--connection-prefix", "erp_", "--warehouse", "dwh")
    told = called("new", "sales", *arguments).stdout
    assert "Write your SQL into include/sql/sales_rows.sql, include/sql/sales_by_day.sql." in told
    assert "tidegate validate include/pipelines/sales.yaml" in told
    assert "erp_emea, erp_apac, dwh" in told
    assert "build_dags(" in told
    (here / "dags").mkdir()
    (here / "dags" / "mine.py").write_text("from tidegate import build_dags\n")
    assert "build_dags(" not in called("new", "more", *arguments).stdout


def test_the_dag_file_that_is_shown_is_the_one_of_this_repository() -> None:
    """In what it does, if not in its words."""
    from tidegate.cli.commands.new import _BUILD

    shown = (ROOT / "dags" / "pipelines.py").read_text()
    assert [line for line in shown.splitlines() if line.startswith(("from", "globals"))] == [
        line.partition("  #")[0] for line in _BUILD.splitlines() if line
    ]


def test_nothing_is_written_over_anything(here: Path) -> None:
    """Neither the pipeline nor a SQL file, and where one is there already, nothing at all."""
    sql = here / "include" / "sql" / "sales_rows.sql"
    sql.parent.mkdir(parents=True)
    sql.write_text("mine")
    done = called("new", "sales", "--template", "serial", "--yes")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "include/sql/sales_rows.sql is there already" in done.stderr
    assert _files(here) == ["include/sql/sales_rows.sql"]
    sql.unlink()
    (here / PIPELINES).mkdir()
    (here / PIPELINES / "sales.yml").write_text("mine")
    assert called("new", "sales", "--yes").exit_code == 1
    assert _files(here) == ["include/pipelines/sales.yml"]


@pytest.mark.parametrize("name", ["9lives", "a b", "../x", "a.b", "x" * 101, ""])
def test_a_name_follows_the_models_rule(here: Path, name: str) -> None:
    """It ends in 2 before anything is written."""
    done = called("new", "--yes", "--", name)
    assert (done.exit_code, _files(here)) == (2, [])
    assert "is no name for a pipeline" in done.stderr


@pytest.mark.parametrize("name", ["defaults", "Defaults"])
def test_a_pipeline_is_not_called_as_a_folders_defaults(here: Path, name: str) -> None:
    """Its file would be no pipeline, or be taken for none."""
    done = called("new", name, "--yes")
    assert (done.exit_code, _files(here)) == (2, [])
    assert done.stderr == (
        f"NAME: no pipeline may be called '{name}': defaults.yaml holds what the pipelines of its folder share. Choose another name.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--regions", "a b"), "'a b' does not fit"),
        (("--regions", "a,a"), "more than once"),
        (("--regions", " , "), "--regions names no region"),
        (("--template", "serial", "--regions", "a"), "--regions belongs to the template nightly"),
        (("--template", "serial", "--warehouse", ""), "there is nothing in it"),
    ],
    ids=["space", "twice", "none", "serial", "empty"],
)
def test_an_answer_that_does_not_fit_is_told(here: Path, arguments: tuple[str, ...], why: str) -> None:
    """By the findings of the file that it would make; nothing is written."""
    done = called("new", "sales", *arguments, "--yes")
    assert (done.exit_code, _files(here)) == (2, [])
    assert why in done.stderr


def test_without_a_terminal_everything_must_be_given(tmp_path: Path) -> None:
    """A script does not wait for an answer that nobody gives."""
    done = tidegate("new", "sales", "--template", "nightly", "--warehouse", "dwh", "--connection-prefix", "x_", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Nothing says --regions, and there is no terminal to ask on. Give it, or take defaults by --yes.\n"
    assert _files(tmp_path) == []


def test_names_that_yaml_takes_for_something_else_are_quoted(here: Path) -> None:
    """A region may be called 404, no or null."""
    assert called("new", "on", "--regions", "404,no,null,1e5,true", "--connection-prefix", "", "--yes").exit_code == 0
    assert called("validate", "include/pipelines/on.yaml").exit_code == 0
    value = yaml.safe_load((here / PIPELINES / "on.yaml").read_text())
    assert value["pipeline"] == "on"
    assert value["steps"]["extract"]["for_each"]["region"] == ["404", "no", "null", "1e5", "true"]


@pytest.mark.parametrize("text", ["a", "404", "no", "a: b", "{region}", "#x", "", "a\nb", "2026-01-01", "~", "'", '"', "ü"])
def test_a_text_stays_the_text_that_it_is(text: str) -> None:
    """Inside of a list as well, save what holds braces, which stands alone."""
    assert yaml.safe_load(f"[{scalar(text)}, x]") == [text, "x"]
    assert yaml.safe_load(f"a: {scalar(f'sales_{text}')}") == {"a": f"sales_{text}"}


def test_another_folder_may_be_chosen(here: Path) -> None:
    """SQL files lie where the pipeline looks for them: under the nearest include/, else beside it."""
    assert called("new", "a", "--folder", "include/pipelines/team", "--template", "serial", "--yes").exit_code == 0
    assert called("new", "b", "--folder", "elsewhere", "--template", "serial", "--yes").exit_code == 0
    assert called("validate", "include", "elsewhere").stdout.endswith("2 file(s), all right.\n")
    assert (here / "include" / "sql" / "a_rows.sql").is_file()
    assert (here / "elsewhere" / "sql" / "b_rows.sql").is_file()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The two ends of a terminal."""
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_on_a_terminal_it_asks_for_what_is_missing(tmp_path: Path, terminal: tuple[int, int]) -> None:
    """Enter takes the default; what was given is not asked for."""
    person, computer = terminal
    os.write(person, b"nightly\nemea,apac\n\n")
    done = subprocess.run(
        [str(TIDEGATE), "new", "sales", "--warehouse", "dwh"], stdin=computer, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert [question in done.stdout for question in ("Template", "Regions", "connection ids begin with", "warehouse [")] == [
        True,
        True,
        True,
        False,
    ]
    text = (tmp_path / PIPELINES / "sales.yaml").read_text()
    assert "region: [emea, apac]" in text
    assert "connection: sales_{region}" in text
    assert "connection: dwh" in text
