"""Staged rows into a warehouse table, in one transaction with the ledger: replaced by key, fenced by attempt, all or nothing.

Whatever is retried, cleared, backfilled or wakes up too late: of each branch of each interval the table holds exactly the rows of the
newest attempt. Runs in a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as with_field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from tidegate.data import ledger, partitions, tables
from tidegate.data import parts as staged
from tidegate.data.engines import writing
from tidegate.data.instants import instant, stamp
from tidegate.data.tables import Target
from tidegate.errors import DataRefused, LoadRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    import pyarrow as pa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.manifest import Manifest
    from tidegate.data.parts import Part
    from tidegate.data.staging import Staging

BATCH_ROWS = 10_000
_DDL_COMMITS = {"mysql", "mariadb", "oracle"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """What one load did."""

    rows: int
    """Written."""
    loaded: tuple[str, ...]
    """Branches whose rows the table now holds by this load."""
    superseded: tuple[str, ...]
    """Branches that were left alone, since a newer attempt had been there."""
    partitions: int
    """Deleted and written anew, counting those that only vanished."""
    unfit: str = ""
    """Why rows that stand in were left out; empty where they were not."""


def load(url: sa.URL, *, parts: Sequence[Manifest], **load: Any) -> LoadReport:
    """Replace the rows of these parts' branches by the parts' rows; of rows that stand in only those that the load can take.

    Takes what :func:`load_all` takes. It is tried with them, and where that is refused without them: they make no night worse.

    :raises LoadRefused: as said there, of the rows of the interval itself.
    """
    fresh = [part.instead or part for part in parts if part.fresh]
    if not fresh or fresh == list(parts):
        return load_all(url, parts=parts, **load)
    try:
        return load_all(url, parts=parts, **load)
    except (LoadRefused, DataRefused) as error:
        return with_field(load_all(url, parts=fresh, **load), unfit=str(error))


def load_all(
    url: sa.URL,
    *,
    target_table: str,
    schema: str | None = None,
    replace: Sequence[str],
    parts: Sequence[Manifest],
    staging: Staging,
    pipeline: str,
    interval_start: datetime,
    interval_end: datetime,
    run_id: str,
    correlation_id: str,
    dimension: str | None = None,
    in_transaction: Callable[[sa.Connection, dict[str, LoadRow]], None] | None = None,
    batch_rows: int = BATCH_ROWS,
    connection_name: str,
    progress: Callable[[int], None] | None = None,
) -> LoadReport:
    """Replace the rows of these parts' branches by the parts' rows.

    :param replace: the columns whose values say which rows belong together and are replaced together.
    :param dimension: name of a column to fill with the branch, when the rows do not have it themselves.
    :param in_transaction: called before the commit with the connection and all that the ledger now holds of this interval and table;
        what it writes is committed with the rows, what it raises rolls all back.
    :param progress: called after each batch with the number of rows so far.
    :raises LoadRefused: the load would lose, double or mix up rows, or the table cannot take them; nothing was written.
    :raises Unreachable: the database does not answer, or dropped the connection; nothing was written.
    :raises DataRefused: a staged file is missing or damaged.
    """
    target = Target(name=target_table, schema=schema)
    start, end = instant(interval_start), instant(interval_end)

    def transaction() -> AbstractContextManager[sa.Connection]:
        source_name = f"the load into {target}"
        return writing(url, correlation_id=correlation_id, connection_name=connection_name, source_name=source_name, refusal=LoadRefused)

    with staged.opened(staging, parts, dimension=dimension) as files:
        rows_schema = files[0].schema if files else None
        if rows_schema is not None and any(part.manifest.rows for part in files):
            partitions.check_columns(rows_schema, replace)
        incoming = {part.manifest.attempt: partitions.of(part, replace) if part.manifest.rows else frozenset() for part in files}
        _prepare(transaction, target, files, replace=replace)
        with transaction() as connection:
            _lock(connection, target)
            held = ledger.held(connection, pipeline, interval_start, interval_end, str(target))
            taken, superseded = fenced(files, held)
            replaced = {branch for part in taken for branch in part.manifest.branches}
            vanishing = {partition for branch in replaced if branch in held for partition in held[branch].partitions}
            doomed = vanishing.union(*(incoming[part.manifest.attempt] for part in taken))
            gone: list[LoadRow] = []
            if taken:
                kept = [row for branch, row in held.items() if branch not in replaced]
                others = list(ledger.others(connection, pipeline, interval_start, interval_end, str(target)))
                doomed |= partitions.within(others, replaced, pipeline=pipeline, start=start, end=end)
                brought = set[str]().union(*(incoming[part.manifest.attempt] for part in taken if part.manifest.fresh))
                gone = partitions.displaced([*kept, *others], brought, pipeline=pipeline)
                kept, others = ([row for row in rows if row not in gone] for rows in (kept, others))
                doomed |= {partition for row in gone for partition in row.partitions}
                partitions.check_branches([(part, incoming[part.manifest.attempt]) for part in taken], doomed, kept, replace)
                fences = {branch: part.manifest.fence_of(branch) for part in taken for branch in part.manifest.branches}
                partitions.check_others(doomed, fences, others, pipeline=pipeline, start=start, end=end, replace=replace)
            rows = _write(connection, target, taken, doomed, replace=replace, batch_rows=batch_rows, progress=progress)
            for row in gone:
                ledger.forget_load(connection, row)
            for part in taken:
                for branch in part.manifest.branches:
                    ledger.write_load(
                        connection,
                        ledger.LoadRow(
                            pipeline=pipeline,
                            target=str(target),
                            interval_start=start,
                            interval_end=end,
                            branch=branch,
                            attempt=part.manifest.attempt,
                            fence=part.manifest.fence_of(branch),
                            run_id=run_id,
                            correlation_id=correlation_id,
                            rows=part.manifest.rows,
                            partitions=tuple(sorted(incoming[part.manifest.attempt])),
                            loaded_at=stamp(),
                            stale_from=part.manifest.stale.get(branch),
                        ),
                    )
            if in_transaction:
                in_transaction(connection, ledger.held(connection, pipeline, interval_start, interval_end, str(target)))
    left = tuple(branch for part in superseded for branch in part.manifest.branches if branch not in replaced)
    return LoadReport(rows=rows, loaded=tuple(sorted(replaced)), superseded=tuple(sorted(set(left))), partitions=len(doomed))


def fenced(parts: Sequence[Part], held: dict[str, LoadRow]) -> tuple[list[Part], list[Part]]:
    """Which parts to write, and which to leave because a newer attempt at one of their branches is there or comes with them."""
    taken: list[Part] = []
    superseded: list[Part] = []
    fences = {branch: row.fence for branch, row in held.items()}
    claimed: set[str] = set()
    for part in sorted(parts, key=lambda part: (part.manifest.fence, part.manifest.attempt), reverse=True):
        branches = part.manifest.branches
        older = any(part.manifest.fence_of(branch) < fences.get(branch, "") for branch in branches)
        (superseded if older or claimed.intersection(branches) else taken).append(part)
        claimed.update(branches)
    order = {id(part): position for position, part in enumerate(parts)}
    return sorted(taken, key=lambda part: order[id(part)]), superseded


def _prepare(
    transaction: Callable[[], AbstractContextManager[sa.Connection]], target: Target, files: Sequence[Part], *, replace: Sequence[str]
) -> None:
    """Make the ledger and the row to lock; and the target too where DDL would commit the load half-way."""
    with transaction() as connection:
        ledger.ensure(connection)
        if connection.dialect.name in _DDL_COMMITS:
            _create(connection, target, files, replace=replace)
    with transaction() as connection:
        if connection.dialect.name != "sqlite" and not connection.execute(sa.select(ledger.locks).filter_by(target=str(target))).first():
            try:
                with connection.begin_nested():
                    connection.execute(sa.insert(ledger.locks), {"target": str(target)})
            except IntegrityError:
                pass  # another process was first, and any row will do


def _lock(connection: sa.Connection, target: Target) -> None:
    """One load into a table at a time. SQLite's BEGIN IMMEDIATE has the lock already."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(ledger.locks).filter_by(target=str(target)).with_for_update())


