"""The layers below a pipeline's file: ``defaults.yaml`` of its folder and those above it, and what it ``extends``."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

from tidegate.errors import FileMissing
from tidegate.model.document import Document
from tidegate.model.values import stands_for
from tidegate.model.yaml_source import Source, read_source

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.model.project import Project

DEFAULTS = "defaults.yaml"
"""The file of a folder whose keys stand below those of all pipelines in it."""
_OWN = ("pipeline", "extends")
"""What a layer does not hand on."""


@dataclass(slots=True, eq=False, repr=False)
class Layers:
    """Reads layers, each once however many pipelines share it."""

    project: Project
    known: dict[Path, Source | None] = field(default_factory=dict)
    _folders: dict[Path, list[Source]] = field(default_factory=dict)

    def read(self, path: Path, *, name: str | None = None) -> Document:
        """A pipeline's file merged over its layers; findings say what is wrong with any of them."""
        source = read_source(path, name=name)
        document = Document([source], source.value, list(source.findings))
        if not isinstance(source.value, dict):
            return document
        above = self._extended(document, path, source.value, [path.resolve()]) if "extends" in source.value else []
        above += self._of_folder(path.parent)
        if not above:
            return document
        document.sources += above
        for layer in above:
            document.findings += layer.findings
            if layer.value is not None and not isinstance(layer.value, dict):
                place = layer.places.get((), (0, 0))
                document.findings.append(
                    layer.finding(*place, (), "is not a mapping of keys to values", "Write keys as in a pipeline's file.")
                )
        values = [layer.value for layer in reversed(above) if isinstance(layer.value, dict)]
        below: dict[str, Any] = reduce(merged, ({key: item for key, item in value.items() if key not in _OWN} for value in values), {})
        document.value = merged(below, source.value)
        return document

    def _of_folder(self, folder: Path) -> list[Source]:
        """The defaults that hold for a folder's files: its own, and those of the folders above it up to the project's ``include/``."""
        if folder not in self._folders:
            here, top = folder.resolve(), self.project.include.resolve()
            inside = [place for place in (here, *here.parents) if place.is_relative_to(top)] or [here]
            self._folders[folder] = [layer for place in inside if (layer := self._layer(place / DEFAULTS))]
        return self._folders[folder]

    def _layer(self, path: Path) -> Source | None:
        """A layer; none where its file is not there, or holds comments alone."""
        if path not in self.known:
            layer = _own_keys(read_source(path, name=self.project.shown(path)), path) if path.is_file() else None
            self.known[path] = None if layer is None or layer.empty else layer
        return self.known[path]

    def _extended(self, document: Document, path: Path, value: dict[str, Any], chain: list[Path]) -> list[Source]:
        """The files that a file extends and those that they extend, the strongest first: the last that is named, then those before it."""
        named = value.get("extends", [])
        names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
        found: list[Source] = []
        for index, name in reversed(list(enumerate(names))):
            at = ("extends", index) if isinstance(named, list) else ("extends",)
            if not isinstance(name, str):
                continue
            try:
                base = self.project.beside(path, name)
            except FileMissing as error:
                document.report(at, error.message.rstrip("."), error.hint)
                continue
            if base in chain:
                circle = " → ".join(file.name for file in [*chain[chain.index(base) :], base])
                document.report(at, f"files extend each other in a circle: {circle}", "Remove one of these 'extends'.")
                continue
            layer = self._layer(base)
            if layer is not None:
                found.append(layer)
                if isinstance(layer.value, dict):
                    found += self._extended(document, base, layer.value, [*chain, base])
        return found


def _own_keys(layer: Source, path: Path) -> Source:
    """A layer, with findings for keys that would be dropped."""
    of_folder = path.name == DEFAULTS
    for key in _OWN if of_folder else _OWN[:1]:
        if isinstance(layer.value, dict) and key in layer.value:
            whose = f"a folder's {DEFAULTS}" if of_folder else "a file that others extend"
            apart = "" if of_folder else " What two pipelines share stands in a file that both extend."
            layer.report(*layer.places[key,], (key,), f"{whose} has no '{key}'", f"Remove it; a pipeline's own file says it.{apart}")
    return layer


_WHOLE = frozenset({"from", "literal"})


def merged(below: Any, above: Any) -> Any:
    """Mappings merged key by key, the keys of ``below`` first; of anything else, what is above, and so where either is a result or a literal."""
    if not (isinstance(below, dict) and isinstance(above, dict)) or _WHOLE & {stands_for(below), stands_for(above)}:
        return above
    return {**below, **{key: merged(below[key], item) if key in below else item for key, item in above.items()}}
