"""What is known of a column before its first value, and how its text becomes Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.types as pat

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """How one column stands in the text that a database sends, and what it means."""

    name: str = ""
    text: pa.DataType
    """What the text is parsed as."""
    kind: pa.DataType
    """What it is, where nothing else was declared."""
    finish: Callable[[pa.Array], pa.Array] | None = None
    """From the one to the other; None where a cast does it."""
    expression: str = "{}"
    """What to select, so that it is written so; ``{}`` stands for the column."""

    def finished(self, parsed: pa.Array) -> pa.Array:
        """The values as what they are."""
        return self.finish(parsed) if self.finish else parsed.cast(self.kind)


def parsed_as(column: Column, declared: pa.DataType | None) -> pa.DataType:
    """The declared type itself, where the text of every number means the same in it; else the column's own."""
    if declared is None or column.finish is not None:
        return column.text
    number = pat.is_decimal(column.text) or pat.is_integer(column.text)
    return declared if number and (pat.is_decimal(declared) or pat.is_string(declared)) else column.text
