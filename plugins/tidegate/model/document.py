"""A pipeline file with the layers below it and the templates within it: one value, and for each of its parts the file and line it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate.model.findings import Finding
    from tidegate.model.yaml_source import Place, Source


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mount:
    """A part of a document that came from another file: a template's body in place of the step that uses it."""

    at: Place
    source: Source
    inner: Place
    """The path of the part in that file."""


@dataclass(slots=True, eq=False, repr=False)
class Document:
    """What a pipeline's file amounts to once its layers are merged. Places are looked up only when somebody asks."""

    sources: list[Source]
    """The pipeline's own file, then the layers below it, the strongest first."""
    value: Any = None
    findings: list[Finding] = field(default_factory=list)
    mounts: list[Mount] = field(default_factory=list)
    muted: list[Place] = field(default_factory=list)
    """Parts of which nothing is told, for what is wrong with them was told elsewhere."""

    def report(self, path: Iterable[str | int], message: str, hint: str = "") -> None:
        """Add a finding at the place of ``path``, or of its nearest ancestor that stands in a file."""
        path = self._written(tuple(path))
        if any(path[: len(muted)] == muted for muted in self.muted):
            return
        source, line, column = self.place(path)
        self.findings.append(source.finding(line, column, path, message, hint))

    def _written(self, path: Place) -> Place:
        """The path as the file has it, where a plain text stands in place of a mapping, or one thing in place of a list of them."""
        written: list[str | int] = []
        here = self.value
        for part in path:
            if isinstance(here, list) and isinstance(part, int):
                here = here[part] if part < len(here) else None
            elif isinstance(here, dict) and not isinstance(part, int):
                if part not in here:
                    return (*written, *path[path.index(part, len(written)) :])
                here = here[part]
            elif isinstance(here, dict):
                continue
            else:
                break
            written.append(part)
        return tuple(written)

    def at(self, path: Place) -> Any:
        """The value at a path; None where there is none."""
        here = self.value
        for part in path:
            inside = part in here if isinstance(here, dict) else isinstance(here, list) and isinstance(part, int) and part < len(here)
            if not inside:
                return None
            here = here[part]
        return here

    def place(self, path: Place) -> tuple[Source, int, int]:
        """The file, line and column that a path's value came from, or its nearest ancestor's."""
        for length in range(len(path), -1, -1):
            known = path[:length]
            mount = max(
                (mount for mount in self.mounts if known[: len(mount.at)] == mount.at), key=lambda mount: len(mount.at), default=None
            )
            if mount is not None:
                inner = (*mount.inner, *known[len(mount.at) :])
                if len(known) > len(mount.at) and inner in mount.source.places:
                    return mount.source, *mount.source.places[inner]
                if len(known) > len(mount.at):
                    continue
            for source in self.sources:
                if known in source.places:
                    return source, *source.places[known]
        return self.sources[0], 0, 0

    def provenance(self) -> dict[str, str]:
        """Dotted path of every plain value → ``file:line`` that it came from."""
        found: dict[str, str] = {}

        def visit(value: Any, path: Place) -> None:
            if isinstance(value, dict) and value:
                for key, item in value.items():
                    visit(item, (*path, key))
            elif isinstance(value, list) and value:
                for index, item in enumerate(value):
                    visit(item, (*path, index))
            else:
                source, line, _ = self.place(path)
                found[".".join(str(part) for part in path)] = f"{source.file}:{line}"

        visit(self.value, ())
        return found
