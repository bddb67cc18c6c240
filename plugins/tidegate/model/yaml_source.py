"""One YAML text to plain values, quickly; and the place of everything in it, when somebody asks.

PyYAML's C parser composes the node graph. A first walk over it makes plain values and keeps no places; a second walk, for a file in which something
is wrong, notes the line and column of every key and value. Scalars follow YAML 1.2: ``no``, ``on`` and ``yes`` are text, ``12:30`` is text,
``0123`` is text. A region may be ``no``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from stat import S_IFDIR, S_IFIFO, S_IFMT, S_IFSOCK, S_ISREG
from typing import TYPE_CHECKING, Any

import yaml

from tidegate.model.findings import Finding

if TYPE_CHECKING:
    from pathlib import Path

Place = tuple["str | int", ...]
"""A path in a document: keys and indexes from the top."""

MOST_BYTES = 1_000_000
_MOST_NODES = 50_000
_MOST_DEPTH = 50
_SPLIT = "Split the file, or write out what its aliases repeat."
_TOO_DEEP = f"is nested deeper than {_MOST_DEPTH} levels"
_TAG = "tag:yaml.org,2002:"
_PLAIN = "Write plain values, lists and mappings; share keys by 'extends', and steps by templates."
_TEXT, _MAPPING, _SEQUENCE = f"{_TAG}str", f"{_TAG}map", f"{_TAG}seq"


_CORE: tuple[tuple[str, re.Pattern[str]], ...] = (
    (f"{_TAG}null", re.compile(r"~|null|Null|NULL|")),
    (f"{_TAG}bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    (f"{_TAG}int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")),
    (
        f"{_TAG}float",
        re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"),
    ),
    (
        f"{_TAG}timestamp",
        re.compile(r"\d{4}-\d\d?-\d\d?(?:(?:[Tt]|[ \t]+)\d\d?:\d\d(?::\d\d(?:\.\d*)?)?(?:[ \t]*(?:Z|[-+]\d\d?(?::?\d\d)?))?)?"),
    ),
)
"""Tag → the plain scalars that have it; all others are text."""


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=4096)
def _tag_of(text: str) -> str:
    """The tag of a plain scalar. Files say the same words again and again, so most are looked up."""
    return next((tag for tag, pattern in _CORE if pattern.fullmatch(text)), _TEXT)


class _Loader(_Base):  # type: ignore[misc]
    """Resolves plain scalars as YAML 1.2's core schema does, and dates besides."""

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        """The tag of a node that has none of its own."""
        if kind is yaml.ScalarNode:
            return _tag_of(value or "") if implicit[0] else _TEXT
        return _SEQUENCE if kind is yaml.SequenceNode else _MAPPING


@dataclass(eq=False, repr=False)
class Source:
    """One file: its plain value, what is wrong with its syntax, and where everything stands."""

    file: str
    """What findings call it."""
    text: str = ""
    value: Any = None
    findings: list[Finding] = field(default_factory=list)
    empty: bool = False
    """Whether there is nothing in it, comments apart."""

    @cached_property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return self.text.splitlines()

    @cached_property
    def places(self) -> dict[Place, tuple[int, int]]:
        """Path → 1-based line and column: of the key in a mapping, of the item in a sequence."""
        noted = _Noting(self)
        _compose(self, noted.value)
        return noted.places

    def report(self, line: int, column: int, path: Place, message: str, hint: str) -> None:
        """Add a finding at a place that the parser knows."""
        self.findings.append(self.finding(line, column, path, message, hint))

    def finding(self, line: int, column: int, path: Place, message: str, hint: str) -> Finding:
        """A finding at a place of this file, with its line."""
        excerpt = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Finding(self.file, line, column, ".".join(str(part) for part in path), message, hint, excerpt)


_OTHER = {S_IFIFO: "a named pipe", S_IFSOCK: "a socket", S_IFDIR: "a folder"}


