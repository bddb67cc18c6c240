"""Whoever ends a wait for DuckDB is heard: a transform, a load, a statement end at once, and raise what ended them."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from nights import Night, on_duckdb, sale

from tidegate.data.engines import reading, writing
from tidegate.data.transform import transform_sql

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENDLESS = "SELECT count(*) AS n FROM range(300000) AS a, range(1000000) AS b WHERE (a.range * b.range) % 7 = 3"


class OverError(BaseException):
    """As Airflow's timeout is: nobody who catches Exception catches it."""


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Let a signal end what the block does, as Airflow's timeout does."""

    def over(*_: Any) -> None:
        raise OverError

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    began = time.monotonic()
    try:
        with pytest.raises(OverError):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("sql", [ENDLESS, f"SELECT range AS n FROM range(200000) UNION ALL {ENDLESS}"])
def test_a_transform(night: Night, sql: str) -> None:
    """Before its first row and after it; nothing is staged."""
    rows = night.stage([sale("d", "emea", 1)])
    key = night.key(step="t")
    with ended_after(1):
        transform_sql([rows], sql, key=key, staging=night.staging, attempt="t1", correlation_id="c-1")
    assert not night.staging.committed("nightly", "t", key.interval_start, key.interval_end)


def test_statements(tmp_path: Path) -> None:
    """The connection lives on, and its transaction is taken back."""
    url = on_duckdb(tmp_path)
    with writing(url):
        pass
    with reading(url) as connection, ended_after(1):
        connection.execute(sa.text(ENDLESS))
    with ended_after(1), writing(url) as connection:
        connection.execute(sa.text("CREATE TABLE t (n BIGINT)"))
        connection.execute(sa.text(f"INSERT INTO t {ENDLESS}"))
    with reading(url) as connection:
        assert not sa.inspect(connection).has_table("t")


def test_a_load(tmp_path: Path) -> None:
    """Whose table computes for as long as it is let; its rows and the ledger are as they were."""
    night = Night(tmp_path, on_duckdb(tmp_path))
    night.run("CREATE TABLE sales (v VARCHAR, CHECK (levenshtein(v, repeat('b', 400)) > 0))")
    night.load(night.stage([{"v": "a"}], "apac"), mode="append", replace=[])
    rows = night.stage([{"v": "a" * 400}] * 100_000)
    with ended_after(60):
        night.load(rows, mode="append", replace=[], progress=lambda _: signal.setitimer(signal.ITIMER_REAL, 0.2))
    assert night.query("SELECT v FROM sales") == [("a",)]
    assert night.query("SELECT branch FROM tidegate_load") == [("apac",)]
