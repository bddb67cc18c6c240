"""What is known of a column before its first value, and how its text becomes Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pat

from tidegate.data.exact import recast
from tidegate.data.kinds import arrow_type, nothing
from tidegate.data.unfit import NUMBER, unfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tidegate.data.exact import Misfit
    from tidegate.errors import DataRefused


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """All of a result, as they come and as they are to be."""

    known: Sequence[Column]
    declared: Mapping[str, pa.DataType]
    """By ``accept``: name → type."""
    where: str
    """Begins each message."""
    zone: str
    """Of the clock that columns without a time zone show."""
    misfits: list[Misfit] | None = None
    """Takes values that a declared type cannot hold, in place of a refusal."""

    @property
    def schema(self) -> pa.Schema:
        """In which rows leave the source."""
        return pa.schema([(column.name, self.declared.get(column.name, column.kind)) for column in self.known])

    def nothing(self) -> pa.RecordBatch:
        """A batch of no rows."""
        return nothing(self.schema)

    def finished(self, column: Column, parsed: pa.Array, *, first_row: int) -> pa.Array:
        """The values of a column as they are to be.

        :param parsed: of the column's ``text``, or texts where a value would not be parsed.
        :param first_row: the number of the first of them, counted from 1, for messages.
        :raises DataRefused: one does not fit its type exactly.
        """
        said: dict[str, Any] = {
            "name": column.name,
            "where": self.where,
            "first_row": first_row,
            "zone": self.zone,
            "misfits": self.misfits,
        }
        if parsed.type != column.text:
            parsed = recast(parsed, column.text, **said)
        declared = self.declared.get(column.name)
        if declared is None:
            return column.finished(parsed)
        return recast(parsed if parsed.type == declared else column.finished(parsed), declared, **said)

    def refused(self, number: int, value: str, *, row: int) -> DataRefused:
        """What is told of a value that cannot be parsed. Another type would take it only where the text of a number is parsed as that type."""
        column = self.known[number]
        declared = column.name in self.declared
        number_or_text = pat.is_decimal(column.text) or pat.is_integer(column.text)

        def holds(word: str) -> bool:
            kind = arrow_type(word)
            if not number_or_text or pat.is_floating(kind):
                return False
            try:
                pa.array([value], pa.string()).cast(kind)
            except pa.ArrowInvalid:
                return False
            return True

        kind = self.declared.get(column.name, column.kind) if number_or_text else column.kind
        shown = Decimal(value) if number_or_text and NUMBER.fullmatch(value) else value
        return unfit(column.name, kind, shown, where=self.where, row=row, declared=declared, zone=self.zone, holds=holds)


def parsed_as(column: Column, declared: pa.DataType | None) -> pa.DataType:
    """The declared type itself, where the text of every number means the same in it; else the column's own."""
    if declared is None or column.finish is not None:
        return column.text
    number = pat.is_decimal(column.text) or pat.is_integer(column.text)
    return declared if number and (pat.is_decimal(declared) or pat.is_string(declared)) else column.text