def read_source(path: Path, *, name: str | None = None) -> Source:
    """Read and parse a YAML file; never raises for what stands in it.

    :param name: What findings call the file; its path by default.
    """
    source = Source(name or str(path))
    try:
        mode = path.stat().st_mode
        if not S_ISREG(mode):  # to open a named pipe is to wait for whoever writes into it
            source.report(
                0, 0, (), f"is {_OTHER.get(S_IFMT(mode), 'a device')}, not a file", "Remove it, or give it a name of another suffix."
            )
            return source
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        link = path.is_symlink()
        hint = "It is a link: let it lead to a file, or remove it." if link else "Check the path and its permissions."
        source.report(0, 0, (), f"cannot be read: {error.strerror}", hint)
        return source
    if len(raw) > MOST_BYTES:
        source.report(0, 0, (), f"has more than the {MOST_BYTES:,} bytes that a pipeline file may have", "Split it into several pipelines.")
        return source
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        source.text = raw.decode("utf-8", "replace")
        line = raw.count(b"\n", 0, error.start) + 1
        source.report(line, 1, (), f"byte 0x{raw[error.start]:02x} is not UTF-8", "Save the file as UTF-8.")
        return source
    return parse(source, text)


def parse(source: Source, text: str) -> Source:
    """Fill a source from YAML text."""
    source.text = text
    try:
        source.value = _compose(source, _plain)
    except _OddError:
        noted = _Noting(source, told=True)
        source.value = _compose(source, noted.value)
        source.__dict__["places"] = noted.places
    return source


def _compose(source: Source, read: Any) -> Any:
    """What ``read`` makes of the text's node graph; None and findings where it has none."""
    loader = None
    try:
        _deep(source.text)
        loader = _Loader(source.text)
        node = loader.get_single_node()
        if node is None:
            source.empty = True
            source.report(0, 0, (), "is empty", "Start with 'pipeline: <name>' and 'steps:'.")
            return None
        return read(node, loader)
    except yaml.MarkedYAMLError as error:
        from tidegate.model.yaml_errors import told

        line, column, message, hint = told(error, source.lines)
        source.report(line, column, (), message, hint)
    except yaml.reader.ReaderError as error:
        hint = "Remove the character, or write it in double quotes by its number."
        from tidegate.model.yaml_errors import place_of

        source.report(*place_of(source.text, error.position), (), f"is no valid YAML: {str(error).partition(' in ')[0].strip()}", hint)
    except UnicodeError:
        source.report(0, 0, (), "holds half of a character", "Save the file as UTF-8.")
    except _TooMuchError as error:
        source.report(error.line, error.column, (), str(error), _SPLIT)
    except RecursionError:  # PyYAML's own parser, where the C parser is not there
        source.report(0, 0, (), _TOO_DEEP, _SPLIT)
    finally:
        if loader is not None:
            loader.dispose()
    return None


class _TooMuchError(Exception):
    """The document is larger or deeper than any pipeline."""

    def __init__(self, words: str, mark: Any) -> None:
        super().__init__(words)
        self.line, self.column = mark.line + 1, mark.column + 1


_MANY = 1_000
"""Marks that open something, from which on their depth is counted first: the parser descends on the C stack, which ends without an exception."""


def _deep(text: str) -> None:
    """Refuse a text that the parser could not leave alive.

    :raises _TooMuchError: it is nested too deep.
    """
    if sum(map(text.count, "[{-?")) < _MANY:
        return
    depth, loader = 0, _Loader(text)
    try:
        while (event := loader.get_event()) is not None:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MOST_DEPTH:
                raise _TooMuchError(_TOO_DEEP, event.start_mark)
    finally:
        loader.dispose()


class _OddError(Exception):
    """The quick walk met something that must be told with its place."""


