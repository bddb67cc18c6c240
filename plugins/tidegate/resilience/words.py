"""Words of people, made of those that a file gives."""

from __future__ import annotations


def plural(word: str) -> str:
    """Several of what a word names: ``country`` → ``countries``."""
    return f"{word[:-1]}ies" if word[1:].endswith("y") and word[-2] not in "aeiou" else f"{word}s"
