"""What is wrong with a pipeline file, said so that a person can mend it without asking.

A finding renders like a compiler's message::

    include/pipelines/nightly_sales.yaml:14:5  steps.load.need: unknown key 'need'
       14 |     need: by_product
          |     ^
      Did you mean 'needs'? Known keys: defaults, for_each, needs, uses, with.
"""

from __future__ import annotations

import difflib
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
        lines = [f"{place}  {self.path}: {self.message}" if self.path else f"{place}  {self.message}"]
        if self.excerpt.strip():
            number = f"{self.line:>5}"
            lines += [f"{number} | {self.excerpt}", f"{' ' * len(number)} | {' ' * (self.column - 1)}^"]
        if self.hint:
            lines.append(f"  {self.hint}")
        return "\n".join(lines)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """One sentence that names the nearest known word, if one is near, and else lists what is known.

    :return: An empty string where nothing is known.
    """
    names = sorted(known)
    if near := difflib.get_close_matches(word, names, n=1, cutoff=0.6):
        return f"Did you mean '{near[0]}'?"
    if len(names) > _FEW:
        return f"Known: {', '.join(names[:_FEW])} and {len(names) - _FEW} more."
    return f"Known: {', '.join(names)}." if names else ""


_FEW = 30
