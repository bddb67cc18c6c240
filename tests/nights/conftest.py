"""One real Airflow for all tests of this folder."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from town import CREATE, SHOPS, Town

from tidegate.testing.local_airflow import LocalAirflow

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ENDLESS = "CREATE VIEW sales AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS cents FROM n"


_STARTED = ExitStack()
_TOWNS: list[Town] = []


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The town, with an Airflow that runs until the next test is another folder's: else it would take its time from all of them."""
    if not _TOWNS:
        _TOWNS.append(_STARTED.enter_context(_town(tmp_path_factory.mktemp("town"))))
    return _TOWNS[0]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Stop it behind the last test of this folder."""
    if nextitem is None or HERE not in nextitem.path.parents:
        _TOWNS.clear()
        _STARTED.close()


@contextmanager
def _town(root: Path) -> Iterator[Town]:
    shutil.copytree(HERE / "project", root / "project")
    shutil.copy(HERE.parents[1] / "dags" / "tidegate_catch_up.py", root / "project" / "dags")  # as it is shipped
    for shop in SHOPS:
        with closing(sqlite3.connect(root / f"{shop}.db")) as connection, connection:
            connection.execute(CREATE)
    sqlite3.connect(root / "warehouse.db").close()
    with duckdb.connect(root / "ducks.duckdb") as ducks:
        ducks.execute("CREATE TABLE sales (id VARCHAR, shop VARCHAR, price DECIMAL(9,2), sold_at TIMESTAMP)")
    duckdb.connect(root / "house.duckdb").close()  # a warehouse that is not there is told by the hourly look, as a failure
    for name in ("endless", "endless_too"):
        with closing(sqlite3.connect(root / f"{name}.db")) as connection, connection:
            connection.execute(ENDLESS)
    connections = {f"shop_{shop}": {"conn_type": "sqlite", "host": str(root / f"{shop}.db")} for shop in SHOPS}
    connections["warehouse"] = {"conn_type": "sqlite", "host": str(root / "warehouse.db")}
    connections |= {name: {"conn_type": "sqlite", "host": str(root / f"{name}.db")} for name in ("endless", "endless_too")}
    connections["shop_emil"] = connections["endless"]
    connections["shop_lamp"] = {"conn_type": "sqlite", "host": str(root / "lamp.db")}
    connections["ducks"] = {"conn_type": "duckdb", "host": str(root / "ducks.duckdb")}
    connections["duck_house"] = {"conn_type": "duckdb", "host": str(root / "house.duckdb")}
    connections["nowhere"] = {"conn_type": "sqlite", "host": str(root / "nowhere.db")}
    connections["closed_port"] = {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": 9,
        "login": "me",
        "password": "hush-hush",
        "schema": "x",
    }
    settings = {"scheduler.parsing_cleanup_interval": "2"}  # how often state that no DAG needs any more is removed
    with LocalAirflow(
        root / "airflow", dags=root / "project" / "dags", connections=connections, settings=settings, parallelism=8
    ) as airflow:
        airflow.wait_for_dag("shop_sales", timeout=120)
        yield Town(root, airflow)
