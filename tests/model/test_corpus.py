"""Files that are right load; test_refusals.py has those that are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from corpus_project import GOOD

from tidegate.model import load_pipeline

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_files_load(path: Path) -> None:
    """A file in good/ has no finding and becomes a spec of its own name."""
    loaded = load_pipeline(path)
    assert loaded.findings == ()
    assert loaded.require().name == path.stem
