"""What the ledger tells of whole intervals: how complete each is, and what became of its branches. For whoever reads it, by the view that all can join."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tidegate.data.ledger import gaps_table, intervals_table, loads, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_KEY = ("pipeline", "interval_start", "interval_end")
view = sa.Table(
    "tidegate_completeness",
    sa.MetaData(),
    *(sa.Column(name) for name in (*_KEY, "branch", "outcome", "state")),
    sa.Column("rows", quote=True),
    *(sa.Column(name) for name in ("loaded_at", "attempt", "run_id", "stale_from", "reason", "owner", "missing_since", "gap")),
)
"""Made by :mod:`tidegate.data.migrations`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One branch of one interval, as the view has it. Moments are ISO 8601 text in UTC."""

    pipeline: str
    interval_start: str
    interval_end: str
    branch: str
    outcome: str | None
    """The interval's; None where no barrier decides about it."""
    state: str
    """``loaded``, ``stale`` (an earlier interval's rows stand in), ``missing``, ``overtaken`` (a later interval's rows are the whole table) or ``waived``."""
    rows: int | None
    loaded_at: str | None
    attempt: str | None
    run_id: str | None
    stale_from: str | None
    reason: str | None
    owner: str | None
    missing_since: str | None
    gap: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Night:
    """One interval of one pipeline, with its branches in the order of their names."""

    pipeline: str
    interval_start: str
    interval_end: str
    lines: tuple[Line, ...]
    outcome: str | None = None
    """None where no barrier decides; what follows is then told by the branches."""
    sentence: str = ""
    expected: int
    arrived: int
    missing: tuple[str, ...] = ()
    run_id: str = ""
    decided_at: str = ""

    @property
    def rows(self) -> int:
        """Rows in the table; those of several branches together are counted once."""
        return sum({(line.attempt, line.run_id): line.rows or 0 for line in self.lines if line.attempt is not None}.values())


def nights(
    connection: sa.Connection, chosen: Callable[[str, str], bool], *, pipeline: str | None = None, newest: int | None = None
) -> tuple[list[Night], bool]:
    """The intervals that a ledger knows, in order of time.

    :param chosen: Whether an interval is meant, by its pipeline and its start.
    :param newest: Of each pipeline at most so many, the last ones.
    :return: They, and whether there are more of those that are meant.
    """
    meant: dict[str, list[tuple[str, str]]] = {}
    for name, start, end in _keys(connection, pipeline):
        if chosen(name, start):
            meant.setdefault(name, []).append((start, end))
    more = newest is not None and any(len(found) > newest for found in meant.values())
    told = [night for name, found in meant.items() for night in _of(connection, name, found[-newest:] if newest is not None else found)]
    return sorted(told, key=lambda night: (night.interval_start, night.interval_end, night.pipeline)), more


def _keys(connection: sa.Connection, pipeline: str | None) -> Iterable[tuple[str, str, str]]:
    asked = sa.union(*(sa.select(*(table.c[name] for name in _KEY)) for table in (intervals_table, loads, gaps_table))).subquery()
    query = sa.select(asked).order_by(*asked.c)
    found = connection.execute(query if pipeline is None else query.where(asked.c.pipeline == pipeline))
    return [(row.pipeline, row.interval_start, row.interval_end) for row in found]


def _of(connection: sa.Connection, pipeline: str, bounds: list[tuple[str, str]]) -> Iterable[Night]:
    """Intervals of one pipeline."""
    lines: dict[tuple[str, str], list[Line]] = {}
    for row in rows_of(connection, view, _between(sa.select(view), view, pipeline, bounds)):
        line = Line(**row._mapping)  # noqa: SLF001  SQLAlchemy's public way to a row's names
        lines.setdefault((line.interval_start, line.interval_end), []).append(line)
    columns = [
        intervals_table.c[name] for name in (*_KEY[1:], "outcome", "sentence", "expected", "arrived", "missing", "run_id", "decided_at")
    ]
    decided = {
        (row.interval_start, row.interval_end): row
        for row in connection.execute(_between(sa.select(*columns), intervals_table, pipeline, bounds))
    }
    for key in bounds:
        branches = tuple(sorted(lines.get(key, ()), key=lambda line: line.branch))
        yield Night(pipeline=pipeline, interval_start=key[0], interval_end=key[1], lines=branches, **_told(decided.get(key), branches))


def _told(row: sa.Row[Any] | None, lines: tuple[Line, ...]) -> dict[str, Any]:
    if row is not None:
        told = {name: getattr(row, name) for name in ("outcome", "sentence", "expected", "arrived", "run_id", "decided_at")}
        return {**told, "missing": tuple(json.loads(row.missing))}
    held = [line for line in lines if line.state == "loaded"]
    last = max(held, key=lambda line: line.loaded_at or "", default=None)
    return {
        "expected": len(lines),
        "arrived": len(held),
        "missing": tuple(line.branch for line in lines if line.state != "loaded"),
        "run_id": (last and last.run_id) or "",
        "decided_at": (last and last.loaded_at) or "",
    }


def _between(query: sa.Select[Any], table: sa.Table, pipeline: str, bounds: list[tuple[str, str]]) -> sa.Select[Any]:
    start = table.c.interval_start
    return query.where(table.c.pipeline == pipeline, start >= bounds[0][0], start <= bounds[-1][0])
