"""The corpus's bad files: a project in which everything is wrong, loaded as its pipelines are."""

from __future__ import annotations

import re
from pathlib import Path

from tidegate.model import Loaded, Project, load_folder, load_pipeline

BAD = Path(__file__).parent / "model" / "corpus" / "bad"
PROJECT = Project(BAD / "include", shown_from=BAD)
PIPELINES = BAD / "include" / "pipelines"
"""Those that stand on layers, use templates and kinds of the project's own, or share a name."""
FILES = [*sorted(BAD.glob("*.yaml")), *sorted(path for path in PIPELINES.rglob("*.yaml") if path.name != "defaults.yaml")]


def load(path: Path) -> Loaded:
    """What became of one bad file; its first line may say ``# --env NAME``."""
    said = re.match(rb"# --env (\w+)", path.read_bytes())
    environment = said[1].decode() if said else None
    if path.is_relative_to(PIPELINES):
        return next(loaded for loaded in load_folder(PIPELINES, PROJECT, environment=environment) if loaded.path == path)
    return load_pipeline(path, PROJECT, name=path.name, environment=environment)


def told(loaded: Loaded) -> str:
    """All of its findings, as a person reads them."""
    findings = "\n\n".join(finding.render() for finding in loaded.findings)
    return findings.replace(str(BAD.resolve()), "…") + "\n"
