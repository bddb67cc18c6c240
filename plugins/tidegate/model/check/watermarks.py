"""Whether rows that come again, for they have changed or are looked back at, can be loaded: into a table of the present, where a row that comes again changes the one that is there."""

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


_AGAIN = {
    "append": "the rows before the interval come again, and append would keep both",
    "replace": "some rows of the interval before come again, and replace would delete the rest of it with them",
}


def check_watermarks(subject: Subject) -> None:
    """Report loads that would double or lose the rows of an extract that reads by watermark, or looks back."""
    from tidegate.model.kinds import LoadSettings

    for load in subject.tree.steps:
        settings = subject.settings.get(load.path)
        if not isinstance(settings, LoadSettings) or settings.merge:
            continue
        for extract in (found := _extracts(subject, load)):
            every = [subject.settings.get(extract.path), *subject.own.get(extract.path, {}).values()]
            if any(getattr(said, "watermark", None) is not None for said in every):
                why = f"reads by watermark: {_WHY[settings.mode]}"
            elif any(getattr(said, "look_back", None) for said in every) and (
                settings.mode == "append" or (settings.mode in _AGAIN and found[extract])
            ):
                why = f"looks back: {_AGAIN[settings.mode]}"
            else:
                continue
            at = (*load.at, "with", "replace" if settings.replace else "mode")
            subject.report(at, f"'{extract.path}' {why}", "Load with merge: [key columns].")


def _extracts(subject: Subject, load: Node) -> dict[Node, bool]:
    """The extracts that a load's rows come from, and whether they come as they were read, through no transform."""
    seen: dict[Node, bool] = {}
    ahead = [(load, True)]
    while ahead:
        node, plain = ahead.pop()
        if node not in seen or (plain and not seen[node]):
            seen[node] = plain
            plain = plain and node.uses != "transform"
            ahead += [(inside, plain) for source in sources(subject.tree, node) for inside in source.within()]
    return {node: plain for node, plain in seen.items() if node.uses == "extract"}
