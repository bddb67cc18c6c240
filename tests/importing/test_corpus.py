"""Each folder of the corpus is a project that moves: dags/ has what dag-factory reads, include/pipelines what becomes of it, told.txt what is told."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from tidegate.importing import Imported, import_dag_factory

CORPUS = Path(__file__).parent / "corpus"
CASES = sorted(path for path in CORPUS.iterdir() if path.is_dir())
TODAY = date(2026, 3, 1)
RECORD = bool(os.environ.get("RECORD"))


def imported(case: Path) -> Imported:
    """What becomes of a case's files."""
    files = sorted(path for path in (case / "dags").rglob("*.y*ml"))
    return import_dag_factory(files, today=TODAY, folder=case / "include" / "pipelines")


def told(case: Path, found: Imported) -> str:
    """All remarks and troubles, as a person reads them."""
    findings = [f"{'LOST' if remark.lost else 'note'}  {remark.finding.render()}" for remark in found.remarks]
    findings += [f"TROUBLE  {trouble.render()}" for trouble in found.troubles]
    return "\n\n".join(findings).replace(f"{case}/", "") + "\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_files_become_what_is_recorded(case: Path) -> None:
    """Pipelines and remarks are those beside the input; RECORD=1 writes them, for a person to review."""
    found = imported(case)
    folder, remarks = case / "include" / "pipelines", case / "told.txt"
    if RECORD:
        for old in folder.glob("*.yaml"):
            old.unlink()
        for pipeline in found.pipelines:
            (folder / f"{pipeline.name}.yaml").write_text(pipeline.text, encoding="utf-8")
        remarks.write_text(told(case, found), encoding="utf-8")
    recorded = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    assert {pipeline.name: pipeline.text for pipeline in found.pipelines} == recorded
    assert told(case, found) == remarks.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_lost_has_a_comment_and_advice(case: Path) -> None:
    """Each thing that could not be said has its place, says what to do, and is found again in a file, unless no file was written for it."""
    found = imported(case)
    texts = " ".join(" ".join(pipeline.text.replace("#", " ").split()) for pipeline in found.pipelines)
    for remark in found.lost:
        finding = remark.finding
        assert finding.line > 0, finding
        assert finding.column > 0, finding
        assert finding.hint, finding
        if "No file is written" not in finding.hint and "is no DAG" not in finding.message:
            assert f"({Path(finding.file).name}:{finding.line}) {finding.message}." in texts, finding.render()
