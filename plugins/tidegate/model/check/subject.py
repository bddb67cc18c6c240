"""What the checks look at, and how they tell what they find."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tidegate.errors import FileMissing
from tidegate.model.dotted import wrong_part
from tidegate.model.findings import did_you_mean
from tidegate.model.problems import shown
from tidegate.model.project import allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tidegate.model.document import Document
    from tidegate.model.functions import Functions
    from tidegate.model.kind import Kind, Kinds, Settings
    from tidegate.model.project import Project
    from tidegate.model.spec import Pipeline
    from tidegate.model.tree import Node, Tree
    from tidegate.model.yaml_source import Place

_HANGING = frozenset({
    (), ("with",), ("needs",), ("for_each",), ("expand",), ("expand_kwargs",), ("teardown",), ("trigger_rule",),
})  # fmt: skip
"""What, in a step, is right or wrong by its other keys and by the steps before it."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
    find_functions: Callable[[], Functions]
    registry: Kinds
    unsure: frozenset[Place] = frozenset()
    """Of a pipeline in which something is refused: places of the steps of which that alone is told which holds whatever should stand in them."""
    behind: frozenset[Place] = frozenset()
    """The same with all that wait for them, of which nothing is told that hangs on the rows that come to them."""
    gone: frozenset[str] = frozenset()
    """Names of steps that are not in the tree, or of which it does not know what is in them."""

    @property
    def functions(self) -> Functions:
        """The functions of the project's modules, which most pipelines name none of."""
        return self.find_functions()

    def report(self, at: Place, message: str, hint: str) -> None:
        """Tell what is wrong."""
        if not self.unsure or all(at[: len(place)] != place or at[len(place) : len(place) + 1] not in _HANGING for place in self.unsure):
            self.document.report(at, message, hint)

    def import_path(self, at: Place, path: str, *, function: str = "module:function where a function may stand") -> None:
        """Tell of an import path that is none, or that is not allowed.

        :param function: How a function under ``include/`` is named in place of it.
        """
        if _fine(path, self.project.allowed_imports):
            return
        if ":" in path:
            self.report(at, f"{shown(path)} is no import path; a function under include/ is not named here", f"Write {function}.")
        elif wrong := wrong_part(path):
            hint = "Write an import path, such as airflow.providers.standard.operators.bash.BashOperator."
            self.report(at, f"{shown(path)} is no import path: {wrong}", hint)
        else:
            self.report(at, f"'{path}' may not be imported", _moved(path) or f"{self._meant(path)}{self._allowed(path)}")

    def _allowed(self, path: str) -> str:
        """What may be imported in place of what may not."""
        if path.startswith("tidegate."):
            return "Of Tidegate, a file names operators, notifications and timetables, such as tidegate.operators.ExtractOperator."
        prefixes = ", ".join(f"{prefix.rstrip('.')}.*" for prefix in self.project.allowed_imports)
        return f"Allowed are {prefixes}; add others by allow= in dags/pipelines.py."

    def _meant(self, path: str) -> str:
        """What an import path that is not allowed may have been meant to be."""
        from difflib import get_close_matches

        for prefix in self.project.allowed_imports:
            package = prefix.rstrip(".")
            depth = package.count(".") + 1
            first, rest = ".".join(path.split(".")[:depth]), path.split(".")[depth:]
            if rest and first != package and get_close_matches(first, [package], cutoff=0.85):
                return f"Did you mean '{package}.{'.'.join(rest)}'? "
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
        if not self.gone.isdisjoint(name.split(".")):
            return
        known = self.tree.known_from(seen_from)
        deep = self.tree.deep_from(seen_from)
        inside = [path for path in deep if path.endswith(f".{name}")]
        near = did_you_mean(name, deep) if "." in name else ""
        if inside:
            hint = f"It stands inside of a group or fan-out: write {inside[0]}."
        else:
            hint = near if near.startswith("Did") else did_you_mean(name, known) or "There is no other step to name."
        self.document.report(at, f"there is no step '{name}'", hint)


@lru_cache(maxsize=10_000)
def _fine(path: str, prefixes: tuple[str, ...]) -> bool:
    """Whether it is an import path, and allowed."""
    return ":" not in path and wrong_part(path) is None and allowed(path, prefixes)


def _moved(path: str) -> str:
    """Where Airflow 3 has what the path names; empty where that is not known, or where it is no path of an older Airflow."""
    from tidegate.model.moved_names import GONE, today

    if not path.startswith("airflow."):
        return ""
    if (now := today(path)) != path:
        return f"Airflow 3 has it as {now}."
    if path.startswith(GONE):
        return f"Airflow 3 has emptied {'.'.join(path.split('.')[:2])}: name what it holds by its provider, below airflow.providers."
    return ""