def _plain(root: yaml.Node, loader: Any) -> Any:
    """Plain values, without places.

    :raises _OddError: something needs telling.
    """
    left = _MOST_NODES

    def value(node: yaml.Node, depth: int) -> Any:
        nonlocal left
        if node.__class__ is yaml.ScalarNode:
            return node.value if node.tag == _TEXT else scalar(node, loader)
        left -= len(node.value) + 1
        if left < 0 or depth > _MOST_DEPTH:
            raise _OddError
        if node.tag == _MAPPING:
            mapping = {}
            for key, item in node.value:  # texts, which most values are, without a call for each
                if key.__class__ is not yaml.ScalarNode:
                    raise _OddError
                plain = item.__class__ is yaml.ScalarNode and item.tag == _TEXT
                mapping[key.value] = item.value if plain else value(item, depth + 1)
            if len(mapping) != len(node.value):
                raise _OddError
            return mapping
        if node.tag == _SEQUENCE:
            return [value(item, depth + 1) for item in node.value]
        raise _OddError

    return value(root, 0)


def scalar(node: yaml.ScalarNode, loader: Any) -> Any:
    """A scalar that is not plain text.

    :raises _OddError: it is not what its tag or its looks say.
    """
    text, kind = str(node.value), node.tag.removeprefix(_TAG)
    try:
        match kind:
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text, 0) if text[:2].lower() in {"0o", "0x"} else int(text)
            case "float":
                return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".nan", "nan").lower())
            case "timestamp":  # PyYAML's own reads none without seconds, and no zone such as +0100
                read = loader.timestamp_regexp.match(text)
                return loader.construct_yaml_timestamp(node) if read else datetime.fromisoformat(text)
    except (ValueError, yaml.YAMLError) as error:
        raise _OddError from error
    raise _OddError


class _Noting:
    """The thorough walk: plain values, the place of each, and what is wrong with them."""

    def __init__(self, source: Source, *, told: bool = False) -> None:
        self.places: dict[Place, tuple[int, int]] = {}
        self._source = source
        self._told = told
        self._seen = 0
        self._loader: Any = None

    def value(self, root: yaml.Node, loader: Any) -> Any:
        """The plain value of the whole document."""
        self._loader = loader
        return self._value(root, (), 0)

    def _report(self, node: yaml.Node, path: Place, message: str, hint: str) -> None:
        if self._told:
            self._source.report(node.start_mark.line + 1, node.start_mark.column + 1, path, message, hint)

    def _value(self, node: yaml.Node, path: Place, depth: int) -> Any:
        self._seen += 1
        if self._seen > _MOST_NODES:
            raise _TooMuchError(f"holds more than {_MOST_NODES:,} values, aliases written out", node.start_mark)
        if depth > _MOST_DEPTH:
            raise _TooMuchError(_TOO_DEEP, node.start_mark)
        self.places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in {f"{_TAG}map", f"{_TAG}seq"}:
            self._report(node, path, f"the tag {node.tag.replace(_TAG, '!!')} is refused", _PLAIN)
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        return [self._value(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Place, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._report(key_node, path, "a key is a list or a mapping", 'Keys are names; a template stands in quotes: "{{ ds }}".')
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in mapping:
                first = self.places[here][0]
                self._report(key_node, here, f"duplicate key '{key}'", f"It stands already in line {first}; keep one of them.")
                continue
            self.places[here] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            mapping[key] = self._value(value_node, here, depth + 1)
        return mapping

    def _scalar(self, node: yaml.ScalarNode, path: Place) -> Any:
        try:
            return scalar(node, self._loader)
        except _OddError:
            text = str(node.value)
            if node.tag == f"{_TAG}timestamp":
                self._report(node, path, f"{text!r} looks like a date and is none", "Write it as 2026-01-31, or quote it if it is text.")
            elif node.tag in {tag for tag, _ in _CORE}:
                self._report(node, path, f"cannot read {text!r} as {node.tag.replace(_TAG, '!!')}", "Quote it if it is text.")
            else:
                self._report(node, path, f"the tag {node.tag.replace(_TAG, '!!')} is refused", _PLAIN)
            return None
