"""Findings for whoever reads them: people, programs, code scanning, GitHub's annotations. Every renderer is a pure function."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.model import Finding, Loaded

JSON_VERSION = 1
"""Grows when a field of the JSON goes away or changes its meaning; a new field does not make it grow."""


class Format(StrEnum):
    """How findings are told."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


def rendered(loaded: Sequence[Loaded], form: Format, *, root: Path) -> str:
    """The findings in one of the formats, as plain text that ends with a line break.

    :param root: The folder that paths are told from.
    """
    match form:
        case Format.TEXT:
            return text(loaded).plain + "\n"
        case Format.JSON:
            return as_json(loaded)
        case Format.SARIF:
            from tidegate.cli.sarif import sarif

            return sarif(loaded, root=root)
        case Format.GITHUB:
            return github(loaded, root=root)


def summary(loaded: Sequence[Loaded]) -> str:
    """How many files were read, and how many of them are wrong."""
    wrong = sum(1 for result in loaded if result.findings)
    found = len(each(loaded))
    return f"{len(loaded)} file(s), {wrong} with {found} finding(s)." if wrong else f"{len(loaded)} file(s), all right."


def text(loaded: Sequence[Loaded]) -> Text:
    """For people: each finding with its line, a caret and what to do. Colours are marks that a pipe does not show."""
    told = Text()
    seen: set[Finding] = set()  # what is wrong in a layer is wrong for all that stand on it, and told once
    for result in loaded:
        if not result.findings:
            told.append_text(Text.assemble((f"{result.path}", "bold"), ": ", ("right", "green"), "\n"))
        elif seen.issuperset(result.findings):
            told.append_text(Text.assemble((f"{result.path}", "bold"), ": ", ("stands on what is told above", "red"), "\n\n"))
        for finding in result.findings:
            if finding not in seen:
                told.append_text(_coloured(finding)).append("\n\n")
            seen.add(finding)
    return told.append(summary(loaded))


def _coloured(finding: Finding) -> Text:
    first, _, rest = finding.render().partition("\n")
    place, separator, message = first.partition("  ")
    return Text.assemble((place, "bold"), separator, (message, "red"), "\n" if rest else "", rest)


def as_json(loaded: Sequence[Loaded]) -> str:
    """For programs; docs/reference/cli.md tells what each field holds."""
    files = [{"file": str(result.path), "findings": [_fields(finding) for finding in result.findings]} for result in loaded]
    wrong = sum(1 for result in loaded if result.findings)
    counts = {"files": len(loaded), "wrong": wrong, "findings": sum(len(result.findings) for result in loaded)}
    return json.dumps({"version": JSON_VERSION, "summary": counts, "files": files}, indent=2, ensure_ascii=False) + "\n"


def _fields(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "line": finding.line or None, "column": finding.column or None}


def github(loaded: Sequence[Loaded], *, root: Path) -> str:
    """For a GitHub workflow: one annotation a finding, then the summary as an ordinary line of its log."""
    lines = [_annotation(finding, root) for finding in each(loaded)]
    return "\n".join([*lines, summary(loaded)]) + "\n"


def each(loaded: Sequence[Loaded]) -> list[Finding]:
    """Every finding once, though a layer that is wrong is found again with every pipeline above it."""
    return list(dict.fromkeys(finding for result in loaded for finding in result.findings))


def _annotation(finding: Finding, root: Path) -> str:
    place = {"line": finding.line, "col": finding.column} if finding.line else {}
    properties = {"file": relative(finding.file, root), **place, "title": finding.path or "Tidegate"}
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::error {told}::{_data(sentence(finding))}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def sentence(finding: Finding) -> str:
    """What is wrong, and what to do, for formats that have the place in fields of their own."""
    message = f"{finding.message[:1].upper()}{finding.message[1:]}"
    return f"{message}{'' if message.endswith(('.', '!', '?')) else '.'} {finding.hint}".rstrip()


def relative(file: str, root: Path) -> str:
    """A path as it reads from ``root``, with ``/``; one that lies outside stays whole."""
    path = Path(file)
    try:
        return (root / path).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path.as_posix()
