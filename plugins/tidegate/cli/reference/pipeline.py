"""The page of the pipeline file: every key of every model, between a head and a tail that are written by hand."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from tidegate.cli.reference.keys import keys
from tidegate.cli.reference.models import (
    ROOTS,
    article,
    bases,
    called,
    documented_models,
    place_of,
    places,
)
from tidegate.cli.reference.words import GENERATED, cell, first_paragraph, markdown

if TYPE_CHECKING:
    from tidegate.cli.reference.keys import Key
    from tidegate.cli.reference.models import Model, Place

_MANY = 8
"""Keys that are listed before the rest is passed over."""


def pipeline_page() -> str:
    """``pipeline.md``."""
    head, tail = ((files(__package__) / f"pipeline_{name}.md").read_text(encoding="utf-8") for name in ("head", "tail"))
    return "\n".join([GENERATED, "", head, *(_section(model) for model in documented_models()), tail])


def _section(model: Model) -> str:
    place = place_of(model)
    shared = [base for base in bases(model) if base in documented_models()]
    told = {(key.owner, key.name) for base in shared for key in keys(base)}
    own = [key for key in keys(model) if (key.owner, key.name) not in told]
    lines = [f"## {heading(model)}", "", markdown(first_paragraph(model))]
    if elsewhere := _also_under(model):
        lines += ["", elsewhere]
    if own:
        lines += ["", "| key | type | default | meaning |", "|---|---|---|---|"]
        lines += [_row(key, ".".join((*place.path, key.name)) if place else key.name) for key in own]
    if shared:
        lines += ["", f"Besides, every key of {' and of '.join(f'[{heading(base)}](#{anchor(heading(base))})' for base in shared)}."]
    return "\n".join(lines) + "\n"


def _row(key: Key, path: str) -> str:
    default = "required" if key.required else (f"`{key.default}`" if key.default else "")
    return f"| `{path}` | {key.words} | {default} | {cell(key.meaning)} |"


def heading(model: Model) -> str:
    """What the page calls a model, by where a reader meets it first."""
    if root := next((heading for heading, root in ROOTS if root is model), ""):
        return root
    place = place_of(model)
    if place is None:
        *most, last = (_within(heading(heir)) for heir in documented_models() if model in bases(heir))
        return f"Shared by {', '.join(most)} and {last}" if most else f"Of {last}"
    if place.kind and not place.item:
        return f"`{place.path[-1]}` of {article(place.kind)} `{place.kind}`"
    if place.item:
        words = called(model)
        return words[:1].upper() + words[1:]
    return f"`{'.'.join(place.path)}`"


def _within(heading: str) -> str:
    """A heading as part of another."""
    return heading[:1].lower() + heading[1:]


def anchor(text: str) -> str:
    """The part of an address that leads to a heading."""
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter in "-_ ").replace(" ", "-")


def _also_under(model: Model) -> str:
    """The other keys under which a model may stand, where there are others."""
    found = [place for place in places() if place.model is model]
    first = place_of(model)
    names = dict.fromkeys(_key_of(place) for place in found)
    if first is None or len(names) == 1:
        return ""
    shown = [f"`{name}`" for name in names if name != _key_of(first)]
    more = f" and {len(shown) - _MANY} others" if len(shown) > _MANY else ""
    return f"Stands under {', '.join(shown[:_MANY])}{more} too."


def _key_of(place: Place) -> str:
    """The last key on the way to a place that is no name of the file's."""
    return next((part.removesuffix("[]") for part in reversed(place.path) if not part.startswith("<")), "")
