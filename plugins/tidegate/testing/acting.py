"""What each task of a night does in a play: the operators' own decisions about plain records, with no database and no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.project import is_sql_file
from tidegate.resilience.breaker import Breaker, Stance
from tidegate.resilience.completeness import Branch, BranchState, Completeness
from tidegate.resilience.quorum import Quorum, decide
from tidegate.testing.errors import Unplayable
from tidegate.testing.given import MINUTE, conditional, decides, stays
from tidegate.testing.scheduler import Ended
from tidegate.testing.script import BARRIER, EXTRACT, LOAD, OUTCOME, SHORT_CIRCUIT, TELLING, TRANSFORM, sources
from tidegate.testing.trigger_rules import FAILED, SKIPPED, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.plan import PlannedTask
    from tidegate.resilience.interval import Interval
    from tidegate.resilience.verdict import Verdict
    from tidegate.testing.given import Given
    from tidegate.testing.script import Script

RUN_ID = "play"
CLOSED = Breaker()
UNTOLD = "failed in this play"


class Play:
    """One run: what its tasks leave for each other."""

    def __init__(self, script: Script, given: Given, interval: Interval | None, correlation_id: str) -> None:
        self.script = script
        self.given = given
        self.interval = interval
        self.correlation_id = correlation_id
        self.rows: dict[str, int] = {}
        """Task → rows that it handed on."""
        self.reasons: dict[str, str] = {}
        """Task → why it failed."""
        self.opened: set[str] = set()
        """The extracts whose breakers were open, and whose probes failed."""
        self.records: dict[str, Completeness] = {}
        """Barrier → what it decided."""
        self.loaded: dict[str, Completeness] = {}
        """Load → the record as the warehouse knows it then."""
        self.verdict: Verdict | None = None
        """What the outcome told."""

    def work(self, task_id: str, states: Mapping[str, str]) -> Ended:
        """What a task that starts will have done, given the states of those that have ended."""
        task = self.script.tasks[task_id]
        seconds = self.given.seconds.get(task_id, MINUTE)
        if conditional(task) and not self.given.conditions.get(task_id, True):
            return Ended(SKIPPED, seconds)
        if task.call.path == EXTRACT and not self._is_chosen(task):
            return Ended(SKIPPED, seconds)
        word = self.given.states.get(task_id)
        if word is None and self._is_kept_away(task_id):
            word = FAILED
        if word == "late":
            return self._late(task)
        if word in {FAILED, SKIPPED}:
            if word == FAILED:
                self.reasons.setdefault(task_id, self.given.reasons.get(task_id, UNTOLD))
            return Ended(str(word), seconds)
        if task_id in self.given.choices or decides(task):
            return Ended(SUCCESS, seconds, self._passed_over(task))
        reason = self._does(task, states, None if stays(word) else word)
        if reason is not None:
            self.reasons[task_id] = reason
        return Ended(SUCCESS if reason is None else FAILED, seconds)

    def _is_kept_away(self, task_id: str) -> bool:
        """Whether the breaker of an extract's branch is open, and the probe fails."""
        breaker = self.given.breakers.get(task_id, CLOSED)
        if breaker.stance is Stance.CLOSED:
            return False
        assert self.interval is not None  # noqa: S101  an extract is not played without one
        self.opened.add(task_id)
        self.reasons[task_id] = f"{breaker.told(self.interval)}."
        return True

    def _late(self, task: PlannedTask) -> Ended:
        """Every try of it takes as long as it may."""
        timeout = self.script.timeout(task)
        assert timeout is not None  # noqa: S101  nothing else can be late
        self.reasons[task.task_id] = self.given.reasons.get(task.task_id, f"timed out after {timeout}")
        return Ended(FAILED, timeout.total_seconds() * self.script.tries(task))

    def _does(self, task: PlannedTask, states: Mapping[str, str], word: str | int | None) -> str | None:
        """Do the work of a task; says why it failed, where it did."""
        match task.call.path:
            case path if path == EXTRACT:
                return self._extract(task, 0 if word == "empty" else word if isinstance(word, int) else None)
            case path if path == BARRIER:
                return self._barrier(task, states)
            case path if path in {TRANSFORM, LOAD}:
                return self._take(task, states)
            case path if path == OUTCOME:
                from tidegate.testing.judging import judge

                self.verdict = judge(self, states)
                return self.verdict.sentence if self.verdict.failed else None
        return None

    def _is_chosen(self, task: PlannedTask) -> bool:
        wanted = self.given.chosen.get(task.call.arguments.get("dimension", ""))
        return not wanted or task.call.arguments["branch"] in wanted

    def _extract(self, task: PlannedTask, rows: int | None) -> str | None:
        least = int(task.call.arguments.get("min_rows", 1))
        branch = str(task.call.arguments.get("branch", ""))
        brought = rows if rows is not None else self.given.rows.get(branch, max(least, 1))
        if brought < least:
            counted = f"{brought} row{'' if brought == 1 else 's'}"
            query = task.call.arguments["query"]
            source = f"{task.call.arguments['source_conn_id']}, {query if is_sql_file(query) else 'the query'},"
            return f"{source} brought {counted}, and accept: asks for at least {least}."
        self.rows[task.task_id] = brought
        return None

    def _take(self, task: PlannedTask, states: Mapping[str, str]) -> str | None:
        """Rows from those before, to those behind; a load writes the record with them."""
        handing = [other for other in sources(task) if states.get(other) == SUCCESS]
        if not handing:
            return "No step handed rows to it."
        self.rows[task.task_id] = sum(self.rows.get(other, 0) for other in handing)
        if task.call.path == LOAD:
            above = self.script.scheduler.above(task.task_id)
            record = next(
                (self.records[other.task_id] for other in self.script.of_kind(BARRIER) if other.task_id in above & self.records.keys()),
                None,
            )
            if record is not None:
                brought = {branch.name: branch.rows for branch in record.arrived}
                self.loaded[task.task_id] = record.as_loaded({**self.given.held, **brought}, brought)
        return None

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

    # -- The barrier ------------------------------------------------------------------------------------------------

    def _barrier(self, task: PlannedTask, states: Mapping[str, str]) -> str | None:
        said = task.call.arguments
        wanted = self.given.chosen.get(said["dimension"])
        held = self.given.held if wanted and self._asks_the_ledger(task) else {}
        branches = tuple(
            self._look(name, ends, states, held, chosen=not wanted or name in wanted)
            for name, ends in self.script.ends(task.task_id).items()
        )
        assert self.interval is not None  # noqa: S101  a barrier is not played without one
        words = {word: said[word] for word in ("at_least", "required", "coverage", "any", "weight") if word in said}
        rule = Quorum.parse(**words)
        decision = decide(rule, branches, self.given.usual if rule.counts_rows else None)
        record = Completeness(
            pipeline=self.script.spec.name,
            interval=self.interval,
            dimension=said["dimension"],
            branches=branches,
            needed=decision.needed,
            met=decision.met,
            required_missing=decision.required_missing,
            coverage=float(decision.coverage) if decision.coverage is not None else None,
            lacking=decision.lacking,
            run_id=RUN_ID,
            correlation_id=self.correlation_id,
        )
        self.records[task.task_id] = record
        self.rows[task.task_id] = sum(branch.rows for branch in record.arrived)
        return None if decision.met else record.sentence

    def _asks_the_ledger(self, task: PlannedTask) -> bool:
        return any(self.script.tasks[other].call.path == LOAD for other in self.script.scheduler.below(task.task_id))

    def _look(self, name: str, ends: tuple[str, ...], states: Mapping[str, str], held: Mapping[str, int], *, chosen: bool) -> Branch:
        """What became of one branch."""
        if not chosen:
            return (
                Branch(name=name, state=BranchState.HELD, rows=held[name])
                if name in held
                else Branch(name=name, state=BranchState.EXCLUDED)
            )
        missing = next((end for end in ends if states.get(end) != SUCCESS), None)
        if missing is None:
            return Branch(name=name, state=BranchState.ARRIVED, rows=self.rows.get(ends[0], 0))
        failed = self._culprit(name, ends, missing, states)
        state = states.get(failed, "")
        if state != FAILED:
            return Branch(name=name, state=BranchState.FAILED, reason=f"never ran: {state or 'no state'}")
        known = self.script.tasks[failed].call.path in TELLING
        became = BranchState.OPEN if failed in self.opened else BranchState.FAILED
        return Branch(name=name, state=became, reason=self.reasons[failed] if known else f"{failed} failed: see its log")

    def _culprit(self, name: str, ends: tuple[str, ...], end: str, states: Mapping[str, str]) -> str:
        """The task that kept an end of a branch from succeeding: itself, or one of the branch before it that failed."""
        if states.get(end) == FAILED:
            return end
        before = self.script.scheduler.above(end)
        return next((other for other in self.script.members(name, ends) if other in before and states.get(other) == FAILED), end)
