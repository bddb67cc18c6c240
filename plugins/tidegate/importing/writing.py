"""Plain values as tidy YAML: what is short in one line, what is long in a block, quotes where a reader could be misled.

PyYAML's own writer knows one style for a whole document, no comments and no blank lines.
"""

from __future__ import annotations

import io
import re
import textwrap
from datetime import date, datetime
from typing import Any

import yaml
from yaml.emitter import Emitter

_WIDTH = 110
"""Lines are wrapped here where YAML allows."""
_FLAT = 80
"""A mapping that holds mappings stands in one line only where it is this short."""
_LONG = 60
"""A text of this length has a line of its own, even where it is alone in a mapping."""
_DEEPEST = 2
_NUMBER = re.compile(r"^[-+]?(0o?[0-7_]+|0x[0-9a-fA-F_]+|(\d[\d_]*)?\.?\d*([eE][-+]?\d+)?)$")
"""A number to some reader of YAML, of 1.1 or of 1.2."""
_COLONS = re.compile(r"^[\w./@%+-]+(:[\w./@%+-]+)*$")
"""A text whose colons stand inside of words, such as a URI or ``module:function``: plain also between brackets."""
_resolver: Any = yaml.SafeLoader
_escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Block(dict[str, Any]):
    """A mapping of the file to come, with the comments that stand at its head."""

    def __init__(self, *pairs: Any, flat: bool = True, **keys: Any) -> None:
        super().__init__(*pairs, **keys)
        self.comments: list[str] = []
        self.flat = flat
        """Whether it may stand in one line, if it is short."""

    def in_order(self, keys: tuple[str, ...]) -> Block:
        """The same with its keys in an order; those that the order does not name come last."""
        ranks = {key: rank for rank, key in enumerate(keys)}
        ordered = Block(sorted(self.items(), key=lambda pair: ranks.get(pair[0], len(ranks))), flat=self.flat)
        ordered.comments = self.comments
        return ordered


class Quoted(str):
    """A text that stands in quotes though it need not, as people write crons."""

    __slots__ = ()


def dump(block: Block, *, head: str = "", spaced: tuple[str, ...] = ()) -> str:
    """A pipeline file's text.

    :param head: The first line.
    :param spaced: Keys before which a line is left blank.
    """
    lines = [head] if head else []
    lines += _comments(block, 0)
    for key, value in block.items():
        lines += ["", *_entry(key, value, 0)] if key in spaced else _entry(key, value, 0)
    return "\n".join(lines) + "\n"


def _comments(value: Any, indent: int) -> list[str]:
    """A mapping's comments as lines."""
    margin = " " * indent + "# "
    return [
        line
        for comment in getattr(value, "comments", ())
        for line in textwrap.wrap(
            comment, _WIDTH, initial_indent=margin, subsequent_indent=f"{margin}  ", break_long_words=False, break_on_hyphens=False
        )
    ]


def _entry(key: str, value: Any, indent: int) -> list[str]:
    """One key of a mapping, with its value."""
    start = f"{' ' * indent}{scalar(key, flow=False)}:"
    if (flat := _in_one_line(value, _WIDTH - len(start))) is not None:
        return [f"{start} {flat}"]
    if isinstance(value, str):
        return [f"{start} {first}" if number == 0 else first for number, first in enumerate(_long_text(value, indent))]
    return [start, *_below(value, indent + 2)]


def _below(value: Any, indent: int) -> list[str]:
    """A mapping or list over several lines."""
    if isinstance(value, dict):
        return _comments(value, indent) + [line for key, item in value.items() for line in _entry(key, item, indent)]
    return [line for item in value for line in _item(item, indent)]


def _item(value: Any, indent: int) -> list[str]:
    """One item of a list."""
    start = f"{' ' * indent}- "
    if (flat := _in_one_line(value, _WIDTH - len(start))) is not None:
        return [start + flat]
    if isinstance(value, str):
        return [start + line if number == 0 else line for number, line in enumerate(_long_text(value, indent))]
    lines = _below(value, indent + 2)
    return [start.rstrip(), *lines] if getattr(value, "comments", ()) else [start + lines[0][len(start) :], *lines[1:]]


