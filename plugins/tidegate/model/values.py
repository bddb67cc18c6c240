"""What a mapping may stand for inside of an operator's arguments: a step's result, an object, a function."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.model.yaml_source import Place

Word = Literal["from", "uses", "import", "literal"]
_KEYS: dict[Word, frozenset[str]] = {
    "from": frozenset({"from", "key"}),
    "uses": frozenset({"uses", "with", "args"}),
    "import": frozenset({"import", "with", "args"}),
    "literal": frozenset({"literal"}),
}


def stands_for(value: dict[str, Any]) -> Word | None:
    """Whether a mapping is one of the language's own, by the word that says so; None where it is plain data.

    ``{from: step, key: k}`` · ``{uses: path, with: {…}, args: […]}`` · ``{import: path, with: {…}}`` · ``{literal: …}`` for data that looks like one of them.
    """
    for word, keys in _KEYS.items():
        if word in value and keys.issuperset(value) and (word == "literal" or isinstance(value[word], str)):
            return None if word == "uses" and "." not in value["uses"] else word
    return None


def misspelt(value: Any, at: Place) -> Iterator[tuple[Place, Word, str]]:
    """Every mapping in some arguments that is plain data by a slip alone, with the place of the key that is near to another one."""
    if isinstance(value, dict):
        if (word := stands_for(value)) == "literal":
            return
        for meant in () if word is not None or len(value) == 1 else _KEYS:
            others = [key for key in value if key not in _KEYS[meant]]
            near = {key: get_close_matches(key, _KEYS[meant] - {meant}, n=1) for key in others}
            if isinstance(value.get(meant), str) and (meant != "uses" or "." in value[meant]) and all(near.values()):
                yield from (((*at, key), meant, found[0]) for key, found in near.items())
        for key, item in value.items():
            yield from misspelt(item, (*at, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from misspelt(item, (*at, index))


def specials(value: Any, at: Place) -> Iterator[tuple[Place, Word, dict[str, Any]]]:
    """Every mapping in some arguments that stands for something else, with its place; those inside of ``with`` too."""
    if isinstance(value, dict):
        word = stands_for(value)
        if word == "literal":
            return
        if word is not None:
            yield at, word, value
            yield from specials(value.get("with", {}), (*at, "with"))
            yield from specials(value.get("args", []), (*at, "args"))
            return
        for key, item in value.items():
            yield from specials(item, (*at, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from specials(item, (*at, index))
