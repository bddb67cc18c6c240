"""How the tasks of a run ended; of a mapped task each of its indexes ends by itself, and all of them count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_GRAVITY = {"removed": 0, "success": 1, "skipped": 2, "upstream_failed": 3, "failed": 4}


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
