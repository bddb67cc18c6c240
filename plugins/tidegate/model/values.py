"""What a mapping may stand for inside of an operator's arguments: a step's result, an object, a function."""

from __future__ import annotations

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


def misspelt(arguments: Any, at: Place) -> Iterator[tuple[Place, Word, str]]:
    """Every mapping within some arguments that is plain data by a slip alone, with the place of the key that is near to another one."""
    inside = arguments.items() if isinstance(arguments, dict) else enumerate(arguments) if isinstance(arguments, list | tuple) else ()
    for key, value in inside:
        if not isinstance(value, dict | list | tuple):
            continue
        if isinstance(value, dict):
            if (word := stands_for(value)) == "literal":
                continue
            if word is None:
                yield from _slips(value, (*at, key))
        yield from misspelt(value, (*at, key))


def _slips(value: dict[str, Any], at: Place) -> Iterator[tuple[Place, Word, str]]:
    for word, keys in _KEYS.items():
        others = [key for key in value if key not in keys] if isinstance(value.get(word), str) else []
        if not others or (word == "uses" and "." not in value[word]):
            continue
        from difflib import get_close_matches

        near = {key: get_close_matches(key, keys - {word}, n=1) for key in others}
        if all(near.values()):
            yield from (((*at, key), word, found[0]) for key, found in near.items())


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