def _create(connection: sa.Connection, target: Target, files: Sequence[Part], *, replace: Sequence[str]) -> None:
    if any(part.manifest.rows for part in files):
        ledger.create_missing(connection, tables.new_table(target, files[0].schema, replace=replace, dialect=connection.dialect.name))


def _write(
    connection: sa.Connection,
    target: Target,
    taken: Sequence[Part],
    doomed: set[str],
    *,
    replace: Sequence[str],
    batch_rows: int,
    progress: Callable[[int], None] | None,
) -> int:
    """Delete, then insert; returns the rows written."""
    _create(connection, target, taken, replace=replace)
    if not doomed:
        return 0
    dialect = connection.dialect.name
    known = tables.columns_of(connection, target)
    rows_schema: pa.Schema = taken[0].schema
    full = [part for part in taken if part.manifest.rows]
    if full:
        tables.check_fit(target, rows_schema, known, dialect=dialect)
    partitions.delete(connection, target, doomed, replace, known)
    rows = 0
    if full:
        statement, parameters = tables.insertion(target, rows_schema, known, dialect=dialect)
        for part in full:
            for batch in part.batches(batch_rows=batch_rows):
                connection.execute(statement, parameters(batch))
                rows += batch.num_rows
                if progress:
                    progress(rows)
    return rows
