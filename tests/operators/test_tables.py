"""An extract that names a table, as a task does it: adopted by what it asks, read in ranges, read by a watermark."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from operators.by_hand import context, placed

from tidegate import ExtractOperator, LoadOperator
from tidegate.data.manifest import Manifest

if TYPE_CHECKING:
    from pathlib import Path

DAYS = [{"interval_start": f"2026-03-0{day}T00:00:00+00:00", "interval_end": f"2026-03-0{day + 1}T00:00:00+00:00"} for day in range(1, 4)]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of a shop that has sold two things."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE sales (id INTEGER, at TEXT)")
        connection.executemany("INSERT INTO sales VALUES (?, ?)", [(1, "2026-03-01 08:00:00"), (2, "2026-03-01 09:00:00")])
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "shop.db")}))
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    return tmp_path


def read(folder: Path, conf: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """What an extract of the shop's sales returns."""
    given = {"source_conn_id": "shop", "table": "sales", "accept": {"min_rows": 0}}
    task = placed(ExtractOperator, folder, step="extract", **{**given, **arguments})
    manifest: dict[str, Any] = task.execute(context(task, conf=conf))["manifest"]
    return manifest


def test_rows_of_a_table_are_adopted(shop: Path) -> None:
    """As those of a query are, where the same is asked of it; in how many ranges it is read is no part of that."""
    first = read(shop, DAYS[0], interval_column="at")
    adopting = {**DAYS[0], "adopt": True}
    assert read(shop, adopting, interval_column="at")["attempt"] == first["attempt"]
    assert read(shop, adopting, interval_column="at", split={"by": "id", "into": 2})["attempt"] == first["attempt"]
    assert read(shop, adopting)["attempt"] != first["attempt"]


def test_what_was_read_by_a_watermark_is_not_adopted(shop: Path) -> None:
    """It may have changed since, and then is a later interval's; the source is asked again, for what is still this one's."""
    assert [read(shop, day, watermark="at")["rows"] for day in DAYS[:2]] == [2, 1]
    with closing(sqlite3.connect(shop / "shop.db")) as connection, connection:
        connection.execute("UPDATE sales SET at = '2026-03-03 01:00:00' WHERE id = 1")
    assert read(shop, {**DAYS[0], "adopt": True}, watermark="at")["rows"] == 1
    again = read(shop, DAYS[2], watermark="at")
    assert (again["rows"], again["watermark"]) == (2, {"above": {"text": "2026-03-01 09:00:00"}, "upto": {"text": "2026-03-03 01:00:00"}})


@pytest.mark.parametrize("mapped", [False, True], ids=["one", "mapped"])
def test_a_load_into_another_table_begins_anew(shop: Path, monkeypatch: pytest.MonkeyPatch, mapped: bool) -> None:
    """By the same name: the extract looks at which table it has now, as it is written."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(shop / "warehouse.db")}))

    def night(day: int, table: str) -> int:
        """How many rows were read for a table, and loaded."""
        task = placed(
            ExtractOperator,
            shop,
            step="extract",
            source_conn_id="shop",
            table="sales",
            accept={"min_rows": 0},
            watermark="at",
            settled_by=["load"],
        )
        into: dict[str, Any] = {"task_id": "load", "warehouse_conn_id": "warehouse", "table": table, "merge": ["id"], "dag": task.dag}
        load: Any = LoadOperator.partial(**into).expand(parts=[[], []]) if mapped else LoadOperator(**into)
        read = Manifest.from_dict(task.execute(context(task, conf=DAYS[day]))["manifest"])
        if mapped:
            load = load.unmap({"parts": []})
        load.table, load.parts = table.replace("{{ to }}", "copy"), read.as_dict()
        load.execute(context(load, conf=DAYS[day]))
        return read.rows

    assert [night(day, "{{ to }}") for day in range(2)] == [2, 1]
    assert [night(1, "other"), night(2, "other"), night(2, "{{ to }}")] == [2, 1, 1]


@pytest.mark.server
def test_a_table_in_ranges(shop: Path, postgres_url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its settings to what is staged."""
    with sa.create_engine(postgres_url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS sales")
        connection.exec_driver_sql("CREATE TABLE sales AS SELECT i AS id FROM generate_series(1, 1000) AS made(i)")
    url = postgres_url.render_as_string(hide_password=False)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "generic", "extra": {"sqlalchemy_url": url}}))
    assert read(shop, DAYS[0], split={"by": "id", "into": 4})["rows"] == 1000
