"""What a play is told before it begins, and what that means for each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.model.durations import parse_duration
from tidegate.model.findings import did_you_mean
from tidegate.resilience.breaker import Breaker, Stance
from tidegate.resilience.completeness import BranchState
from tidegate.testing.errors import Unplayable
from tidegate.testing.script import CHOICE, EXTRACT, SHORT_CIRCUIT, UNTIL, WHEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate.plan import PlannedTask
    from tidegate.resilience.completeness import Completeness
    from tidegate.testing.script import Script

WORDS = ("arrived", "success", "failed", "late", "hangs", "unstarted", "empty", "skipped")
"""What may be said of a task or a branch; a number says how many rows it brings."""
UNSTARTED = "unstarted"
MINUTE = 60.0
_FINE = frozenset({"arrived", "success", "late", UNSTARTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What tests say, by task: names are resolved already."""

    states: Mapping[str, str | int] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    """Branch → rows."""
    quarantined: Mapping[str, int] = field(default_factory=dict)
    """Branch → rows besides those that are set aside."""
    conditions: Mapping[str, bool] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Task → the tasks right behind it that go on."""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Dimension → the branches that the run is to bring."""
    held: Mapping[str, int] = field(default_factory=dict)
    """Branch → rows that the warehouse has already."""
    usual: Mapping[str, int] = field(default_factory=dict)
    """Branch → its usual rows."""
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    """Extract → what is remembered of its branch."""
    last_good: Mapping[str, int] = field(default_factory=dict)
    """Branch → how many days before it staged rows that may stand in for it."""
    before: str | None = None
    """The interval's outcome as the ledger has it."""

    def and_(self, other: Given) -> Given:
        """All of this, with the other's word where both say something."""
        merged: dict[str, Any] = {
            name: {**getattr(self, name), **getattr(other, name)}
            for name in (
                "states",
                "reasons",
                "seconds",
                "rows",
                "quarantined",
                "conditions",
                "choices",
                "chosen",
                "held",
                "usual",
                "last_good",
                "breakers",
            )
        }
        return replace(self, **merged, before=self.before if other.before is None else other.before)

    def stands_in(self, record: Completeness, no_older_than: timedelta | None, *, old: bool = False) -> dict[str, str]:
        """Branch → the start of the day whose rows stand in for it.

        :param old: Whether those count for which rows of an earlier run stand in.
        """
        ages = {
            branch.name: timedelta(days=self.last_good[branch.name])
            for branch in record.missing
            if branch.name in self.last_good and branch.name not in self.held and (old or branch.state is not BranchState.EXCLUDED)
        }
        return {
            name: (record.interval.start - age).isoformat()
            for name, age in ages.items()
            if no_older_than is not None and age <= no_older_than
        }


