"""Where each value of a pipeline came from: its own file, a layer below it, a template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOWHERE = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """One value and its place."""

    key: str
    """Dotted: ``steps.extract.retries``."""
    value: Any
    place: str
    """``file:line``; empty where nobody knows."""


def origins(value: Any, places: Mapping[str, str]) -> list[Origin]:
    """Every plain value of a document with its place, in the document's order.

    :param value: The document's mapping, merged and with its variables resolved.
    :param places: Dotted path → ``file:line``; of a value without one, that of the nearest path above holds.
    """
    return [Origin(".".join(path), item, _place(path, places)) for path, item in _leaves(value, ())]


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Plain values and empty collections, with their paths."""
    match value:
        case dict() if value:
            for key, item in value.items():
                yield from _leaves(item, (*path, str(key)))
        case list() if value:
            for index, item in enumerate(value):
                yield from _leaves(item, (*path, str(index)))
        case _:
            yield path, value


def _place(path: tuple[str, ...], places: Mapping[str, str]) -> str:
    return next((places[above] for length in range(len(path), 0, -1) if (above := ".".join(path[:length])) in places), NOWHERE)
