"""What is said of a task, layer over layer: by a branch, its step, the groups around it, the pipeline's defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.model.step import Group

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate.model import PipelineSpec
    from tidegate.model.effort import Effort
    from tidegate.model.tree import Node


def layers(spec: PipelineSpec, node: Node, branches: Mapping[str, str]) -> Iterator[Effort]:
    """All that is said of a node's effort, the nearest word first.

    :param branches: Path of a repeated node → the branch that is meant.
    """
    for here in reversed(node.lineage):
        if own := here.body.own_settings.get(branches.get(here.path, "")):
            yield own
        yield here.body.defaults if isinstance(here.body, Group) else here.body
    yield spec.pipeline.defaults


def nearest(spec: PipelineSpec, node: Node, branches: Mapping[str, str], key: str) -> Any:
    """The nearest word on one key; None where nobody says anything."""
    return next((getattr(said, key) for said in layers(spec, node, branches) if key in said.model_fields_set), None)


def by_defaults(spec: PipelineSpec, node: Node, branches: Mapping[str, str]) -> frozenset[str]:
    """The operators' arguments that any defaults around a step give: Airflow hands them to every operator that takes them."""
    around = layers(spec, node.parent, branches) if node.parent is not None else (spec.pipeline.defaults,)
    return frozenset(word for said in around for word in getattr(said, "with_", ()))


def params_around(spec: PipelineSpec, node: Node, branches: Mapping[str, str]) -> dict[str, Any]:
    """The params that the groups around a step give. They are the task's to say: of a group's ``default_args``, Airflow lets them win over a task's."""
    found: dict[str, Any] = {}
    if node.parent is not None:
        for said in reversed(list(layers(spec, node.parent, branches))[:-1]):
            found |= said.params or {}
    return found


def repeats(spec: PipelineSpec, node: Node, branches: Mapping[str, str], said: Effort) -> bool:
    """Whether another layer also tells how to retry, so that a layer which wants no policy must say so."""
    return said.retry is not None and any(other.retry is not None for other in layers(spec, node, branches) if other is not said)
