"""What each task of a night does in a play: the operators' own decisions about plain records, with no database and no clock."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING, Any

from tidegate.model.accept import Accept
from tidegate.model.project import is_sql_file
from tidegate.resilience.amounts import too_few_or_many, too_many_set_aside
from tidegate.resilience.breaker import Breaker, Stance
from tidegate.resilience.deadline import DecideBy
from tidegate.testing.deciding import Barrier
from tidegate.testing.errors import Unplayable
from tidegate.testing.given import MINUTE, decides, stays
from tidegate.testing.scheduler import Ended
from tidegate.testing.script import BARRIER, EXTRACT, LOAD, OUTCOME, SHORT_CIRCUIT, TRANSFORM, UNTIL, WHEN, sources
from tidegate.testing.trigger_rules import FAILED, SKIPPED, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.plan import Call, PlannedTask
    from tidegate.resilience.completeness import Completeness
    from tidegate.resilience.interval import Interval
    from tidegate.resilience.verdict import Verdict
    from tidegate.testing.given import Given
    from tidegate.testing.scheduler import Run, Waits
    from tidegate.testing.script import Script

CLOSED = Breaker()
UNTOLD = "failed in this play"
_FILES = "files"
"""What the extract calls a source that needs no connection."""


class Play:
    """One run: what its tasks leave for each other."""

    def __init__(self, script: Script, given: Given, interval: Interval | None, correlation_id: str) -> None:
        self.script = script
        self.given = given
        self.interval = interval
        self.correlation_id = correlation_id
        self.rows: dict[str, int] = {}
        """Task → rows that it handed on."""
        self.aside: dict[str, int] = {}
        """Task → rows that were set aside, by it and by those before."""
        self.reasons: dict[str, str] = {}
        """Task → why it failed."""
        self.opened: set[str] = set()
        """The extracts whose breakers were open, and whose probes failed."""
        self.records: dict[str, Completeness] = {}
        """Barrier → what it decided."""
        self.loaded: dict[str, Completeness] = {}
        """Load → the record as the warehouse knows it then."""
        self.stopped = ""
        """Why no extract reads any more, where a barrier has said so."""
        self.verdict: Verdict | None = None
        """What the outcome told."""

    def work(self, task_id: str, run: Run) -> Ended | Waits:
        """What a task that starts will have done, as the run stands."""
        task = self.script.tasks[task_id]
        hooks = self.script.hooks[task_id]
        if UNTIL not in hooks:
            return self._acts(task, hooks, run)
        until = hooks[UNTIL].arguments
        left = self._seconds_left(until, run)
        if left <= 0:
            return Ended(SKIPPED)
        does = self._acts(task, hooks, run, left)
        if isinstance(does, Ended) and does.state != SKIPPED and until.get("stop") and does.seconds > left:
            name = _source(task) if task.call.path == EXTRACT else task_id
            self.reasons[task_id] = f"{name} was stopped {_decide_by(until)}, when its barrier decides."
            return Ended(FAILED, left)
        return does

    def _seconds_left(self, until: Mapping[str, Any], run: Run) -> float:
        """Until the barrier behind a task decides."""
        assert self.interval is not None  # noqa: S101  a barrier is not played without one
        return self.script.clock(self.interval).seconds(_decide_by(until)) - run.seconds

    def _acts(self, task: PlannedTask, hooks: Mapping[str, Call], run: Run, left: float = inf) -> Ended | Waits:
        """What a task does of itself.

        :param left: Seconds until the barrier behind it decides.
        """
        task_id = task.task_id
        seconds = self.given.seconds.get(task_id, MINUTE)
        if self._is_left_out(task, hooks):
            return Ended(SKIPPED, seconds)
        word = self.given.states.get(task_id)
        if word is None and self._is_kept_away(task_id):
            word = FAILED
        if word == "hangs":
            return self._hangs(task, left)
        if word in {FAILED, SKIPPED}:
            if word == FAILED:
                self.reasons.setdefault(task_id, self.given.reasons.get(task_id, UNTOLD))
            return Ended(str(word), seconds)
        if task_id in self.given.choices or decides(task):
            return Ended(SUCCESS, seconds, self._passed_over(task))
        if self.script.watches(task):
            return Barrier(self, task).waits(run)
        reason = self._does(task, run, None if stays(word) else word)
        if reason is not None:
            self.reasons[task_id] = reason
        return Ended(SUCCESS if reason is None else FAILED, left + MINUTE if word == "late" else seconds)

    def _is_kept_away(self, task_id: str) -> bool:
        """Whether the breaker of an extract's branch is open, and the probe fails."""
        breaker = self.given.breakers.get(task_id, CLOSED)
        if breaker.stance is Stance.CLOSED:
            return False
        assert self.interval is not None  # noqa: S101  an extract is not played without one
        self.opened.add(task_id)
        self.reasons[task_id] = f"{breaker.told(self.interval)}."
        return True

    def _hangs(self, task: PlannedTask, left: float) -> Ended:
        """Every try of it takes as long as it may, and no other begins after its barrier has decided."""
        timeout = self.script.timeout(task)
        self.reasons[task.task_id] = self.given.reasons.get(task.task_id, f"timed out after {timeout}")
        if timeout is None:
            return Ended(FAILED, inf)
        tries = self.script.tries(task)
        if left < inf:
            tries = min(tries, ceil(left / timeout.total_seconds()))
        return Ended(FAILED, timeout.total_seconds() * tries)

    def stop(self, why: str, run: Run) -> list[str]:
        """Ask all extracts of the run to stop, those that begin later among them; the ones that are at work."""
        self.stopped = why
        at_work = [task for task in self.script.of_kind(EXTRACT) if task.task_id in run.running]
        self.reasons.update((task.task_id, self._stopped(task)) for task in at_work)
        return [task.task_id for task in at_work]

    def _stopped(self, task: PlannedTask) -> str:
        return f"{_source(task)} was {self.stopped}."

    def _does(self, task: PlannedTask, run: Run, word: str | int | None) -> str | None:
        """Do the work of a task; says why it failed, where it did."""
        match task.call.path:
            case path if path == EXTRACT:
                return self._extract(task, 0 if word == "empty" else word if isinstance(word, int) else None)
            case path if path == BARRIER:
                record, _ = Barrier(self, task).decide(run)
                return None if record.met else record.sentence
            case path if path in {TRANSFORM, LOAD}:
                return self._take(task, run.states)
            case path if path == OUTCOME:
                from tidegate.testing.judging import judge

                self.verdict = judge(self, run.states)
                return self.verdict.sentence if self.verdict.failed else None
        return None

    def _is_left_out(self, task: PlannedTask, hooks: Mapping[str, Call]) -> bool:
        """Whether it skips itself: its condition is not true, or the run is to bring other branches."""
        untrue = WHEN in hooks and not self.given.conditions.get(task.task_id, True)
        return untrue or (task.call.path == EXTRACT and not self._is_chosen(task))

    def _is_chosen(self, task: PlannedTask) -> bool:
        wanted = self.given.chosen.get(task.call.arguments.get("dimension", ""))
        return not wanted or task.call.arguments["branch"] in wanted

    def _extract(self, task: PlannedTask, rows: int | None) -> str | None:
        if self.stopped:
            return self._stopped(task)
        accept = Accept.model_validate(task.call.arguments.get("accept", {}))
        branch = str(task.call.arguments.get("branch", ""))
        usual = self.given.usual.get(branch)
        bounds = accept.rows.model_dump() if accept.rows is not None else {}
        brought = rows if rows is not None else self.given.rows.get(branch, max(accept.min_rows, (usual if bounds else None) or 1))
        aside, quarantine = self.given.quarantined.get(branch, 0), accept.quarantine
        if aside and quarantine is None:
            raise Unplayable(f"{task.task_id} sets no rows aside.", hint="Give its accept a quarantine, or let it fail.")
        wrong = too_few_or_many(brought, min_rows=accept.min_rows, usual=usual, **bounds)
        if quarantine is not None and quarantine.at_most is not None:
            wrong += too_many_set_aside(aside, brought + aside, at_most=quarantine.at_most)
        if wrong:
            arguments = task.call.arguments
            query = arguments.get("query", "")
            path = arguments.get("http", {}).get("path")
            asked = path or arguments.get("files") or arguments.get("table") or (query if is_sql_file(query) else "the query")
            source = f"{_source(task)}, {asked},"
            return f"{source} {'; it '.join(said for said, _ in wrong)}."
        self.rows[task.task_id], self.aside[task.task_id] = brought, aside
        return None

    def _take(self, task: PlannedTask, states: Mapping[str, str]) -> str | None:
        """Rows from those before, to those behind; a load writes the record with them."""
        handing = [other for other in sources(task) if states.get(other) == SUCCESS]
        if not handing:
            return "No step handed rows to it."
        self.rows[task.task_id] = sum(self.rows.get(other, 0) for other in handing)
        self.aside[task.task_id] = sum(self.aside.get(other, 0) for other in handing)
        if task.call.path == LOAD:
            above = self.script.scheduler.above(task.task_id)
            record = next(
                (self.records[other.task_id] for other in self.script.of_kind(BARRIER) if other.task_id in above & self.records.keys()),
                None,
            )
            if record is not None:
                self.loaded[task.task_id] = self.kept(record)
        return None

    def kept(self, record: Completeness) -> Completeness:
        """A record as the ledger bears it out."""
        brought = {branch.name: branch.rows for branch in record.arrived}
        stale = self.given.stands_in(record, self.script.last_good, old=True)
        return record.as_loaded({**self.given.held, **brought}, brought, stale)

    def _passed_over(self, task: PlannedTask) -> list[str]:
        """The tasks that a branch step skips, as Airflow does: those right behind it that are neither chosen nor behind a chosen one."""
        scheduler, task_id = self.script.scheduler, task.task_id
        if task_id not in self.given.choices:
            behind = ", ".join(scheduler.downstream[task_id]) or "nothing"
            raise Unplayable(f"Nothing says which way {task_id} goes.", hint=f"Say choices={{'{task_id}': …}}; behind it: {behind}.")
        chosen = self.given.choices[task_id]
        if task.call.path == SHORT_CIRCUIT:
            if chosen:
                return []
            all_of_them = task.call.arguments.get("ignore_downstream_trigger_rules", True)
            behind_it = scheduler.below(task_id) if all_of_them else scheduler.downstream[task_id]
            return [other for other in behind_it if not scheduler.tasks[other].teardown]
        going_on = set(chosen).union(*(scheduler.below(other) for other in chosen))
        return [other for other in scheduler.downstream[task_id] if other not in going_on]


def _decide_by(until: Mapping[str, Any]) -> DecideBy:
    return DecideBy(until["decide_by"], until.get("zone", "UTC"))


def _source(task: PlannedTask) -> str:
    """The name that an extract's messages begin with."""
    return str(task.call.arguments.get("source_conn_id", _FILES))