def _in_one_line(value: Any, room: int) -> str | None:
    """A value as it stands behind its key, or None where it needs lines of its own."""
    if isinstance(value, dict | list):
        if not value and not getattr(value, "comments", ()):
            return "{}" if isinstance(value, dict) else "[]"
        depth = _depth(value)
        if depth > _DEEPEST or not _may_be_flat(value):
            return None
        flat = _flow(value)
        return flat if len(flat) <= (room if depth == 1 else min(room, _FLAT)) else None
    if isinstance(value, str) and ("\n" in value or len(value) > _WIDTH):
        return None
    return scalar(value, flow=False)


def _depth(value: Any) -> int:
    """0 for a scalar, 1 for a list or mapping of scalars, and so on."""
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max((_depth(item) for item in items), default=0)


def _may_be_flat(value: Any) -> bool:
    """Whether nothing in it asks for lines of its own: comments, long texts, mappings that should be seen."""
    if isinstance(value, dict):
        return not getattr(value, "comments", ()) and getattr(value, "flat", True) and all(_may_be_flat(item) for item in value.values())
    if isinstance(value, list):
        return all(_may_be_flat(item) for item in value)
    return not isinstance(value, str) or (len(value) <= _LONG and "\n" not in value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key, flow=True)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return scalar(value, flow=True)


def _long_text(text: str, indent: int) -> list[str]:
    """A text of several lines, or of one long one: the part behind the key, then the lines below."""
    margin = " " * (indent + 2)
    for mark, lines in (("|", text.rstrip("\n").split("\n")), (">", _folded(text, _WIDTH - len(margin)))):
        if len(lines) == 1 or any(line != line.rstrip() for line in lines):
            continue
        chomp = {0: "-", 1: ""}.get(len(text) - len(text.rstrip("\n")), "+")
        extra = [""] * (len(text) - len(text.rstrip("\n")) - 1) if chomp == "+" else []
        written = [mark + chomp, *(f"{margin}{line}" if line else "" for line in [*lines, *extra])]
        if _reads_as(written, text):
            return written
    return [scalar(text, flow=False)]


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _reads_as(lines: list[str], text: str) -> bool:
    """Whether a reader gets the text back; spaces in odd places and control characters can forbid a block."""
    try:
        return bool(yaml.safe_load("\n".join(["a: " + lines[0], *lines[1:]]) + "\n")["a"] == text)
    except yaml.YAMLError:
        return False


def scalar(value: Any, *, flow: bool) -> str:
    """A text, number, flag, date or nothing, quoted where it must be.

    :param flow: Whether it stands between ``{}`` or ``[]``.
    """
    if isinstance(value, str):
        return value if not isinstance(value, Quoted) and _may_be_plain(value, flow=flow) else _quoted(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(yaml.safe_dump(value, default_flow_style=True).partition("\n")[0])


def _may_be_plain(text: str, *, flow: bool) -> bool:
    """Whether a reader of YAML, old or new, takes the bare word for this text."""
    look = Emitter(io.StringIO(), allow_unicode=True).analyze_scalar(text)
    if not look.allow_block_plain or _NUMBER.match(text) or (flow and not look.allow_flow_plain and not _COLONS.match(text)):
        return False
    first = _resolver.yaml_implicit_resolvers.get(text[:1], []) + _resolver.yaml_implicit_resolvers.get(None, [])
    return not any(pattern.match(text) for _, pattern in first)


def _quoted(text: str) -> str:
    if ('"' in text or "\\" in text) and "'" not in text and text.isprintable():
        return f"'{text}'"
    return '"' + "".join(_escapes.get(sign, sign if sign.isprintable() else _coded(sign)) for sign in text) + '"'


def _coded(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if sign < "\x80" else f"\\U{ord(sign):08x}"
