"""An extract with a hedge: its result tells who brought the rows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from operators.by_hand import context, placed

from tidegate import ExtractOperator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = {"interval_start": "2026-03-02T00:00:00+00:00", "interval_end": "2026-03-03T00:00:00+00:00"}


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: sa.URL) -> Iterator[sa.Connection]:
    """Give a connection that holds up who reads the shop; its replica is a schema that nobody holds up."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name, rows in (("shop_anna", 1), ("replica_anna", 2)):
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
            connection.exec_driver_sql(f"CREATE TABLE {name}.sales AS SELECT generate_series(1, {rows}) AS cents")
            url = postgres_url.set(drivername="postgres", query={"options": f"-csearch_path={name}"})
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", url.render_as_string(hide_password=False))
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("LOCK TABLE shop_anna.sales IN ACCESS EXCLUSIVE MODE")
        yield connection
        connection.exec_driver_sql("ROLLBACK")
        for name in ("shop_anna", "replica_anna"):
            connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")


def read(include: Path, **hedge: Any) -> dict[str, Any]:
    """What the extract returns."""
    words = {"source_conn_id": "shop_anna", "query": "SELECT cents FROM sales", "branch": "anna", "dimension": "shop"}
    task = placed(ExtractOperator, include, **words, **hedge)
    done: dict[str, Any] = task.execute(context(task, conf=DAY))
    return done


def test_the_replica_brings_the_rows(held: sa.Connection, tmp_path: Path) -> None:
    """The branch, its manifest and the log say so."""
    done = read(tmp_path, hedge_conn_id="replica_anna", hedge_after=timedelta(seconds=1))
    assert done["branch"]["rows"] == 2
    assert re.fullmatch(r"replica_anna, \d+s after shop_anna had begun", done["branch"]["read_from"])
    assert done["manifest"]["read_at"] > done["branch"]["started"]
    active = sa.text("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name LIKE 'tidegate %'")
    assert held.execute(active).scalar() == 0


def test_a_hedge_that_nobody_knows_keeps_nothing_from_being_read(
    held: sa.Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log says that there is none."""
    held.exec_driver_sql("ROLLBACK")
    done = read(tmp_path, hedge_conn_id="replica_of_nobody", hedge_after=timedelta(seconds=1))
    assert (done["branch"]["rows"], done["branch"]["read_from"]) == (1, "")
    assert "anna is read without a hedge: There is no Airflow connection 'replica_of_nobody'." in capsys.readouterr().out
