"""A YAML file of dag-factory's as values that know where they stand, read as dag-factory reads it: YAML 1.1, with anchors and merge keys.

PyYAML's C parser makes the node graph. Only plain scalars are constructed; a tag such as ``!!python/name`` is text here, and runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tidegate.model import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.importing.remarks import Remarks

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_BYTES = 4_000_000
_MAX_VALUES = 200_000
_MAX_DEPTH = 60
_YAML = "tag:yaml.org,2002:"
_PLAIN = {f"{_YAML}{kind}" for kind in ("str", "int", "float", "bool", "null", "timestamp")}
_FUNCTION = f"{_YAML}python/name:"
_WRITTEN_OUT = {"!and": "__and__", "!or": "__or__", "!join": "__join__"}
"""Tags of dag-factory before 1.0 → the keys that stand for them since."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands."""

    file: str
    line: int
    """1-based."""
    column: int
    """1-based."""
    excerpt: str
    """The line, without its break."""


@dataclass(frozen=True, slots=True)
class Value:
    """A text, number, flag, date, nothing, a list of values, or a mapping of names to values."""

    plain: Any
    path: tuple[str, ...]
    """The keys that lead to it."""
    place: Place
    """Of its key in a mapping, of its first character in a list."""

    @property
    def key(self) -> str:
        """The last key that leads to it."""
        return self.path[-1] if self.path else ""

    @property
    def mapping(self) -> dict[str, Value]:
        """Its keys and values; none where it is no mapping."""
        return self.plain if isinstance(self.plain, dict) else {}

    @property
    def items(self) -> list[Value]:
        """Its items; a single value is a list of one, and nothing is none."""
        if self.plain is None:
            return []
        return self.plain if isinstance(self.plain, list) else [self]

    @property
    def text(self) -> str | None:
        """It, where it is text."""
        return self.plain if isinstance(self.plain, str) else None

    def with_plain(self, plain: Any) -> Value:
        """Something else in the same place."""
        return Value(plain, self.path, self.place)


class UnreadableError(Exception):
    """A file is no YAML at all; ``finding`` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.render())
        self.finding = finding


def read(path: Path, remarks: Remarks, *, name: str | None = None) -> Value:
    """What stands in a file.

    :param name: What findings call the file; its path by default.
    :raises UnreadableError: it cannot be read, or is no YAML.
    """
    file = name or str(path)
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(file, f"cannot be read: {error.strerror}", "Check the path and its permissions.") from None
    except UnicodeDecodeError:
        raise _unreadable(file, "is not UTF-8", "Save the file as UTF-8.") from None
    if len(raw) > _MAX_BYTES:
        raise _unreadable(file, f"has {len(raw):,} bytes, more than {_MAX_BYTES:,}", "Import it in parts.")
    return parse(text, file, remarks)


def parse(text: str, file: str, remarks: Remarks) -> Value:
    """What a YAML text says.

    :raises UnreadableError: it is no YAML.
    """
    lines = text.splitlines()
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise _unreadable(file, "is empty", "Give a file with DAGs of dag-factory's.")
        return _Walk(file, lines, loader, remarks).value(node, (), None, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        excerpt = lines[line - 1] if 0 < line <= len(lines) else ""
        problem = " ".join(part for part in (error.context, error.problem) if part)
        hint = "Look for a missing quote, bracket or a wrong indent here or just above."
        raise UnreadableError(Finding(file, line, column, "", f"is no valid YAML: {problem}", hint, excerpt)) from None
    except yaml.YAMLError as error:
        raise _unreadable(file, f"is no valid YAML: {error}", "Remove the characters that YAML does not allow.") from None
    finally:
        loader.dispose()


def _unreadable(file: str, message: str, hint: str) -> UnreadableError:
    return UnreadableError(Finding(file, 0, 0, "", message, hint))


def _joined(value: Value) -> Value:
    """A mapping, or the text that its ``__join__`` makes of scalars."""
    parts = value.mapping.get("__join__")
    if parts is None or any(isinstance(part.plain, dict | list) for part in parts.items):
        return value
    return value.with_plain("".join(str(part.plain) for part in parts.items))


class _Walk:
    """Turns a node graph into values."""

    def __init__(self, file: str, lines: list[str], loader: Any, remarks: Remarks) -> None:
        self._file, self._lines, self._loader, self._remarks = file, lines, loader, remarks
        self._seen = 0

    def value(self, node: yaml.Node, path: tuple[str, ...], place: Place | None, depth: int) -> Value:
        self._seen += 1
        if self._seen > _MAX_VALUES or depth > _MAX_DEPTH:
            raise _unreadable(self._file, "holds too much, or is nested too deep, aliases written out", "Import it in parts.")
        place = place or self._place(node)
        if isinstance(node, yaml.MappingNode):
            return _joined(Value(self._mapping(node, path, depth), path, place))
        if isinstance(node, yaml.SequenceNode):
            items = [self.value(item, (*path, str(index)), None, depth + 1) for index, item in enumerate(node.value)]
            if word := _WRITTEN_OUT.get(node.tag):
                return _joined(Value({word: Value(items, (*path, word), place)}, path, place))
            return Value(items, path, place)
        return self._scalar(node, path, place)

    def _place(self, node: yaml.Node) -> Place:
        line, column = node.start_mark.line, node.start_mark.column
        return Place(self._file, line + 1, column + 1, self._lines[line] if line < len(self._lines) else "")

    def _mapping(self, node: yaml.MappingNode, path: tuple[str, ...], depth: int) -> dict[str, Value]:
        merged: dict[str, Value] = {}
        own: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_YAML}merge":
                layers = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for layer in layers:
                    merged = {**self.value(layer, path, None, depth + 1).mapping, **merged}
                continue
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            value = self.value(value_node, (*path, key), self._place(key_node), depth + 1)
            if key in own:
                first = own[key].place.line
                self._remarks.note(value, f"the key stands already in line {first}; dag-factory takes this one", "Remove one of them.")
            own[key] = value
        return {**{key: value for key, value in merged.items() if key not in own}, **own}

    def _scalar(self, node: yaml.Node, path: tuple[str, ...], place: Place) -> Value:
        text = Value(str(node.value), path, place)
        if node.tag.startswith(_FUNCTION):
            return text.with_plain(node.tag.removeprefix(_FUNCTION))
        if node.tag not in _PLAIN:
            shown = node.tag.replace(_YAML, "!!")
            self._remarks.lost(text, f"the tag {shown} has no place in a pipeline file; its text is kept", "Write the value out.")
            return text
        try:
            return text.with_plain(self._loader.construct_object(node))
        except (yaml.YAMLError, ValueError):
            self._remarks.lost(text, f"{text.plain!r} is no {node.tag.removeprefix(_YAML)}; it is kept as text", "Quote it, or correct it.")
            return text
