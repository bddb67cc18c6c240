"""Which rows a load replaces: the partitions, meant as the distinct values of the replace columns, and when replacing would hurt others.

A partition is written as a JSON list of its values, such as ``["2026-01-01", "emea"]``. In this form it stands in the ledger, so that a
later load of the same branch knows what to delete even when the source no longer brings it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pyarrow.types as pat
import sqlalchemy as sa

from tidegate.data.kinds import canonical, nearest, word
from tidegate.data.tables import sqlite_text
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from tidegate.data.ledger import LoadRow
    from tidegate.data.parts import Part
    from tidegate.data.tables import Target

MOST = 10_000
"""Partitions in one part. More means that ``replace:`` names the rows' own key."""
_AT_ONCE = 500


def check_columns(schema: pa.Schema, replace: Sequence[str]) -> None:
    """Refuse replace columns that the rows lack or that cannot be compared surely.

    :raises LoadRefused: as said.
    """
    if not replace:
        raise LoadRefused(
            "The load names no replace columns.", hint="Name those that tell one interval's rows from the others', such as replace: [day]."
        )
    for name in replace:
        if name not in schema.names:
            hint = f"{nearest(name, schema.names)}Select it in the transform, or name another column under replace:."
            raise LoadRefused(f'The rows have no column "{name}", which replace: names; they have {", ".join(schema.names)}.', hint=hint)
        kind = schema.field(name).type
        if pat.is_floating(kind) or pat.is_binary(kind):
            hint = "Choose a column of text, int, date or decimal, or CAST it."
            raise LoadRefused(f'replace: names the column "{name}", and values of type {word(kind)} cannot be compared surely.', hint=hint)


def of(part: Part, replace: Sequence[str]) -> frozenset[str]:
    """The partitions that a part brings.

    :raises LoadRefused: there are more than :data:`MOST`.
    """
    found: set[str] = set()
    for batch in part.batches(columns=list(replace)):
        distinct = pa.Table.from_batches([batch]).group_by(list(replace)).aggregate([])
        found.update(encoded([row[name] for name in replace]) for row in distinct.to_pylist())
        if len(found) > MOST:
            listed = ", ".join(replace)
            message = f"replace: [{listed}] makes more than {MOST:,} partitions of the rows of {part.manifest.branch}."
            raise LoadRefused(message, hint="Name columns that many rows share, such as the day, and not the rows' own key.")
    return frozenset(found)


def encoded(values: Sequence[Any]) -> str:
    """A partition as text: equal values, equal text."""
    return json.dumps([_plain(value) for value in values], ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    if isinstance(value, Decimal):
        return canonical(value)
    return value.isoformat() if isinstance(value, date) else value


def shown(partition: str, replace: Sequence[str]) -> str:
    """``day=2026-01-01, region=emea``, for messages."""
    return ", ".join(f"{name}={'NULL' if value is None else value}" for name, value in zip(replace, json.loads(partition), strict=False))


def check_branches(
    taken: Sequence[tuple[Part, frozenset[str]]], doomed: Collection[str], kept: Iterable[LoadRow], replace: Sequence[str]
) -> None:
    """Refuse when rows of one branch would be deleted for another's.

    :param taken: the parts that will be written, with what they bring.
    :param doomed: all partitions that will be deleted.
    :param kept: what the ledger knows of other branches of this interval.
    :raises LoadRefused: two branches meet in a partition.
    """
    listed = ", ".join(replace)
    owner: dict[str, str] = {}
    for part, partitions in taken:
        for partition in sorted(partitions):
            if partition in owner:
                _refuse_shared(listed, shown(partition, replace), owner[partition], part.manifest.branch)
            owner[partition] = part.manifest.branch
    for row in kept:
        if clash := sorted(set(row.partitions).intersection(doomed)):
            partition = shown(clash[0], replace)
            newcomer = owner.get(clash[0]) or taken[0][0].manifest.branch
            combined = next((part for part, _ in taken if part.manifest.branch not in part.manifest.branches), None)
            if combined is None:
                _refuse_shared(listed, partition, row.branch, newcomer)
            message = f"The table holds rows of {row.branch} in {partition}, and the combined rows of {_names(combined.manifest.branches)} would delete them."
            raise LoadRefused(message, hint=f"Combine {row.branch} too, or add the branch's column to replace:.")


def _names(branches: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(branches[:-1]), branches[-1]]))


def _refuse_shared(listed: str, partition: str, one: str, other: str) -> NoReturn:
    one, other = sorted((one, other))
    message = f"replace: [{listed}] does not tell the branches apart: {one} and {other} both bring {partition}, so one would delete the other's rows;"
    raise LoadRefused(message, hint="add the branch's column to replace:.")


def displaced(rows: Iterable[LoadRow], brought: Collection[str], *, pipeline: str) -> list[LoadRow]:
    """The loads of rows that stand in, of the same pipeline, which make way for rows that are brought under the same keys."""
    return [row for row in rows if row.stale_from is not None and row.pipeline == pipeline and not set(row.partitions).isdisjoint(brought)]


def within(others: Iterable[LoadRow], branches: Collection[str], *, pipeline: str, start: str, end: str) -> set[str]:
    """The partitions that shorter intervals within this one have loaded for these branches: a wider load brings them anew, or not at all."""
    return {
        partition
        for row in others
        if row.pipeline == pipeline and row.branch in branches and start <= row.interval_start and row.interval_end <= end
        for partition in row.partitions
    }


