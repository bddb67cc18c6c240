"""Merge: each row that comes changes the row of the table that has its key, or is added. Nothing is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.types as pat
import sqlalchemy as sa

from tidegate.data import tables
from tidegate.data.fits import python_of
from tidegate.data.kinds import nearest, word
from tidegate.data.modes.job import Decision, Job, fenced, fences_of, filled, fitting, refuse_stand_ins
from tidegate.data.tables import Target, quoted
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tidegate.data.ledger import LoadRow
    from tidegate.data.manifest import Manifest
    from tidegate.data.others import Others
    from tidegate.data.parts import Part

_STAGE = Target(name="tidegate_stage")
_STAGING = {
    "postgresql": "CREATE TEMPORARY TABLE {stage} ON COMMIT DROP AS SELECT {names} FROM {target} WITH NO DATA",
    **dict.fromkeys(("mysql", "mariadb", "sqlite", "duckdb"), "CREATE TEMPORARY TABLE {stage} AS SELECT {names} FROM {target} LIMIT 0"),
}
_UNSTAGING = {
    **dict.fromkeys(("mysql", "mariadb"), "DROP TEMPORARY TABLE {stage}"),
    **dict.fromkeys(("sqlite", "duckdb"), "DROP TABLE temp.{stage}"),
}


class Merge:
    """By key columns, over which the table has a unique index."""

    keyed_by: tuple[str, ...] = ()
    once = False

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns

    def examine(self, files: Sequence[Part]) -> None:
        """As :class:`~tidegate.data.modes.Mode` says."""
        full = [part for part in files if part.manifest.rows]
        for name in self._columns if full else ():
            schema = full[0].schema
            if name not in schema.names:
                hint = f"{nearest(name, schema.names)}Select it in the transform, or name another column under merge:."
                raise LoadRefused(f'The rows have no column "{name}", which merge: names; they have {", ".join(schema.names)}.', hint=hint)
            if pat.is_floating(kind := schema.field(name).type):
                hint = "Choose a column of text, int, date or decimal, or CAST it."
                raise LoadRefused(
                    f'merge: names the column "{name}", and values of type {word(kind)} cannot be compared surely.', hint=hint
                )

    def table(self, job: Job, schema: pa.Schema, dialect: str) -> sa.Table:
        """As :class:`~tidegate.data.modes.Mode` says; with a unique index on the key columns."""
        return tables.new_table(job.target, schema, keys=self._columns, unique=True, dialect=dialect)

    def decide(self, job: Job, files: Sequence[Part], held: Mapping[str, LoadRow], others: Others) -> Decision:
        """As :class:`~tidegate.data.modes.Mode` says."""
        taken, superseded = fenced(files, held)
        refuse_stand_ins(taken, "merge")
        fences = fences_of(taken)
        for row in others.later() if taken else ():
            if fences.get(row.branch, row.fence) < row.fence:
                raise _newer(job, row)
        for part in taken:
            if part.manifest.marks and part.manifest.rows:
                self._check_earlier(job, part.manifest, others)
        return Decision(taken=taken, superseded=superseded)

    def write(self, connection: sa.Connection, job: Job, decision: Decision) -> int:
        """As :class:`~tidegate.data.modes.Mode` says."""
        if not (full := decision.full):
            return 0
        dialect = connection.dialect.name
        if dialect not in _STAGING:
            raise LoadRefused(f"merge is not known for {dialect}.", hint="Load by replace: or mode: append.")
        schema = full[0].schema
        known = fitting(connection, job, schema)
        self._check_unique(connection, job.target)
        words = {"stage": quoted(_STAGE.name, connection.dialect), "target": job.target.quoted(connection.dialect)}
        words["names"] = ", ".join(quoted(name, connection.dialect) for name in schema.names)
        tables.run(connection, _STAGING[dialect].format(**words))
        rows = filled(connection, job, _STAGE, known, full)
        if dialect == "postgresql":
            tables.run(connection, f"ANALYZE {words['stage']}")  # else it would be taken for a small table
        columns = {name: known[name]["type"] for name in schema.names}
        stage = sa.table(_STAGE.name, *(sa.column(name, kind) for name, kind in columns.items()))
        target = sa.table(job.target.name, *(sa.column(name, kind) for name, kind in columns.items()), schema=job.target.schema)
        self._check_keys(connection, job.target, target, stage)
        self._merge(connection, target, stage)
        if dialect in _UNSTAGING:
            tables.run(connection, _UNSTAGING[dialect].format(**words))
        return rows

    def partitions(self, part: Part) -> tuple[str, ...]:  # noqa: ARG002  of no part
        """As :class:`~tidegate.data.modes.Mode` says."""
        return ()

    def _check_earlier(self, job: Job, manifest: Manifest, others: Others) -> None:
        """:raises LoadRefused: an earlier interval was read again since, and its load came before this one."""
        from tidegate.data.watermarks import sets_back

        for row in others.read_since(manifest.fence):
            if row.branch in manifest.branches and sets_back(job.staging, manifest.marks, row):
                raise _newer(job, row)

    def _merge(self, connection: sa.Connection, target: sa.TableClause, stage: sa.TableClause) -> None:
        same = sa.and_(*(target.c[name] == stage.c[name] for name in self._columns))
        as_they_come = [
            name for name in self._columns if python_of(target.c[name].type) in {str, None}
        ]  # a collation may take others for equal
        values = {column: stage.c[column.name] for column in target.c if column.name not in self._columns or column.name in as_they_come}
        if values:
            connection.execute(sa.update(target).where(same).values(values))
        new = sa.select(*stage.c).where(~sa.exists(sa.select(sa.literal_column("1")).select_from(target).where(same).correlate(stage)))
        connection.execute(sa.insert(target).from_select([column.name for column in stage.c], new))

    def _check_unique(self, connection: sa.Connection, target: Target) -> None:
        if not any(columns and columns <= set(self._columns) for columns in _unique(connection, target)):
            message = f"Table {target} has no unique index over {', '.join(self._columns)}, so merge: cannot tell which row a row changes."
            raise LoadRefused(message, hint="Give it one, or name the columns of one that it has under merge:.")

    def _check_keys(self, connection: sa.Connection, target: Target, table: sa.TableClause, stage: sa.TableClause) -> None:
        keys = [stage.c[name] for name in self._columns]
        for key in keys:
            if connection.execute(sa.select(sa.literal_column("1")).select_from(stage).where(key.is_(None)).limit(1)).first():
                hint = "Leave such rows out in the transform, or name another column under merge:."
                raise LoadRefused(f'A row for table {target} has NULL in "{key.name}", which merge: names.', hint=hint)
        count, came = sa.func.count(), sa.select(*keys).select_from(stage)
        if connection.dialect.name == "sqlite":  # where a temporary table has no collations, and the first of a union has the say
            came = sa.union_all(sa.select(*(table.c[name] for name in self._columns)).where(sa.false()), came)  # type: ignore[assignment]
        alike = came.subquery()
        twice = connection.execute(sa.select(*alike.c, count).group_by(*alike.c).having(count > 1).limit(1)).first()
        if twice is not None:
            shown = ", ".join(f"{name}={value}" for name, value in zip(self._columns, twice, strict=False))
            message = f"The rows for table {target} have {twice[-1]} with {shown}, and merge: cannot tell which is meant."
            raise LoadRefused(message, hint="Keep one in the transform, or add the column that tells them apart to merge:.")


def _newer(job: Job, row: LoadRow) -> LoadRefused:
    message = (
        f"{job.target} holds rows of {row.branch} for {row.interval_start} to {row.interval_end} from a later reading than this "
        f"load for {job.interval} has, and would be set back where keys are the same."
    )
    return LoadRefused(message, hint=f"Clear the extract of {row.branch}, so that it is read anew.")


def _unique(connection: sa.Connection, target: Target) -> list[set[str]]:
    """The columns of each unique index over all rows of a table."""
    inspector, schema = sa.inspect(connection), target.schema
    found: list[Sequence[str | None]] = [inspector.get_pk_constraint(target.name, schema=schema)["constrained_columns"]]
    found += [constraint["column_names"] for constraint in inspector.get_unique_constraints(target.name, schema=schema)]
    for index in inspector.get_indexes(target.name, schema=schema):
        if index["unique"] and not any("where" in option for option in index.get("dialect_options", {})):
            found.append(index["column_names"])
    return [{tables.name_of(name or "", connection.dialect) for name in columns} for columns in found]
