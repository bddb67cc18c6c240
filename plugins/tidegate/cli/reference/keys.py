"""What a model says of its keys. A key without a meaning ends the generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import BaseModel

from tidegate.cli.reference.shapes import Json, bounds, shape, shown, special
from tidegate.cli.reference.words import attribute_docstrings, first_paragraph, markdown
from tidegate.errors import TidegateError
from tidegate.model.spec import Pipeline, Retry

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


_MEANINGS: dict[tuple[type, str], str] = {
    (Pipeline, "tags"): "More tags for the DAG, by which Airflow's list of DAGs is filtered; ``tidegate`` is always among them.",
    (Retry, "delay"): "The first wait's upper bound; it doubles with every try.",
    (Retry, "max_delay"): "The upper bound of every wait.",
}
"""Of fields that have no docstring in the source, and whose type has none to lend."""


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


def keys(model: type[BaseModel]) -> tuple[Key, ...]:
    """Every key of a model in the order of its source.

    :raises TidegateError: a key has no meaning.
    """
    hints = get_type_hints(model, include_extras=True)
    return tuple(_key(model, name, info, hints[name]) for name, info in model.model_fields.items())


def _key(model: type[BaseModel], name: str, info: FieldInfo, hint: Any) -> Key:
    meaning = next((told[name] for owner in model.__mro__ if name in (told := attribute_docstrings(owner))), "")
    meaning = meaning or next((_MEANINGS[owner, name] for owner in model.__mro__ if (owner, name) in _MEANINGS), "")
    if not meaning and (lender := _model_in(hint)) is not None:
        meaning = first_paragraph(lender)
    if not meaning:
        raise TidegateError(f"{model.__name__}.{name} says nothing of what it means.", hint="Write a docstring below the field.")
    words, schema = special(model, name) or shape(hint)
    schema = {**schema, **bounds(info.metadata, schema)}
    default = "" if info.is_required() else shown(info.get_default(call_default_factory=True))
    return Key(name=info.alias or name, words=words, schema=schema, default=default, required=info.is_required(), meaning=markdown(meaning))


def _model_in(hint: Any) -> type[BaseModel] | None:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    return next((found for argument in get_args(hint) if (found := _model_in(argument)) is not None), None)
