"""What the importer writes is right by the language's own rules, wherever nothing was lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.model import Project, load_pipeline

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(CORPUS.glob("*/include/pipelines/*.yaml"))
ALLOWED = ("acme.", "datetime.", "dateutil.", "kubernetes.")
"""What the remarks of the corpus ask a project to allow."""
FOR_A_PERSON = {"hard": "neither what it uses", "ends_early": "before it starts"}
"""Pipelines that only a person can finish → a part of what the loader says about them."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_pipeline_is_right(path: Path) -> None:
    """The modules stand under include/, and the loader finds nothing; or the remarks have told why a person must finish it."""
    project = Project.around(path, allowed_imports=ALLOWED)
    findings = load_pipeline(path, project).findings
    if path.stem in FOR_A_PERSON:
        assert any(FOR_A_PERSON[path.stem] in finding.message for finding in findings)
        assert "cannot be said" in path.read_text(encoding="utf-8")
    else:
        assert [finding.render() for finding in findings] == []


def test_there_are_pipelines() -> None:
    """The collection above finds what it looks for."""
    assert len(FILES) > 30
