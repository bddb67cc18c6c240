"""All pipelines of a folder, and that no two of them share a name."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.model.findings import Finding
from tidegate.model.layers import DEFAULTS
from tidegate.model.load import Loaded, Reader
from tidegate.model.project import TEMPLATES, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIXES = (".yaml", ".yml")
_NO_ID = re.compile(r"[^\w.-]")
_LONGEST_ID = 250
_DEFAULTS = DEFAULTS.partition(".")[0]


def dag_id(name: str) -> str:
    """What a file's DAG is called: as its pipeline; a name that no pipeline may have is spelt out so that it is no other's either."""
    return _NO_ID.sub(lambda found: f".{ord(found[0]):x}.", name)[:_LONGEST_ID]


def load_folder(root: Path, project: Project, *, environment: str | None = None) -> list[Loaded]:
    """Load every pipeline file under a folder, in a fixed order. Of files that share a name, none becomes a pipeline.

    :param environment: Whose variables hold, such as ``prod``.
    """
    return list(each_of_folder(root, project, environment=environment))


def each_of_folder(root: Path, project: Project, *, only: str | None = None, environment: str | None = None) -> Iterator[Loaded]:
    """The same one after the other, so that what is done with one is gone from memory before the next is read.

    :param only: Read the files of the pipeline of this DAG id alone: a file and its pipeline share their name.
    """
    reader = Reader(project, environment=environment)
    shown = {path: project.shown(path) if project.shown_from else str(path) for path in pipeline_files(root, only=only)}
    namesakes: dict[str, list[str]] = defaultdict(list)
    for path, name in shown.items():
        namesakes[path.stem].append(name)
    for path, name in shown.items():
        result = load_file(reader, path, name=name)
        if others := [other for other in namesakes[path.stem] if other != name]:
            message = f"another file is named '{path.stem}' too: {', '.join(others)}"
            twin = Finding(name, 0, 0, "", message, "Give each pipeline a name of its own.")
            result = Loaded(path, None, (twin, *result.findings), result.document)
        yield result


def load_file(reader: Reader, path: Path, *, name: str | None = None) -> Loaded:
    """One pipeline file, unless it has the name of a folder's defaults without being them.

    :param name: What findings call the file; its path by default.
    """
    if is_misnamed(path):
        hint = f"Rename it to {DEFAULTS} if it holds what its folder shares; no pipeline may be called 'defaults'."
        return Loaded(path, None, (Finding(name or str(path), 0, 0, "", f"a folder's defaults stand in a file named {DEFAULTS}", hint),))
    return reader.load(path, name=name)


def is_misnamed(path: Path) -> bool:
    """Whether somebody may take a file for a folder's defaults, which it is not."""
    return path.stem.lower() == _DEFAULTS and path.name != DEFAULTS


def pipeline_files(root: Path, *, only: str | None = None) -> list[Path]:
    """The pipeline files under a folder in a fixed order, or those of one DAG. What is hidden, as editors do with locks, is none; nor are templates."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not (name == TEMPLATES and _has_templates(root, folder))
        )
        # os.path, for it costs half of pathlib, and every task's start walks the folder
        found += [
            os.path.join(folder, file)  # noqa: PTH118
            for file in files
            if file.lower().endswith(SUFFIXES) and file != DEFAULTS and not file.startswith(".") and _is(file.rpartition(".")[0], only)
        ]
    return [Path(name) for name in sorted(found)]


def _has_templates(root: Path, folder: str) -> bool:
    """Whether a folder is the one whose ``templates`` are the project's."""
    return Project.around(root).include == Path(folder).resolve()


def _is(name: str, only: str | None) -> bool:
    return only is None or name == only or ("." in only and dag_id(name) == only)
