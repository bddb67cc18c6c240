"""What rows must be like to be accepted: enough of them, with these columns, in these types."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate.data.kinds import arrow_type, nearest
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Accept:
    """The conditions under which extracted rows have *arrived*."""

    min_rows: int = 1
    """Fewer rows than this are refused."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Column name → type word of :mod:`tidegate.data.kinds`. Columns that are not named here are taken as they come."""

    def types(self, names: Sequence[str], *, where: str) -> dict[str, pa.DataType]:
        """The declared Arrow types, once it is known which columns came.

        :raises DataRefused: a declared column did not come, a column has no name of its own, or a type word is unknown.
        """
        for position, name in enumerate(names):
            if name in names[:position]:
                raise DataRefused(f'{where} has two columns named "{name}".', hint="Give each its own name with AS.")
        for name in self.columns:
            if name not in names:
                message = f'{where} has no column "{name}", which accept: asks for; it has {", ".join(names)}.'
                raise DataRefused(message, hint=f"{nearest(name, names)}Select it in the query or take it out of accept: columns.")
        return {name: arrow_type(declared) for name, declared in self.columns.items()}

    def check_rows(self, rows: int, *, where: str) -> None:
        """Refuse too few rows.

        :raises DataRefused: fewer than ``min_rows``.
        """
        if rows < self.min_rows:
            message = f"{where} brought {rows} {'row' if rows == 1 else 'rows'}, and accept: asks for at least {self.min_rows}."
            raise DataRefused(message, hint="Check that the source was filled for this interval, or lower min_rows.")
