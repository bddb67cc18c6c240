"""Append: rows are added and never taken back, so the ledger sees to it that each branch of each interval is added once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.data import tables
from tidegate.data.modes.job import Decision, Job, fenced, filled, fitting, is_there, refuse_stand_ins
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.others import Others
    from tidegate.data.parts import Part


class Append:
    """Without keys."""

    keyed_by: tuple[str, ...] = ()
    once = True

    def examine(self, files: Sequence[Part]) -> None:
        """As :class:`~tidegate.data.modes.Mode` says."""

    def table(self, job: Job, schema: pa.Schema, dialect: str) -> sa.Table:
        """As :class:`~tidegate.data.modes.Mode` says."""
        return tables.new_table(job.target, schema, keys=(), dialect=dialect)

    def decide(self, job: Job, files: Sequence[Part], held: Mapping[str, LoadRow], others: Others) -> Decision:
        """As :class:`~tidegate.data.modes.Mode` says."""
        present = [part for part in files if is_there(part, held)]
        taken, superseded = fenced([part for part in files if part not in present], held)
        refuse_stand_ins(taken, "append")
        if taken:
            known = [*held.values(), *others.meeting()]
            for part in taken:
                _check_new(job, part, [row for row in known if row.branch in part.manifest.branches and row.rows])
        return Decision(taken=taken, superseded=superseded, present=present)

    def write(self, connection: sa.Connection, job: Job, decision: Decision) -> int:
        """As :class:`~tidegate.data.modes.Mode` says."""
        if not (full := decision.full):
            return 0
        return filled(connection, job, job.target, fitting(connection, job, full[0].schema), full)

    def partitions(self, part: Part) -> tuple[str, ...]:  # noqa: ARG002  of no part
        """As :class:`~tidegate.data.modes.Mode` says."""
        return ()


def _check_new(job: Job, part: Part, rows: Sequence[LoadRow]) -> None:
    for row in rows:
        message = (
            f"{job.target} holds rows of {row.branch} for {row.interval_start} to {row.interval_end} by attempt {row.attempt}, and append "
            f"would add those of attempt {part.manifest.attempt} beside them."
        )
        raise LoadRefused(message, hint="Delete them, and their row in tidegate_load, by hand; or load by replace: or merge:.")
