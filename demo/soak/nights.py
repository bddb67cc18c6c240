"""Nights of one village, one after the other, each with what befalls it; and what a person and the hourly look do about them."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL

from demo.nights.village import DAY, REGIONS, Village, bounds
from tidegate.data.engines import reading
from tidegate.data.gaps import read_gaps, short_intervals
from tidegate.errors import Refused, TidegateError, Unreachable
from tidegate.resilience.gap import runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path
    from threading import Event

    from tidegate.testing import LocalAirflow

PATIENCE = 300.0
"""Seconds in which a run must end, whatever is killed."""
OVER = frozenset({"success", "failed"})
_LOOKS_APART = 40.0
_ROUNDS = 4
"""How often catch-up is tried in the end."""


@dataclass
class Lane:
    """The nights of one village."""

    village: Village
    seed: int
    hangs: bool
    """Whether somebody may hang: only where the barrier decides by a time."""
    gone: dict[str, frozenset[str]] = field(default_factory=dict)
    """Night run → the regions whose database was not there as long as it ran."""
    hung: dict[str, frozenset[str]] = field(default_factory=dict)
    by_hand: int = 0
    """Failed runs that were cleared, as their alert says."""

    def play(self, over: Event) -> None:
        """Night after night, until it is over."""
        chance = random.Random(f"{self.seed} {self.village.name}")
        day = DAY
        while not over.is_set():
            self._night(day, chance)
            day += timedelta(days=1)

    def _night(self, day: date, chance: random.Random) -> None:
        run_id = f"night__{day}"
        self.village.sell(*bounds(day))
        unlucky = chance.sample(REGIONS, 3)
        gone = frozenset(unlucky[: chance.choice([0, 0, 0, 1, 1, 2, 3])])
        hung = frozenset(unlucky[len(gone) : len(gone) + chance.choice([0, 1, 1, 2])] if self.hangs else ())
        self.gone[run_id], self.hung[run_id] = gone, hung
        start, end = bounds(day)
        with self.village.gone(*gone), ExitStack() as stack:
            release = stack.enter_context(self.village.hanging(*hung))
            self.begin(run_id, {"interval_start": start.isoformat(), "interval_end": end.isoformat()})
            if hung:
                self._until(lambda: self._state_of(run_id, "outcome") in OVER, f"outcome of {run_id} has not ended")
                release()
            self.end(run_id)

    # -- Runs --------------------------------------------------------------------------------------------------------

    def begin(self, run_id: str, conf: dict[str, Any]) -> None:
        """Start a run; Airflow's database may be busy, then it is asked again."""
        start_run(self.village.airflow, self.village.name, run_id, conf)

    def end(self, run_id: str) -> str:
        """Wait for the end of a run."""
        self._until(lambda: self._state(run_id) in OVER, f"{run_id} has not ended")
        return self._state(run_id)

    def _state(self, run_id: str) -> str:
        return str(self.village.airflow.run(self.village.name, run_id)["state"])

    def _state_of(self, run_id: str, task_id: str) -> str:
        return str(self.village.tasks(run_id)[task_id]["state"])

    def _until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if true():
                    return
            except TidegateError:  # the API is busy
                pass
            time.sleep(1)
        self.village.wrong.append(f"{self.village.name}: {what} after {PATIENCE:.0f} s")

    def at_rest(self) -> None:
        """Wait until no run is left."""
        for run in self.village.runs():
            self.end(run["dag_run_id"])

    # -- What is done about them ---------------------------------------------------------------------------------------

    def clear_what_failed(self) -> None:
        """Failed runs that no quorum has failed: clear their failed tasks, as the alert asks a person to."""
        for run in self.village.runs():
            run_id = run["dag_run_id"]
            if run["state"] == "failed" and not self._was_short(run_id):
                self.by_hand += 1
                self.village.airflow.clear(self.village.name, run_id, only_failed=True)
                self.end(run_id)

    def _was_short(self, run_id: str) -> bool:
        try:
            return bool(self.village.airflow.xcom(self.village.name, run_id, "outcome", key="record")["outcome"] == "short")
        except Refused:
            return False

    def heal(self) -> int:
        """Clear what failed, and bring all that is missing by runs as the hourly look and the command start them; how many that were."""
        self.clear_what_failed()
        started = 0
        for number in range(_ROUNDS):
            with reading(URL.create("sqlite", database=str(self.village.root / "warehouse.db"))) as ledger:
                gaps, short = read_gaps(ledger, self.village.name, only_open=True), short_intervals(ledger)
            wanted = {run.run_id(f"soak-{number}"): run.conf for run in runs(gaps, gaps, short)}
            for run_id, conf in wanted.items():
                self.begin(run_id, conf)
            for run_id in wanted:
                self.end(run_id)
            started += len(wanted)
            if not wanted:
                break
        return started


def start_run(airflow: LocalAirflow, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
    """Start a run, asking as often as it takes."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            airflow.trigger(dag_id, conf=conf, run_id=run_id)
        except Refused as refused:
            if "409" in getattr(refused, "__notes__", ()):  # an answer was lost
                return
            raise
        except Unreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def look_for_gaps(airflow: LocalAirflow, warehouse: Path, over: Event) -> int:
    """Let the shipped DAG look for gaps again and again, as if a day had passed each time; how often."""
    looks = 0
    while not over.wait(_LOOKS_APART):
        _a_day_passes(warehouse)
        start_run(airflow, "tidegate_catch_up", f"look__{looks}", {})
        looks += 1
    return looks


def _a_day_passes(warehouse: Path) -> None:
    earlier = datetime.now(UTC) - timedelta(hours=25)
    with closing(sqlite3.connect(warehouse, timeout=60)) as ledger, ledger:
        if ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'tidegate_gap'").fetchone():
            moment = earlier.isoformat()
            ledger.execute("UPDATE tidegate_gap SET opened_at = ?, last_attempt_at = ? WHERE last_attempt_at IS NOT NULL", [moment, moment])
            ledger.execute("UPDATE tidegate_gap SET opened_at = ? WHERE last_attempt_at IS NULL", [moment])
