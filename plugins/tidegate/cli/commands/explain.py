"""``tidegate explain``: what a key of the pipeline file means."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tidegate.cli.writing import console, refuse


def explain(
    key: Annotated[
        str, typer.Argument(help="Such as schedule.cron, steps.with.accept.min_rows, for_each, or a kind such as barrier.")
    ] = "",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it as JSON.")] = False,
) -> None:
    """Tell what a key means, its type and default, where it may stand, and an example; without KEY, list every key."""
    from tidegate.cli import explaining
    from tidegate.cli.reference.lookup import find, known_words
    from tidegate.cli.reference.models import kinds
    from tidegate.model.findings import did_you_mean

    if not key:
        _say(explaining.overview_json()) if as_json else console().print(explaining.overview(), end="")
        return
    found = find(key)
    kind = key if key in kinds() else None
    if not found and kind is None:
        hint = did_you_mean(key, known_words())
        refuse(f"There is no key '{key}'. {hint if hint.startswith('Did') else 'tidegate explain lists every key.'}", code=2)
    if as_json:
        told = {"kind": explaining.kind_json(kind)} if kind else {}
        _say({**told, "keys": [explaining.key_json(places) for places in found]})
        return
    texts = [*([explaining.kind_text(kind)] if kind else []), *(explaining.key_text(places) for places in found)]
    for number, text in enumerate(texts):
        console().print("\n" if number else "", text, sep="", end="")


def _say(told: object) -> None:
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
