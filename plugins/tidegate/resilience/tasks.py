"""How the tasks of a run ended; of a mapped task each of its indexes ends by itself, and all of them count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_GRAVITY = {"removed": 0, "success": 1, "skipped": 2, "upstream_failed": 3, "failed": 4}

_MANY = 100


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """The end of a task, or of one index of a mapped one."""

    task: str
    """The task's id."""
    state: str
    """Airflow's state."""
    index: int = -1
    """The map index; -1 for a task that is not mapped."""

    @property
    def name(self) -> str:
        """What people call it: the task's id, with the index where there is one."""
        return self.task if self.index < 0 else f"{self.task}[{self.index}]"


def worst_ends(ends: Iterable[TaskEnd]) -> dict[str, TaskEnd]:
    """Task id → the worst of its ends, so that a mapped task has succeeded only when all of its indexes have; of equals the first.

    An index that was removed, since the list it is mapped over has become shorter, is no worse than one that succeeded.
    """
    found: dict[str, TaskEnd] = {}
    for end in ends:
        known = found.get(end.task)
        if known is None or _GRAVITY[end.state] > _GRAVITY[known.state]:
            found[end.task] = end
    return found


def asked_for(task_ids: Sequence[str]) -> list[str] | None:
    """The ids to ask Airflow for: some hundred fit into one question, for more the whole run is asked for."""
    return list(task_ids) if len(task_ids) <= _MANY else None


def by_task(found: Mapping[str, str | None], task_ids: Collection[str]) -> dict[str, list[str | None]]:
    """Task id → the states of its task instances, from Airflow's answer, in which a mapped task has a key for each index: ``count_3``."""
    wanted = frozenset(task_ids)
    states: dict[str, list[str | None]] = {}
    for key, state in found.items():
        task_id, _, index = key.rpartition("_")
        name = key if key in wanted or not index.isdecimal() else task_id
        if name in wanted:
            states.setdefault(name, []).append(str(state) if state is not None else None)
    return states
