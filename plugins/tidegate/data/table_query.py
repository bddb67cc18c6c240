"""The rows of an interval of one table, for whom a query need not be written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.data.binding import statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

READ_FROM = "read_from"
"""The bound name of the moment that is read from: the interval's start, or a while before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableQuery:
    """What is read of a table."""

    table: str
    """``table`` or ``schema.table``."""
    columns: tuple[str, ...] = ()
    """None for all."""
    interval_column: str | None = None
    """The column that says which interval a row is of; None for all rows, whatever the interval."""
    look_back: timedelta = timedelta(0)
    """How long before the interval's start, or before the mark, it is read from, for rows that come or change late."""
    watermark: str | None = None
    """The column that grows with each change, by which :mod:`tidegate.data.watermarks` knows what to read."""

    def sql(self, dialect: sa.Dialect, *, selected: str = "", where: Sequence[str] = ()) -> str:
        """The statement in a database's own quotes; ``:read_from`` and ``:interval_end`` are bound.

        :param selected: what is selected in place of the columns.
        :param where: more that must hold of the rows.
        """
        columns = selected or ", ".join(quoted(name, dialect) for name in self.columns) or "*"
        table = ".".join(quoted(name, dialect) for name in self.table.split("."))
        if self.interval_column is not None:
            column = quoted(self.interval_column, dialect)
            where = [f"{column} >= :{READ_FROM}", f"{column} < :interval_end", *where]
        sql = f"SELECT {columns} FROM {table}"  # noqa: S608  all names are quoted
        return f"{sql} WHERE {' AND '.join(where)}" if where else sql


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A table to read, where, and how it is called."""

    url: sa.URL
    query: TableQuery
    values: Mapping[str, Any]
    """What is bound to the names in the query."""
    name: str
    """Of the connection."""
    source_name: str
    correlation_id: str
    zone: str
    """Of the clock that columns without a time zone show."""
    clock: str
    """Of the clock that the values of the watermark show, where they have no time zone."""
    batch_rows: int
    limit: timedelta | None
    """How long its server lets one statement run."""
    also: tuple[str, ...] = ()
    """More that must hold of the rows."""

    @property
    def where(self) -> str:
        """Begins each message."""
        return f"{self.name}, {self.source_name},"

    def statement(self, sql: str, values: Mapping[str, Any]) -> sa.TextClause:
        """A query with its values."""
        return statement(
            sql,
            {**self.values, **values},
            source_name=self.source_name,
            correlation_id=self.correlation_id,
            dialect=self.url.get_backend_name(),
        )


def quoted(name: str, dialect: sa.Dialect) -> str:
    """A name as the database takes it for one, whatever stands in it."""
    if dialect.name == "sqlite":  # takes a name in double quotes that it does not know for a text, and says nothing
        return f"`{name.replace('`', '``')}`"
    preparer = dialect.identifier_preparer
    return f"{preparer.initial_quote}{name.replace(preparer.escape_quote, 2 * preparer.escape_quote)}{preparer.final_quote}"
