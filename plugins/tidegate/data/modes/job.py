"""What every mode is asked, decides and does alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.data import fits, ledger, loaders, tables
from tidegate.data.existing import has_table
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.modes import Mode
    from tidegate.data.parts import Part
    from tidegate.data.staging import Staging
    from tidegate.data.tables import Target
    from tidegate.resilience.interval import Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One load, whatever its mode."""

    target: Target
    pipeline: str
    start: str
    """Of the interval, as :func:`tidegate.data.instants.instant` writes it."""
    end: str
    create: bool
    """Whether a table that there is not is made."""
    add_columns: bool
    """Whether columns that a table lacks are added."""
    chosen: frozenset[str] | None
    """The branches that the run was to bring, where those are not all."""
    batch_rows: int
    progress: Callable[[int], None] | None
    staging: Staging
    """Where marks of what was read by watermark lie."""

    @property
    def interval(self) -> str:
        """For messages."""
        return f"{self.start} to {self.end}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What becomes of the parts of a load."""

    taken: Sequence[Part]
    """To be written."""
    superseded: Sequence[Part] = ()
    """Left out, since a newer attempt was there or comes with them."""
    present: Sequence[Part] = ()
    """Whose very rows are there already."""
    gone: Sequence[LoadRow] = ()
    """Loads whose rows go away, other than by being loaded anew."""
    overtaken_by: Interval | None = None
    """The later interval whose rows are the whole table, so that none of these are loaded."""
    doomed: frozenset[str] = field(default_factory=frozenset)
    """Partitions to delete."""

    @property
    def full(self) -> list[Part]:
        """The parts to be written that have rows."""
        return [part for part in self.taken if part.manifest.rows]


def fenced(parts: Sequence[Part], held: Mapping[str, LoadRow]) -> tuple[list[Part], list[Part]]:
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


def is_there(part: Part, held: Mapping[str, LoadRow]) -> bool:
    """Whether the ledger has this very attempt of all its branches."""
    return all(branch in held and held[branch].attempt == part.manifest.attempt for branch in part.manifest.branches)


def fences_of(parts: Sequence[Part]) -> dict[str, str]:
    """Branch → fence of the part that brings it."""
    return {branch: part.manifest.fence_of(branch) for part in parts for branch in part.manifest.branches}


def refuse_stand_ins(parts: Sequence[Part], mode: str) -> None:
    """Refuse rows of an earlier interval, which such a load could not take back when the branch's own rows come.

    :raises LoadRefused: as said.
    """
    if (part := next((part for part in parts if part.manifest.stale), None)) is not None:
        message = f"Rows of an earlier interval stand in for {next(iter(part.manifest.stale))}, and {mode} could not take them back."
        raise LoadRefused(message, hint="Use replace: with on_missing: last_good.")


def shaped(connection: sa.Connection, job: Job, mode: Mode, parts: Sequence[Part]) -> None:
    """Make the table, or add the columns that it lacks, for the rows of these parts: where that is asked for.

    :raises LoadRefused: there is no table, and none is to be made.
    """
    full = next((part for part in parts if part.manifest.rows), None)
    if full is None:
        return
    if job.create:
        ledger.create_missing(connection, mode.table(job, full.schema, connection.dialect.name))
    elif not exists(connection, job.target):
        raise LoadRefused(f"There is no table {job.target}, and the load does not make it.", hint="Make it, or write create: true.")
    if job.add_columns:
        tables.add_missing(connection, job.target, full.schema)


def check_dropped(connection: sa.Connection, job: Job, mode: Mode, parts: Sequence[Part], held: Mapping[str, LoadRow]) -> None:
    """Refuse to go on from rows that are gone with their table.

    :raises LoadRefused: as said.
    """
    written = [part for part in parts if mode.once and part.manifest.rows and is_there(part, held)]
    if written and not exists(connection, job.target):
        message = f"The ledger has the rows of {', '.join(written[0].manifest.branches)} for {job.interval} in {job.target}, and there is no such table."
        raise LoadRefused(message, hint="Restore it; or delete its rows in tidegate_load by hand, and load anew.")


def exists(connection: sa.Connection, target: Target) -> bool:
    """Whether there is such a table or view."""
    return has_table(connection, target.name, target.schema)


def fitting(connection: sa.Connection, job: Job, schema: pa.Schema) -> dict[str, Any]:
    """The table's columns.

    :raises LoadRefused: they cannot take these rows as they are.
    """
    known = tables.columns_of(connection, job.target)
    fits.check_fit(job.target, schema, known, dialect=connection.dialect.name)
    return known


def filled(connection: sa.Connection, job: Job, into: Target, known: Mapping[str, Any], parts: Sequence[Part]) -> int:
    """Insert the rows of these parts; returns how many."""
    batches = (batch for part in parts for batch in part.batches(batch_rows=job.batch_rows))
    return loaders.insert(connection, into, parts[0].schema, known, batches, progress=job.progress)
