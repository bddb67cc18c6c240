"""The trigger of a barrier: what it stores, and what it waits for."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow._shared.module_loading import import_string

from tidegate.resilience.completeness import BranchState
from tidegate.resilience.quorum import Quorum
from tidegate.triggers.barrier import BarrierTrigger, rows_of

FULL = {
    "dag_id": "night",
    "run_id": "run",
    "rule": {"at_least": "50%", "required": ["a"], "coverage": "90%", "any": [{"at_least": 1}], "weight": {"a": 2}},
    "branches": {"a": "not_started", "b": "excluded"},
    "ends": {"a": ["extract.a"], "b": ["extract.b", "check.b"]},
    "held": {"b": 50},
    "deadline": "2026-01-05T04:30:00+00:00",
    "early": True,
    "abort": ["a"],
    "usual": {"a": 100},
    "patience": {"times": 3.0, "at_least": 600.0, "usual": {"a": 60.0}},
    "poll": 1.5,
}


def test_what_is_stored_makes_the_same_trigger() -> None:
    """Every argument, through JSON, by the path that Airflow stores."""
    path, stored = BarrierTrigger(**FULL).serialize()
    again = import_string(path)(**json.loads(json.dumps(stored)))
    assert again.serialize() == (path, stored)
    assert stored == FULL


def test_it_waits_for_what_it_was_told_of() -> None:
    """The same words as the barrier's."""
    found = BarrierTrigger(**FULL).waiting()
    assert found.rule == Quorum.parse("50%", ["a"], coverage="90%", any=[{"at_least": 1}], weight={"a": 2})
    assert [(branch.name, branch.state) for branch in found.branches] == [("a", BranchState.NOT_STARTED), ("b", BranchState.EXCLUDED)]
    held = BarrierTrigger(**{**FULL, "branches": {"a": "not_started", "b": "held"}}).waiting().branches[1]
    assert (held.state, held.rows) == (BranchState.HELD, 50)
    assert (found.early, found.abort, found.usual) == (True, frozenset("a"), {"a": 100})
    assert found.deadline is not None
    assert found.deadline.isoformat() == FULL["deadline"]


class Looking(BarrierTrigger):
    """One whose looks are told beforehand; an error is raised in place of being returned."""

    looks: ClassVar[list[Any]] = []

    async def _states(self) -> dict[str, list[str | None]]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return {f"extract.{name}": [state] for name, state in look.items()}

    async def _rows(self, name: str) -> int:
        return {"a": 100, "b": 10}[name]


def fired(looks: list[Any], **more: Any) -> dict[str, Any]:
    """What the trigger fires with, after these looks."""
    made = Looking(
        dag_id="night", run_id="run", rule={"at_least": 2}, branches=dict.fromkeys("abc", "not_started"),
        ends={name: [f"extract.{name}"] for name in "abc"}, poll=0.01, **more,
    )  # fmt: skip
    made.looks = list(looks)

    async def first() -> dict[str, Any]:
        return await anext(event.payload async for event in made.run())

    return asyncio.run(first())


def test_it_looks_until_all_have_ended() -> None:
    """Though a look fails on the way."""
    at_work, over = {"a": "success", "b": "running", "c": "failed"}, {"a": "success", "b": "success", "c": "failed"}
    found = fired([{}, at_work, OSError("no answer"), at_work, over])
    assert found == {"by": "all had ended", "overdue": {}, "deadline": None}


def test_it_fires_at_its_time_though_nobody_answers() -> None:
    """The deadline must be kept."""
    soon = (datetime.now(UTC) + timedelta(seconds=0.2)).isoformat()
    assert fired([OSError("no answer")], deadline=soon) == {"by": "its time had come", "overdue": {}, "deadline": soon}


def test_rows_of_what_is_held_count() -> None:
    """A catch-up of one branch, the others held: it is waited for, though it alone would never be enough."""
    held = {"rule": {"coverage": "90%"}, "usual": {"a": 100, "b": 10, "c": 100}, "held": {"b": 10, "c": 100}}
    made = Looking(
        dag_id="night", run_id="run", branches={"a": "not_started", "b": "held", "c": "held"}, ends={name: [name] for name in "abc"}, **held
    )
    assert made.waiting().over({"a": ["running"]}, {}, datetime.now(UTC)) is None


def test_who_takes_far_longer_than_usual_is_told_with_its_time() -> None:
    """The barrier tells it as the reason."""
    patience = {"times": 1.0, "at_least": 0.05, "usual": {"a": 0.001, "b": 0.001, "c": 0.001}}
    start = {"a": "running", "b": "running", "c": "running"}
    found = fired([start, {"a": "success", "b": "success", "c": "running"}], patience=patience)
    assert found["by"] == "enough had arrived, and the others had had their time"
    assert list(found["overdue"]) == ["c"]


def test_rows_are_read_from_what_a_task_returned() -> None:
    """An extract, a transform, and a task that brings none."""
    assert rows_of({"branch": {"name": "a", "rows": 7}, "manifest": {}}) == 7
    assert rows_of({"branch": "a", "rows": 8}) == 8
    assert rows_of(None) == rows_of("done") == rows_of({"other": 1}) == 0
