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
