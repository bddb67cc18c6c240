"""The view ``tidegate_completeness``: a line for each branch of each interval; and the index by which it, and others, find a branch's loads."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from tidegate.data.migrations.there import has_index

revision = "0002"
down_revision = "0001"

_INDEX = "tidegate_load_branch"
_BRANCH = ("pipeline", "interval_start", "interval_end", "branch")
_loads = sa.table(
    "tidegate_load", *(sa.column(name) for name in (*_BRANCH, "target", "attempt", "run_id", "loaded_at", "stale_from")), sa.column("rows")
)
_gaps = sa.table("tidegate_gap", *(sa.column(name) for name in (*_BRANCH, "status", "reason", "owner", "opened_at")))
_intervals = sa.table("tidegate_interval", *(sa.column(name) for name in (*_BRANCH[:3], "outcome")))


def upgrade() -> None:
    """Make the index and the view."""
    if not has_index("tidegate_load", _INDEX):
        op.create_index(_INDEX, "tidegate_load", list(_BRANCH))
    op.execute("DROP VIEW IF EXISTS tidegate_completeness")
    dialect = op.get_bind().dialect
    query = sa.union_all(_loaded(), _missing()).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    op.execute(f"CREATE VIEW tidegate_completeness AS {query}")


def _loaded() -> sa.Select[tuple[object, ...]]:
    """Branches that some table holds: each by its newest load, beside what is still said of its gap."""
    newer = _loads.alias("newer")
    later = sa.or_(
        newer.c.loaded_at > _loads.c.loaded_at, sa.and_(newer.c.loaded_at == _loads.c.loaded_at, newer.c.target > _loads.c.target)
    )
    stale = _loads.c.stale_from.is_not(None)

    def said(column: sa.ColumnElement[object]) -> sa.ColumnElement[object]:
        return sa.case((stale, column))

    return (
        sa.select(
            *(_loads.c[name] for name in _BRANCH),
            _intervals.c.outcome,
            sa.case((stale, "stale"), else_="loaded").label("state"),
            _loads.c["rows"],
            *(_loads.c[name] for name in ("loaded_at", "attempt", "run_id", "stale_from")),
            *(said(_gaps.c[name]).label(name) for name in ("reason", "owner")),
            said(_gaps.c.opened_at).label("missing_since"),
            said(_gaps.c.status).label("gap"),
        )
        .select_from(_loads.outerjoin(_gaps, _same(_loads, _gaps)).outerjoin(_intervals, _same(_loads, _intervals, _BRANCH[:3])))
        .where(~_any(newer, _same(newer, _loads), later))
    )


def _missing() -> sa.Select[tuple[object, ...]]:
    """Branches that no table holds. Where a later interval's rows are the whole table, nothing is missing."""
    state = sa.case((_gaps.c.status == "waived", "waived"), (_intervals.c.outcome == "overtaken", "overtaken"), else_="missing")
    return (
        sa.select(
            *(_gaps.c[name] for name in _BRANCH),
            _intervals.c.outcome,
            state.label("state"),
            sa.null().label("rows"),
            *(sa.null().label(name) for name in ("loaded_at", "attempt", "run_id", "stale_from")),
            *(_gaps.c[name] for name in ("reason", "owner")),
            _gaps.c.opened_at.label("missing_since"),
            _gaps.c.status.label("gap"),
        )
        .select_from(_gaps.outerjoin(_intervals, _same(_gaps, _intervals, _BRANCH[:3])))
        .where(~_any(_loads, _same(_loads, _gaps)))
    )


def _any(loads: sa.FromClause, *like: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether there are such loads. MariaDB would look through all of a pipeline's for each, until somebody analyses the table."""
    query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(loads).where(*like)
    for dialect in ("mysql", "mariadb"):
        query = query.with_hint(loads, f"FORCE INDEX ({_INDEX})", dialect)
    return query.exists()


def _same(one: sa.FromClause, other: sa.FromClause, names: tuple[str, ...] = _BRANCH) -> sa.ColumnElement[bool]:
    return sa.and_(*(one.c[name] == other.c[name] for name in names))
