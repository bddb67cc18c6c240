"""What is found: what it is about, how it is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How a thing is."""

    FINE = "fine"
    NOTE = "note"
    """Nothing is wrong, and somebody may want to know."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing that was looked at."""

    check: str
    """The kind of thing: ``connections``, ``pools``, …"""
    standing: Standing
    what: str
    """A sentence that says which one, and how it is."""
    where: str = ""
    """Who needs it: pipelines and steps."""
    mend: str = ""
    """What to do; empty where all is fine."""


def fine(check: str, what: str) -> Note:
    """All is as it should be."""
    return Note(check=check, standing=Standing.FINE, what=what)


def note(check: str, what: str, *, where: str = "", mend: str = "") -> Note:
    """Something that nobody has to mend."""
    return Note(check=check, standing=Standing.NOTE, what=what, where=where, mend=mend)


def wrong(check: str, what: str, *, where: str = "", mend: str) -> Note:
    """Something that a person must mend."""
    return Note(check=check, standing=Standing.WRONG, what=what, where=where, mend=mend)


def counted(number: int, one: str, many: str = "") -> str:
    """``1 pool``, ``3 pools``."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
