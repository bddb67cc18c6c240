"""Completeness into the ledger: the one place where the record and the warehouse's tables meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidegate.data.gaps import read_gaps, write_gaps
from tidegate.data.instants import instant, stamp
from tidegate.data.ledger import IntervalRow, LoadRow, ensure, intervals_before, read_interval, turn, write_interval, write_load
from tidegate.data.ledger import held as ledger_held
from tidegate.resilience.completeness import Branch, BranchState, Completeness, Outcome
from tidegate.resilience.gap import settled

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import timedelta

    from sqlalchemy import Connection

    from tidegate.data.manifest import Manifest
    from tidegate.resilience.interval import Interval

NO_TABLE = "-"
"""The target of what a run has brought and no load has written."""
LAST_NIGHTS = 14
"""How many nights tell what is usual."""


def write_record(
    connection: Connection,
    record: Completeness,
    held: Mapping[str, LoadRow],
    *,
    owner: str,
    expire: timedelta,
    overtaken_by: Interval | None = None,
) -> tuple[str, Completeness]:
    """Write the interval's completeness, and the gaps that it leaves or fills, inside the load's transaction.

    :param held: Branch name → ledger row, of all that the warehouse holds of the interval.
    :param owner: Who answers for the gaps.
    :param expire: How long they stay open.
    :param overtaken_by: The later interval whose rows are the whole table, so that the load has written nothing.
    :return: The interval's outcome before, empty when it had none; and the record as the ledger bears it out.
    """
    turn(connection, record.pipeline, record.interval.start, record.interval.end)
    row = read_interval(connection, record.pipeline, record.interval.start, record.interval.end)
    fresh = _fresh(held)
    by_this_run = {name for name, load in fresh.items() if load.run_id == record.run_id}
    if overtaken_by is not None:
        merged = record.as_overtaken(overtaken_by)
    else:
        merged = _knowing(row, record.as_loaded(_source_rows(row, fresh), by_this_run, _stale(held)))
    before = _before(row, merged)
    _write(connection, merged, fresh, before)
    _write_gaps(connection, merged, fresh, owner=owner, expire=expire)
    return before, merged


def write_unloaded(
    connection: Connection, record: Completeness, parts: Sequence[Manifest], *, owner: str, expire: timedelta
) -> tuple[str, Completeness]:
    """Write what a run has brought that no load writes: each branch as a load would, but for an older attempt; then as :func:`write_record`.

    :param parts: What the barrier has handed on. A branch that brought no rows is known by its run.
    """
    ensure(connection)
    bounds = record.interval.start, record.interval.end
    turn(connection, record.pipeline, *bounds)
    held = ledger_held(connection, record.pipeline, *bounds)
    carried = {name: part for part in parts for name in part.branches}
    for branch in (*record.arrived, *record.stale):
        part = carried.get(branch.name)
        fence = part.fence_of(branch.name) if part is not None else f"{record.decided_at}/"
        if branch.name in held and held[branch.name].fence > fence:
            continue
        row = LoadRow(
            pipeline=record.pipeline,
            target=NO_TABLE,
            interval_start=instant(bounds[0]),
            interval_end=instant(bounds[1]),
            branch=branch.name,
            attempt=part.attempt if part is not None else record.correlation_id[-100:],
            fence=fence,
            run_id=record.run_id,
            correlation_id=record.correlation_id,
            rows=part.rows if part is not None else branch.rows,
            partitions=(),
            loaded_at=stamp(),
            stale_from=branch.stale_from or None,
        )
        write_load(connection, row)
    return write_record(connection, record, ledger_held(connection, record.pipeline, *bounds), owner=owner, expire=expire)


def write_short(connection: Connection, record: Completeness, *, owner: str, expire: timedelta) -> str:
    """Write that a run brought too little, unless an earlier run brought enough; and what the interval lacks, in either case.

    :return: The interval's outcome before, empty when it had none.
    """
    ensure(connection)
    turn(connection, record.pipeline, record.interval.start, record.interval.end)
    row = read_interval(connection, record.pipeline, record.interval.start, record.interval.end)
    before = _before(row, record)
    held = _fresh(ledger_held(connection, record.pipeline, record.interval.start, record.interval.end))
    if row is None or row.outcome == Outcome.SHORT:
        _write(connection, record, held, before)
    _write_gaps(connection, record, held, owner=owner, expire=expire)
    return before


def _write_gaps(connection: Connection, record: Completeness, held: Collection[str], *, owner: str, expire: timedelta) -> None:
    known = {gap.branch: gap for gap in read_gaps(connection, record.pipeline, interval=record.interval)}
    write_gaps(connection, settled(record, known, held, owner=owner, expire=expire, now=datetime.now(UTC)), known=known)


def _before(row: IntervalRow | None, record: Completeness) -> str:
    """The interval's outcome before this run. A try that comes after one that committed hands on what that one had found."""
    if row is None:
        return ""
    repeated = row.run_id == record.run_id and row.outcome == record.outcome
    return str(row.record.get("before", "")) if repeated else row.outcome


