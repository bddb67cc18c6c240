"""The task ahead of a transform that has one task for each value: it finds the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.plan.calls import Call, Output
from tidegate.plan.layout import Edge, PlannedTask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.model import PipelineSpec

_KEPT = (
    "parts", "held", "dimension", "retries", "retry_delay", "retry_exponential_backoff", "max_retry_delay", "retry_policy", "execution_timeout", "pool",
    "pool_slots", "queue", "priority_weight", "weight_rule", "executor", "executor_config", "trigger_rule", "pre_execute", "on_failure_callback",
    "on_retry_callback", "owner", "run_as_user",
)  # fmt: skip
"""Of the arguments of the transform, those that hold for what is done ahead of it, too."""


def values_of(name: str) -> str:
    """What the task is called that finds the values for another one."""
    return f"{name}_values"


def with_values(spec: PipelineSpec, task: PlannedTask, edges: dict[tuple[str, str], Edge]) -> Iterator[PlannedTask]:
    """A task; and before it the one that finds its values, where there is to be one.

    :param edges: Of all tasks; those of the new one are added.
    """
    given = task.expand.get("share")
    shares = spec.tree.nodes[task.step].body.shares
    if isinstance(given, Output) and shares is not None:
        arguments = {name: task.call.arguments[name] for name in _KEPT if name in task.call.arguments}
        call = Call("tidegate.operators.SharesOperator", {"by": list(shares.by), **arguments})
        yield PlannedTask(given.task_id, task.step, call, values_of(task.label), task.group, bindings=task.bindings)
        for edge in [edge for edge in edges.values() if edge.downstream == task.task_id]:
            edges[edge.upstream, given.task_id] = Edge(edge.upstream, given.task_id, edge.because, edge.label)
        edges[given.task_id, task.task_id] = Edge(given.task_id, task.task_id)
    yield task
