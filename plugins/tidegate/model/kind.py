"""Kinds of steps beyond the built-in ones: a settings model and a function that says which operator to make."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.errors import FileMissing, ImportRefused
from tidegate.model.parts import Part
from tidegate.model.project import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate.model.project import Project

BUILT_IN = ("extract", "barrier", "transform", "load", "branch", "pipeline", "sql")
"""The built-in kinds, by the word that ``uses`` takes. Their settings, in :mod:`tidegate.model.kinds`, load where a step uses one."""
CARRIERS = frozenset({"extract", "barrier", "transform", "load"})
"""Those that rows flow through; a pipeline that has one ends in an outcome."""
ENTRY_POINTS = "tidegate.kinds"
"""Entry point group in which a distribution offers kinds to every project that installs it."""


class Settings(Part):
    """Base of a kind's settings: a frozen pydantic model whose fields are the keys under ``with``. An unknown key is an error."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Kind:
    """One version of a kind. ``include/kinds/NAME.py`` holds one as ``KIND``, or several as ``KINDS``.

    :param settings: The model of what stands under ``with``.
    :param build: Given the settings and the task's place, says the operator: ``build(settings, task) -> Call``.
    :param version: Steps that pin ``NAME@2`` get version 2, others the highest.
    """

    settings: type[Settings]
    build: Callable[[Any, Any], Any]
    version: int = 1
    where: str = field(default="", init=False, compare=False)
    """The file that holds it, or the entry point; known once it is loaded."""


@dataclass(slots=True, eq=False, repr=False)
class Kinds:
    """Finds the kinds of a project, each module imported at most once and only when a step uses it."""

    project: Project
    _loaded: dict[str, tuple[Kind, ...]] = field(default_factory=dict)
    _namesakes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def namesakes(self, name: str) -> tuple[str, ...]:
        """The files of the project that make a kind or a template of this name."""
        if name not in self._namesakes:
            files = (f"kinds/{name}.py", f"templates/{name}.yaml")
            self._namesakes[name] = tuple(f"include/{file}" for file in files if (self.project.include / file).is_file())
        return self._namesakes[name]

    def names(self) -> list[str]:
        """Every kind that a step may use, without importing any of them."""
        files = sorted(path.stem for path in (self.project.include / "kinds").glob("*.py") if is_plain(path.name) and path.name[0] != "_")
        return [*files, *(point.name for point in _entry_points() if point.name not in files)]

    def find(self, name: str) -> tuple[Kind, ...]:
        """All versions of a kind, the highest last; none where there is no such kind.

        :raises ImportRefused: its module cannot be imported, lies outside of ``include/``, or holds no kind.
        """
        if name not in self._loaded:
            self._loaded[name] = tuple(sorted(self._load(name), key=lambda kind: kind.version))
        return self._loaded[name]

    def _load(self, name: str) -> tuple[Kind, ...]:
        try:
            path = self.project.own("kinds", f"{name}.py")
        except FileMissing as error:
            raise ImportRefused(error.message, hint=error.hint) from None
        if path is not None:
            module = _module(path)
            found = getattr(module, "KINDS", None) or getattr(module, "KIND", None)
            where = f"include/kinds/{path.name}"
        else:
            point = next((point for point in _entry_points() if point.name == name), None)
            if point is None:
                return ()
            try:
                found = point.load()
            except ANY as error:
                raise ImportRefused(f"{point.value} cannot be imported: {said_by(error)}.", hint="Is its distribution whole?") from error
            where = point.value
        kinds = tuple(found) if isinstance(found, list | tuple) else (found,)
        if not kinds or not all(isinstance(kind, Kind) for kind in kinds):
            raise ImportRefused(f"{where} holds no kind.", hint="Give it KIND = Kind(settings=…, build=…), from tidegate.kinds.")
        _check(kinds, where)
        return kinds


ANY = (Exception, SystemExit, GeneratorExit)
"""What code of others may raise without anybody having interrupted it."""


def said_by(error: BaseException) -> str:
    """An exception of a kind's code, in words."""
    return ": ".join(filter(None, (type(error).__name__, str(error))))


def _check(kinds: tuple[Kind, ...], where: str) -> None:
    """Refuse kinds that cannot be used, and let the others know where they come from.

    :raises ImportRefused: the settings are no settings, the build function is none, or a version is there twice.
    """
    versions = [kind.version for kind in kinds]
    for kind in kinds:
        if not (isinstance(kind.settings, type) and issubclass(kind.settings, Settings)):
            raise ImportRefused(
                f"{where} has a kind whose settings are no Settings.", hint="Give it a class with tidegate.kinds.Settings as base."
            )
        if not callable(kind.build):
            raise ImportRefused(f"{where} has a kind whose build is no function.", hint="Write def build(settings, task) -> Call.")
        if type(kind.version) is not int:
            raise ImportRefused(f"{where} has a kind whose version is no whole number: {kind.version!r}.", hint="Write version=2.")
        if versions.count(kind.version) > 1:
            raise ImportRefused(f"{where} holds version {kind.version} more than once.", hint="Give each kind of it a version of its own.")
        object.__setattr__(kind, "where", where)


def _module(path: Path) -> Any:
    name = f"tidegate_kinds_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportRefused(f"{path} is no Python module.", hint="Kinds are .py files.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pydantic looks up annotations there
    try:
        spec.loader.exec_module(module)
    except ANY as error:
        del sys.modules[name]
        raise ImportRefused(f"include/kinds/{path.name} cannot be imported: {said_by(error)}.", hint="Mend the module.") from error
    return module


def _entry_points() -> list[Any]:
    from importlib.metadata import entry_points

    return list(entry_points(group=ENTRY_POINTS))
