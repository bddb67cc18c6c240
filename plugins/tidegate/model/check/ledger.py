"""Whether what asks earlier nights has a ledger that knows them, and whether a ledger has something to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.model.rows import is_a

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.model.check.subject import Subject
    from tidegate.model.kinds import BarrierSettings
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place


def check_ledger(subject: Subject) -> None:
    """Report a ledger that nobody writes, and settings that ask for one that there is not."""
    of_kind = {kind: [node for node in subject.tree.steps if is_a(kind, node)] for kind in ("load", "barrier")}
    if subject.pipeline.ledger is not None:
        _named(subject, subject.pipeline.ledger, of_kind["load"], of_kind["barrier"])
    elif not of_kind["load"] and not _may_hold_more(subject):
        for node in of_kind["barrier"]:
            for at, why in _needed(subject, node):
                hint = "Name a database for it by 'ledger: <connection id>' beside 'steps', or load the rows."
                subject.report(at, f"{why}, and this pipeline has no ledger: it has no load, and names none", hint)


def _may_hold_more(subject: Subject) -> bool:
    """Whether there are steps of which nobody can say here that they load nothing, and join nothing."""
    return bool(subject.kinds or subject.unsure or subject.gone)


def _named(subject: Subject, ledger: str, loads: list[Node], barriers: list[Node]) -> None:
    """What is said of the ledger itself; in a folder's defaults it is meant for those pipelines that can use it."""
    if "{{" in ledger:
        subject.report(
            ("ledger",), "a ledger's connection is no template", "Name the connection: `tidegate gaps` asks it outside of any run."
        )
    if ("ledger",) not in subject.document.sources[0].places:
        return
    if loads:
        told = f"the ledger of '{loads[0].path}' lies beside the rows, and is written with them"
        subject.report(("ledger",), told, "Remove 'ledger'.")
    elif not barriers and not _may_hold_more(subject):
        hint = "Remove 'ledger', or join the branches by a barrier."
        subject.report(("ledger",), "a ledger tells what a barrier has decided, and this pipeline has none", hint)


def _needed(subject: Subject, barrier: Node) -> Iterator[tuple[Place, str]]:
    """What a barrier, and what it joins, would ask a ledger."""
    from tidegate.model.extracts import ExtractSettings
    from tidegate.model.kinds import BarrierSettings
    from tidegate.model.rows import sources

    settings = subject.settings.get(barrier.path)
    if isinstance(settings, BarrierSettings):
        yield from _of_a_barrier((*barrier.at, "with"), settings)
    for node in (inside for source in sources(subject.tree, barrier) for inside in source.within()):
        extract = subject.settings.get(node.path)
        if not isinstance(extract, ExtractSettings):
            continue
        if extract.hedge is not None and extract.hedge.after == "p95":
            yield (*node.at, "with", "hedge", "after"), "it is told by how long earlier nights took"
        if extract.accept.rows is not None:
            yield (*node.at, "with", "accept", "rows"), "it is told by the rows of earlier nights"


def _of_a_barrier(at: Place, settings: BarrierSettings) -> Iterator[tuple[Place, str]]:
    for place, rule in ((at, settings), *(((*at, "any", index), way) for index, way in enumerate(settings.any))):
        if rule.coverage is not None:
            yield (*place, "coverage"), "it is told by the rows of earlier nights"
    if settings.patience is not None:
        yield (*at, "patience"), "it is told by how long earlier nights took"
    if settings.late == "catch_up" and "late" in settings.model_fields_set:
        yield (*at, "late"), "what is caught up is told by a ledger"
    if "expire" in settings.model_fields_set:
        yield (*at, "expire"), "what is missing is kept in a ledger"
