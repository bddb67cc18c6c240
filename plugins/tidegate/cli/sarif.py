"""Findings as SARIF 2.1.0, which code scanning reads. A rule is a key of the pipeline file, and its help is what the key means."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tidegate import __version__
from tidegate.cli.formats import each, relative, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tidegate.model import Finding, Loaded

Json = dict[str, Any]
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
_WHOLE_FILE = ("file", "The file as a whole: that it can be read, is YAML, and has a name of its own.")


def sarif(loaded: Sequence[Loaded], *, root: Path) -> str:
    """One run with one result a finding.

    :param root: The folder that the results' relative URIs are told from.
    """
    findings = each(loaded)
    about = [_rule(finding) for finding in findings]
    rules = dict(sorted(set(about)))
    numbers = {rule: number for number, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "Tidegate", "version": __version__, "rules": [_described(*rule) for rule in rules.items()]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder that tidegate was called in."}}},
        "results": [_result(finding, rule, numbers[rule], root) for finding, (rule, _) in zip(findings, about, strict=True)],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(finding: Finding) -> tuple[str, str]:
    """The id and the meaning of the key that a finding is about, or of the nearest key above it that the language knows."""
    from tidegate.cli.reference.lookup import nearest

    found = nearest(finding.path.split(".")) if finding.path else None
    return (found.plain, found.key.meaning) if found is not None else _WHOLE_FILE


def _described(rule: str, meaning: str) -> Json:
    return {
        "id": rule,
        "shortDescription": {"text": f"Something is wrong {'with the file' if rule == _WHOLE_FILE[0] else f'at {rule}'}"},
        "help": {"text": meaning.replace("`", ""), "markdown": meaning},
        "defaultConfiguration": {"level": "error"},
    }


def _result(finding: Finding, rule: str, number: int, root: Path) -> Json:
    region: Json = {"startLine": finding.line or 1, "startColumn": finding.column or 1}
    if finding.excerpt:
        region["snippet"] = {"text": finding.excerpt}
    location: Json = {"physicalLocation": {"artifactLocation": _artifact(finding.file, root), "region": region}}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.path, "kind": "member"}]
    return {"ruleId": rule, "ruleIndex": number, "level": "error", "message": {"text": sentence(finding)}, "locations": [location]}


def _artifact(file: str, root: Path) -> Json:
    """Relative to the root, where code scanning looks for it; a file elsewhere is named by its whole path."""
    told = PurePosixPath(relative(file, root))
    if told.is_absolute() or ".." in told.parts:
        return {"uri": (root / told).resolve().as_uri()}
    return {"uri": quote(str(told)), "uriBaseId": _ROOT}
