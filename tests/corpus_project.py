"""The corpus's good files, laid out as a project: layers and what a file extends lie under ``include/`` there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "model" / "corpus"
_place = tempfile.TemporaryDirectory(prefix="tidegate-corpus-")  # for as long as the tests run
INCLUDE = Path(_place.name) / "include"
PIPELINES = INCLUDE / "pipelines"
shutil.copytree(CORPUS / "include", INCLUDE)
shutil.copytree(CORPUS / "good", PIPELINES)
GOOD = sorted(path for path in PIPELINES.rglob("*.yaml") if path.name != "defaults.yaml")
