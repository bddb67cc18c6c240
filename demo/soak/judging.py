"""Whether what is left agrees: states, records, ledger, gaps, warehouse, staged files, sources, each with each other."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from demo.nights.village import REGIONS
from tidegate.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from demo.nights.village import Village

ABSENT = ("failed", "late", "not_started", "open")


@dataclass
class Judge:
    """Looks at one village from all sides, and writes down in ``village.wrong`` what does not agree."""

    village: Village
    gone: Mapping[str, frozenset[str]]
    """Night run → the regions whose database was not there as long as it ran."""
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    """Of the intervals, as they stood when they were judged first."""

    def runs(self, *, healed: bool = False) -> None:
        """Hold every run to its own record, and to what was there.

        :param healed: whether failed runs have been cleared meanwhile, with all databases there.
        """
        for run in self.village.runs():
            run_id = run["dag_run_id"]
            try:
                record = self.village.airflow.xcom(self.village.name, run_id, "outcome", key="record")
            except Refused:
                self._check(f"record of {run_id}, which {run['state']}", None, "there")
                continue
            self.records[run_id] = record
            self._check(f"state of {run_id}", run["state"], "failed" if record["verdict"] == "failed" else "success")
            self._check(f"note of {run_id}", run["note"], record["sentence"])
            asked = {"source_dag_id": self.village.name, "source_run_id": run_id}
            events = self.village.airflow.api.request("GET", "/assets/events", params=asked)["asset_events"]
            self._check(f"asset events of {run_id}", len(events), int(run["state"] == "success"))
            if "branches" not in record:
                continue
            self._check(f"branches in {run_id}", sorted(branch["name"] for branch in record["branches"]), sorted(REGIONS))
            unexplained = [branch["name"] for branch in record["branches"] if branch["state"] in ABSENT and not branch["reason"]]
            self._check(f"branches without a reason in {run_id}", unexplained, [])
            if healed:
                continue
            ghosts = self.gone.get(run_id, frozenset()).intersection(record["arrived"])
            self._check(f"arrived in {run_id} from databases that were not there", sorted(ghosts), [])

    def intervals(self, *, whole: bool = False) -> None:
        """Hold every interval's ledger, gaps and rows to each other.

        :param whole: whether nothing may be missing any more.
        """
        starts = {run["conf"]["interval_start"] for run in self.village.runs() if "interval_start" in (run["conf"] or {})}
        for start in sorted(map(datetime.fromisoformat, starts)):
            self._interval(start, whole=whole)

    def _interval(self, start: datetime, *, whole: bool) -> None:
        day, name = f"{start:%Y-%m-%d}", self.village.name
        loads = dict(
            self.village.query("SELECT branch, attempt FROM tidegate_load WHERE pipeline = ? AND interval_start LIKE ?", name, f"{day}%")
        )
        gaps = {
            branch: (status, reason)
            for branch, status, reason in self.village.query(
                "SELECT branch, status, reason FROM tidegate_gap WHERE pipeline = ? AND interval_start LIKE ?", name, f"{day}%"
            )
        }
        known = self.village.query(
            "SELECT outcome, missing, record, run_id FROM tidegate_interval WHERE pipeline = ? AND interval_start LIKE ?", name, f"{day}%"
        )
        self._rows(day, loads)
        missing = sorted(set(REGIONS) - set(loads))
        if whole:
            self._check(f"missing on {day} after catch-up", missing, [])
        if not whole:
            self.outcomes[known[0][0] if known else "nothing known"] += 1
        if not known:
            self._check(f"branches on {day} without a row of the interval", sorted(loads), [])
            self._check(f"gaps on {day} without a row of the interval", sorted(gaps), [])
            return
        self._check(f"rows of the interval {day}", len(known), 1)
        outcome, told, record, run_id = known[0]
        self._check(f"outcome of {day}", outcome, "short" if not loads else "partial" if missing else "complete")
        self._check(f"missing in the ledger on {day}", sorted(json.loads(told)), missing)
        self._check(f"open gaps on {day}", sorted(branch for branch, (status, _) in gaps.items() if status == "open"), missing)
        self._check(f"gaps without a reason on {day}", sorted(branch for branch, (_, reason) in gaps.items() if not reason), [])
        if run_id in self.records and self.records[run_id]["verdict"] != "failed":
            self._check(f"sentence of {day}, by {run_id}", json.loads(record)["sentence"], self.records[run_id]["sentence"])

    def _rows(self, day: str, loads: Mapping[str, str]) -> None:
        """The warehouse holds of each branch the rows of the attempt that the ledger names, each once, and those are the source's."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        query = f"SELECT region, id, cents, sold_at, reading FROM {self.village.name} WHERE night LIKE ?"
        for region, *row in self.village.query(query, f"{day}%"):
            found.setdefault(region, []).append(tuple(row))
        self._check(f"branches in the warehouse on {day}", sorted(found), sorted(loads))
        for branch in sorted(found.keys() & loads.keys()):
            rows = sorted(found[branch])
            self._check(f"{branch} on {day}: rows of attempt {loads[branch]}", rows == self._staged(branch, loads[branch]), True)
            self._check(f"{branch} on {day}: rows of the source", [row[:3] for row in rows] == self._sold(branch, day), True)

    def _staged(self, branch: str, attempt: str) -> list[tuple[Any, ...]]:
        files = list((self.village.airflow.home / "staging" / self.village.name).glob(f"*/*/{branch}/{attempt}.parquet"))
        rows = pq.read_table(files[0]).to_pylist() if len(files) == 1 else []
        return sorted((row["id"], row["cents"], row["sold_at"], row["reading"]) for row in rows)

    def _sold(self, branch: str, day: str) -> list[tuple[Any, ...]]:
        end = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)
        with closing(sqlite3.connect(self.village.database(branch))) as source:
            query = "SELECT id, cents, sold_at FROM sales WHERE sold_at >= ? AND sold_at < ? ORDER BY 1"
            return source.execute(query, [day, f"{end:%Y-%m-%d}"]).fetchall()

    def _check(self, what: str, found: Any, wanted: Any) -> None:
        self.village.check(what, found, wanted)
