"""Staged rows into a warehouse table, in one transaction with the ledger: fenced by attempt, all or nothing.

Whatever is retried, cleared, backfilled or wakes up too late: of each branch of each interval the table holds exactly the rows of the
newest attempt. Runs in a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as with_field
from typing import TYPE_CHECKING, Any

from tidegate.data import ledger, turns
from tidegate.data import parts as staged
from tidegate.data.engines import FILES, writing
from tidegate.data.instants import instant, stamp
from tidegate.data.modes import mode_of
from tidegate.data.modes.job import Job, check_dropped, shaped
from tidegate.data.naming import resolved
from tidegate.data.others import Others
from tidegate.data.tables import Target
from tidegate.data.wholes import gathered
from tidegate.errors import DataRefused, LoadRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    import sqlalchemy as sa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.manifest import Manifest
    from tidegate.data.modes import Mode
    from tidegate.data.parts import Part
    from tidegate.data.staging import Staging
    from tidegate.resilience.interval import Interval

BATCH_ROWS = 10_000
_DDL_COMMITS = {"mysql", "mariadb", "oracle"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """What one load did."""

    rows: int
    """Written."""
    loaded: tuple[str, ...]
    """Branches whose rows the table now holds by these attempts."""
    superseded: tuple[str, ...]
    """Branches that were left alone, since a newer attempt had been there."""
    partitions: int
    """Deleted and written anew, counting those that only vanished."""
    overtaken_by: Interval | None = None
    """The later interval whose rows are the whole table, so that nothing was written."""
    marks: tuple[str, ...] = ()
    """Where the marks lie of the attempts by watermark whose rows the table now holds, relative to the staging root."""
    unfit: str = ""
    """Why rows that stand in were left out; empty where they were not."""


def load(url: sa.URL, *, parts: Sequence[Manifest], **load: Any) -> LoadReport:
    """Bring the rows of these parts into the table; of rows that stand in only those that the load can take.

    Takes what :func:`load_all` takes. It is tried with them, and where that is refused without them: they make no night worse. Shares of the rows of
    several branches are one part, and come all or not at all.

    :raises LoadRefused: as said there, of the rows of the interval itself.
    :raises DataRefused: as said there; or a share is missing.
    """
    parts = gathered(parts)
    fresh = [part.instead or part for part in parts if part.fresh]
    if not fresh or fresh == parts:
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
    mode: str = "replace",
    replace: Sequence[str] = (),
    merge: Sequence[str] = (),
    create: bool = True,
    add_columns: bool = False,
    parts: Sequence[Manifest],
    staging: Staging,
    pipeline: str,
    interval_start: datetime,
    interval_end: datetime,
    run_id: str,
    correlation_id: str,
    dimension: str | None = None,
    chosen: frozenset[str] | None = None,
    in_transaction: Callable[[sa.Connection, dict[str, LoadRow], Interval | None], None] | None = None,
    batch_rows: int = BATCH_ROWS,
    connection_name: str,
    progress: Callable[[int], None] | None = None,
) -> LoadReport:
    """Bring the rows of these parts into the table.

    :param mode: ``replace``, ``append``, ``merge`` or ``swap``; see :mod:`tidegate.data.modes`.
    :param replace: of that mode, the columns whose values say which rows belong together and are replaced together.
    :param merge: of that mode, the columns whose values say which row of the table a row is.
    :param create: whether a table that there is not is made.
    :param add_columns: whether columns that the table lacks are added.
    :param dimension: name of a column to fill with the branch, when the rows do not have it themselves.
    :param chosen: the branches that the run was to bring, where those are not all.
    :param in_transaction: called before the commit with the connection, all that the ledger now holds of this interval and table, and the later interval
        whose rows are the whole table, where one's are;
        what it writes is committed with the rows, what it raises rolls all back.
    :param progress: called after each batch with the number of rows so far.
    :raises LoadRefused: the load would lose, double or mix up rows, or the table cannot take them; nothing was written.
    :raises Unreachable: the database does not answer, or dropped the connection; nothing was written.
    :raises DataRefused: a staged file is missing or damaged.
    """
    job = Job(
        target=Target(name=target_table, schema=schema),
        pipeline=pipeline,
        start=instant(interval_start),
        end=instant(interval_end),
        create=create,
        add_columns=add_columns,
        chosen=chosen,
        batch_rows=batch_rows,
        progress=progress,
        staging=staging,
    )
    way, asked = mode_of(mode, replace=replace, merge=merge), job.target

    def transaction() -> AbstractContextManager[sa.Connection]:
        source_name = f"the load into {asked}"
        return writing(url, correlation_id=correlation_id, connection_name=connection_name, source_name=source_name, refusal=LoadRefused)

    def held_by(connection: sa.Connection, target: Target) -> dict[str, LoadRow]:
        return ledger.held(connection, pipeline, interval_start, interval_end, target.known_as)

    with staged.opened(staging, parts, dimension=dimension) as files:
        way.examine(files)
        _prepare(transaction, job, way, files, held_by)
        with transaction() as connection:
            job = with_field(job, target=resolved(connection, asked))
            turns.wait(connection, job.target, transaction)
            held = held_by(connection, job.target)
            check_dropped(connection, job, way, files, held)
            if files and way.keyed_by:
                turns.keep_columns(connection, job.target, way.keyed_by)
            others = Others(connection, pipeline=pipeline, start=job.start, end=job.end, target=job.target.known_as)
            decision = way.decide(job, files, held, others)
            shaped(connection, job, way, decision.taken)
            rows = way.write(connection, job, decision)
            for row in decision.gone:
                ledger.forget_load(connection, row)
            for part in decision.taken:
                for row in _receipts(job, way, part, run_id=run_id, correlation_id=correlation_id):
                    ledger.write_load(connection, row)
            if in_transaction:
                in_transaction(connection, held_by(connection, job.target), decision.overtaken_by)
    there = [part.manifest for part in (*decision.taken, *decision.present)]
    loaded = {branch for manifest in there for branch in manifest.branches}
    left = {branch for part in decision.superseded for branch in part.manifest.branches} - loaded
    return LoadReport(
        rows=rows,
        loaded=tuple(sorted(loaded)),
        superseded=tuple(sorted(left)),
        partitions=len(decision.doomed),
        overtaken_by=decision.overtaken_by,
        marks=tuple(dict.fromkeys(mark for manifest in there for mark in manifest.marks)),
    )


def _receipts(job: Job, way: Mode, part: Part, *, run_id: str, correlation_id: str) -> Iterator[LoadRow]:
    """What the ledger keeps of a part that was written, by branch."""
    for branch in part.manifest.branches:
        yield ledger.LoadRow(
            pipeline=job.pipeline,
            target=job.target.known_as,
            interval_start=job.start,
            interval_end=job.end,
            branch=branch,
            attempt=part.manifest.attempt,
            fence=part.manifest.fence_of(branch),
            run_id=run_id,
            correlation_id=correlation_id,
            rows=part.manifest.rows,
            partitions=way.partitions(part),
            loaded_at=stamp(),
            stale_from=part.manifest.stale.get(branch),
        )


def _prepare(
    transaction: Callable[[], AbstractContextManager[sa.Connection]],
    job: Job,
    way: Mode,
    files: Sequence[Part],
    held_by: Callable[[sa.Connection, Target], dict[str, LoadRow]],
) -> None:
    """Make the ledger and the row to lock; and the target too where DDL would commit the load half-way."""
    with transaction() as connection:
        ledger.ensure(connection)
        if connection.dialect.name in FILES:
            return
        job = with_field(job, target=resolved(connection, job.target))
        if connection.dialect.name in _DDL_COMMITS:
            check_dropped(connection, job, way, files, held_by(connection, job.target))
            shaped(connection, job, way, files)
    with transaction() as connection:
        turns.ready(connection, job.target)
