"""What a YAML parser complains of, in words for the person who wrote the file: where to look, and what to do there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml

_LOOK_HERE = "Look for a missing quote, bracket or a wrong indent here or just above."
_BRACES = re.compile(r"\w\{\w+\}")
_TEMPLATE = re.compile(r":\s*\{\{|\[\s*\{\{")
_HINTS = (
    ("found undefined alias", "Quote text that begins with *, or name what is meant by & before."),
    ("expected a single document", "A file holds one pipeline: make a file of each."),
    ("mapping values are not allowed", "Quote text that holds a colon, and put a colon behind every key, in the line above too."),
    ("found unknown escape character", r"In double quotes write \\ for a backslash, or use single quotes."),
    ("quoted scalar found unexpected end", "Close the quote that is opened here."),
    ("block mapping did not find expected key", "Indent the keys of one mapping alike, and close every quote and bracket above."),
    ("block collection did not find expected", "Indent the items of one list alike, and close every quote and bracket above."),
    ("flow mapping did not find expected", "Close the brace that is opened {here}, or put a comma between its keys."),
    ("flow sequence did not find expected", "Close the bracket that is opened {here}, or put a comma between its items."),
)


def told(error: yaml.MarkedYAMLError, lines: list[str]) -> tuple[int, int, str, str]:
    """Line, column, message and hint; where the parser gave up at the file's end, the place is where the unfinished part begins."""
    mark = error.problem_mark or error.context_mark
    problem = " ".join(part for part in (error.context, error.problem) if part)
    opened = error.context_mark
    if mark is not None and opened is not None and (mark.line >= len(lines) or (_unfinished(problem) and mark.line > opened.line)):
        mark = opened
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    excerpt = lines[line - 1] if 0 < line <= len(lines) else ""
    here = "here" if opened is None or mark is opened else f"in column {opened.column + 1}"
    return line, column, f"is no valid YAML: {problem}", _hint(problem, excerpt, column, here)


def _unfinished(problem: str) -> bool:
    return "flow mapping" in problem or "flow sequence" in problem or "quoted scalar" in problem


def _hint(problem: str, excerpt: str, column: int, here: str) -> str:
    if _TEMPLATE.search(excerpt):
        return 'Quote a template: "{{ ds }}".'
    if _BRACES.search(excerpt):
        return 'Inside {…} and […], quote text that holds braces: "sales_{region}".'
    if "cannot start any token" in problem:
        first = excerpt[column - 1 : column]
        return "Indent by spaces: there is a tab here." if first == "\t" else f"Quote text that begins with {first}."
    return next((hint.replace("{here}", here) for words, hint in _HINTS if words in problem), _LOOK_HERE)


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column of a byte in a text's UTF-8."""
    before = text.encode("utf-8", "replace")[:offset]
    return before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
