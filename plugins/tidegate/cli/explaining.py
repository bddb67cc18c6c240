"""What the keys of the pipeline file mean, told to a terminal or to a program. Pure: the command finds, and prints."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tidegate.cli.reference.examples import example, example_of_kind
from tidegate.cli.reference.keys import keys
from tidegate.cli.reference.lookup import every_key
from tidegate.cli.reference.models import bases, documented_models, kinds
from tidegate.cli.reference.pipeline import heading
from tidegate.cli.reference.words import first_paragraph, markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.cli.reference.lookup import Found
    from tidegate.cli.reference.models import Model

Json = dict[str, Any]
_WIDTH = 100
_LABEL = 10
_PLACES = 6
_KEYS = 20
_BOUNDS = {"minimum": "at least {}", "exclusiveMinimum": "more than {}", "maximum": "at most {}", "exclusiveMaximum": "less than {}"}


def key_text(found: Sequence[Found]) -> Text:
    """One key with all its places, for people."""
    key = found[0].key
    default = "required" if key.required else key.default or "absent"
    told = Text.assemble(
        (found[0].path, "bold"), "\n", _filled(key.meaning, "  "), "\n\n", *_line("type", type_of(found)), *_line("default", default)
    )
    if kind := found[0].place.kind:
        told.append_text(Text.assemble(*_line("kind", ", ".join(dict.fromkeys(one.place.kind for one in found if one.place.kind)) or kind)))
    if elsewhere := also(found):
        told.append_text(Text.assemble(*_line("also", _some(elsewhere, _PLACES))))
    for title, names in (below := inside(found[0])).items():
        told.append_text(Text.assemble(*_line(title, _some(names, _KEYS), width=max(_LABEL, *(len(title) + 2 for title in below)))))
    return _with_example(told, example(found))


def kind_text(kind: str) -> Text:
    """A built-in kind, for people."""
    settings = kinds()[kind]
    told = Text.assemble((f"uses: {kind}", "bold"), "\n", _filled(markdown(first_paragraph(settings)), "  "), "\n\n")
    for key in keys(settings):
        told.append_text(Text.assemble(*_line(key.name, f"{key.gist}{' (required)' if key.required else ''}", width=18)))
    return _with_example(told, example_of_kind(kind))


def overview() -> Text:
    """Every key, in the order of the reference page."""
    told = Text("Every key of the pipeline file; `tidegate explain KEY` tells more of one.\n")
    for model in documented_models():
        told.append_text(Text.assemble("\n", (heading(model).replace("`", ""), "bold"), "\n"))
        shared = [base for base in bases(model) if base in documented_models()]
        for base in shared:
            told.append(f"  … and every key under: {heading(base).replace('`', '')}\n")
        for key in keys(model):
            if key.owner not in shared:
                told.append_text(Text.assemble(*_line(key.name, key.gist, width=32, wrap=False)))
    return told


def also(found: Sequence[Found]) -> list[str]:
    """The other places of a key, without those that only lie deeper in groups."""
    paths = [one.path for one in found]
    return [path for path in paths[1:] if not any(path.endswith(f".{other}") for other in paths)]


def _some(words: Sequence[str], most: int) -> str:
    return ", ".join([*words[:most], *([f"and {len(words) - most} more"] if len(words) > most else [])])


def type_of(found: Sequence[Found]) -> str:
    """A key's type with its bounds, in words."""
    schema = found[0].key.schema
    return ", ".join([found[0].key.words, *(words.format(schema[bound]) for bound, words in _BOUNDS.items() if bound in schema)])


def inside(found: Found) -> dict[str, list[str]]:
    """The keys that may stand below a key, by what they are keys of."""
    models: dict[tuple[str, Model], None] = dict.fromkeys((place.kind, place.model) for place in found.models)
    own = {model for _, model in models}
    several = len(own) > 1
    return {
        (f"of {kind}" if kind and kind != found.place.kind else heading(model).replace("`", "").lower() if several else "keys"): [
            key.name for key in keys(model)
        ]
        for kind, model in models
    }


def _line(label: str, text: str, *, width: int = _LABEL, wrap: bool = True) -> tuple[str | tuple[str, str], ...]:
    space = " " * (width - len(label)) if len(label) < width else " "
    body = _filled(text, " " * (width + 2), first="") if wrap else text
    return ("  ", (label, "cyan"), space, body, "\n")


def _filled(text: str, indent: str, *, first: str | None = None) -> str:
    start = indent if first is None else first
    return textwrap.fill(
        text, _WIDTH - (len(indent) if first is not None else 0), initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
    )


def _with_example(told: Text, yaml: str) -> Text:
    return told.append(f"\n{textwrap.indent(yaml, '    ')}") if yaml else told


def key_json(found: Sequence[Found]) -> Json:
    """One key with all its places, for programs; docs/reference/cli.md tells what each field holds."""
    key = found[0].key
    return {
        "key": found[0].path,
        "also": also(found),
        "kinds": list(dict.fromkeys(one.place.kind for one in found if one.place.kind)),
        "type": key.words,
        "required": key.required,
        "default": key.default or None,
        "meaning": key.meaning,
        "keys": list(dict.fromkeys(name for names in inside(found[0]).values() for name in names)),
        "example": example(found) or None,
        "schema": key.schema,
    }


def kind_json(kind: str) -> Json:
    """A built-in kind, for programs."""
    settings = kinds()[kind]
    meaning = markdown(first_paragraph(settings))
    return {"kind": kind, "meaning": meaning, "keys": [key.name for key in keys(settings)], "example": example_of_kind(kind) or None}


def overview_json() -> list[Json]:
    """Every key in the first of its places, without what only a closer look needs."""
    first: dict[tuple[Model, str], Found] = {}
    for one in every_key():
        first.setdefault((one.key.owner, one.key.name), one)
    return [{"key": one.path, "type": one.key.words, "required": one.key.required, "meaning": one.key.meaning} for one in first.values()]
