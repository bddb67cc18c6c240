"""Records of a night, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tidegate.resilience.completeness import Branch, BranchState, Completeness
from tidegate.resilience.interval import Interval

NIGHT = Interval(datetime(2017, 12, 23, tzinfo=UTC), datetime(2017, 12, 24, tzinfo=UTC))


def record(*branches: Branch, needed: int = 2, met: bool = True, required_missing: tuple[str, ...] = (), **more: Any) -> Completeness:
    """The record of a night of ``sales`` with these branches."""
    return Completeness(
        pipeline="sales",
        interval=NIGHT,
        dimension="region",
        branches=branches,
        needed=needed,
        met=met,
        required_missing=required_missing,
        run_id="run",
        correlation_id="tg-1",
        **more,
    )


TEXAS = Branch(name="texas", state=BranchState.ARRIVED, rows=1000)
PLAINS = Branch(name="plains", state=BranchState.ARRIVED, rows=234)
FLORIDA = Branch(name="florida", state=BranchState.FAILED, reason="no database file at /data/florida.db.")
EXCLUDED = Branch(name="florida", state=BranchState.EXCLUDED)
