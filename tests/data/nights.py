"""A night to test with: a source, a staging folder, a warehouse, and short ways to fill them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from tidegate.data import ledger
from tidegate.data.engines import database_url, writing
from tidegate.data.instants import stamp
from tidegate.data.load import LoadReport, load
from tidegate.data.manifest import Manifest, StageKey
from tidegate.data.staging import Staging, new_attempt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
END = START + DAY


def on_duckdb(folder: Path, name: str = "warehouse") -> sa.URL:
    """Give the URL of a DuckDB file, as a connection of Airflow's would."""
    return database_url(conn_id=name, conn_type="duckdb", host=str(folder / f"{name}.duckdb"))


def by_name(request: pytest.FixtureRequest, night: Night) -> sa.URL:
    """Give the database that a fixture's parameter means: a night's own file of SQLite, one of DuckDB beside it, or a server."""
    if request.param in {"sqlite", "duckdb"}:
        return night.url if request.param == "sqlite" else on_duckdb(night.folder)
    found: sa.URL = request.getfixturevalue(request.param)
    return found


class Night:
    """One pipeline's staging and warehouse."""

    def __init__(self, folder: Path, url: sa.URL | None = None) -> None:
        self.folder = folder
        self.staging = Staging(folder / "staging")
        self.url = url or sa.URL.create("sqlite", database=str(folder / "warehouse.db"))
        self.table = "sales"
        self.clock = 0

    def key(self, branch: str = "emea", *, step: str = "extract", start: datetime = START, end: datetime | None = None) -> StageKey:
        """Give the key of a day's branch."""
        return StageKey(pipeline="nightly", step=step, interval_start=start, interval_end=end or start + DAY, branch=branch)

    def stage(
        self,
        rows: Sequence[dict[str, Any]] | pa.Table,
        branch: str = "emea",
        *,
        step: str = "extract",
        start: datetime = START,
        end: datetime | None = None,
        branches: Sequence[str] = (),
        schema: pa.Schema | None = None,
    ) -> Manifest:
        """Commit rows as an attempt that was read later than all before."""
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows), schema=schema)
        self.clock += 1
        with self.staging.writer(
            self.key(branch, step=step, start=start, end=end),
            table.schema,
            attempt=new_attempt("run", self.clock),
            correlation_id="c-1",
            read_at=stamp(datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=self.clock)),
            branches=branches,
        ) as writer:
            for batch in table.to_batches():
                writer.write(batch)
        return writer.manifest

    def load(
        self,
        *parts: Manifest,
        replace: Sequence[str] = ("day", "region"),
        start: datetime = START,
        end: datetime | None = None,
        **more: Any,
    ) -> LoadReport:
        """Load parts into the warehouse."""
        return load(
            self.url,
            **{
                "target_table": self.table,
                "replace": list(replace),
                "parts": parts,
                "staging": self.staging,
                "pipeline": "nightly",
                "interval_start": start,
                "interval_end": end or start + DAY,
                "run_id": "run-1",
                "correlation_id": "c-1",
                "connection_name": "warehouse",
                **more,
            },
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql))]

    def run(self, *statements: str) -> None:
        """Execute statements outside of Tidegate, each by itself."""
        with sa.create_engine(self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def rows(self) -> list[tuple[Any, ...]]:
        """Give all sales, in order."""
        return self.query(f"SELECT day, region, amount FROM {self.table} ORDER BY 1, 2, 3")


def sale(day: str, region: str, amount: int) -> dict[str, Any]:
    """Give one row to load."""
    return {"day": day, "region": region, "amount": amount}


def swap(night: Night, *parts: Manifest, **more: Any) -> LoadReport:
    """Replace the table."""
    return night.load(*parts, replace=(), mode="swap", **more)


def amounts(night: Night) -> list[int]:
    """Give what the table holds, in order."""
    return [row[2] for row in night.rows()]


def held(night: Night, target: str = "sales") -> list[tuple[str, str, int]]:
    """Give what the ledger says the table holds: days, branches, rows."""
    with writing(night.url) as connection:
        table = ledger.loads.c
        query = sa.select(table.interval_start, table.branch, table["rows"]).where(table.target == target).order_by(sa.text("1, 2"))
        return [(start[:10], branch, rows) for start, branch, rows in connection.execute(query)]
