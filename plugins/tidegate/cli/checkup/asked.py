"""What pipelines ask of what is around them: connections, pools, ledgers, a triggerer. From their plans, without Airflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.plan import plan
from tidegate.plan.places import places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tidegate.model import PipelineSpec
    from tidegate.model.effort import Effort
    from tidegate.plan import Plan

_READ, _WRITTEN = ("source_conn_id", "hedge_conn_id"), ("warehouse_conn_id", "ledger_conn_id", "conn_id")
"""Arguments of Tidegate's operators that name databases; those of others may name anything."""
_SHOWN = 3


@dataclass(slots=True)
class Users:
    """Who asks for one thing, each step once."""

    steps: dict[str, None] = field(default_factory=dict)

    def add(self, pipeline: str, step: str) -> None:
        """One more."""
        self.steps[f"{pipeline}.{step}"] = None

    def __str__(self) -> str:
        """Some of them by name."""
        names = list(self.steps)
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return ", ".join(names[:_SHOWN]) + more


@dataclass(slots=True)
class Asked:
    """What some pipelines ask for, each thing with those who ask."""

    databases: dict[str, Users] = field(default_factory=dict)
    """Connections that Tidegate itself opens."""
    apis: dict[str, Users] = field(default_factory=dict)
    """Those of HTTP APIs, and their URLs."""
    written: set[str] = field(default_factory=set)
    """Those of them that it writes into."""
    others: dict[str, Users] = field(default_factory=dict)
    """Connections that other operators open, and those of files' stores."""
    rendered: dict[str, Users] = field(default_factory=dict)
    """Connections whose id only a run knows."""
    pools: dict[tuple[str, int], Users] = field(default_factory=dict)
    """Pool and slots that one task takes of it."""
    ledgers: dict[str, Users] = field(default_factory=dict)
    deferring: Users = field(default_factory=Users)
    """Steps that wait in the triggerer."""


def asked_of(specs: Iterable[PipelineSpec]) -> Asked:
    """What pipelines ask for together."""
    found = Asked()
    for spec in specs:
        _connections(found, plan(spec))
        for name, slots, step in _pools(spec):
            found.pools.setdefault((name, slots), Users()).add(spec.name, step)
        for conn_id in places(spec).ledgers:
            found.ledgers.setdefault(conn_id, Users()).add(spec.name, "ledger")
    return found


def _connections(found: Asked, planned: Plan) -> None:
    for task in planned.tasks:
        given = task.call.arguments
        for word, value in given.items():
            if not word.endswith("conn_id") or not isinstance(value, str):
                continue
            if "{{" in value or "{%" in value:
                users = found.rendered
            else:
                ours = word in (*_READ, *_WRITTEN) and task.call.path.startswith("tidegate.") and "files" not in given
                users = found.others if not ours else found.apis if "http" in given else found.databases
                found.written |= {value} if ours and word in _WRITTEN else set()
            users.setdefault(value, Users()).add(planned.name, task.step)
        if _defers(task.call.path, given):
            found.deferring.add(planned.name, task.step)


def _defers(path: str, given: Mapping[str, Any]) -> bool:
    if path == "tidegate.operators.BarrierOperator":
        return given.get("trigger_rule") == "always"
    waits = path == "tidegate.operators.PipelineOperator" and bool(given.get("wait_for_completion", True))
    return bool(given.get("deferrable", waits))


def _pools(spec: PipelineSpec) -> Iterator[tuple[str, int, str]]:
    """Pool, slots and step, wherever a pool is said: for a step, a branch, a group, or all."""
    if spec.pipeline.defaults.pool:
        yield spec.pipeline.defaults.pool, spec.pipeline.defaults.pool_slots or 1, "defaults"
    for node in spec.tree.nodes.values():
        body: Any = node.body
        for name, slots in getattr(body, "holds", {}).items():
            yield name, slots, node.path
        said: list[Effort] = [body.defaults if node.is_group else body, *body.own_settings.values()]
        for effort in said:
            if effort.pool:
                yield effort.pool, effort.pool_slots or 1, node.path
