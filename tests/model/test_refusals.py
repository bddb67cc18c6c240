"""Files that are wrong are told as recorded beside them: where, what, and what to do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from bad_corpus import BAD, FILES, load, told

from tidegate.model import load_pipeline
from tidegate.model.yaml_source import MOST_BYTES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(BAD).with_suffix("").as_posix())
def test_bad_files_are_told_as_recorded(path: Path) -> None:
    """Every finding of a file in bad/ reads as the .txt beside it; RECORD=1 writes it, for a person to review."""
    loaded = load(path)
    recorded = path.with_suffix(".txt")
    if os.environ.get("RECORD"):
        recorded.write_text(told(loaded), encoding="utf-8")
    assert loaded.spec is None
    assert told(loaded) == recorded.read_text(encoding="utf-8")


def test_every_finding_says_what_to_do() -> None:
    """No finding of the corpus leaves a person without a hint."""
    findings = [finding for path in FILES for finding in load(path).findings]
    assert [finding.render() for finding in findings if not finding.hint] == []


@pytest.mark.parametrize("opens", ["- ", "? ", "[", "[1,", "{a: ", '{"a":', "a: {b: [c, ", "[#\n", "!!seq [", "&a [", "- ? "])
def test_a_text_that_is_nested_without_end_is_refused(tmp_path: Path, opens: str) -> None:
    """The C parser descends on a stack whose end no process survives, and all DAGs of the folder with it."""
    path = tmp_path / "deep.yaml"
    path.write_text(opens * (MOST_BYTES // len(opens)))
    (finding,) = load_pipeline(path).findings
    assert finding.message == "is nested deeper than 50 levels"
    assert finding.line


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """Of a gigabyte, no more than the bound is read."""
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(1_000_000_000)
    (finding,) = load_pipeline(path).findings
    assert finding.message == "has more than the 1,000,000 bytes that a pipeline file may have"


def test_a_line_without_end_is_shown_in_part(tmp_path: Path) -> None:
    """The caret stands below what is wrong, and a log stays readable."""
    path = tmp_path / "wide.yaml"
    path.write_text(f"{{pipeline: wide, description: {'x' * 100_000}, ownr: me, steps: {{}}}}")
    told = next(finding.render() for finding in load_pipeline(path).findings if finding.path == "ownr")
    line, caret = told.splitlines()[1:3]
    assert line[caret.index("^") :].startswith("ownr: me")
    assert len(told) < 1_000


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "marked.yaml"
    path.write_bytes("\ufeffpipeline: marked\nsteps: {step: {uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n".encode())
    assert load_pipeline(path).require().name == "marked"
