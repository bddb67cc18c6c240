"""SQL in a database: the run's interval and the branch bound to it, and how many rows it changed handed on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from operators.by_hand import context, placed

from tidegate.errors import QueryRefused
from tidegate.operators import SqlOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = {"interval_start": "2026-03-02T00:00:00+00:00", "interval_end": "2026-03-03T00:00:00+00:00"}


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What a task returns, and the rows of its table then."""
    path = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE done (day TEXT, name TEXT)")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f'{{"conn_type": "sqlite", "host": "{path}"}}')

    def work(sql: str, conf: dict[str, Any] | None = None, **arguments: Any) -> tuple[Any, list[Any]]:
        task = placed(SqlOperator, tmp_path, conn_id="warehouse", sql=sql, **arguments)
        result = task.execute(context(task, conf=DAY if conf is None else conf))
        with closing(sqlite3.connect(path)) as connection:
            return result, connection.execute("SELECT * FROM done ORDER BY 2").fetchall()

    return work


def test_statements_run_with_the_interval_bound(ran: Callable[..., Any], tmp_path: Path) -> None:
    """Of a file under include/, or as they stand."""
    text = "DELETE FROM done; INSERT INTO done VALUES (:interval_start, :branch), (:interval_end, :name)"
    expected = [("2026-03-02", "north"), ("2026-03-03", "z")]
    given = {"branch": "north", "dimension": "region", "parameters": {"name": "z"}}
    assert ran(text, **given) == ({"rows": [0, 2]}, expected)
    (tmp_path / "done.sql").write_text(text)
    assert ran("done.sql", **given) == ({"rows": [2, 2]}, expected)


def test_a_branch_that_is_not_chosen_is_skipped(ran: Callable[..., Any]) -> None:
    """As an extract is."""
    with pytest.raises(AirflowSkipException, match="north is not chosen"):
        ran("INSERT INTO done VALUES (1, 'x')", {**DAY, "region": ["south"]}, branch="north", dimension="region")


def test_what_is_refused_names_the_connection(ran: Callable[..., Any]) -> None:
    """And changes nothing."""
    with pytest.raises(QueryRefused, match="warehouse refused the query: no such table: dnoe"):
        ran("INSERT INTO done VALUES (1, 'x'); DELETE FROM dnoe")
    assert ran("DELETE FROM done") == ({"rows": [0]}, [])
