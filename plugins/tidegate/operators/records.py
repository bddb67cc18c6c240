"""Completeness into the ledger: the one place where the record and the warehouse's tables meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.data.instants import instant, stamp
from tidegate.data.ledger import IntervalRow, LoadRow, ensure, read_interval, write_interval
from tidegate.data.ledger import held as ledger_held
from tidegate.resilience.completeness import Completeness, Outcome, names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from tidegate.resilience.interval import Interval


def write_record(connection: Connection, record: Completeness, held: Mapping[str, LoadRow]) -> tuple[str, Completeness]:
    """Write the interval's completeness inside the caller's transaction.

    :param held: Branch name → ledger row, of all that the warehouse holds of the interval.
    :return: The interval's outcome before, empty when it had none; and the record with the branches of earlier runs in it.
    """
    before = read_interval(connection, record.pipeline, record.interval.start, record.interval.end)
    merged = record.with_held(_source_rows(before, held))
    _write(connection, merged)
    return (before.outcome if before is not None else ""), merged


def held_rows(connection: Connection, pipeline: str, interval: Interval) -> dict[str, int]:
    """The branches of an interval that the warehouse holds → their source rows."""
    before = read_interval(connection, pipeline, interval.start, interval.end)
    return _source_rows(before, ledger_held(connection, pipeline, interval.start, interval.end))


def _source_rows(before: IntervalRow | None, held: Mapping[str, LoadRow]) -> dict[str, int]:
    """Held branch → source rows, from the record of the interval; a branch that it does not know counts the rows of the table."""
    known = Completeness.from_dict(before.record).branches if before is not None else ()
    rows = {branch.name: branch.rows for branch in known if branch.present}
    return {name: rows.get(name, row.rows) for name, row in held.items()}


def write_short(connection: Connection, record: Completeness) -> str:
    """Write that a run brought too little, unless an earlier run brought enough.

    :return: The interval's outcome before, empty when it had none.
    """
    ensure(connection)
    before = read_interval(connection, record.pipeline, record.interval.start, record.interval.end)
    if before is None or before.outcome == Outcome.SHORT:
        _write(connection, record)
    return before.outcome if before is not None else ""


def _write(connection: Connection, record: Completeness) -> None:
    row = IntervalRow(
        pipeline=record.pipeline,
        interval_start=instant(record.interval.start),
        interval_end=instant(record.interval.end),
        outcome=str(record.outcome),
        sentence=record.sentence,
        expected=len(record.branches),
        arrived=len(record.present),
        missing=tuple(names(record.missing)),
        record=record.as_dict(),
        run_id=record.run_id,
        correlation_id=record.correlation_id,
        decided_at=stamp(),
    )
    write_interval(connection, row)
