"""All pipelines of a folder, and that no two of them share a name."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.model.findings import Finding
from tidegate.model.load import Loaded, load_pipeline

if TYPE_CHECKING:
    from tidegate.model.project import Project

SUFFIXES = (".yaml", ".yml")


def load_folder(root: Path, project: Project, *, only: str | None = None, shown_from: Path | None = None) -> list[Loaded]:
    """Load every pipeline file under a folder, in a fixed order. Of files that share a name, none becomes a pipeline.

    :param only: Read the files of this pipeline alone: a file and its pipeline share their name.
    :param shown_from: The folder that findings tell paths from; by default paths are told as they were given.
    """
    shown = {path: os.path.relpath(path, shown_from) if shown_from else str(path) for path in pipeline_files(root, only=only)}
    namesakes: dict[str, list[str]] = defaultdict(list)
    for path, name in shown.items():
        namesakes[path.stem].append(name)
    loaded = []
    for path, name in shown.items():
        result = load_pipeline(path, project, name=name)
        if others := [other for other in namesakes[path.stem] if other != name]:
            message = f"another file is named '{path.stem}' too: {', '.join(others)}"
            result = Loaded(path, None, (Finding(name, 0, 0, "", message, "Give each pipeline a name of its own."), *result.findings))
        loaded.append(result)
    return loaded


def pipeline_files(root: Path, *, only: str | None = None) -> list[Path]:
    """The YAML files under a folder in a fixed order, or those of one pipeline."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        # os.path, for it costs half of pathlib, and every task's start walks the folder
        found += [os.path.join(folder, file) for file in files if file.endswith(SUFFIXES) and only in {None, file.rpartition(".")[0]}]  # noqa: PTH118
    return [Path(name) for name in sorted(found)]
