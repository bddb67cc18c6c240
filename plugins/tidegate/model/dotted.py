"""What Python takes for a dotted name, such as an import path's."""

from __future__ import annotations

from keyword import iskeyword


def wrong_part(name: str) -> str | None:
    """What is wrong with the first part of a dotted name that Python could not read as one; None where all are right."""
    for part in name.split("."):
        if iskeyword(part):
            return f"'{part}' is a word of Python's own"
        if not part.isidentifier():
            return f"{part!r} is no name in Python" if part else "there is nothing before or behind one of its dots"
    return None
