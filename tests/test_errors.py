"""One tree of errors: the drawing beside the code and the one in the documentation have each of them in its place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ROOT / "plugins" / "tidegate"


def _classes() -> dict[str, str]:
    """Error → the one that it is a kind of, wherever it is defined."""
    bases: dict[str, str] = {}
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.bases and isinstance(node.bases[0], ast.Name):
                bases[node.name] = node.bases[0].id
    found = {"TidegateError": "Exception"}
    while new := {name: base for name, base in bases.items() if base in found and name not in found}:
        found |= new
    return found


def _drawn(text: str) -> dict[str, str]:
    """The same, by a drawing of the tree."""
    found, above = {"TidegateError": "Exception"}, ["TidegateError"]
    for rails, name in re.findall(r"^ *((?:│   )*)[├└]── (\w+)", text, re.MULTILINE):
        above[len(rails) // 4 + 1 :] = [name]
        found[name] = above[-2]
    return found


@pytest.mark.parametrize("file", [CODE / "errors.py", ROOT / "docs" / "reference" / "errors.md"], ids=lambda file: file.suffix[1:])
def test_a_tree_shows_every_error(file: Path) -> None:
    """Each error of the package, below the one that it is a kind of."""
    assert _drawn(file.read_text()) == _classes()
