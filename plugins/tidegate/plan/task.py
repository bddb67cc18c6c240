"""What the build function of a custom kind is told of the task that it is to make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.model.placeholders import fill
from tidegate.plan.calls import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One task of a step of the kind."""

    pipeline: str
    """The pipeline's name."""
    step: str
    """Path of the step, such as ``regions.check``; the same for all branches."""
    task_id: str
    """Id of the task, such as ``regions.emea.check``."""
    bindings: Mapping[str, str]
    """Dimension → branch, of every fan-out around the task: ``{"region": "emea"}``."""
    find: Callable[[str], str]
    """Name of a step, as the file would say it under ``needs`` → id of its task."""

    def fill(self, text: str) -> str:
        """``text`` with ``{region}`` and the like replaced by this task's branches."""
        return fill(text, self.bindings)

    def output(self, step: str, key: str | None = None) -> Any:
        """What another step returned, for an argument of the operator; the file must say ``needs``."""
        return Output(self.find(step), key)
