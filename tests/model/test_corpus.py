"""Files that are right load; files that are wrong are told as recorded beside them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from corpus_project import CORPUS, GOOD

from tidegate.model import Project, load_pipeline

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = Project(CORPUS / "include")
BAD = sorted((CORPUS / "bad").glob("*.yaml"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_files_load(path: Path) -> None:
    """A file in good/ has no finding and becomes a spec of its own name."""
    loaded = load_pipeline(path)
    assert loaded.findings == ()
    assert loaded.require().name == path.stem


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_files_are_told_as_recorded(path: Path) -> None:
    """Every finding of a file in bad/ reads as the .txt beside it; RECORD=1 writes it, for a person to review."""
    loaded = load_pipeline(path, PROJECT, name=path.name)
    told = "\n\n".join(finding.render() for finding in loaded.findings).replace(str(PROJECT.include.resolve()), "include") + "\n"
    recorded = path.with_suffix(".txt")
    if os.environ.get("RECORD"):
        recorded.write_text(told, encoding="utf-8")
    assert loaded.spec is None
    assert told == recorded.read_text(encoding="utf-8")


def test_every_finding_says_what_to_do() -> None:
    """No finding of the corpus leaves a person without a hint."""
    findings = [finding for path in BAD for finding in load_pipeline(path, PROJECT).findings]
    assert [finding.render() for finding in findings if not finding.hint] == []
