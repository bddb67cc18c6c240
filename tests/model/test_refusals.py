"""Files that are wrong are told as recorded beside them: where, what, and what to do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from bad_corpus import BAD, FILES, load, told

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
