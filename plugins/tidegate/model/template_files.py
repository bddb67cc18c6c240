"""The templates of a project, judged by themselves, whether a pipeline uses them or not. Nothing of it runs while DAGs are built."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.model.findings import Finding
from tidegate.model.folder import SUFFIXES
from tidegate.model.kinds import KINDS
from tidegate.model.problems import validated
from tidegate.model.project import TEMPLATES, is_plain
from tidegate.model.spec import Pipeline
from tidegate.model.templates import checked
from tidegate.model.variables import used
from tidegate.model.yaml_source import read_source

if TYPE_CHECKING:
    from tidegate.model.project import Project

_NO_TEMPLATE = "no step can use this template"


def template_files(project: Project) -> list[Path]:
    """The project's templates, with the files beside them that were meant to be some, in a fixed order."""
    found: list[Path] = []
    for folder, folders, files in os.walk(project.include / TEMPLATES):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, file) for file in files if file.lower().endswith(SUFFIXES) and not file.startswith(".")]
    return sorted(found)


def judged(path: Path, project: Project) -> tuple[Finding, ...]:
    """What is wrong with a template as it stands: its own keys, and those of steps in which no parameter decides what they say."""
    name = project.shown(path)
    if path.parent != project.include / TEMPLATES or path.suffix != ".yaml" or not is_plain(path.name):
        hint = f"Templates lie in include/{TEMPLATES} itself, in files such as copied_table.yaml."
        return (Finding(name, 0, 0, "", _NO_TEMPLATE, hint),)
    _, document = checked(read_source(path, name=name), path.name)
    said = document.value if isinstance(document.value, dict) else {}
    steps, defaults = said.get("steps"), said.get("defaults")
    plain = {step: body for step, body in steps.items() if _is_plain(body)} if isinstance(steps, dict) else {}
    if plain:
        shared = {"defaults": defaults} if isinstance(defaults, dict) and not used(defaults) else {}
        validated(document, Pipeline, {"pipeline": TEMPLATES, **shared, "steps": plain}, ())
    return tuple(document.findings)


def _is_plain(body: Any) -> bool:
    """Whether a step says all but its arguments itself, and is none of another template or of a kind of the project's own."""
    if not isinstance(body, dict):
        return True
    if isinstance(body.get("steps"), dict):
        return all(map(_is_plain, body["steps"].values())) and not used({**body, "steps": None})
    uses = body.get("uses", "")
    known = not isinstance(uses, str) or "." in uses or uses in KINDS or not uses
    return known and not used({**body, "with": None})
