"""A source, a staging folder and a warehouse for every test."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).parent))  # `--import-mode=importlib` leaves it out; nights.py stands here

from apis import serving
from nights import Night, on_duckdb, sale
from servers import emptied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apis import Shop


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """Give a night on SQLite."""
    return Night(tmp_path)


@pytest.fixture
def serve() -> Iterator[Callable[..., Shop]]:
    """Give a way to start HTTP servers that end with the test."""
    with ExitStack() as stack:
        yield lambda answer, tls=None: stack.enter_context(serving(answer, tls))


@pytest.fixture
def source(tmp_path: Path) -> sa.URL:
    """Give a SQLite database of four orders, two of them at the edges of the day."""
    path = tmp_path / "source.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, amount TEXT, placed TEXT)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?)",
            [
                (1, "10.10", "2025-12-31 23:59:59"),
                (2, "20.20", "2026-01-01 00:00:00"),
                (3, "30.30", "2026-01-01 12:00:00.500000"),
                (4, "40.40", "2026-01-02 00:00:00"),
            ],
        )
    connection.close()
    return sa.URL.create("sqlite", database=str(path))


@pytest.fixture(
    params=[
        "sqlite",
        "duckdb",
        pytest.param("postgres_url", marks=pytest.mark.server),
        pytest.param("mariadb_url", marks=pytest.mark.server),
    ]
)
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    """Give a night on each kind of database."""
    if request.param in {"sqlite", "duckdb"}:
        return Night(tmp_path, on_duckdb(tmp_path) if request.param == "duckdb" else None)
    return _night_on(request.getfixturevalue(request.param), tmp_path)


@pytest.fixture
def on_postgres(postgres_url: sa.URL, tmp_path: Path) -> Night:
    """Give a night on PostgreSQL."""
    return _night_on(postgres_url, tmp_path)


@pytest.fixture
def on_mariadb(mariadb_url: sa.URL, tmp_path: Path) -> Night:
    """Give a night on MariaDB."""
    return _night_on(mariadb_url, tmp_path)


@pytest.fixture(params=["on_postgres", "on_mariadb"])
def served(request: pytest.FixtureRequest) -> Night:
    """Give a night on each server."""
    night: Night = request.getfixturevalue(request.param)
    return night


@pytest.fixture
def duck(tmp_path: Path) -> Night:
    """Give a night on DuckDB, with one sale."""
    night = Night(tmp_path, on_duckdb(tmp_path))
    night.load(night.stage([sale("2026-01-01", "emea", 1)]))
    return night


def _night_on(url: sa.URL, folder: Path) -> Night:
    return Night(folder, emptied(url))
