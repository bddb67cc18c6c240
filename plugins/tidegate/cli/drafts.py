"""The files that ``tidegate new`` writes: a template with names put in. Pure; the command asks, checks and writes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

_PLAIN = re.compile(r"[A-Za-z_][\w.{}-]*")


class Template(StrEnum):
    """What a new pipeline may begin as."""

    NIGHTLY = "nightly"
    """Many sources at once, a barrier, one warehouse table."""
    SERIAL = "serial"
    """One source, step after step."""
    OPERATORS = "operators"
    """Airflow's own operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a template is filled with."""

    name: str
    start: date
    regions: tuple[str, ...] = ()
    connection_prefix: str = ""
    warehouse: str = "warehouse"

    @property
    def connections(self) -> tuple[str, ...]:
        """The Airflow connections that the sources need."""
        return tuple(f"{self.connection_prefix}{region}" for region in self.regions)


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a pipeline, and of the SQL files that it names, by their names under ``include/``."""

    pipeline: str
    sql: Mapping[str, str]


def draft(template: Template, answers: Answers) -> Draft:
    """A template with the answers in it."""
    folder = files(__package__) / "templates" / template.value
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.is_file()}
    stems = sorted(
        (name.removesuffix(".sql") for name in texts if name.endswith(".sql")),
        key=lambda stem: texts["pipeline.yaml"].index(f"__{stem}_sql__"),
    )
    named = {stem: f"sql/{answers.name}_{stem}.sql" for stem in stems}
    source = f"{answers.connection_prefix}{{region}}" if answers.regions else answers.connection_prefix.rstrip("_-.")
    words = {
        "name": scalar(answers.name),
        "start": answers.start.isoformat(),
        "regions": ", ".join(scalar(region) for region in answers.regions),
        "source": scalar(source),
        "warehouse": scalar(answers.warehouse),
        "table": scalar(answers.name.replace("-", "_")),
        **{f"{stem}_sql": scalar(path) for stem, path in named.items()},
    }
    text = re.sub(r"__([a-z](?:[a-z_]*[a-z])?)__", lambda match: words[match[1]], texts["pipeline.yaml"])
    return Draft(text, {path: texts[f"{stem}.sql"] for stem, path in named.items()})


def scalar(text: str) -> str:
    """Text as YAML writes it: plain where every reader takes it for text, else in quotes."""
    plain = _PLAIN.fullmatch(text.replace("/", "_")) is not None and text == yaml.safe_load(text)
    return text if plain else json.dumps(text)
