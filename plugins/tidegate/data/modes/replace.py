"""Replace: rows that share a key with those that come, or that their branches brought before, go; what comes stands in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.data import partitions, tables
from tidegate.data.key_columns import key_columns
from tidegate.data.modes.job import Decision, Job, exists, fenced, fences_of, filled, fitting
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.others import Others
    from tidegate.data.partitions import Key
    from tidegate.data.parts import Part


class Replace:
    """By key columns, whose values make the partitions."""

    once = False

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = self.keyed_by = columns
        self._keys: dict[str, frozenset[Key]] = {}
        self._incoming: dict[str, frozenset[str]] = {}

    def examine(self, files: Sequence[Part]) -> None:
        """As :class:`~tidegate.data.modes.Mode` says."""
        if any(part.manifest.rows for part in files):
            partitions.check_columns(files[0].schema, self._columns)
        self._keys = {part.manifest.attempt: partitions.of(part, self._columns) if part.manifest.rows else frozenset() for part in files}

    def table(self, job: Job, schema: pa.Schema, dialect: str) -> sa.Table:
        """As :class:`~tidegate.data.modes.Mode` says; with an index on the key columns, by which every load deletes."""
        return tables.new_table(job.target, schema, keys=self._columns, dialect=dialect)

    def decide(self, job: Job, files: Sequence[Part], held: Mapping[str, LoadRow], others: Others) -> Decision:
        """As :class:`~tidegate.data.modes.Mode` says."""
        taken, superseded = fenced(files, held)
        if not taken:
            return Decision(taken=taken, superseded=superseded)
        self._know(others.connection, job, taken)
        replaced = {branch for part in taken for branch in part.manifest.branches}
        bringing = {part.manifest.attempt: self._incoming[part.manifest.attempt] for part in taken}
        kept = [row for branch, row in held.items() if branch not in replaced]
        elsewhere = others.meeting()
        _check_known(job, [*(row for row in held.values() if row.branch in replaced), *elsewhere], replaced)
        doomed = {partition for branch in replaced if branch in held for partition in held[branch].partitions}.union(*bringing.values())
        doomed |= partitions.within(elsewhere, replaced, pipeline=job.pipeline, start=job.start, end=job.end)
        elsewhere += others.sharing(doomed, known=[*held.values(), *elsewhere])
        brought = set[str]().union(*(bringing[part.manifest.attempt] for part in taken if part.manifest.fresh))
        gone = partitions.displaced([*kept, *elsewhere], brought, pipeline=job.pipeline)
        kept, elsewhere = ([row for row in rows if row not in gone] for rows in (kept, elsewhere))
        elsewhere += others.sharing((partition for row in gone for partition in row.partitions), known=[*held.values(), *elsewhere, *gone])
        doomed |= {partition for row in gone for partition in row.partitions}
        partitions.check_branches([(part, bringing[part.manifest.attempt]) for part in taken], doomed, kept, self._columns)
        keys = {
            branch: bringing[part.manifest.attempt].union(held[branch].partitions if branch in held else ())
            for part in taken
            for branch in part.manifest.branches
        }
        partitions.check_others(
            doomed, fences_of(taken), keys, elsewhere, pipeline=job.pipeline, start=job.start, end=job.end, replace=self._columns
        )
        return Decision(taken=taken, superseded=superseded, gone=gone, doomed=frozenset(doomed))

    def write(self, connection: sa.Connection, job: Job, decision: Decision) -> int:
        """As :class:`~tidegate.data.modes.Mode` says."""
        if not decision.doomed:
            return 0
        full = decision.full
        known = fitting(connection, job, full[0].schema) if full else tables.columns_of(connection, job.target)
        columns = key_columns(self._columns, known, target=job.target, dialect=connection.dialect.name)
        partitions.delete(connection, job.target, decision.doomed, columns)
        if not full:
            return 0
        rows = filled(connection, job, job.target, known, full)
        brought = set[str]().union(*(self._incoming[part.manifest.attempt] for part in full))
        partitions.check_written(connection, job.target, brought, columns, rows)
        return rows

    def _know(self, connection: sa.Connection, job: Job, taken: Sequence[Part]) -> None:
        """Give the keys that come the form of the columns that hold them, or will."""
        full = next((part for part in taken if part.manifest.rows), None)
        known: dict[str, Any] = {}
        if full is not None:
            made = self.table(job, full.schema, connection.dialect.name)
            known = {column.name: {"type": column.type} for column in made.columns}
            known |= tables.columns_of(connection, job.target) if exists(connection, job.target) else {}
        columns = key_columns(self._columns, known, target=job.target, dialect=connection.dialect.name) if full is not None else []
        for part in taken:
            keys = self._keys[part.manifest.attempt]
            self._incoming[part.manifest.attempt] = frozenset(partitions.encoded(key, columns) for key in keys)

    def partitions(self, part: Part) -> tuple[str, ...]:
        """As :class:`~tidegate.data.modes.Mode` says."""
        return tuple(sorted(self._incoming[part.manifest.attempt]))


def _check_known(job: Job, rows: Iterable[LoadRow], branches: set[str]) -> None:
    """Refuse to replace rows of which the ledger knows no keys.

    :raises LoadRefused: they came by another mode.
    """
    for row in rows:
        if row.branch in branches and row.rows and not row.partitions:
            message = (
                f"The rows of {row.branch} for {row.interval_start} to {row.interval_end} came into {job.target} by append, merge or swap, "
                "so nobody knows under which keys."
            )
            raise LoadRefused(message, hint="Delete them, and their rows in tidegate_load, by hand; or load as before.")
