"""What a model says of its keys. A key without a meaning ends the generation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_type_hints

from tidegate.cli.reference.models import Model, bases, models_in, own_fields
from tidegate.cli.reference.shapes import Json, bounded, shape, shown
from tidegate.cli.reference.words import attribute_docstrings, first_paragraph, markdown
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of one model, as a reader of the reference meets it."""

    name: str
    words: str
    """Its type, for people."""
    schema: Json
    """Its type, for editors."""
    default: str
    """As it would be written in YAML; empty when the key is required or simply absent."""
    required: bool
    meaning: str
    """Markdown, in one line."""
    owner: Model
    """The model that declares it, which may be a base of the one that was asked."""
    examples: tuple[Any, ...] = field(default=())
    """Values that may stand there."""

    @property
    def gist(self) -> str:
        """The first sentence of its meaning."""
        return re.split(r"(?<=\.) (?=[A-Z`])", self.meaning, maxsplit=1)[0]


@lru_cache
def keys(model: Model) -> tuple[Key, ...]:
    """Every key of a model in the order of its source.

    :raises TidegateError: a key has no meaning.
    """
    told = get_type_hints(model, include_extras=True)
    return tuple(_key(model, name, info, told[name]) for name, info in model.model_fields.items())


def _key(model: Model, name: str, info: FieldInfo, hint: Any) -> Key:
    owner = next((owner for owner in (model, *bases(model)) if name in own_fields(owner)), model)
    meaning = attribute_docstrings(owner).get(name, "")
    if not meaning and (lender := next((found for _, found in models_in(hint, (name,))), None)) is not None:
        meaning = first_paragraph(lender)
    if not meaning:
        raise TidegateError(f"{model.__name__}.{name} says nothing of what it means.", hint="Write a docstring below the field.")
    words, schema = shape(hint)
    schema = bounded(schema, info.metadata)
    if isinstance(info.json_schema_extra, dict):
        schema |= info.json_schema_extra
    return Key(
        name=info.alias or name,
        words=words,
        schema=schema,
        default="" if info.is_required() else shown(info.get_default(call_default_factory=True, validated_data={})),
        required=info.is_required(),
        meaning=markdown(meaning),
        owner=owner,
        examples=tuple(info.examples or ()),
    )
