"""The models that a pipeline file is made of, found by walking from the file's own model and the built-in kinds.

Nothing here names a model but :data:`ROOTS`: a model that a field mentions is documented, in the order in which a reader meets it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from tidegate.cli.reference.shapes import is_model, is_union, written_type
from tidegate.errors import TidegateError
from tidegate.model.kinds import KINDS
from tidegate.model.spec import Pipeline
from tidegate.model.templates import Template

if TYPE_CHECKING:
    from collections.abc import Iterator

Model = type[BaseModel]
ROOTS: tuple[tuple[str, Model], ...] = (("The pipeline", Pipeline), ("A template's file", Template))
"""What a file may be as a whole, with the heading that it has on the page."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place where a model may stand."""

    model: Model
    path: tuple[str, ...]
    """Keys from the top of the file: ``("alerts[]", "notify")``; ``<step>`` stands for a name that the file gives."""
    kind: str = ""
    """The built-in kind whose settings these are, or are part of."""
    around: Model | None = None
    """The model one of whose keys holds this one."""

    @property
    def item(self) -> bool:
        """Whether it is one of several under a key."""
        return bool(self.path) and self.path[-1].endswith(("[]", ">"))


@lru_cache
def places() -> tuple[Place, ...]:
    """Every place of every model, the way a reader goes through the page; a model is not looked for within itself."""
    return tuple(found for _, root in ROOTS for found in _from(Place(root, ()), ()))


def _from(place: Place, chain: tuple[Model, ...]) -> Iterator[Place]:
    yield place
    for inside in below(place):
        if inside.model not in (*chain, place.model):
            yield from _from(inside, (*chain, place.model))


def below(place: Place) -> Iterator[Place]:
    """The models that may stand under the keys of one, settings of the built-in kinds among them."""
    for key, hint in hints(place.model).items():
        path = (*place.path, key)
        if takes_kinds(place.model) and key == "with":
            for kind, settings in kinds().items():
                yield Place(settings, path, kind, place.model)
        for found, model in models_in(hint, path):
            yield Place(model, found, place.kind, place.model)


@lru_cache
def hints(model: Model) -> dict[str, Any]:
    """Key as it is written → its type, with what stands beside the type."""
    told = get_type_hints(model, include_extras=True)
    return {info.alias or name: told[name] for name, info in model.model_fields.items()}


def models_in(hint: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Model]]:
    """Every model that a type mentions, with the path of what may be one."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_model(hint):
        yield path, hint
    elif origin is dict:
        yield from models_in(arguments[1], (*path, f"<{_one_of(path[-1])}>"))
    elif origin in {tuple, list}:
        for argument in arguments:
            yield from models_in(argument, (*path[:-1], f"{path[-1]}[]"))
    elif is_union(hint):
        for argument in arguments:
            yield from models_in(argument, path)
    elif arguments:  # Annotated, or something that wraps one type
        written = next((found for extra in arguments[1:] if (found := written_type(extra)) is not None), arguments[0])
        yield from models_in(written, path)


def _one_of(key: str) -> str:
    """What one of the things under a key is called: ``step`` of ``steps``."""
    return key.removesuffix("s") if key.endswith("s") and key not in {"s", "alias"} else "name"


@lru_cache
def _nodes() -> frozenset[Model]:
    return frozenset(model for _, model in models_in(hints(Pipeline)["steps"], ("steps",)))


def takes_kinds(model: Model) -> bool:
    """Whether it is a step: what stands under ``with`` depends on what stands under ``uses``."""
    return model in _nodes() and {"uses", "with"} <= set(hints(model))


def kinds() -> dict[str, Model]:
    """Built-in kind → the model of its settings."""
    return dict(KINDS)


@lru_cache
def documented_models() -> tuple[Model, ...]:
    """Every model that a file is made of, each once, with the bases that several of them share right behind the first of those.

    :raises TidegateError: two models have one name, by which the JSON Schema could not tell them apart.
    """
    found = dict.fromkeys(place.model for place in places())
    shared = [base for base in dict.fromkeys(base for model in found for base in bases(model)) if is_shared(base, tuple(found))]
    ordered: dict[Model, None] = {}
    for model in found:
        ordered |= dict.fromkeys([model, *(base for base in bases(model) if base in shared)])
    names = [model.__name__ for model in ordered]
    if doubles := sorted({name for name in names if names.count(name) > 1}):
        raise TidegateError(f"There is more than one model {', '.join(doubles)}.", hint="Give each a name of its own.")
    return tuple(ordered)


def bases(model: Model) -> tuple[Model, ...]:
    """The models that it inherits keys from, the nearest first."""
    return tuple(base for base in model.__mro__[1:] if is_model(base) and own_fields(base))


def own_fields(model: Model) -> set[str]:
    """Names of the fields that a model itself declares."""
    return {name for name in vars(model).get("__annotations__", {}) if name in model.model_fields}


def is_shared(base: Model, among: tuple[Model, ...]) -> bool:
    """Whether several models have their keys from it, so that they are told once."""
    return base in among or sum(1 for model in among if base in model.__mro__[1:]) > 1


def place_of(model: Model) -> Place | None:
    """Where a reader meets a model first; nowhere for a base that only others inherit from."""
    return next((place for place in places() if place.model is model), None)


def called(model: Model) -> str:
    """What people call a model, from its class: ``an asset term``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).lower()
    return words if words.endswith("s") else f"{article(words)} {words}"


def article(word: str) -> str:
    """``a``, or ``an``."""
    return "an" if word[0] in "aeiou" else "a"
