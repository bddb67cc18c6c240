"""What is staged of a DuckDB file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from tidegate.data.contract import Accept
from tidegate.data.extract import extract

if TYPE_CHECKING:
    from nights import Night


def read(night: Night, sql: str, **more: Any) -> list[dict[str, Any]]:
    """Stage, and give what was staged."""
    given: dict[str, Any] = {
        "key": night.key(), "staging": night.staging, "accept": Accept(), "attempt": str(len(list(night.folder.rglob("*.json")))), "correlation_id": "c",
        "connection_name": "sales_emea", "source_name": "sql/x.sql",
    }  # fmt: skip
    manifest = extract(night.url, sql, **(given | more))
    with night.staging.local_file(manifest) as path:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
