"""What the checks look at, and how they tell what they find."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tidegate.errors import FileMissing
from tidegate.model.findings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.model.document import Document
    from tidegate.model.functions import Functions
    from tidegate.model.kind import Kind, Kinds, Settings
    from tidegate.model.project import Project
    from tidegate.model.spec import Pipeline
    from tidegate.model.tree import Node, Tree
    from tidegate.model.yaml_source import Place


@dataclass(frozen=True, slots=True)
class Subject:
    """A pipeline whose parts are right, with all that is needed to judge it as a whole."""

    document: Document
    pipeline: Pipeline
    tree: Tree
    settings: Mapping[str, Settings]
    """Step path → settings of its kind."""
    own: Mapping[str, Mapping[str, Settings]]
    """Step path → branch → settings, where a branch has some of its own."""
    kinds: Mapping[str, Kind]
    """Step path → the kind, where it is none of the built-in ones."""
    project: Project
    functions: Functions
    registry: Kinds

    def report(self, at: Place, message: str, hint: str) -> None:
        """Tell what is wrong."""
        self.document.report(at, message, hint)

    def import_path(self, at: Place, path: str) -> None:
        """Tell of an import path that is not allowed."""
        if not self.project.allows(path):
            prefixes = ", ".join(f"{prefix}*" for prefix in self.project.allowed_imports)
            hint = f"Allowed are {prefixes}; add others by allow= in dags/pipelines.py."
            self.report(at, f"'{path}' may not be imported", f"{self._meant(path)}{hint}")

    def _meant(self, path: str) -> str:
        """What an import path that is not allowed may have been meant to be."""
        for prefix in self.project.allowed_imports:
            depth = prefix.count(".")
            first, rest = path.split(".")[:depth], path.split(".")[depth:]
            if rest and get_close_matches(".".join(first), [prefix.rstrip(".")], cutoff=0.85):
                return f"Did you mean '{prefix}{'.'.join(rest)}'? "
        return ""

    def code(self, at: Place, code: str) -> None:
        """Tell of an import path that is not allowed, or of a ``module:function`` that is not there."""
        if ":" not in code:
            self.import_path(at, code)
            return
        try:
            self.functions.find(code)
        except FileMissing as error:
            self.report(at, error.message.rstrip("."), error.hint)

    def unknown_step(self, at: Place, name: str, seen_from: Node) -> None:
        """Tell of a name that is no step's."""
        known = self.tree.known_from(seen_from)
        deep = self.tree.deep_from(seen_from)
        inside = [path for path in deep if path.endswith(f".{name}")]
        near = did_you_mean(name, deep) if "." in name else ""
        if inside:
            hint = f"It stands inside of a group or fan-out: write {inside[0]}."
        else:
            hint = near if near.startswith("Did") else did_you_mean(name, known) or "There is no other step to name."
        self.report(at, f"there is no step '{name}'", hint)
