"""A small town of shops whose databases can fail, for tests on a real Airflow."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.testing.local_airflow import LocalAirflow

SHOPS = ("anna", "ben", "carl", "dora")
CREATE = "CREATE TABLE sales (id INTEGER PRIMARY KEY, product TEXT, cents INTEGER, sold_at TEXT)"


@dataclass
class Town:
    """Four shops, a warehouse, and the Airflow that moves rows between them."""

    root: Path
    airflow: LocalAirflow

    def database(self, shop: str) -> Path:
        """The file of one shop's database."""
        return self.root / f"{shop}.db"

    def sell(self, day: date, shops: tuple[str, ...] = SHOPS, *, each: int = 20, cents: int = 100) -> None:
        """Let shops sell ``each`` items on a day, the first at midnight exactly."""
        moments = [datetime.combine(day, time.min) + timedelta(minutes=minute * (1430 // each)) for minute in range(each)]
        for shop in shops:
            rows = [("apple" if n % 2 else "pear", cents + n, moment.isoformat(" ")) for n, moment in enumerate(moments)]
            with closing(sqlite3.connect(self.database(shop))) as connection, connection:
                connection.executemany("INSERT INTO sales (product, cents, sold_at) VALUES (?, ?, ?)", rows)

    def close(self, shop: str) -> None:
        """Make a shop's database unreachable."""
        self.database(shop).rename(self.root / f"{shop}.away")

    def open(self, shop: str) -> None:
        """Bring it back."""
        (self.root / f"{shop}.away").rename(self.database(shop))

    def warehouse(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with closing(sqlite3.connect(self.root / "warehouse.db")) as connection:
            return connection.execute(query, values).fetchall()

    def loaded(self, day: date, table: str = "sales_by_product") -> list[tuple[Any, ...]]:
        """What the warehouse holds of a day, in order."""
        return self.warehouse(f"SELECT shop, product, items, cents FROM {table} WHERE day = ? ORDER BY 1, 2", day.isoformat())

    def truth(self, day: date) -> list[tuple[Any, ...]]:
        """What it should hold: the same sums, straight from the shops that are open."""
        rows = []
        query = "SELECT product, count(*), sum(cents) FROM sales WHERE date(sold_at) = ? GROUP BY 1"
        for shop in SHOPS:
            if self.database(shop).exists():
                with closing(sqlite3.connect(self.database(shop))) as connection:
                    rows += [(shop, *row) for row in connection.execute(query, [day.isoformat()])]
        return sorted(rows)

    def night(self, day: date, dag_id: str = "shop_sales", **conf: Any) -> tuple[str, str]:
        """Run the night of a day to its end; the run's id and state."""
        run_id = self.airflow.trigger(dag_id, conf={**interval(day), **conf})
        return run_id, self.airflow.wait(dag_id, run_id, timeout=120)

    def record(self, run_id: str, dag_id: str = "shop_sales") -> dict[str, Any]:
        """The record that the outcome left."""
        record: dict[str, Any] = self.airflow.xcom(dag_id, run_id, "outcome", "record")
        return record

    def note(self, run_id: str, dag_id: str = "shop_sales") -> str:
        """The run's note as the UI shows it."""
        return str(self.airflow.run(dag_id, run_id)["note"])


def interval(day: date) -> dict[str, str]:
    """The conf that pins a run to a day."""
    start = datetime.combine(day, time.min, UTC)
    return {"interval_start": start.isoformat(), "interval_end": (start + timedelta(days=1)).isoformat()}
