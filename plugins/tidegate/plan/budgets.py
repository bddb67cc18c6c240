"""Which steps have a time to end by: all inside of a fan-out whose barrier decides at one, but for teardowns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.model.rows import sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.model import PipelineSpec


def budgets(spec: PipelineSpec) -> Mapping[str, Mapping[str, Any]]:
    """Path of a step → the arguments of ``Until``; empty for most pipelines."""
    barrier = next((node for node in spec.tree.steps if node.uses == "barrier"), None)
    settings: Any = spec.settings.get(barrier.path) if barrier is not None else None
    if barrier is None or settings is None or settings.decide_by is None:
        return {}
    found: dict[str, Any] = {"decide_by": settings.decide_by}
    if (zone := zone_of(spec)) != "UTC":
        found["zone"] = zone
    if settings.late == "stop":
        found["stop"] = True
    inside = (step for source in sources(spec.tree, barrier) for step in source.within())
    return {step.path: found for step in inside if step.step.teardown is None}  # what is to be taken down is, however late


def zone_of(spec: PipelineSpec) -> str:
    """The zone in which a pipeline's times of day are meant."""
    schedule = spec.pipeline.schedule
    return schedule.timezone if schedule is not None else "UTC"