class Telling:
    """Turns what a test says, in names of steps and branches, into what it means for the tasks of one pipeline."""

    def __init__(self, script: Script) -> None:
        self.script = script

    def states(self, said: Mapping[str, str | int]) -> dict[str, str | int]:
        """Name → word, as task → word."""
        found: dict[str, str | int] = {}
        for name, word in said.items():
            for task in self.script.struck(name):
                self._fits(task, word)
                found[task.task_id] = word
        return found

    def _fits(self, task: PlannedTask, word: str | int) -> None:
        rows = isinstance(word, int) and not isinstance(word, bool) and word >= 0
        if not rows and word not in WORDS:
            raise Unplayable(f"'{word}' is nothing that can become of {task.task_id}.", hint=did_you_mean(str(word), WORDS))
        if (rows or word == "empty") and task.call.path != EXTRACT:
            raise Unplayable(
                f"{task.task_id} is no extract, so it brings neither rows nor none.", hint="Say 'failed', 'hangs' or 'skipped'."
            )
        watched = task.task_id in self.script.watched
        if word == "hangs" and not watched and self.script.timeout(task) is None:
            raise Unplayable(
                f"{task.task_id} has no timeout: if it hung, all that waits for it would wait for ever.",
                hint="Give the step a timeout, or its barrier decide_by; or say 'failed' for a task that ends.",
            )
        if word == "late" and UNTIL not in self.script.hooks[task.task_id]:
            raise Unplayable(
                f"Nothing says by when {task.task_id} must have ended, so it cannot be late.",
                hint="Give the barrier of its branch decide_by; or say 'hangs' for a task that only its timeout ends.",
            )
        if word == UNSTARTED and not watched:
            raise Unplayable(
                f"Nothing goes on without {task.task_id}: if it found no slot, the night would wait for ever.",
                hint="Only a branch may find none whose barrier has decide_by, early, on_short: stop or on_failure: abort.",
            )

    def seconds(self, said: Mapping[str, str | timedelta]) -> dict[str, float]:
        """Name → how long, for all tasks of the name."""
        found: dict[str, float] = {}
        for name, long in said.items():
            tasks = [task for task in self.script.named(name) if not self.script.watches(task)]
            if not tasks:
                raise Unplayable(f"{name} decides in no time, once there is something to decide.", hint="Say how long its branches take.")
            found |= {task.task_id: parse_duration(long).total_seconds() for task in tasks}
        return found

    def each(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Name → anything, for those tasks that a name's troubles befall."""
        return {task.task_id: value for name, value in said.items() for task in self.script.struck(name)}

    def conditions(self, said: Mapping[str, bool]) -> dict[str, bool]:
        """Name → whether the condition under ``when`` holds, for the tasks that have one."""
        found: dict[str, bool] = {}
        for name, holds in said.items():
            tasks = [task for task in self.script.named(name) if WHEN in self.script.hooks[task.task_id]]
            if not tasks:
                raise Unplayable(f"'{name}' has no condition.", hint="A condition stands under when: of a step.")
            found |= {task.task_id: holds for task in tasks}
        return found

    def choices(self, said: Mapping[str, str | Iterable[str] | None]) -> dict[str, tuple[str, ...]]:
        """Name of a branch step → names of the steps that go on, as task → tasks right behind it."""
        found: dict[str, tuple[str, ...]] = {}
        for name, ways in said.items():
            wanted = [] if ways is None else [ways] if isinstance(ways, str) else list(ways)
            for task in self.script.named(name):
                found[task.task_id] = tuple(way for want in wanted for way in self._ways(task, want))
        return found

    def _ways(self, task: PlannedTask, name: str) -> list[str]:
        behind = [self.script.tasks[task_id] for task_id in self.script.scheduler.downstream[task.task_id]]
        found = [other.task_id for other in behind if name in self._names(other)]
        if not found:
            known = dict.fromkeys(other.step.rpartition(".")[2] for other in behind)
            raise Unplayable(f"'{name}' is no step right behind {task.task_id}.", hint=did_you_mean(name, known))
        return found

    def _names(self, task: PlannedTask) -> set[str]:
        """All that a choice may call a task: itself, its step, the groups around it, in full and by their last names."""
        parts = task.step.split(".")
        paths = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        return {task.task_id, *paths, *parts, *(group.group_id for group in self.script.around(task))}

    def chosen(self, said: Mapping[str, str | Iterable[str]]) -> dict[str, tuple[str, ...]]:
        """Dimension → branches, each of them known."""
        found: dict[str, tuple[str, ...]] = {}
        for dimension, branches in said.items():
            known = self.script.branches.get(dimension)
            if known is None:
                raise Unplayable(f"Nothing is repeated over '{dimension}'.", hint=did_you_mean(dimension, self.script.branches))
            found[dimension] = (branches,) if isinstance(branches, str) else tuple(branches)
            self._are_branches(found[dimension], known)
        return found

    def rows(self, said: Mapping[str, int]) -> dict[str, int]:
        """Branch → rows, each branch known."""
        self._are_branches(said, [branch for branches in self.script.branches.values() for branch in branches])
        return dict(said)

    def held(self, said: Mapping[str, int] | Iterable[str]) -> dict[str, int]:
        """Branch → number, each branch known; one where none is said."""
        self._are_branches(list(said), [branch for branches in self.script.branches.values() for branch in branches])
        return dict(said) if isinstance(said, Mapping) else dict.fromkeys(said, 1)

    def breakers(self, said: Mapping[str, int]) -> dict[str, Breaker]:
        """Branch → its bad nights in a row, as extract → breaker."""
        found: dict[str, Breaker] = {}
        for branch, nights in said.items():
            tasks = [task for task in self.script.named(branch) if task.branch == branch and "breakers" in task.call.arguments]
            if not tasks:
                raise Unplayable(
                    f"'{branch}' has no breaker.", hint="Say breaker: {open_after: 3} of an extract, and the name of a branch here."
                )
            for task in tasks:
                opened = nights >= task.call.arguments["open_after"]
                found[task.task_id] = Breaker(stance=Stance.OPEN if opened else Stance.CLOSED, nights=nights)
        return found

    @staticmethod
    def _are_branches(names: Iterable[str], known: Iterable[str]) -> None:
        for name in names:
            if name not in known:
                raise Unplayable(f"There is no branch '{name}'.", hint=did_you_mean(name, known))


def decides(task: PlannedTask) -> bool:
    """Whether a task chooses among those behind it."""
    name = task.call.path.rpartition(".")[2]
    return task.call.path in {CHOICE, SHORT_CIRCUIT} or (name.startswith("Branch") and name.endswith("Operator"))


def stays(word: str | int | None) -> bool:
    """Whether a word leaves a task as it would be without it."""
    return word is None or word in _FINE
