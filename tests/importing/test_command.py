"""``tidegate import dag-factory`` as a person types it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from tidegate.cli.commands.import_ import app

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = "airflow.operators.empty.EmptyOperator"
SAID = f"etl:\n  tasks:\n    run: {{operator: {EMPTY}}}\n"
PIPELINE = """\
# yaml-language-server: $schema=../../.tidegate/pipeline.schema.json
pipeline: etl

steps:
  run: {uses: airflow.providers.standard.operators.empty.EmptyOperator}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of dag-factory's, in which the command is called."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "etl.yml").write_text(SAID, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    """Call the command; an exception would be a traceback for the person."""
    return CliRunner().invoke(app, ["dag-factory", *arguments], catch_exceptions=False)


def test_all_is_said(project: Path) -> None:
    """The file is written where pipelines lie, named after the DAG; the exit code is 0."""
    done = run("dags/etl.yml")
    assert done.output == "Wrote include/pipelines/etl.yaml\n1 pipeline(s), 0 thing(s) that could not be said, 0 remark(s).\n"
    assert done.exit_code == 0
    assert (project / "include/pipelines/etl.yaml").read_text() == PIPELINE


def test_something_could_not_be_said(project: Path) -> None:
    """The file is written all the same, with a comment; the remark has its place, and the exit code is 1."""
    (project / "dags/etl.yml").write_text(
        SAID.replace(f"{{operator: {EMPTY}}}", f"\n      operator: {EMPTY}\n      sla: 60"), encoding="utf-8"
    )
    done = run("dags/etl.yml", "--output", "elsewhere")
    assert done.exit_code == 1
    assert "dags/etl.yml:5:7  etl.tasks.run.sla: cannot be said: Airflow 3 has no SLAs\n    5 |       sla: 60\n" in done.output
    assert "1 thing(s) that could not be said" in done.output
    assert "# sla (etl.yml:5) cannot be said" in (project / "elsewhere/etl.yaml").read_text()


def test_a_dry_run_writes_nothing(project: Path) -> None:
    """It prints what would be written."""
    done = run("dags/etl.yml", "--dry-run")
    assert done.exit_code == 0
    assert f"Would write include/pipelines/etl.yaml:\n{PIPELINE}" in done.output
    assert not (project / "include").exists()


def test_a_file_is_not_written_over(project: Path) -> None:
    """Unless it is asked for; one that is in the way keeps the others from being written, too."""
    (project / "dags/more.yml").write_text(SAID.replace("etl", "more"), encoding="utf-8")
    assert run("dags/etl.yml").exit_code == 0
    target = project / "include/pipelines/etl.yaml"
    target.write_text("mine", encoding="utf-8")
    done = run("dags/more.yml", "dags/etl.yml")
    assert done.exit_code == 2
    assert done.output.endswith("etl.yaml is there already; give --force to write over it, or another --output.\nNothing was written.\n")
    assert target.read_text() == "mine"
    assert not target.with_name("more.yaml").exists()
    assert run("dags/more.yml", "dags/etl.yml", "--force").exit_code == 0
    assert target.read_text() == PIPELINE


def test_a_file_that_cannot_be_read_is_trouble(project: Path) -> None:
    """Nothing is written for the others either."""
    done = run("dags/etl.yml", "dags/nowhere.yml")
    assert done.exit_code == 2
    assert "dags/nowhere.yml  cannot be read: No such file or directory" in done.output
    assert done.output.endswith("Nothing was written.\n")
    assert not (project / "include").exists()


def test_a_place_that_cannot_be_written_is_trouble(project: Path) -> None:
    """A sentence, and no traceback."""
    (project / "include").write_text("a file", encoding="utf-8")
    assert run("dags/etl.yml").exit_code == 2