def check_others(
    doomed: Collection[str],
    fences: Mapping[str, str],
    others: Iterable[LoadRow],
    *,
    pipeline: str,
    start: str,
    end: str,
    replace: Sequence[str],
) -> None:
    """Refuse when rows that another load wrote would be deleted for this one's or counted twice beside them.

    A wider interval replaces what shorter ones within it brought, and a shorter one what a wider one brought, where the branch is among
    those replaced, was read later, and the keys are the same.

    :param fences: the branches that will be replaced → the fence of the part that brings each.
    :raises LoadRefused: another pipeline wrote the rows; or an interval that shares a key or a part of its time with this one, but not as above.
    """
    for row in others:
        clash = sorted(set(row.partitions).intersection(doomed))
        around = row.interval_start <= start and end <= row.interval_end
        nested = around or (start <= row.interval_start and row.interval_end <= end)
        overlap = row.interval_start < end and start < row.interval_end
        twice = row.pipeline == pipeline and row.branch in fences and overlap and bool(row.partitions)
        if not clash and not twice:
            continue
        if row.pipeline != pipeline:
            message = f"{shown(clash[0], replace)} was loaded by the pipeline {row.pipeline}, and this load by {pipeline} would delete those rows."
            raise LoadRefused(message, hint="Give each pipeline a table of its own, or a key column that tells them apart.")
        partition, when, now = (
            shown((clash or row.partitions)[0], replace),
            f"{row.interval_start} to {row.interval_end}",
            f"{start} to {end}",
        )
        if not nested and clash:
            message = (
                f"replace: [{', '.join(replace)}] does not tell the intervals apart: {partition} was loaded for {when}, "
                f"and this load for {now} would delete those rows."
            )
            hint = (
                "A run at 02:00 spans two calendar days. Derive the key from the interval's start instead, "
                "for example CAST($interval_start AS DATE) AS day in the transform."
            )
            raise LoadRefused(message, hint=hint)
        if not nested or (around and not set(doomed) <= set(row.partitions)):
            message = (
                f"{partition} was loaded for {when}, and this load for {now} would bring a part of the same time under other keys, twice."
            )
            raise LoadRefused(message, hint="Load the intervals of the schedule, or one that holds all that overlaps with it.")
        if row.branch not in fences:
            message = f"{partition} was loaded for {when} with rows of {row.branch}, which this load for {now} does not bring."
            raise LoadRefused(message, hint=f"Bring {row.branch} too, or add the branch's column to replace:.")
        if fences[row.branch] < row.fence:
            message = f"{partition} was loaded for {when} from a later reading of {row.branch} than this load for {now} has."
            raise LoadRefused(message, hint=f"Clear the extract of {row.branch} too, so that it is read anew.")


def delete(connection: sa.Connection, target: Target, doomed: Collection[str], replace: Sequence[str], known: Mapping[str, Any]) -> None:
    """Delete all rows of these partitions, by bound values.

    :raises LoadRefused: the ledger holds a value that the column's type no longer allows.
    """
    types = [known[name]["type"] for name in replace]
    sqlite = connection.dialect.name == "sqlite"
    columns = [sa.column(name, sa.types.NullType() if sqlite else kind) for name, kind in zip(replace, types, strict=True)]
    table = sa.table(target.name, *columns, schema=target.schema)
    rows = [[_decoded(v, t, name, target) for v, t, name in zip(json.loads(p), types, replace, strict=True)] for p in sorted(doomed)]
    widest = max(range(len(replace)), key=lambda i: len({str(row[i]) for row in rows}), default=0)
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[:widest] + row[widest + 1 :])].append(row[widest])
    rest = columns[:widest] + columns[widest + 1 :]
    for shared, values in groups.items():
        fixed = [_equals(column, [value], connection) for column, value in zip(rest, shared, strict=True)]
        for chunk in _chunks(values):
            connection.execute(sa.delete(table).where(*fixed, _equals(columns[widest], chunk, connection)))


def _chunks(values: list[Any]) -> Iterator[list[Any]]:
    """NULL by itself, since it is in no list."""
    if None in values:
        yield [None]
    present = [value for value in values if value is not None]
    for start in range(0, len(present), _AT_ONCE):
        yield present[start : start + _AT_ONCE]


def _equals(column: sa.ColumnClause[Any], values: list[Any], connection: sa.Connection) -> sa.ColumnElement[bool]:
    if values == [None]:
        return column.is_(None)
    if connection.dialect.name == "sqlite":
        values = [sqlite_text(value) for value in values]
    equal = column.in_(values) if len(values) > 1 else column == values[0]
    if connection.dialect.name in {"mysql", "mariadb"} and isinstance(values[0], str):
        # A collation may take "eu" for "EU": the first condition finds rows by the index, the second sees the difference.
        exact = sa.collate(sa.func.convert(column.op("USING")(sa.text("utf8mb4"))), "utf8mb4_bin")
        return sa.and_(equal, exact.in_(values))
    return equal


def _decoded(value: Any, kind: Any, name: str, target: Target) -> Any:
    """A partition's value in the Python type that the column compares with."""
    try:
        python = kind.python_type
    except NotImplementedError:
        return value
    if value is None or isinstance(value, python):
        return value
    try:
        if python is datetime:
            moment = datetime.fromisoformat(value)
            return moment if getattr(kind, "timezone", False) or moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
        return python.fromisoformat(value) if python is date else python(value)
    except (TypeError, ValueError, ArithmeticError) as error:
        message = f'Column "{name}" of table {target} is {kind}, and the ledger says that {value!r} was loaded into it.'
        raise LoadRefused(message, hint="The column's type was changed since; delete those rows and their ledger rows by hand.") from error
