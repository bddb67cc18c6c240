"""Swap: the rows that come are the whole table, and nothing else is; readers see the old table until the new one is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import sqlalchemy as sa

from tidegate.data import tables
from tidegate.data.modes.job import Decision, Job, exists, fenced, filled, fitting
from tidegate.data.tables import Target, quoted
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.parts import Part

_PLAIN = """
SELECT relkind = 'r' AND relpersistence = 'p' AND relacl IS NULL AND reloptions IS NULL AND reltablespace = 0 AND relreplident = 'd'
   AND NOT relrowsecurity AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
   AND obj_description(oid, 'pg_class') IS NULL
   AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid OR inhparent = c.oid)
   AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND (attacl IS NOT NULL OR attidentity <> ''))
   AND NOT EXISTS (
       SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
          AND d.classid NOT IN ('pg_type'::regclass, 'pg_attrdef'::regclass)
          AND NOT EXISTS (SELECT FROM pg_class i WHERE d.classid = 'pg_class'::regclass AND i.oid = d.objid AND i.relkind IN ('i', 't'))
          AND NOT EXISTS (SELECT FROM pg_constraint k WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contype IN ('p', 'u', 'c')))
  FROM pg_class c WHERE oid = to_regclass(:name)
"""
"""Whether a table has nothing that a new one of the same columns, defaults, checks and indexes would lack."""


class Swap:
    """Without keys."""

    once = False

    def examine(self, files: Sequence[Part]) -> None:
        """As :class:`~tidegate.data.modes.Mode` says."""

    def table(self, job: Job, schema: pa.Schema, dialect: str) -> sa.Table:
        """As :class:`~tidegate.data.modes.Mode` says."""
        return tables.new_table(job.target, schema, keys=(), dialect=dialect)

    def decide(self, job: Job, files: Sequence[Part], held: Mapping[str, LoadRow], others: Callable[[], list[LoadRow]]) -> Decision:
        """As :class:`~tidegate.data.modes.Mode` says."""
        taken, superseded = fenced(files, held)
        elsewhere = others()
        if any(row.pipeline == job.pipeline and row.interval_start > job.start for row in elsewhere):
            return Decision(taken=(), superseded=files)
        if not taken:
            return Decision(taken=taken, superseded=superseded)
        bringing = {branch for part in taken for branch in part.manifest.branches}
        lost = sorted(set(held) - bringing)
        if lost:
            message = f"{job.target} holds rows of {lost[0]} for {job.interval}, and a swap for {', '.join(sorted(bringing))} alone would lose them."
            raise LoadRefused(message, hint=f"Start a run for all branches, {lost[0]} too; or load by replace:.")
        if (rival := next((row for row in elsewhere if row.pipeline != job.pipeline), None)) is not None:
            message = f"{job.target} holds rows of the pipeline {rival.pipeline}, and a swap by {job.pipeline} would delete them."
            raise LoadRefused(message, hint="Give each pipeline a table of its own, or load by replace:.")
        return Decision(taken=taken, superseded=superseded, gone=elsewhere)

    def write(self, connection: sa.Connection, job: Job, decision: Decision) -> int:
        """As :class:`~tidegate.data.modes.Mode` says."""
        if not decision.taken or not exists(connection, job.target):
            return 0
        full, name = decision.full, job.target.quoted(connection.dialect)
        known = fitting(connection, job, full[0].schema) if full else {}
        if not full or connection.dialect.name != "postgresql" or not connection.execute(sa.text(_PLAIN), {"name": name}).scalar():
            tables.run(connection, f"DELETE FROM {name}")  # noqa: S608  a quoted name
            return filled(connection, job, job.target, known, full) if full else 0
        beside = Target(name=f"tidegate_{crc32(str(job.target).encode()):08x}", schema=job.target.schema)
        tables.run(connection, f"CREATE TABLE {beside.quoted(connection.dialect)} (LIKE {name} INCLUDING ALL)")
        rows = filled(connection, job, beside, known, full)
        tables.run(connection, f"DROP TABLE {name}")
        tables.run(connection, f"ALTER TABLE {beside.quoted(connection.dialect)} RENAME TO {quoted(job.target.name, connection.dialect)}")
        return rows

    def partitions(self, part: Part) -> tuple[str, ...]:  # noqa: ARG002  of no part
        """As :class:`~tidegate.data.modes.Mode` says."""
        return ()