def held_rows(connection: Connection, pipeline: str, interval: Interval) -> dict[str, int]:
    """The branches of an interval that the warehouse holds → their source rows. What stands in is not held."""
    before = read_interval(connection, pipeline, interval.start, interval.end)
    return _source_rows(before, _fresh(ledger_held(connection, pipeline, interval.start, interval.end)))


def loaded_from(connection: Connection, pipeline: str, interval: Interval) -> dict[str, str]:
    """All branches that the warehouse has rows for in an interval → the start of the interval that the rows are of."""
    held = ledger_held(connection, pipeline, interval.start, interval.end)
    return {**dict.fromkeys(held, instant(interval.start)), **_stale(held)}


def _fresh(held: Mapping[str, LoadRow]) -> dict[str, LoadRow]:
    return {name: row for name, row in held.items() if row.stale_from is None}


def _stale(held: Mapping[str, LoadRow]) -> dict[str, str]:
    return {name: row.stale_from for name, row in held.items() if row.stale_from is not None}


def branches_before(connection: Connection, pipeline: str, interval: Interval) -> list[tuple[Branch, ...]]:
    """The branches of each of the last nights before an interval that were loaded, the newest night first."""
    rows = intervals_before(connection, pipeline, interval.start, loaded=LAST_NIGHTS)
    return [Completeness.from_dict(row.record).branches for row in rows]


def nights_before(connection: Connection, pipeline: str, interval: Interval) -> list[dict[str, int]]:
    """The same as branch → source rows, of the branches that were present."""
    nights = branches_before(connection, pipeline, interval)
    return [{branch.name: branch.rows for branch in night if branch.present} for night in nights]


def _source_rows(before: IntervalRow | None, held: Mapping[str, LoadRow]) -> dict[str, int]:
    """Held branch → source rows, from the record of the interval; a branch that it does not know counts the rows of the table."""
    known = Completeness.from_dict(before.record).branches if before is not None else ()
    rows = {branch.name: branch.rows for branch in known if branch.present}
    return {name: rows.get(name, row.rows) for name, row in held.items()}


def _knowing(before: IntervalRow | None, record: Completeness) -> Completeness:
    """The record with what an earlier one tells of the quarantine of branches that are held."""
    known = Completeness.from_dict(before.record).branches if before is not None else ()
    aside = {branch.name: branch.quarantined for branch in known if branch.present}
    branches = (
        replace(branch, quarantined=aside.get(branch.name, 0)) if branch.state is BranchState.HELD else branch for branch in record.branches
    )
    return replace(record, branches=tuple(branches))


def _write(connection: Connection, record: Completeness, held: Collection[str], before: str) -> None:
    """Write the interval's row: as arrived counts what the warehouse holds, whatever this run has brought. Where it was overtaken, nothing lacks."""
    lacking = [branch.name for branch in record.branches if branch.name not in held]
    row = IntervalRow(
        pipeline=record.pipeline,
        interval_start=instant(record.interval.start),
        interval_end=instant(record.interval.end),
        outcome=str(record.outcome),
        sentence=record.sentence,
        expected=len(record.branches),
        arrived=len(record.branches) - len(lacking),
        missing=() if record.outcome is Outcome.OVERTAKEN else tuple(lacking),
        record={**record.as_dict(), "before": before},
        run_id=record.run_id,
        correlation_id=record.correlation_id,
        decided_at=stamp(),
    )
    write_interval(connection, row)
