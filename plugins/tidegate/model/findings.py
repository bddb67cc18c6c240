"""What is wrong with a pipeline file, said so that a person can mend it without asking.

A finding renders like a compiler's message::

    include/pipelines/nightly_sales.yaml:14:5  steps.load.need: unknown key 'need'
       14 |     need: by_product
          |     ^
      Did you mean 'needs'? Known keys: defaults, for_each, needs, uses, with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in one place of one file."""

    file: str
    line: int
    """1-based; 0 where the whole file is meant."""
    column: int
    """1-based; 0 where the whole file is meant."""
    path: str
    """The key's path in the document, such as ``steps.load.with.table``; empty for the whole file."""
    message: str
    hint: str = ""
    excerpt: str = ""
    """The offending line, without its line break."""

    def render(self) -> str:
        """The finding as plain text: place, message, the line with a caret, the hint."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        path = _plain(f"{self.path}: ", _LONG) if self.path else ""
        lines = [f"{_plain(place, _LONG)}  {path}{_plain(self.message, _LONG)}"]
        if self.excerpt.strip():
            number, before = f"{self.line:>5}", max(0, self.column - _WIDE)
            shown = f"{'…' if before else ''}{_plain(self.excerpt[before : before + 2 * _WIDE], 2 * _WIDE)}"
            lines += [f"{number} | {shown}", f"{' ' * len(number)} | {' ' * (self.column - 1 - before + bool(before))}^"]
        if self.hint:
            lines.append(f"  {_plain(self.hint, _LONG)}")
        return "\n".join(lines)


_LONG, _WIDE = 1_000, 150


def _plain(text: str, most: int) -> str:
    """A line that a terminal, a log and a database take: no control characters, no halves of characters, not without end."""
    text = text if text.isprintable() else "".join(letter if letter.isprintable() or letter == "\t" else "\ufffd" for letter in text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """One sentence that names the nearest known word, if one is near, and else lists what is known.

    :return: An empty string where nothing is known.
    """
    import difflib  # only where there is something to tell

    names = sorted(known)
    if near := difflib.get_close_matches(word, names, n=1, cutoff=0.6):
        return f"Did you mean '{near[0]}'?"
    if len(names) > _FEW:
        return f"Known: {', '.join(names[:_FEW])} and {len(names) - _FEW} more."
    return f"Known: {', '.join(names)}." if names else ""


_FEW = 30
