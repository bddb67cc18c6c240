"""Whether breakers can ever open: they stand at extracts, and a barrier joins the branches and tells what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.rows import sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.model.check.subject import Subject
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place


def check_breakers(subject: Subject) -> None:
    """Report breakers where there is nothing to break, or nobody who would remember."""
    for node in subject.tree.nodes.values():
        for at in _breakers(node):
            if node.uses != "extract":
                inside = "the extracts inside of it" if node.is_group else "the extract"
                subject.report(at, "only an extract has a breaker", f"Remove it here, or say it of {inside}.")
            elif getattr(subject.settings.get(node.path), "files", None) is not None:
                subject.report(at, "a breaker probes a database, and here files are read", "Remove the breaker.")
            elif not (subject.unsure or subject.gone) and not any(
                barrier.uses == "barrier" and _joins(subject, barrier, node) for barrier in subject.tree.steps
            ):
                subject.report(
                    at,
                    "this breaker would never open: no barrier joins the branches and tells what became of them",
                    "Put a barrier behind the fan-out, or remove the breaker.",
                )


def _breakers(node: Node) -> Iterator[Place]:
    """The places where breakers are said of a node."""
    if not node.is_group and node.step.breaker is not None:
        yield *node.at, "breaker"
    for branch, own in node.body.own_settings.items():
        if own.breaker is not None:
            yield *node.at, "for_each", node.body.dimension or "", branch, "breaker"


def _joins(subject: Subject, barrier: Node, extract: Node) -> bool:
    return any(extract in source.within() for source in sources(subject.tree, barrier))
