"""A village: five regional databases, one pipeline, and what befalls them; what the night must amount to is looked at from all sides."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from tidegate.testing import LocalAirflow

REGIONS = ("north", "east", "south", "west", "isles")
DAY = date(2026, 1, 5)
SOLD = 12
PATIENCE = 240.0
_CREATE = "CREATE TABLE sales (id INTEGER PRIMARY KEY, cents INTEGER, sold_at TEXT)"


@dataclass(frozen=True, slots=True)
class Seen:
    """A run that has ended, from all sides."""

    run_id: str
    state: str
    record: Mapping[str, Any]
    note: str
    tasks: tuple[Mapping[str, Any], ...] = ()
    """Its task instances."""


@dataclass
class Village:
    """One scenario: its databases, its runs, and all that was not as it must be."""

    name: str
    """Of the pipeline, and of its table in the warehouse."""
    root: Path
    airflow: LocalAirflow
    sold: int = SOLD
    """Rows that a region sells on a day."""
    wrong: list[str] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    # -- What befalls it ---------------------------------------------------------------------------------------------

    def database(self, region: str) -> Path:
        """The file of one region's database."""
        return self.root / f"{self.name}_{region}.db"

    def settle(self) -> None:
        """Make the databases."""
        for region in REGIONS:
            with closing(sqlite3.connect(self.database(region))) as connection, connection:
                connection.execute(_CREATE)

    def sell(self, start: datetime, end: datetime, regions: Iterable[str] = REGIONS) -> None:
        """Let regions sell between two moments, the first at the start exactly and the last a second before the end."""
        step = (end - start - timedelta(seconds=1)) / (self.sold - 1)
        for region in regions:
            cents = 100 * (REGIONS.index(region) + 1)
            rows = [(cents + number, f"{start + number * step:%Y-%m-%d %H:%M:%S}") for number in range(self.sold)]
            with closing(sqlite3.connect(self.database(region))) as connection, connection:
                connection.executemany("INSERT INTO sales (cents, sold_at) VALUES (?, ?)", rows)

    @contextmanager
    def gone(self, *regions: str) -> Iterator[None]:
        """The databases are not there, for the length of the block."""
        self.goes(*regions)
        try:
            yield
        finally:
            self.comes_back(*regions)

    def goes(self, *regions: str) -> None:
        """The databases are not there any more."""
        for region in regions:
            self.database(region).rename(self.database(region).with_suffix(".away"))

    def comes_back(self, *regions: str) -> None:
        """They are there again."""
        for region in regions:
            self.database(region).with_suffix(".away").rename(self.database(region))

    @contextmanager
    def hanging(self, *regions: str) -> Iterator[Callable[[], None]]:
        """Readers of the databases wait, until the block ends or what it gets is called."""
        holders = [sqlite3.connect(self.database(region), isolation_level=None) for region in regions]
        for holder in holders:
            holder.execute("begin exclusive")

        def release() -> None:
            while holders:
                holder = holders.pop()
                holder.execute("rollback")
                holder.close()

        try:
            yield release
        finally:
            release()

    # -- Its runs ----------------------------------------------------------------------------------------------------

    def begin(self, day: date = DAY, **conf: Any) -> str:
        """Start the run of a day's night."""
        start, end = bounds(day)
        pinned = {"interval_start": start.isoformat(), "interval_end": end.isoformat()}
        return self.airflow.trigger(self.name, conf={**pinned, **conf}, run_id=f"night__{day}__{len(self.runs())}")

    def runs(self) -> list[dict[str, Any]]:
        """All runs of the pipeline, oldest first."""
        return self.airflow.api.runs(self.name)

    def wait_for_run(self, run_id: str) -> None:
        """Wait until the scheduler has made a run."""
        deadline = time.monotonic() + PATIENCE
        while not any(run["dag_run_id"] == run_id for run in self.runs()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} has no run {run_id}")
            time.sleep(0.3)

    def until(self, run_id: str, task_id: str, *states: str) -> None:
        """Wait until a task of a run has come to one of some states."""
        deadline = time.monotonic() + PATIENCE
        while not any(view.task_id == task_id and view.state in states for view in self.airflow.api.views(self.name, run_id)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{task_id} of {self.name} has not come to {' or '.join(states)}")
            time.sleep(0.3)

    def end(self, run_id: str) -> Seen:
        """Wait for the end of a run and look at it."""
        state = self.airflow.wait(self.name, run_id, timeout=PATIENCE)
        seen = Seen(
            run_id=run_id,
            state=state,
            record=self.airflow.xcom(self.name, run_id, "outcome", key="record"),
            note=str(self.airflow.run(self.name, run_id)["note"] or ""),
            tasks=tuple(self.airflow.tasks(self.name, run_id)),
        )
        self.seen.append(seen)
        return seen

    def night(self, day: date = DAY, **conf: Any) -> Seen:
        """Run a night to its end."""
        return self.end(self.begin(day, **conf))

    def catch_ups(self) -> list[str]:
        """The runs that somebody started to bring what was missing."""
        return [run["dag_run_id"] for run in self.runs() if str(run["dag_run_id"]).startswith("catch_up__")]

    def catch_up(self) -> list[str]:
        """Let the catch-up look at the gaps once: what it did about each."""
        self.airflow.wait_for_dag("catch_up")
        run_id = self.airflow.trigger("catch_up")
        self.check("catch-up", self.airflow.wait("catch_up", run_id, timeout=PATIENCE), "success")
        return sorted(row["did"] for row in self.airflow.xcom("catch_up", run_id, "catch_up"))

    def let_hours_pass(self, hours: int) -> None:
        """Make the gaps as old as if so many hours had passed."""
        with closing(sqlite3.connect(self.root / "warehouse.db", timeout=60)) as connection, connection:
            for branch, start, opened in self.query(
                "SELECT branch, interval_start, opened_at FROM tidegate_gap WHERE pipeline = ?", self.name
            ):
                earlier = (datetime.fromisoformat(opened) - timedelta(hours=hours)).isoformat()
                where = "pipeline = ? AND branch = ? AND interval_start = ?"
                connection.execute(f"UPDATE tidegate_gap SET opened_at = ? WHERE {where}", (earlier, self.name, branch, start))

    def tasks(self, run_id: str) -> dict[str, Any]:
        """The task instances of a run by id."""
        return {task["task_id"]: task for task in self.airflow.tasks(self.name, run_id)}

    # -- What must be true -------------------------------------------------------------------------------------------

    def expect(self, seen: Seen, state: str, outcome: str, **lists: str) -> None:
        """Hold a run to its state, its outcome, and the names in its record: each list's names in one text, all others arrived."""
        said = {name: names.split() for name, names in lists.items()}
        missing = {name for names in said.values() for name in names}
        said.setdefault("arrived", [region for region in REGIONS if region not in missing])
        self.check(f"state of {seen.run_id}", seen.state, state)
        self.check(f"outcome of {seen.run_id}", seen.record["outcome"], outcome)
        for name in ("arrived", "late", "failed", "open", "not_started", "excluded", "held"):
            self.check(f"{name} in {seen.run_id}", sorted(seen.record[name]), sorted(said.get(name, [])))
        self.check(f"note of {seen.run_id}", seen.note, seen.record["sentence"])

    def expect_warehouse(self, regions: Iterable[str], *, day: date = DAY, interval: tuple[datetime, datetime] | None = None) -> None:
        """Hold the warehouse to these regions' rows of an interval, each once and none else."""
        start, end = interval or bounds(day)
        have = self.query(
            f"SELECT region, count(*), sum(cents) FROM {self.name} WHERE night LIKE ? GROUP BY 1 ORDER BY 1", f"{start:%Y-%m-%d %H:%M}%"
        )
        self.check(f"warehouse on {start:%Y-%m-%d}", have, sorted((region, *self._sold(region, start, end)) for region in regions))

    def expect_gaps(self, **statuses: str) -> None:
        """Hold the ledger to these gaps: region → status."""
        have = self.query("SELECT branch, status FROM tidegate_gap WHERE pipeline = ? ORDER BY interval_start, branch", self.name)
        self.check("gaps", have, sorted(statuses.items()))

    def _sold(self, region: str, start: datetime, end: datetime) -> tuple[int, int]:
        with closing(sqlite3.connect(self.database(region))) as connection:
            between = (f"{start:%Y-%m-%d %H:%M:%S}", f"{end:%Y-%m-%d %H:%M:%S}")
            (found,) = connection.execute("SELECT count(*), sum(cents) FROM sales WHERE sold_at >= ? AND sold_at < ?", between)
        return (int(found[0]), int(found[1] or 0))

    def query(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the warehouse; none while a table is not there."""
        with closing(sqlite3.connect(self.root / "warehouse.db", timeout=60)) as connection:
            try:
                return connection.execute(text, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def check(self, what: str, found: Any, wanted: Any) -> None:
        """Write down what is not as it must be."""
        if found != wanted:
            self.wrong.append(f"{self.name}: {what} is {found!r}, not {wanted!r}")


def bounds(day: date) -> tuple[datetime, datetime]:
    """A day in UTC."""
    start = datetime.combine(day, clock(), UTC)
    return start, start + timedelta(days=1)
