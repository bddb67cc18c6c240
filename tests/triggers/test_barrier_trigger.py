"""The trigger of a barrier: what it stores, and what it waits for."""

from __future__ import annotations

import json

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
    assert (found.early, found.abort, found.usual) == (True, frozenset("a"), {"a": 100})
    assert found.deadline is not None
    assert found.deadline.isoformat() == FULL["deadline"]


def test_rows_are_read_from_what_a_task_returned() -> None:
    """An extract, a transform, and a task that brings none."""
    assert rows_of({"branch": {"name": "a", "rows": 7}, "manifest": {}}) == 7
    assert rows_of({"branch": "a", "rows": 8}) == 8
    assert rows_of(None) == rows_of("done") == rows_of({"other": 1}) == 0
