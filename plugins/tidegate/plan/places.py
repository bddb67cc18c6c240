"""Where a pipeline's rows come from and where they go: the connections that whoever looks after its gaps asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate.plan.lay import plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate.model import Loaded, PipelineSpec

_EXTRACT, _BARRIER, _LOAD, _OUTCOME = (f"tidegate.operators.{name}Operator" for name in ("Extract", "Barrier", "Load", "Outcome"))


@dataclass(frozen=True, slots=True)
class Source:
    """One read of one branch."""

    step: str
    """The name that staging knows its rows by."""
    connections: tuple[str, ...]
    """The database or HTTP API, and the database that is read in its place where it does not answer; none for files."""
    adopted: bool = True
    """Whether a catch-up takes what is staged of it; what has changed is always read anew."""


@dataclass(frozen=True, slots=True)
class Places:
    """The connections of one pipeline. Ids that Airflow renders only in a run are left out."""

    pipeline: str
    timezone: str = "UTC"
    """The zone in which its people say days."""
    ledgers: tuple[str, ...] = ()
    """Of its loads, each once; or of its own, where it has no load."""
    branches: frozenset[str] = frozenset()
    """What its barriers join."""
    sources: dict[str, tuple[Source, ...]] = field(default_factory=dict)
    """Branch → what is read for it."""


def places(spec: PipelineSpec) -> Places:
    """The places of a pipeline."""
    ledgers: dict[str, None] = {}
    branches: set[str] = set()
    sources: dict[str, tuple[Source, ...]] = {}
    planned = plan(spec)
    for task in planned.tasks:
        given = task.call.arguments
        if task.call.path == _BARRIER:
            branches.update(given["branches"])
        elif task.call.path == _LOAD and _known(given["warehouse_conn_id"]):
            ledgers[given["warehouse_conn_id"]] = None
        elif task.call.path == _OUTCOME and "ledger_conn_id" in given:
            ledgers[given["ledger_conn_id"]] = None
        elif task.call.path == _EXTRACT and "branch" in given:
            named = [given.get("source_conn_id"), given.get("hedge_conn_id")]
            asked = [conn_id for conn_id in named if conn_id and "files" not in given]
            if all(_known(conn_id) for conn_id in asked):
                source = Source(given["step"], tuple(asked), adopted=given.get("watermark") is None)
                sources[given["branch"]] = (*sources.get(given["branch"], ()), source)
    schedule = spec.pipeline.schedule
    return Places(planned.name, schedule.timezone if schedule else "UTC", tuple(ledgers), frozenset(branches), sources)


def all_places(loaded: Iterable[Loaded]) -> tuple[dict[str, Places], list[str]]:
    """The places of all pipelines by name, and the names of those whose files are wrong."""
    found: dict[str, Places] = {}
    wrong = []
    for each in loaded:
        if each.spec is None or each.findings:
            wrong.append(each.name)
        else:
            found[each.name] = places(each.spec)
    return found, wrong


def _known(connection: str) -> bool:
    return "{{" not in connection and "{%" not in connection
