"""Waits for the branches of a barrier that may decide before all of them have ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.execution_time.xcom import XCom
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.patience import Patience, Stopwatch
from tidegate.resilience.quorum import Quorum
from tidegate.resilience.tasks import asked_for, by_task
from tidegate.resilience.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

POLL = 3.0
"""Seconds between two looks."""


class BarrierTrigger(BaseTrigger):
    """Fires once, with what brings the decision about; the decision itself is the barrier's. Runs in the triggerer.

    A look that fails, since the API does not answer, is made again: a barrier with a deadline decides at its time all the same.

    :param dag_id: Of the barrier's run.
    :param run_id: Of the barrier's run.
    :param rule: The quorum, by the words of the config.
    :param branches: Branch → its state where it is not waited for, such as ``excluded``; else ``not_started``.
    :param held: Branch → rows that the warehouse holds, of those that are held.
    :param ends: Branch → ids of the tasks in which it ends.
    :param deadline: ISO 8601; None to wait until all have ended, or nothing more can help.
    :param early: Whether enough is enough.
    :param abort: Branches whose failure ends the waiting.
    :param usual: Branch → its usual rows, for rules that count them.
    :param patience: Times, at least so many seconds, and branch → usual seconds, for branches that are late by their own history.
    :param poll: Seconds between two looks.
    """

    def __init__(
        self,
        *,
        dag_id: str,
        run_id: str,
        rule: Mapping[str, Any],
        branches: Mapping[str, str],
        ends: Mapping[str, Sequence[str]],
        held: Mapping[str, int] | None = None,
        deadline: str | None = None,
        early: bool = False,
        abort: Sequence[str] = (),
        usual: Mapping[str, int] | None = None,
        patience: Mapping[str, Any] | None = None,
        poll: float = POLL,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dag_id = dag_id
        self.run_id = run_id
        self.rule = rule
        self.branches = branches
        self.ends = ends
        self.held = held
        self.deadline = deadline
        self.early = early
        self.abort = abort
        self.usual = usual
        self.patience = patience
        self.poll = poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Plain JSON types."""
        return (
            "tidegate.triggers.barrier.BarrierTrigger",
            {
                "dag_id": self.dag_id,
                "run_id": self.run_id,
                "rule": dict(self.rule),
                "branches": dict(self.branches),
                "ends": {name: list(ends) for name, ends in self.ends.items()},
                "held": dict(self.held or {}),
                "deadline": self.deadline,
                "early": self.early,
                "abort": list(self.abort),
                "usual": dict(self.usual or {}),
                "patience": dict(self.patience) if self.patience else None,
                "poll": self.poll,
            },
        )

    def waiting(self) -> Waiting:
        """What it waits for."""
        return Waiting(
            rule=Quorum.parse(**self.rule),
            branches=tuple(
                Branch(name=name, state=BranchState(state), rows=(self.held or {}).get(name, 0)) for name, state in self.branches.items()
            ),
            ends=self.ends,
            deadline=datetime.fromisoformat(self.deadline) if self.deadline else None,
            early=self.early,
            abort=frozenset(self.abort),
            usual=self.usual or {},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to decide."""
        waiting = self.waiting()
        states: Mapping[str, Sequence[str | None]] = {}
        told: dict[str, Told] = {}
        watch, patience = Stopwatch(), self._patience()
        while True:
            try:
                seen = await self._states()
                if waiting.rule.counts_rows or patience is not None:
                    told |= {name: await self._told(name) for name in waiting.arrived(seen) if name not in told}
                states = seen  # what has arrived without anybody knowing with how many rows has not been seen
            except Exception as error:  # noqa: BLE001  whatever it is: the deadline must be kept
                self.log.warning("The branches cannot be looked at: %s: %s", type(error).__name__, error)
            now = datetime.now(UTC)
            seconds = {name: each.seconds for name, each in told.items() if each.seconds is not None}
            so_far = watch.look(waiting.at_work(states), waiting.arrived(states), now, seconds)
            overdue = patience.overdue(so_far, watch.took) if patience is not None else {}
            rows = {name: each.rows for name, each in told.items()}
            if (by := waiting.over(states, rows, now, overdue)) is not None:
                yield TriggerEvent({"by": str(by), "overdue": overdue, "deadline": self.deadline})  # type: ignore[no-untyped-call]
                return
            left = (waiting.deadline - now).total_seconds() if waiting.deadline is not None else self.poll
            await asyncio.sleep(max(0.0, min(self.poll, left)))

    def _patience(self) -> Patience | None:
        said = self.patience
        if not said:
            return None
        return Patience(times=said["times"], at_least=timedelta(seconds=said["at_least"]), usual=said["usual"])

    async def _states(self) -> dict[str, list[str | None]]:
        wanted = [task_id for name, ends in self.ends.items() if self.branches[name] == BranchState.NOT_STARTED for task_id in ends]
        asked = sync_to_async(RuntimeTaskInstance.get_task_states)
        found = await asked(dag_id=self.dag_id, task_ids=asked_for(wanted), run_ids=[self.run_id])
        return by_task(found.get(self.run_id, {}), wanted)

    async def _told(self, name: str) -> Told:
        """What an arrived branch tells of itself, by the task that carries its rows."""
        asked = sync_to_async(XCom.get_one)
        return told_by(await asked(key="return_value", dag_id=self.dag_id, task_id=self.ends[name][0], run_id=self.run_id))


class Told(NamedTuple):
    """What a branch that has arrived tells of itself."""

    rows: int
    seconds: float | None
    """None where it does not say."""


def told_by(report: Any) -> Told:
    """What a task's result tells; no rows, for one that carries none."""
    if not isinstance(report, dict):
        return Told(0, None)
    branch = report.get("branch")
    told = branch if isinstance(branch, dict) else report
    seconds = told.get("seconds")
    return Told(int(told.get("rows", 0)), float(seconds) if seconds else None)
