"""Gaps in the ledger: read in order, written so that two runs of one interval do not trip over each other. Runs in a worker, or in a command."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tidegate.data.existing import has_table
from tidegate.data.instants import instant, stamp
from tidegate.data.ledger import gaps_table, intervals_table, rows_of
from tidegate.resilience.completeness import Outcome
from tidegate.resilience.gap import Gap, Status
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_KEY = tuple(column.name for column in gaps_table.primary_key)
_MOMENTS = ("opened_at", "expires_at", "last_attempt_at", "closed_at")


def there(connection: sa.Connection) -> bool:
    """Whether this database has a ledger that knows of gaps: the first load makes it."""
    return has_table(connection, gaps_table.name)


def read_gaps(
    connection: sa.Connection, pipeline: str | None = None, *, interval: Interval | None = None, only_open: bool = False
) -> list[Gap]:
    """Gaps in order of time: of all pipelines or of one, of all intervals or of one; nothing where there is no ledger yet."""
    table = gaps_table.c
    query = sa.select(gaps_table).order_by(table.interval_start, table.interval_end, table.pipeline, table.branch)
    if pipeline is not None:
        query = query.where(table.pipeline == pipeline)
    if interval is not None:
        query = query.where(table.interval_start == instant(interval.start), table.interval_end == instant(interval.end))
    if only_open:
        query = query.where(table.status == str(Status.OPEN))
    return [_gap(row) for row in rows_of(connection, gaps_table, query)]


def short_intervals(connection: sa.Connection) -> set[tuple[str, Interval]]:
    """The intervals, each with its pipeline, that nothing was loaded of."""
    table = intervals_table.c
    query = sa.select(table.pipeline, table.interval_start, table.interval_end).where(table.outcome == str(Outcome.SHORT))
    return {(row.pipeline, _interval(row.interval_start, row.interval_end)) for row in rows_of(connection, intervals_table, query)}


def write_gaps(connection: sa.Connection, gaps: Iterable[Gap], *, known: Collection[str] = ()) -> None:
    """Record gaps of one interval, each in place of what was known of it; another process may write the same ones at the same time.

    :param known: Branches whose gaps the ledger has: the others are tried as new ones first, all at once.
    """
    rows = [_row(gap) for gap in gaps]
    new = (
        [row for row in rows if row["branch"] not in known] if connection.dialect.name != "duckdb" else []
    )  # which has no savepoints, nor other processes
    if new:
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(gaps_table), new)
        except IntegrityError:  # another process was first with one of them
            pass
        else:
            rows = [row for row in rows if row["branch"] in known]
    for row in rows:
        if not _changed(connection, row):
            connection.execute(sa.insert(gaps_table), row)


def amend_gaps(connection: sa.Connection, gaps: Iterable[Gap]) -> int:
    """Record gaps that are still open, and leave alone what another process has closed meanwhile; the number of those recorded."""
    return sum(_changed(connection, _row(gap), gaps_table.c.status == str(Status.OPEN)) for gap in gaps)


def _changed(connection: sa.Connection, row: dict[str, Any], *conditions: sa.ColumnElement[bool]) -> bool:
    """Write over the row of the same gap; False where there is none."""
    same = (gaps_table.c[name] == row[name] for name in _KEY)
    values = {name: value for name, value in row.items() if name not in _KEY}
    return bool(connection.execute(sa.update(gaps_table).where(*same, *conditions).values(values)).rowcount)


def _row(gap: Gap) -> dict[str, Any]:
    row = {field.name: getattr(gap, field.name) for field in fields(gap) if field.name != "interval"}
    moments = {name: stamp(row[name]) if row[name] is not None else None for name in _MOMENTS}
    bounds = {"interval_start": instant(gap.interval.start), "interval_end": instant(gap.interval.end)}
    return {**row, **moments, **bounds, "status": str(gap.status)}


def _gap(row: sa.Row[Any]) -> Gap:
    stored = dict(row._mapping)  # noqa: SLF001 -- SQLAlchemy's public way to a row's names
    bounds = _interval(stored.pop("interval_start"), stored.pop("interval_end"))
    moments = {name: datetime.fromisoformat(stored[name]) if stored[name] else None for name in _MOMENTS}
    return Gap(**{**stored, **moments, "interval": bounds, "status": Status(stored["status"])})


def _interval(start: str, end: str) -> Interval:
    return Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))
