"""Swap: the rows that come are the whole table, and nothing else is; readers see the old rows until the new ones are complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.data import tables
from tidegate.data.ledger import interval_of
from tidegate.data.modes.job import Decision, Job, exists, fenced, filled, fitting
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.others import Others
    from tidegate.data.parts import Part


class Swap:
    """Without keys."""

    keyed_by: tuple[str, ...] = ()
    once = False

    def examine(self, files: Sequence[Part]) -> None:
        """As :class:`~tidegate.data.modes.Mode` says."""

    def table(self, job: Job, schema: pa.Schema, dialect: str) -> sa.Table:
        """As :class:`~tidegate.data.modes.Mode` says."""
        return tables.new_table(job.target, schema, keys=(), dialect=dialect)

    def decide(self, job: Job, files: Sequence[Part], held: Mapping[str, LoadRow], others: Others) -> Decision:
        """As :class:`~tidegate.data.modes.Mode` says."""
        taken, superseded = fenced(files, held)
        elsewhere = others.all()
        later = [interval_of(row) for row in elsewhere if row.pipeline == job.pipeline and row.interval_start > job.start]
        if later:
            return Decision(taken=(), superseded=files, overtaken_by=max(later))
        if not taken:
            return Decision(taken=taken, superseded=superseded)
        bringing = {branch for part in taken for branch in part.manifest.branches}
        lost = [row for row in held.values() if row.branch not in bringing]
        if job.chosen is not None:  # a night of all that lacks some goes on: its barrier has said that it is enough
            lost += [row for row in elsewhere if row.pipeline == job.pipeline and row.branch not in job.chosen | bringing]
        if lost:
            row = min(lost, key=lambda row: row.branch)
            message = f"{job.target} holds rows of {row.branch} for {interval_of(row)}, and a swap for {', '.join(sorted(bringing))} alone would lose them."
            raise LoadRefused(message, hint=f"Start a run for all branches, {row.branch} too; or load by replace:.")
        if (rival := next((row for row in elsewhere if row.pipeline != job.pipeline), None)) is not None:
            message = f"{job.target} holds rows of the pipeline {rival.pipeline}, and a swap by {job.pipeline} would delete them."
            raise LoadRefused(message, hint="Give each pipeline a table of its own, or load by replace:.")
        return Decision(taken=taken, superseded=superseded, gone=elsewhere)

    def write(self, connection: sa.Connection, job: Job, decision: Decision) -> int:
        """As :class:`~tidegate.data.modes.Mode` says."""
        if not decision.taken or not exists(connection, job.target):
            return 0
        full = decision.full
        known = fitting(connection, job, full[0].schema) if full else {}
        # Neither TRUNCATE nor another table in its place: who reads an older state of the data, as a dump does, would find no rows at all.
        tables.run(connection, f"DELETE FROM {job.target.quoted(connection.dialect)}")  # noqa: S608  a quoted name
        return filled(connection, job, job.target, known, full) if full else 0

    def partitions(self, part: Part) -> tuple[str, ...]:  # noqa: ARG002  of no part
        """As :class:`~tidegate.data.modes.Mode` says."""
        return ()
