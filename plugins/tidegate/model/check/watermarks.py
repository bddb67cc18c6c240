"""Whether what has changed since the last interval can be loaded: into a table of the present, where a row that comes again changes the one that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.rows import sources

if TYPE_CHECKING:
    from tidegate.model.check.subject import Subject
    from tidegate.model.tree import Node

_WHY = {
    "append": "a row comes again when it has changed, and append would keep both",
    "replace": "a row that has changed is of a later interval, and replace would delete it when the older one is read again",
    "swap": "swap would leave nothing in the table but what has changed since the interval before",
}


def check_watermarks(subject: Subject) -> None:
    """Report loads that would double or lose the rows of an extract by watermark."""
    from tidegate.model.kinds import LoadSettings

    for load in subject.tree.steps:
        settings = subject.settings.get(load.path)
        if not isinstance(settings, LoadSettings) or settings.merge:
            continue
        for extract in _extracts(subject, load):
            every = [subject.settings.get(extract.path), *subject.own.get(extract.path, {}).values()]
            if any(getattr(said, "watermark", None) is not None for said in every):
                at = (*load.at, "with", "replace" if settings.replace else "mode")
                subject.report(at, f"'{extract.path}' reads by watermark: {_WHY[settings.mode]}", "Load with merge: [key columns].")


def _extracts(subject: Subject, load: Node) -> list[Node]:
    """The extracts that a load's rows come from."""
    seen: list[Node] = []
    ahead = [load]
    while ahead:
        node = ahead.pop()
        if node not in seen:
            seen.append(node)
            ahead += [inside for source in sources(subject.tree, node) for inside in source.within()]
    return [node for node in seen if node.uses == "extract"]
