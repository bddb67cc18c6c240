"""What all pipelines together declare of the things that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate.model.spec import Pipeline


@dataclass(frozen=True, slots=True)
class Shared:
    """One resource, as every pipeline that declares it says."""

    name: str
    limit: int
    description: str
    pipelines: tuple[str, ...]
    """Who declares it."""


def shared_resources(pipelines: Iterable[Pipeline]) -> tuple[tuple[Shared, ...], tuple[str, ...]]:
    """Every declared resource in the order of its name, and a sentence for each that two pipelines declare with other limits.

    Its description is the first that a pipeline gives.
    """
    limits: dict[str, dict[int, list[str]]] = {}
    descriptions: dict[str, str] = {}
    for pipeline in pipelines:
        for name, resource in pipeline.resources.items():
            limits.setdefault(name, {}).setdefault(resource.limit, []).append(pipeline.pipeline)
            descriptions[name] = descriptions.get(name) or resource.description
    agreed, told = [], []
    for name, said in sorted(limits.items()):
        if len(said) > 1:
            words = "; ".join(f"{limit} in {', '.join(sorted(who))}" for limit, who in sorted(said.items()))
            told.append(f"'{name}' is declared with different limits: {words}.")
        else:
            ((limit, who),) = said.items()
            agreed.append(Shared(name, limit, descriptions[name], tuple(who)))
    return tuple(agreed), tuple(told)
