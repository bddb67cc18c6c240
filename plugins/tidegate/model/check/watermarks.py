"""Whether rows that come again, for they have changed or are looked back at, can be loaded: into a table of the present, where a row that comes again changes the one
that is there, and of what has changed branch by branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.rows import is_a, passed, sources

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
    """Report loads that would double or lose the rows of an extract that reads by watermark, or looks back, and what combines changes behind a barrier."""
    from tidegate.model.kinds import LoadSettings

    combining: dict[Node, Node] = {}
    for load in subject.tree.steps:
        settings, said = subject.settings.get(load.path), load.step.with_
        mode: str
        if isinstance(settings, LoadSettings):
            mode = "merge" if settings.merge else settings.mode
        elif is_a("load", load):
            mode = str(said.get("mode") or ("merge" if said.get("merge") else "replace"))
        else:
            continue
        before = passed(subject.tree, load)
        for extract in before:
            if extract.uses != "extract":
                continue
            every = [subject.settings.get(extract.path), *subject.own.get(extract.path, {}).values()]
            watched = any(getattr(each, "watermark", None) is not None for each in every)
            if mode == "merge":
                combining |= {node: extract for node in before if watched and _combines(subject, node)}
                continue
            if watched and mode in _WHY:
                why = f"reads by watermark: {_WHY[mode]}"
            elif any(getattr(each, "look_back", None) for each in every) and (mode == "append" or (mode in _AGAIN and before[extract])):
                why = f"looks back: {_AGAIN[mode]}"
            else:
                continue
            at = (*load.at, "with", "replace" if mode == "replace" else "mode")
            subject.report(at, f"'{extract.path}' {why}", "Load with merge: [key columns].")
    for node, extract in combining.items():
        _report_combining(subject, node, extract)


def _report_combining(subject: Subject, node: Node, extract: Node) -> None:
    (barrier,) = sources(subject.tree, node)
    subject.report(
        (*node.at, "uses" if node.step.shares is None else "for_each"),
        f"'{extract.path}' reads by watermark, and '{node.path}' combines its branches: a catch-up of one would bring the others' rows of that "
        "interval again, which have changed since",
        f"Work branch by branch: for_each: {{part: {barrier.path}}}.",
    )


def _combines(subject: Subject, node: Node) -> bool:
    """Whether a transform takes the rows of several branches at once."""
    branch_by_branch = node.body.mapped_over is not None and node.step.shares is None
    found = sources(subject.tree, node) if node.uses == "transform" and not branch_by_branch else []
    return len(found) == 1 and found[0].uses == "barrier"
