"""One act: a run of the pipeline, what is shown of it, and what must be true of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demo import show
from demo.audit import audit
from demo.data import REGIONS, Databases, bounds
from demo.faults import Slow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from rich.console import Console

    from demo.faults import Fault
    from tidegate.testing import LocalAirflow, TaskView

PIPELINE = "nightly_sales"
OUTCOME = "outcome"
PATIENCE = 180


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What must be true of a run that has ended."""

    state: str
    """Airflow's state of the run."""
    outcome: str
    """What the record says of the interval: complete, partial or short."""
    branches: Mapping[str, str]
    """State → its regions, space between; all other regions arrived."""
    says: Sequence[str]
    """Parts of the sentence."""
    alert: str | None
    """How the alert begins; None when there is nothing to tell."""

    def state_of(self, region: str) -> str:
        """Return what must have become of one region."""
        return next((state for state, regions in self.branches.items() if region in regions.split()), "arrived")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a run that has ended shows to people."""

    run_id: str
    state: str
    record: Mapping[str, Any]
    note: str
    alert: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stage:
    """All that acts share."""

    airflow: LocalAirflow
    databases: Databases
    out: Console
    wrong: list[str] = field(default_factory=list)
    """All that was not as it must be, from the first act on."""
    warehouse: dict[date, tuple[str, ...]] = field(default_factory=dict)
    """Day → regions that the warehouse must hold by now."""

    def night(self, day: date) -> str:
        """Start the run of one night, as the schedule would."""
        interval = bounds(day)
        return self.airflow.trigger(PIPELINE, logical_date=interval[0], interval=interval, run_id=f"night__{day.isoformat()}")

    def catch_up(self, day: date, regions: Sequence[str]) -> str:
        """Start a run for chosen regions of one night."""
        start, end = bounds(day)
        conf = {"region": list(regions), "interval_start": start.isoformat(), "interval_end": end.isoformat()}
        return self.airflow.trigger(PIPELINE, conf=conf, run_id=f"catch_up__{day.isoformat()}")

    def follow(self, run_id: str, day: date, expected: Expected, *, faults: Sequence[Fault] = ()) -> None:
        """Watch a run to its end, show it, and write down all that is not as expected."""
        progress = show.Progress(self.out)
        slow = [fault for fault in faults if isinstance(fault, Slow)]

        def watch(views: list[TaskView]) -> None:
            progress(views)
            started = {view.task_id for view in views if view.started}
            for fault in slow:
                fault.tick(reading=f"extract.{fault.region}" in started)

        state = self.airflow.wait(PIPELINE, run_id, timeout=PATIENCE, poll=0.4, watch=watch)
        seen = self._look(run_id, state)
        self._show(seen)
        self._judge(seen, expected)
        self._judge_slow(seen, slow)
        self._judge_warehouse(seen, day)

    def judge_read_once(self, run_id: str, regions: Sequence[str]) -> None:
        """Check that these regions were read by one attempt only."""
        tries = {task["task_id"]: task["try_number"] for task in self.airflow.tasks(PIPELINE, run_id)}
        for region in regions:
            self._check(run_id, f"number of times that {region} was read", tries[f"extract.{region}"], 1)

    def _look(self, run_id: str, state: str) -> Seen:
        outcome = next(task for task in self.airflow.tasks(PIPELINE, run_id) if task["task_id"] == OUTCOME)
        record = self.airflow.xcom(PIPELINE, run_id, OUTCOME, key="record")
        log = self.airflow.log(PIPELINE, run_id, OUTCOME, try_number=outcome["try_number"])
        note = str(self.airflow.run(PIPELINE, run_id)["note"] or "")
        return Seen(run_id=run_id, state=state, record=record, note=note, alert=_alert(log, record["correlation_id"]))

    def _show(self, seen: Seen) -> None:
        self.out.print()
        self.out.print(show.branches(seen.record))
        self.out.print()
        self.out.print(f"  run [bold]{seen.state}[/], record [bold]{seen.record['outcome']}[/], ", end="")
        self.out.print(
            f"up to {show.most_at_once(seen.record)} extracts at the same moment, correlation id {seen.record['correlation_id']}"
        )
        self.out.print(show.note(seen.note))
        if seen.alert:
            self.out.print(show.alert(seen.alert))

    def _judge(self, seen: Seen, expected: Expected) -> None:
        sentence = seen.record["sentence"]
        self._check(seen.run_id, "state of the run", seen.state, expected.state)
        self._check(seen.run_id, "outcome of the record", seen.record["outcome"], expected.outcome)
        self._check(seen.run_id, "note of the run", seen.note, sentence)
        became = {branch["name"]: branch["state"] for branch in seen.record["branches"]}
        for region in REGIONS:
            self._check(seen.run_id, f"state of {region}", became.get(region), expected.state_of(region))
        if len(arrived := [region for region in REGIONS if expected.state_of(region) == "arrived"]) > 1:
            self._check(seen.run_id, f"{len(arrived)} regions overlap in time", show.most_at_once(seen.record) > 1, True)
        for part in expected.says:
            self._check(seen.run_id, f"the sentence says {part!r}", part in sentence, True)
        self._check(seen.run_id, "there is an alert", bool(seen.alert), expected.alert is not None)
        if seen.alert and expected.alert:
            self._check(seen.run_id, f"the alert begins with {expected.alert}", seen.alert[0].startswith(expected.alert), True)
            self._check(seen.run_id, "the alert holds the sentence", sentence in "\n".join(seen.alert), True)

    def _judge_slow(self, seen: Seen, slow: Sequence[Slow]) -> None:
        seconds = {branch["name"]: branch["seconds"] for branch in seen.record["branches"]}
        for fault in slow:
            self._check(seen.run_id, f"{fault.region} was kept waiting", seconds[fault.region] > fault.seconds / 3, True)

    def _judge_warehouse(self, seen: Seen, day: date) -> None:
        present = tuple(branch["name"] for branch in seen.record["branches"] if branch["state"] in {"arrived", "held"})
        if seen.record["outcome"] != "short":
            self.warehouse[day] = present
        found = audit(self.databases.warehouse, self.warehouse)
        self._check(seen.run_id, "rows of the warehouse that are not as the tills say", len(found.findings), 0)
        regions = " + ".join(str(len(regions)) for regions in self.warehouse.values())
        self.out.print(f"  warehouse: {found.rows:,} rows of {regions} regional nights, {len(found.findings)} differ from the tills\n")

    def _check(self, run_id: str, what: str, is_: object, must: object) -> None:
        if is_ != must:
            self.wrong.append(f"{run_id}: {what} is {is_!r}, must be {must!r}")
            self.out.print(f"  [bold red]not as expected:[/] {what} is {is_!r}, must be {must!r}")


def _alert(log: str, correlation_id: str) -> list[str]:
    """Find the alert in the log of the task that sent it; the id that every line of that log ends with is left out."""
    mark, stamp = "WARNING - alert: ", f" correlation_id={correlation_id!r}"
    return [line.partition(mark)[2].removesuffix(stamp) for line in log.splitlines() if mark in line]
