"""A table of things that change, and an extract that reads what has changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import sqlalchemy as sa
from nights import START

from tidegate.data.contract import Accept
from tidegate.data.extract import extract
from tidegate.data.table_query import TableQuery

if TYPE_CHECKING:
    from nights import Night

    from tidegate.data.manifest import Manifest

HOUR = timedelta(hours=1)
NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001  a clock's reading
KINDS = {"postgresql": "TIMESTAMP(6)", "duckdb": "TIMESTAMP", "mysql": "DATETIME(6)", "sqlite": "TEXT"}


class Source:
    """A table of things that change, and an extract that reads by the moment of their change."""

    def __init__(self, night: Night, kind: str = "", **query: Any) -> None:
        self.night = night
        self.backend = night.url.get_backend_name()
        self.query = TableQuery(table="things", watermark="changed_at", **query)
        night.run(
            "DROP TABLE IF EXISTS things", f"CREATE TABLE things (id INTEGER PRIMARY KEY, changed_at {kind or KINDS[self.backend]} NULL)"
        )

    def change(self, number: int, at: Any) -> None:
        """A thing is new, or has changed."""
        value = at.isoformat(sep=" ") if self.backend == "sqlite" and isinstance(at, datetime) else at
        with sa.create_engine(self.night.url, poolclass=sa.NullPool).begin() as connection:
            connection.execute(sa.text("DELETE FROM things WHERE id = :id"), {"id": number})
            connection.execute(sa.text("INSERT INTO things VALUES (:id, :at)"), {"id": number, "at": value})

    def read(self, day: int, **more: Any) -> Manifest:
        """Stage what the interval of a day reads."""
        attempts = len(list(self.night.folder.rglob("*.parquet")))
        return extract(
            self.night.url,
            self.query,
            key=self.night.key(start=START + timedelta(days=day)),
            staging=self.night.staging,
            accept=Accept(min_rows=0),
            **{"attempt": f"a-{attempts}", "correlation_id": "c-1", "connection_name": "shop", "source_name": "things", **more},
        )

    def found(self, day: int, **more: Any) -> list[int]:
        """Give the numbers that the interval of a day reads."""
        manifest = self.read(day, **more)
        with self.night.staging.local_file(manifest) as path:
            return sorted(pq.read_table(path).column("id").to_pylist())
