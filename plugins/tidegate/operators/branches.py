"""What became of the branches of a fan-out, as a barrier behind it sees them."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidegate.errors import BreakerOpen
from tidegate.operators.base import FAILURE_KEY, TidegateOperator
from tidegate.resilience.aftermath import absence, unbegun
from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.tasks import asked_for, by_task, worst_ends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.operators.barrier import BarrierOperator
    from tidegate.operators.night import Night
    from tidegate.resilience.tasks import TaskEnd


def states_of(night: Night, task_ids: Sequence[str]) -> dict[str, list[str | None]]:
    """Task id → the states of its task instances in the run, those that have not begun among them."""
    found = night.ti.get_task_states(dag_id=night.dag_id, task_ids=asked_for(task_ids), run_ids=[night.run_id])
    return by_task(found.get(night.run_id, {}), task_ids)


class Branches:
    """One look at all branches. Airflow's states decide; XCom only explains, for it may be left from an earlier try."""

    def __init__(self, barrier: BarrierOperator, night: Night) -> None:
        self.barrier = barrier
        self.dag = barrier.dag
        self.night = night
        # In this order: what ends in between is seen to have ended.
        self.states = states_of(night, barrier.watched) if barrier.watches else {}
        self.ended: Mapping[str, TaskEnd] = worst_ends(night.ended)

    @cached_property
    def chosen(self) -> frozenset[str]:
        """Those that the run is to bring."""
        return self.night.chosen(self.barrier.dimension, self.barrier.branches)

    def look(self, name: str, *, late: str = "") -> tuple[Branch, dict[str, Any] | None]:
        """What became of one branch, and the receipt of its rows where it has any.

        :param late: When it was decided, for the reason of a branch that has not ended.
        """
        if name not in self.chosen:
            return Branch(name=name, state=BranchState.EXCLUDED), None
        ends = self.barrier.ends(name)
        if missing := [task_id for task_id in ends if self.state(task_id) != "success"]:
            return self._failed(name, missing[0], late), None
        report = self.night.ti.xcom_pull(task_ids=ends[0])
        if isinstance(report, dict) and "manifest" in report:
            return Branch(**{**report["branch"], "state": BranchState.ARRIVED}), report["manifest"]
        if isinstance(report, dict) and report.get("branch") == name and "rows" in report:
            return Branch(name=name, state=BranchState.ARRIVED, rows=report["rows"], quarantined=report.get("quarantined", 0)), report
        if self._carries_rows(ends[0]):
            return Branch(name=name, state=BranchState.FAILED, reason="marked success by hand, without rows"), None
        return Branch(name=name, state=BranchState.ARRIVED), None

    def state(self, task_id: str) -> str:
        """The state in which a task ended, empty for one that has not."""
        return self._ends.get(task_id, "")

    @cached_property
    def _ends(self) -> dict[str, str]:
        return {task_id: end.state for task_id, end in self.ended.items()}

    def unstarted(self, name: str) -> list[str]:
        """The tasks of a branch that have neither ended nor begun, those that wait for another try among them."""
        return unbegun(self.barrier.members(name), ended=self.ended, states=self.states)

    def retries(self, name: str) -> bool:
        """Whether a task of a branch waits for another try."""
        return any("up_for_retry" in self.states.get(task_id, ()) for task_id in self.barrier.members(name))

    def _carries_rows(self, task_id: str) -> bool:
        task = self.dag.get_task(task_id)
        return isinstance(task, TidegateOperator) and task.carries_rows

    def _failed(self, name: str, end: str, late: str) -> Branch:
        """A branch that did not arrive, with the reason of the task that failed on its way."""
        found = absence(
            end,
            before={task.task_id for task in self.dag.get_task(end).get_flat_relatives(upstream=True)},
            members=self.barrier.members(name),
            ended=self._ends,
            states=self.states,
            late=late if self.barrier.watches else None,
        )
        if found.task is None:
            return Branch(name=name, state=found.state, reason=found.reason)
        return self._explained(name, found.task, self.ended[found.task].index if found.task in self.ended else -1)

    def _explained(self, name: str, task_id: str, index: int) -> Branch:
        """A branch of which a try failed, with what that try left of it."""
        failure = self.night.ti.xcom_pull(task_ids=task_id, key=FAILURE_KEY, map_indexes=index) or {}
        began, over = failure.get("started", ""), failure.get("ended", "")
        seconds = (datetime.fromisoformat(over) - datetime.fromisoformat(began)).total_seconds() if over else 0.0
        known = isinstance(self.dag.get_task(task_id), TidegateOperator)
        reason = failure.get("reason") or ("its process died, or a person marked it failed" if known else f"{task_id} failed: see its log")
        became = BranchState.OPEN if failure.get("error") == BreakerOpen.__name__ else BranchState.FAILED
        return Branch(name=name, state=became, reason=reason, seconds=seconds, started=began, ended=over)
