"""The trigger of a barrier: what it stores, and what it waits for."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from airflow._shared.module_loading import import_string

from tidegate.resilience.completeness import BranchState
from tidegate.resilience.quorum import Quorum
from tidegate.triggers.barrier import BarrierTrigger, Told, told_by

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
    reports: ClassVar[dict[str, list[Told | Exception]]] = {"a": [Told(100, 0.0005)], "b": [OSError("no answer"), Told(10, None)]}

    async def _states(self) -> dict[str, list[str | None]]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return {f"extract.{name}": [state] for name, state in look.items()}

    async def _told(self, name: str) -> Told:
        found = self.reports[name].pop(0) if len(self.reports[name]) > 1 else self.reports[name][0]
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Told)
        return found


def fired(looks: list[Any], **more: Any) -> dict[str, Any]:
    """What the trigger fires with, after these looks."""
    made = Looking(
        dag_id="night", run_id="run", branches=dict.fromkeys("abc", "not_started"),
        ends={name: [f"extract.{name}"] for name in "abc"}, poll=0.01, **{"rule": {"at_least": 2}, **more},
    )  # fmt: skip
    made.looks, made.reports = list(looks), {name: list(told) for name, told in Looking.reports.items()}

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


def test_who_ended_before_anybody_looked_tells_its_own_time() -> None:
    """On a machine so quick that the first look finds all but one of them done."""
    patience = {"times": 1.0, "at_least": 0.05, "usual": {"a": 0.001, "c": 0.001}}
    found = fired([{"a": "success", "b": "failed", "c": "running"}], patience=patience, rule={"at_least": 1})
    assert (found["by"], list(found["overdue"])) == ("enough had arrived, and the others had had their time", ["c"])


def test_rows_that_nobody_could_ask_for_are_not_taken_for_none() -> None:
    """The API fails between the states and the rows: the look is made again, and does not find that it could never be enough."""
    more = {"rule": {"coverage": "90%"}, "usual": {"a": 100, "b": 20}}
    found = fired([{"a": "success", "b": "success", "c": "running"}, {"a": "success", "b": "success", "c": "failed"}], **more)
    assert found["by"] == "all had ended"


def test_what_a_task_returned_tells_rows_and_time() -> None:
    """An extract, a transform, and a task that brings none."""
    assert told_by({"branch": {"name": "a", "rows": 7, "seconds": 1.5}, "manifest": {}}) == (7, 1.5)
    assert told_by({"branch": "a", "rows": 8}) == (8, None)
    assert told_by(None) == told_by("done") == told_by({"other": 1}) == (0, None)
