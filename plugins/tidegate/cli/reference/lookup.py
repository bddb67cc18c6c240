"""Keys found by the words of a person, or by the path of a finding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tidegate.cli.reference.keys import Key, keys
from tidegate.cli.reference.models import ROOTS, Model, Place, below, kinds, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Found:
    """One key in one place."""

    key: Key
    place: Place

    @property
    def path(self) -> str:
        """Where it stands: ``steps.<step>.with.table``."""
        return ".".join((*self.place.path, self.key.name))

    @property
    def plain(self) -> str:
        """Its path without the names that a file gives: ``steps.with.table``."""
        return plain(self.path)

    @property
    def models(self) -> tuple[Place, ...]:
        """What may stand there that has keys of its own."""
        at = len(self.place.path)
        return tuple(place for place in below(self.place) if place.path[at].rstrip("[]") == self.key.name)


def plain(path: str) -> str:
    """A path without ``<step>``, ``[]`` and ``[0]``."""
    return ".".join(part for part in re.sub(r"\[\w*\]", "", path).split(".") if part and not part.startswith("<"))


@lru_cache
def every_key() -> tuple[Found, ...]:
    """Each key in each of its places, in the order of reading."""
    return tuple(Found(key, place) for place in places() for key in keys(place.model))


def find(words: str) -> list[list[Found]]:
    """The keys that somebody may mean: by the whole path, with or without names; else by its end. Each with all its places, the nearest first."""
    parts = plain(words).split(".")
    found = [found for start in _starts(parts) for found, rest in _reached(*start, named=False) if not rest]
    found = found or [one for one in every_key() if one.plain.split(".")[-len(parts) :] == parts]
    together: dict[tuple[Model, str], list[Found]] = {}
    for one in sorted(found, key=lambda one: one.path.count(".")):
        here = together.setdefault((one.key.owner, one.key.name), [])
        if one.path not in {other.path for other in here}:
            here.append(one)
    return list(together.values())


def nearest(parts: Sequence[str]) -> Found | None:
    """The key that a finding's path leads to, or the last on the way that the language knows."""
    on_the_way = [found for _, root in ROOTS for found, _ in _reached(Place(root, ()), list(parts), named=True)]
    return max(on_the_way, key=lambda found: len(found.place.path), default=None)


def _starts(parts: list[str]) -> Iterator[tuple[Place, list[str]]]:
    for _, root in ROOTS:
        yield Place(root, ()), parts
    if parts[0] in kinds():
        settings = next(place for place in places() if place.kind == parts[0])
        yield settings, parts[1:]


def _reached(place: Place, parts: list[str], *, named: bool) -> Iterator[tuple[Found, list[str]]]:
    """Every key on the way that the parts describe, with the parts that are left behind it.

    :param named: Whether the names that a file gives are among the parts; else they may be, or not.
    """
    if not parts:
        return
    head, *rest = parts
    for key in keys(place.model):
        if key.name == head:
            here = Found(key, place)
            yield here, rest
            for inside in here.models:
                for left in _behind_names(inside.path[len(place.path) :], rest, named=named):
                    yield from _reached(inside, left, named=named)


def _behind_names(path: Sequence[str], parts: list[str], *, named: bool) -> Iterator[list[str]]:
    """What may be left of the parts when the names and numbers in a path were told, or left out."""
    left = [parts]
    for step in path:
        if step.startswith("<"):
            told = [some[1:] for some in left if some]
            left = told if named else [*told, *left]
        left = [some[1:] if "[]" in step and some and some[0].isdigit() else some for some in left]
    yield from left


def known_words() -> list[str]:
    """What :func:`find` and the kinds answer to, for a did-you-mean."""
    paths = dict.fromkeys(found.plain for found in every_key() if len(set(found.place.path)) == len(found.place.path))
    return [*paths, *dict.fromkeys(found.key.name for found in every_key()), *kinds()]
