"""A docstring taken apart, and put into Markdown."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

GENERATED = "<!-- Made by `make docs` from the source. Edit the docstrings there. -->"


@lru_cache
def attribute_docstrings(owner: type) -> dict[str, str]:
    """The string below each annotated field of a class, by the field's name; empty for a class without source."""
    found = _classes(owner.__module__).get(owner.__qualname__) if "<locals>" not in owner.__qualname__ else _alone(owner)
    return docstrings_in(found.body) if found is not None else {}


@lru_cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """The classes at the top of a module, by name; a module is parsed once for all of them."""
    try:
        body = ast.parse(inspect.getsource(sys.modules[module])).body
    except (KeyError, OSError, TypeError):
        return {}
    return {node.name: node for node in body if isinstance(node, ast.ClassDef)}


def _alone(owner: type) -> ast.ClassDef | None:
    try:
        (found,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    except (OSError, TypeError, ValueError):
        return None
    return found if isinstance(found, ast.ClassDef) else None


def docstrings_in(body: list[ast.stmt]) -> dict[str, str]:
    """The string below each assignment among some statements, by the name that is assigned."""
    told: dict[str, str] = {}
    for field, below in pairwise(body):
        target = field.target if isinstance(field, ast.AnnAssign) else field.targets[0] if isinstance(field, ast.Assign) else None
        if isinstance(target, ast.Name) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            told[target.id] = inspect.cleandoc(str(below.value.value))
    return told


def markdown(text: str) -> str:
    """A docstring's text as one line of Markdown: ``code`` and roles become `code`."""
    line = " ".join(text.split())
    line = re.sub(r":\w+:`~?([^`]+)`", lambda match: f"`{match[1].rpartition('.')[2]}`", line)
    return line.replace("``", "`")


def first_paragraph(owner: type) -> str:
    """What a class says of itself, before any detail."""
    return inspect.cleandoc(owner.__doc__ or "").partition("\n\n")[0]


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return text.replace("|", "\\|")


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring taken apart."""

    text: str
    parameters: dict[str, str]
    raises: dict[str, str]

    @classmethod
    def of(cls, owner: Any) -> Docstring:
        """Split the prose from the ``:param:`` and ``:raises:`` fields."""
        head, *entries = re.split(r"^:", inspect.cleandoc(owner.__doc__ or ""), flags=re.MULTILINE)
        parameters: dict[str, str] = {}
        raises: dict[str, str] = {}
        for entry in entries:
            if match := re.match(r"(param|raises) (\w+): (.*)", entry, flags=re.DOTALL):
                (parameters if match[1] == "param" else raises)[match[2]] = match[3].strip()
        return cls(head.strip(), parameters, raises)
