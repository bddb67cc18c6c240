"""What a person must know about an import: what could not be said, and what is said but wants a look."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from tidegate.model import Finding

if TYPE_CHECKING:
    from tidegate.importing.source import Value
    from tidegate.importing.writing import Block


@dataclass(frozen=True, slots=True)
class Remark:
    """One of them, at one place of one file."""

    finding: Finding
    lost: bool
    """Whether the pipeline file says less than the other file did, or something else."""


@dataclass(slots=True)
class Remarks:
    """All that is to be told about one import, in the order in which it came up."""

    told: list[Remark] = field(default_factory=list)
    _once: set[str] = field(default_factory=set)

    def lost(self, value: Value, message: str, hint: str, into: Block | None = None) -> None:
        """Something cannot be said.

        :param into: The mapping of the pipeline file where it would stand; a comment is left at its head.
        """
        self._add(value, f"cannot be said: {message}", hint, lost=True)
        if into is not None:
            where = f"{PurePath(value.place.file).name}:{value.place.line}"
            comment = f"{_subject(value)} ({where}) cannot be said: {message}. {hint}"
            if comment not in into.comments:
                into.comments.append(comment)

    def note(self, value: Value, message: str, hint: str = "", *, once: str = "") -> None:
        """Something is said, and a person should know about it.

        :param once: Where several places call for the same words, what they have in common: it is told for the first alone.
        """
        if once:
            if once in self._once:
                return
            self._once.add(once)
        self._add(value, message, hint, lost=False)

    def _add(self, value: Value, message: str, hint: str, *, lost: bool) -> None:
        place = value.place
        remark = Remark(Finding(place.file, place.line, place.column, ".".join(value.path), message, hint, place.excerpt), lost)
        if remark not in self.told:
            self.told.append(remark)


def _subject(value: Value) -> str:
    """What a comment calls a value: its key, or the list that it stands in and its number there."""
    return value.key if not value.key.isdigit() else ".".join(value.path[-2:])
