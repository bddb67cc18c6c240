"""What a pipeline amounts to, before anything of Airflow is imported: tasks, groups, edges, and the DAG's own arguments.

Nothing here is changed once it is made. Tasks and edges are not frozen all the same: a parsed DAG file makes so many of them that it would show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tidegate.plan.calls import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.model.functions import Function
    from tidegate.plan.calls import Output, Zipped

Because = Literal["data", "rule", "resource"]


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """One task group."""

    group_id: str
    """In full: ``regions.emea``."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Of ``airflow.sdk.TaskGroup``: tooltip, colours, ``default_args``, ``prefix_group_id``, without id and parent."""
    step: str = ""
    """The path of the step that it stands for: ``regions`` for ``regions.emea`` too."""
    branch: str | None = None
    """The branch, for the group of one branch of a repeated group."""
    label: str = ""
    """The last part of the id: what the group is called inside of the one around it."""
    parent: str | None = None
    """The id of the group around it."""


@dataclass(slots=True)
class PlannedTask:
    """One task of the DAG."""

    task_id: str
    """In full, as Airflow shows it: ``extract.florida`` for a branch, ``regions.emea.clean`` in a group, else the step's name."""
    step: str
    """The path of the step in the file: ``extract``, ``regions.clean``. The same for all branches."""
    call: Call
    """The operator, without its ``task_id``. For a function: ``airflow.sdk.task``, with the arguments of its task."""
    label: str = ""
    """The last part of the id."""
    group: str | None = None
    """The id of the group that it stands in."""
    bindings: Mapping[str, str] = field(default_factory=dict)
    """Dimension → branch, for every fan-out around the task, the outermost first."""
    function: str | None = None
    """``module:function`` under include/, for a task that calls one."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of that function; ``expand`` and ``expand_kwargs`` are over the function's arguments, too."""
    expand: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that the operator is mapped over, as their cross product."""
    expand_kwargs: list[Any] | Output | Zipped | None = None
    """Mappings of arguments, one for each mapped task."""
    setup: bool = False
    teardown: tuple[str, ...] | None = None
    """For a teardown: the ids of its setups, possibly none."""
    on_failure_fail_dagrun: bool = False

    @property
    def mapped(self) -> bool:
        """Whether the task is repeated at run time."""
        return bool(self.expand) or self.expand_kwargs is not None

    @property
    def branch(self) -> str | None:
        """The branch that this task serves, the innermost where fan-outs are nested."""
        return list(self.bindings.values())[-1] if self.bindings else None


@dataclass(slots=True)
class Edge:
    """Who waits for whom, and why."""

    upstream: str
    """Task id."""
    downstream: str
    """Task id."""
    because: Because = "data"
    label: str = ""
    """What Airflow's graph writes on the edge; empty for none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline laid out. The order of everything depends on the file alone, so that equal files make equal DAGs."""

    name: str
    """The DAG's id."""
    arguments: Mapping[str, Any]
    """Of ``airflow.sdk.DAG``, without the id; values are plain, or what :mod:`tidegate.plan.calls` has."""
    groups: tuple[PlannedGroup, ...]
    """Each behind the one around it."""
    tasks: tuple[PlannedTask, ...]
    """In the order of the file, ``outcome`` last where there is one."""
    edges: tuple[Edge, ...]
    functions: Mapping[str, Function] = field(default_factory=dict)
    """``module:function`` → what it takes, for the tasks that call one."""

    @property
    def bounds_in_timetable(self) -> bool:
        """Whether the DAG's start date is only there to let it catch up: a timetable of Tidegate's has the bounds."""
        schedule: Any = self.arguments.get("schedule")
        inner = schedule.arguments.get("timetable", schedule) if isinstance(schedule, Call) else None
        return "start_date" in self.arguments and isinstance(inner, Call) and inner.path.startswith("tidegate.timetables.")

    def of_step(self, step: str) -> tuple[PlannedTask, ...]:
        """The tasks of one step, one for each branch."""
        return tuple(task for task in self.tasks if task.step == step)
