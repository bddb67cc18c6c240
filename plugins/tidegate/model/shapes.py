"""What people call a type, and its JSON Schema, for types whose rule stands in a validator where nothing else shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
DURATION: Json = {"type": "string", "pattern": r"^\s*((\d+(\.\d+)?)\s*(d|h|min|m|s)\s*)+$"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Stands in the ``Annotated[…]`` of a field; the reference page and the JSON Schema read it, validation does not."""

    words: str
    """Such as ``duration``."""
    schema: Json = field(default_factory=dict, hash=False)
    """JSON Schema, draft 7."""

    @classmethod
    def one_or_many(cls, words: str, model: str) -> Shape:
        """One value of a model, or a list of them; the model takes a plain text as its short form."""
        one: Json = {"anyOf": [{"type": "string"}, {"$ref": f"#/definitions/{model}"}]}
        return cls(f"{words}, or a list of them", {"anyOf": [*one["anyOf"], {"type": "array", "items": one}]})
