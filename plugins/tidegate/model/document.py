"""YAML text to plain values that remember where they stood.

PyYAML's C parser reads the text; this module walks its node graph, so that every key and value keeps its line and column. Scalars follow
YAML 1.2 where YAML 1.1 surprises people: ``no``, ``on`` and ``yes`` are text, ``12:30`` is text, ``0123`` is text. A region may be ``no``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tidegate.model.findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_BYTES = 1_000_000
_MAX_NODES = 50_000
_MAX_DEPTH = 50
_PLAIN_TAGS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_LOOK_HERE = "Look for a missing quote, bracket or a wrong indent here or just above."
_QUOTE_BRACES = 'Inside {…} and […], quote text that holds braces: "sales_{region}".'

Path_ = tuple["str | int", ...]


@dataclass(slots=True)
class Document:
    """One YAML file: its plain value, the place of every path in it, and what is wrong with its syntax."""

    file: str
    lines: list[str] = field(default_factory=list)
    value: Any = None
    places: dict[Path_, tuple[int, int]] = field(default_factory=dict)
    """Path → 1-based line and column: of the key in a mapping, of the item in a sequence."""
    findings: list[Finding] = field(default_factory=list)

    def report(self, path: Path_, message: str, hint: str = "") -> None:
        """Add a finding at the place of ``path``, or of its nearest ancestor that stands in the file."""
        known = path
        while known and known not in self.places:
            known = known[:-1]
        line, column = self.places.get(known, (0, 0))
        self.report_at(line, column, path, message, hint)

    def report_at(self, line: int, column: int, path: Path_, message: str, hint: str) -> None:
        """Add a finding at a place that the parser knows."""
        excerpt = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        dotted = ".".join(str(part) for part in path)
        self.findings.append(Finding(self.file, line, column, dotted, message, hint, excerpt))


def read_document(path: Path, *, name: str | None = None) -> Document:
    """Read and parse a YAML file; never raises for what stands in it.

    :param name: What findings call the file; its path by default.
    """
    document = Document(name or str(path))
    try:
        raw = path.read_bytes()
    except OSError as error:
        document.report((), f"cannot be read: {error.strerror}", "Check the path and its permissions.")
        return document
    if len(raw) > _MAX_BYTES:
        document.report((), f"has {len(raw):,} bytes; a pipeline file may have {_MAX_BYTES:,}", "Split it into several pipelines.")
        return document
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        document.lines = raw.decode("utf-8", "replace").splitlines()
        document.report_at(line, 1, (), f"byte 0x{raw[error.start]:02x} is not UTF-8", "Save the file as UTF-8.")
        return document
    parse_text(document, text)
    return document


def parse_text(document: Document, text: str) -> None:
    """Fill ``document`` from YAML text."""
    document.lines = text.splitlines()
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            document.report((), "is empty", "Start with 'pipeline: <name>' and 'steps:'.")
            return
        document.value = _Walk(document, loader).value(node, (), 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        problem = " ".join(part for part in (error.context, error.problem) if part)
        excerpt = document.lines[line - 1] if 0 < line <= len(document.lines) else ""
        hint = _QUOTE_BRACES if re.search(r"\w\{\w+\}", excerpt) else _LOOK_HERE
        document.report_at(line, column, (), f"is no valid YAML: {problem}", hint)
    except yaml.YAMLError as error:
        document.report((), f"is no valid YAML: {error}", "Remove the characters that YAML does not allow.")
    except _TooMuchError as error:
        document.report((), str(error), "Split the file, or write out what its aliases repeat.")
    finally:
        loader.dispose()


class _TooMuchError(Exception):
    """The document is larger or deeper than any pipeline."""


class _Walk:
    """Turns a node graph into plain values, noting places and duplicate keys."""

    def __init__(self, document: Document, loader: Any) -> None:
        self._document = document
        self._loader = loader
        self._seen = 0

    def value(self, node: yaml.Node, path: Path_, depth: int) -> Any:
        self._seen += 1
        if self._seen > _MAX_NODES:
            raise _TooMuchError(f"holds more than {_MAX_NODES:,} values, aliases written out")
        if depth > _MAX_DEPTH:
            raise _TooMuchError(f"is nested deeper than {_MAX_DEPTH} levels")
        self._document.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
            self._document.report(
                path, f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')} is refused", "Write plain lists and mappings."
            )
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path_, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            here = (*path, key)
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in mapping:
                first = self._document.places[here][0]
                self._document.report_at(*place, here, f"duplicate key '{key}'", f"It stands already in line {first}; keep one of them.")
                continue
            self._document.places[here] = place
            mapping[key] = self.value(value_node, here, depth + 1)
        return mapping

    def _scalar(self, node: yaml.Node, path: Path_) -> Any:
        text = str(node.value)
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "bool" and text.lower() not in {"true", "false"}:
            return text
        if kind in {"int", "float"} and (":" in text or (text.lstrip("+-")[:1] == "0" and text.lstrip("+-")[1:2].isdigit())):
            return text
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            if kind == "timestamp":
                self._document.report(path, f"{text!r} looks like a date and is none", "Write it as 2026-01-31, or quote it if it is text.")
            else:
                self._document.report(
                    path, f"cannot read {text!r} as {node.tag}", "Quote it if it is text; tags such as !!python are refused."
                )
            return None
