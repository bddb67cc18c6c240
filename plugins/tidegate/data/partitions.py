"""Which rows a load replaces: the partitions, meant as the distinct values of the replace columns, and when replacing would hurt others.

A partition is written as a JSON list of its values, such as ``["2026-01-01", "emea"]``. In this form it stands in the ledger, so that a
later load of the same branch knows what to delete even when the source no longer brings it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa
import pyarrow.types as pat
import sqlalchemy as sa

from tidegate.data.kinds import nearest, word
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from tidegate.data.key_columns import KeyColumn
    from tidegate.data.ledger import LoadRow
    from tidegate.data.parts import Part
    from tidegate.data.tables import Target

    Key = tuple[Any, ...]

MOST = 10_000
"""Partitions in one part. More means that ``replace:`` names the rows' own key."""
_AT_ONCE = 500
_UNTOUCHED = sa.text(
    "SELECT relkind IN ('r', 'p') AND NOT relhastriggers AND NOT relhasrules FROM pg_catalog.pg_class WHERE oid = to_regclass(:name)"
)
"""Whether PostgreSQL keeps rows as they come: in a table of its own, without a trigger or a rule."""
_LOOKED_AT = 20
"""Keys that are looked for one by one, to name the column that does not keep them."""


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


def of(part: Part, replace: Sequence[str]) -> frozenset[Key]:
    """The keys that a part brings.

    :raises LoadRefused: there are more than :data:`MOST`.
    """
    found: set[Key] = set()
    for batch in part.batches(columns=list(replace)):
        distinct = pa.Table.from_batches([batch]).group_by(list(replace)).aggregate([])
        found.update(tuple(row[name] for name in replace) for row in distinct.to_pylist())
        if len(found) > MOST:
            listed = ", ".join(replace)
            message = f"replace: [{listed}] makes more than {MOST:,} partitions of the rows of {part.manifest.branch}."
            raise LoadRefused(message, hint="Name columns that many rows share, such as the day, and not the rows' own key.")
    return frozenset(found)


def encoded(key: Key, columns: Sequence[KeyColumn]) -> str:
    """A partition as text: what the table holds as equal has equal text, whatever type it came in."""
    return json.dumps([column.form(value) for column, value in zip(columns, key, strict=True)], ensure_ascii=False)


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
    keys: Mapping[str, Collection[str]],
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
    :param keys: they → the partitions that each brings now, or brought for this interval before.
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
        if not nested or (around and not set(keys.get(row.branch, ())) <= set(row.partitions)):
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


def delete(connection: sa.Connection, target: Target, doomed: Collection[str], columns: Sequence[KeyColumn]) -> None:
    """Delete all rows of these partitions, by bound values.

    :raises LoadRefused: the ledger holds a value that the column's type no longer allows.
    """
    table = sa.table(target.name, schema=target.schema)
    for condition in _conditions(doomed, columns):
        connection.execute(sa.delete(table).where(condition))


def check_written(connection: sa.Connection, target: Target, brought: Collection[str], columns: Sequence[KeyColumn], rows: int) -> None:
    """Count the rows of the partitions that were just written, as a later :func:`delete` would look for them.

    Not where the columns' types vouch for it, and the table has nothing else that could alter a row.

    :raises LoadRefused: they are not as many as were written.
    """
    forms = [sorted(set(values) - {None}, key=str) for values in zip(*map(json.loads, brought), strict=True)]
    if (
        all(column.vouches(values) for column, values in zip(columns, forms, strict=True))
        and connection.execute(_UNTOUCHED, {"name": target.quoted(connection.dialect)}).scalar()
    ):
        return
    table = sa.table(target.name, schema=target.schema)
    count = sa.select(sa.func.count()).select_from(table)
    found = sum(connection.execute(count.where(condition)).scalar_one() for condition in _conditions(brought, columns))
    if found == rows:
        return
    for column, values in zip(columns, forms, strict=True):
        for form in values[:_LOOKED_AT]:
            if not connection.execute(count.where(column.equals([column.value(form)]))).scalar_one():
                message = f"{column} does not keep the key {form!r} as it is: a rerun would not find its rows, and double them."
                raise LoadRefused(message, hint="Bring such a key as the database writes it, or name another column under replace:.")
    listed = ", ".join(column.name for column in columns)
    message = f"Of {rows:,} rows that were written into table {target}, {found:,} are found again by their keys, {listed}."
    hint = "Look for a trigger or a column that alters keys, and for who else writes such keys; or name other columns under replace:."
    raise LoadRefused(message, hint=hint)


def _conditions(partitions: Collection[str], columns: Sequence[KeyColumn]) -> Iterator[sa.ColumnElement[bool]]:
    """What is true of the rows of these partitions, some hundreds at a time."""
    rows = [[column.value(form) for column, form in zip(columns, _forms(p, columns), strict=True)] for p in sorted(partitions)]
    widest = max(range(len(columns)), key=lambda i: len({str(row[i]) for row in rows}), default=0)
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[:widest] + row[widest + 1 :])].append(row[widest])
    rest = [*columns[:widest], *columns[widest + 1 :]]
    for shared, values in groups.items():
        fixed = [column.equals([value]) for column, value in zip(rest, shared, strict=True)]
        for chunk in _chunks(values):
            yield sa.and_(*fixed, columns[widest].equals(chunk))


def _forms(partition: str, columns: Sequence[KeyColumn]) -> list[Any]:
    forms: list[Any] = json.loads(partition)
    if len(forms) != len(columns):
        message = (
            f"The ledger says that rows were loaded under the key {partition}, and replace: names {', '.join(c.name for c in columns)}."
        )
        raise LoadRefused(
            message, hint="Its columns were changed since; delete those rows and their ledger rows by hand, or load as before."
        )
    return forms


def _chunks(values: list[Any]) -> Iterator[list[Any]]:
    """NULL by itself, since it is in no list."""
    if None in values:
        yield [None]
    present = [value for value in values if value is not None]
    for start in range(0, len(present), _AT_ONCE):
        yield present[start : start + _AT_ONCE]
