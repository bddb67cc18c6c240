"""What kinds that are not Tidegate's own build for their tasks. They are the code of others: whatever they do is told in the step's place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tidegate.errors import ImportRefused
from tidegate.model.dotted import wrong_part
from tidegate.model.findings import did_you_mean
from tidegate.model.kind import ANY, said_by
from tidegate.plan.calls import Call
from tidegate.plan.task import Task

if TYPE_CHECKING:
    from tidegate.model.kind import Settings
    from tidegate.plan.lay import Instance, Layout


def built(layout: Layout, instance: Instance, settings: Settings) -> Call:
    """The operator that a kind builds for a task.

    :raises ImportRefused: it fails, builds something else, or takes a result that the step does not need.
    """
    path = instance.node.path
    task = Task(
        pipeline=layout.spec.name,
        step=path,
        task_id=instance.task_id,
        bindings=dict(instance.bindings),
        find=lambda name: _needed(layout, instance, name),
    )
    try:
        call = layout.spec.kinds[path].build(settings, task)
    except _Untakable as error:
        raise _refused(layout, instance, error.message, error.hint) from None
    except ANY as error:
        line = f" in line {lines[-1]}" if (lines := _lines(error, layout.spec.kinds[path].where)) else ""
        raise _refused(layout, instance, f"its build function fails{line}: {said_by(error)}", "Mend the kind.") from error
    if not isinstance(call, Call):
        raise _refused(layout, instance, f"it built {type(call).__name__}", "Its build function returns a Call.")
    if not isinstance(call.path, str) or wrong_part(call.path) or not isinstance(call.arguments, Mapping):
        raise _refused(
            layout, instance, f"it built a Call of {call.path!r}", "A Call names an operator by its import path, then its arguments."
        )
    return call


def _lines(error: BaseException, where: str) -> list[int]:
    """The lines of a kind's file that an exception came through."""
    from traceback import extract_tb

    return [frame.lineno for frame in extract_tb(error.__traceback__) if frame.lineno and frame.filename.endswith(f"/{where}")]


def refusals(layout: Layout) -> dict[str, tuple[Instance, ImportRefused]]:
    """Step path → the first of its tasks that its kind cannot build, and why."""
    found: dict[str, tuple[Instance, ImportRefused]] = {}
    for instance in layout.instances:
        path = instance.node.path
        settings = layout.spec.settings_of(path, instance.branches.get(path))
        if path not in layout.spec.kinds or path in found or settings is None:
            continue
        try:
            built(layout, instance, settings)
        except ImportRefused as error:
            found[path] = instance, error
    return found


class _Untakable(Exception):
    """A result that a kind takes and that its step cannot have."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def _needed(layout: Layout, instance: Instance, name: str) -> str:
    """The id of the task whose result a kind takes by a step's name: the plan shows what is needed, and nothing else is there in time."""
    tree, node = layout.spec.tree, instance.node
    target = tree.find(str(name), node)
    if target is None:
        raise _Untakable(f"it takes the result of '{name}', and there is no such step", hint=did_you_mean(str(name), tree.known_from(node)))
    if target.node.is_group:
        raise _Untakable(f"it takes the result of '{name}', which is a group", hint="A group returns nothing; name a step in it.")
    tasks = layout.inside(target.node, instance, target.picks)
    if len(tasks) != 1:
        raise _Untakable(f"it takes the result of '{name}', which is {len(tasks)} tasks", hint=f"Name one, such as {tasks[0].task_id}.")
    if (tasks[0].task_id, instance.task_id) not in layout.edges:
        raise _Untakable(f"it takes the result of '{name}', which the step does not need", hint=f"Write needs: {name}.")
    return tasks[0].task_id


def _refused(layout: Layout, instance: Instance, message: str, hint: str) -> ImportRefused:
    node = instance.node
    error = ImportRefused(
        f"The kind '{node.uses}' ({layout.spec.kinds[node.path].where}) builds no task '{instance.task_id}': {message}.", hint=hint
    )
    error.step = node.path
    return error
