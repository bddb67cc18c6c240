"""A barrier that watches: what it waits for, and what it decides when it is woken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from operators.by_hand import context

from tidegate import BarrierOperator, ExtractOperator
from tidegate.errors import QuorumMissed
from tidegate.operators import skipping
from tidegate.operators.history import History

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.triggers.barrier import BarrierTrigger

NIGHT = {"interval_start": "2026-03-02T00:00:00+00:00", "interval_end": "2026-03-03T00:00:00+00:00"}
NAMES = "abcd"


@pytest.fixture(autouse=True)
def skipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The tasks that Airflow is asked to skip."""
    asked: list[str] = []
    monkeypatch.setattr("tidegate.operators.barrier.skip", lambda _, instances: asked.extend(instances))
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    return asked


class Barrier:
    """A barrier over four extracts, in a run whose tasks stand as it is told."""

    def __init__(self, **words: Any) -> None:
        with DAG("night", schedule=None):
            extracts = [
                ExtractOperator(task_id=f"extract.{name}", source_conn_id="c", query="q", branch=name, dimension="region") for name in NAMES
            ]
            self.task = BarrierOperator(
                task_id="arrived", branches={name: f"extract.{name}" for name in NAMES}, dimension="region", **words
            )
            _ = extracts >> self.task
        self.pushed: dict[str, Any] = {}

    def context(self, *, hours: float = 0, conf: dict[str, Any] | None = None, **states: str) -> Any:
        """That of a run which began so many hours ago."""
        found = context(self.task, conf={**NIGHT, **(conf or {})})
        ti, run = found["ti"], found["dag_run"]
        run.start_date = run.run_after = datetime.now(UTC) - timedelta(hours=hours)
        run.run_type, run.triggering_user_name = "manual", None
        ti.max_tries = 2
        ended = {"success", "failed", "skipped", "upstream_failed"}
        ti.get_task_states = lambda **_: {"run-1": {f"extract.{name}": state for name, state in states.items()}}
        ti.get_task_breadcrumbs = lambda *_: [
            {"task_id": f"extract.{name}", "state": state, "map_index": -1} for name, state in states.items() if state in ended
        ]
        ti.xcom_push = lambda key, value: self.pushed.update({key: value})
        ti.xcom_pull = lambda task_ids, key="return_value", **_: self._left(task_ids, key)
        return found

    @staticmethod
    def _left(task_id: str, key: str) -> Any:
        name = task_id.removeprefix("extract.")
        return {"branch": name, "rows": 100} if key == "return_value" else {"reason": "no answer", "started": "", "ended": ""}

    @property
    def record(self) -> dict[str, Any]:
        """What it decided."""
        found: dict[str, Any] = self.pushed["record"]
        return found


def deferred(barrier: Barrier, **states: Any) -> BarrierTrigger:
    """The trigger to which it goes to wait."""
    with pytest.raises(TaskDeferred) as waiting:
        barrier.task.execute(barrier.context(**states))
    trigger: BarrierTrigger = waiting.value.trigger
    return trigger


def test_a_catch_up_behind_a_rule_that_counts_rows_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that the warehouse holds are rows: one of four alone would never be enough."""
    monkeypatch.setattr(History, "held", lambda _: dict.fromkeys("abc", 100))
    monkeypatch.setattr(History, "usual", lambda _: dict.fromkeys(NAMES, 100))
    barrier = Barrier(at_least="80%", coverage="90%", decide_by="2h")
    trigger = deferred(barrier, conf={"region": ["d"]}, d="running", a="skipped", b="skipped", c="skipped")
    assert trigger.waiting().over({"extract.d": ["running"]}, {}, datetime.now(UTC)) is None


def test_without_a_triggerer_it_looks_anew_and_decides(skipped: list[str]) -> None:
    """Airflow wakes it by an error of its own, some minutes after its time."""
    barrier = Barrier(at_least=2, decide_by="1h")
    waking = {"error": "Trigger timeout"}
    told = barrier.context(hours=1.1, a="success", b="success", c="running", d="queued")
    barrier.task.resume_execution("__fail__", waking, told)
    assert (barrier.record["decided_by"], barrier.record["late"], barrier.record["not_started"]) == ("its time had come", ["c"], ["d"])
    assert skipped == ["extract.d"]


def test_a_trigger_that_was_lost_before_the_time_is_made_anew() -> None:
    """Nothing is decided yet."""
    barrier = Barrier(at_least=2, decide_by="1h")
    with pytest.raises(TaskDeferred):
        barrier.task.resume_execution(
            "__fail__", {"error": "Trigger failure"}, barrier.context(a="running", b="running", c="running", d="running")
        )


def test_a_branch_that_waits_for_its_retry_ends_no_night_that_has_enough() -> None:
    """``on_failure: abort`` is about what has failed for good."""
    barrier = Barrier(at_least=2, early=True, abort=["d"])
    barrier.task.execute(barrier.context(a="success", b="success", c="running", d="up_for_retry"))
    assert (barrier.record["outcome"], barrier.record["failed"], barrier.record["late"]) == ("partial", ["d"], ["c"])


def test_a_branch_that_has_failed_for_good_ends_the_night() -> None:
    """Though enough has arrived."""
    barrier = Barrier(at_least=2, abort=["d"])
    with pytest.raises(QuorumMissed, match="d failed, which ends the night"):
        barrier.task.execute(barrier.context(a="success", b="success", c="running", d="failed"))


def test_what_was_skipped_by_a_try_that_was_killed_had_not_begun() -> None:
    """The second try decides as the first one did."""
    barrier = Barrier(at_least=2, decide_by="1h", abort=["d"])
    barrier.task.execute(barrier.context(hours=2, a="success", b="success", c="running", d="skipped"))
    assert (barrier.record["outcome"], barrier.record["not_started"]) == ("partial", ["d"])


def test_a_barrier_that_is_cleared_after_its_time_gets_as_much_time_again() -> None:
    """Its run is still at work, and keeps its start; a try after one that was killed does not."""
    barrier = Barrier(at_least=2, decide_by="1h")
    cleared = barrier.context(hours=3, a="success", b="success", c="running", d="running")
    cleared["ti"].max_tries = 5
    with pytest.raises(TaskDeferred) as waiting:
        barrier.task.execute(cleared)
    left = datetime.fromisoformat(waiting.value.trigger.deadline) - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_a_branch_that_is_named_like_its_step_is_one_branch() -> None:
    """The group of the step is not the branch's own."""
    with DAG("night", schedule=None):
        from airflow.sdk import TaskGroup

        with TaskGroup("north"):
            extracts = [ExtractOperator(task_id=name, source_conn_id="c", query="q", branch=name) for name in ("north", "east")]
        barrier = BarrierOperator(task_id="arrived", branches={"north": "north.north", "east": "north.east"})
        _ = extracts >> barrier
    assert (barrier.members("north"), barrier.members("east")) == (("north.north",), ("north.east",))


def test_every_instance_of_a_mapped_task_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow knows each by its index; a teardown is left alone."""
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk.execution_time import task_runner

    sent: list[Any] = []
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", type("Comms", (), {"send": staticmethod(sent.append)}), raising=False)
    with DAG("night", schedule=None):
        asking = EmptyOperator(task_id="asking")
        ExtractOperator.partial(task_id="many", source_conn_id="c").expand(query=["a", "b"])
        EmptyOperator(task_id="down").as_teardown()
    skipping.skip(asking, {"many": 2, "down": 1})
    assert sent[0].tasks == ["many", ("many", 0), ("many", 1)]
