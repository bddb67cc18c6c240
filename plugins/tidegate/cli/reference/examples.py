"""Where a key stands in a real pipeline: lines of what ``tidegate new`` writes, with the lines around that say where they belong."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from tidegate.cli.drafts import Answers, Template, draft
from tidegate.cli.reference.models import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate.cli.reference.lookup import Found

_MOST = 14
"""Lines of an example; what is longer is cut, and says so."""
_OF_A_NIGHT = Answers(name="sales", start=date(2026, 1, 1), regions=("north", "south"), connection_prefix="sales_")
_OF_A_TABLE = Answers(name="sales", start=date(2026, 1, 1), connection_prefix="shop")


def example(found: Sequence[Found]) -> str:
    """YAML in which a key stands in one of its places; empty where there is none at hand."""
    for text, node in _documents():
        for one in found:
            if lines := next(_lines(node, [*one.place.path, one.key.name], one.place.kind), None):
                return _cut(text, lines)
    for value in found[0].key.examples:
        return str(yaml.safe_dump({found[0].key.name: value}, sort_keys=False, allow_unicode=True))
    return ""


def example_of_kind(kind: str) -> str:
    """A step of a kind; empty where there is none at hand."""
    for text, node in _documents():
        for top, above, steps in _items(node):
            for _, key, step in _items(steps) if top == "steps" else ():
                uses = _under(step, "uses")
                if uses is not None and uses.value == kind:
                    return _cut(text, {_line(above): None, **_all(key, step)})
    return ""


@lru_cache
def _documents() -> tuple[tuple[str, yaml.Node], ...]:
    texts = [draft(template, _OF_A_NIGHT if template is Template.NIGHTLY else _OF_A_TABLE).pipeline for template in Template]
    return tuple((text, node) for text in texts if (node := yaml.compose(text, Loader=yaml.SafeLoader)) is not None)


def _items(node: Any) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Name, key and value of each entry of a mapping; of a list, its items without a name."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key, value
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield "", item, item


def _under(node: Any, name: str) -> Any:
    return next((value for found, _, value in _items(node) if found == name), None)


def _lines(node: Any, path: list[str], kind: str) -> Iterator[dict[int, None]]:
    """Numbers of the lines that show what a path leads to, for each place where it does."""
    head, *rest = path
    for name, key, value in _items(node):
        if not (name == head.removesuffix("[]") or (head.startswith("<") and name)):
            continue
        if head.startswith("<") and kind and rest and rest[0] == "with":
            uses = _under(value, "uses")
            if uses is None or uses.value != kind or kind not in kinds():
                continue
        if not rest:
            yield _all(key, value)
            continue
        inner = next(iter(value.value), None) if head.endswith("[]") and isinstance(value, yaml.SequenceNode) else value
        for found in _lines(inner, rest, kind):
            whole = getattr(value, "flow_style", None) or inner is not value
            yield {
                _line(key): None,
                **_beside(value, "uses" if kind and rest[0] == "with" else ""),
                **(_all(key, value) if whole else found),
            }


def _beside(value: Any, name: str) -> dict[int, None]:
    """The line of a key that says what its neighbours mean."""
    return {_line(key): None for found, key, _ in _items(value) if found == name}


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line)


def _all(key: yaml.Node, value: yaml.Node) -> dict[int, None]:
    ends = value.end_mark.line if value.end_mark.column else value.end_mark.line - 1
    block = isinstance(value, yaml.CollectionNode) and not value.flow_style
    last = max(_line(key), ends - 1 if block and value.end_mark.column else ends)
    return dict.fromkeys(range(_line(key), last + 1))


def _cut(text: str, numbers: dict[int, None]) -> str:
    lines = text.splitlines()
    told = [lines[number] for number in sorted(numbers) if 0 <= number < len(lines)]
    while told and not told[-1].strip():
        told.pop()
    return "\n".join(told if len(told) <= _MOST else [*told[:_MOST], "…"]) + "\n"
