"""The join of a fan-out: decides whether what arrived is enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from tidegate.errors import QuorumMissed, TidegateError
from tidegate.operators.base import FAILURE_KEY, TidegateOperator
from tidegate.operators.extract import step_of
from tidegate.operators.surroundings import connection_url, staging_root
from tidegate.resilience.completeness import Branch, BranchState, Completeness
from tidegate.resilience.keys import EXPIRE, HELD_KEY
from tidegate.resilience.quorum import Quorum, decide, usual_rows
from tidegate.resilience.tasks import worst_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from sqlalchemy import Connection

    from tidegate.data.manifest import Manifest
    from tidegate.operators.night import Night
    from tidegate.resilience.tasks import TaskEnd

RECORD_KEY = "record"
"""XCom key of the completeness record."""


class BarrierOperator(TidegateOperator):
    """Waits for every branch to end, then decides by the quorum. Runs in a worker, after all branches (``all_done``).

    Returns the manifests of what arrived in this run, a list to map the next step over. Pushes the completeness record.

    A branch arrived when all tasks in which it ends succeeded; of those, the first hands on its rows. Tasks that bring no rows count as well.

    :param branches: Branch name → id of the task in which it ends, or several, in the order in which people read them.
    :param at_least: A count, or a percentage such as ``"80%"``; by default all, where neither ``coverage`` nor ``any`` is given.
    :param required: Branches without which it is never enough.
    :param coverage: A percentage of the usual rows: of each branch the median of its last nights, from the ledger of the load behind.
        Branches present in fewer than three of them, and all where no ledger can be read, are not judged by it.
    :param any: Rules of which one must hold besides, each a mapping of ``at_least``, ``required`` and ``coverage``.
    :param weight: Branch → how many it counts as for ``at_least``; 1 where nothing is said.
    :param dimension: What branches are, such as ``region``.
    :param expire: How long what is missing is caught up by itself.
    :param staged_as: The name that staging knows the branches' rows by; derived from the tasks' ids by default.
    :raises QuorumMissed: too little arrived; not retried.
    """

    ui_color = "#fbe3b5"
    carries_rows = True

    def __init__(
        self,
        *,
        branches: Mapping[str, str | Sequence[str]],
        at_least: str | int | None = None,
        required: Sequence[str] = (),
        coverage: str | None = None,
        any: Sequence[Mapping[str, Any]] = (),  # noqa: A002  the word of the config
        weight: Mapping[str, int] | None = None,
        dimension: str = "branch",
        expire: timedelta = EXPIRE,
        staged_as: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("trigger_rule", TriggerRule.ALL_DONE)
        super().__init__(**kwargs)
        self.branches = branches
        self.at_least = at_least
        self.required = required
        self.coverage = coverage
        self.any = any
        self.weight = weight
        self.dimension = dimension
        self.expire = expire
        self.staged_as = staged_as

    def work(self, night: Night) -> list[dict[str, Any]]:
        """Look at every branch, decide, say so."""
        chosen = night.chosen(self.dimension, self.branches)
        ended = worst_ends(night.ended)
        found = {name: self._look(night, name, ended, name in chosen) for name in self.branches}
        self._settle(night, found, ended)
        branches = tuple(branch for branch, _ in found.values())
        if len(chosen) < len(branches):
            branches = self._with_held(night, branches)
        rule = Quorum.parse(self.at_least, self.required, coverage=self.coverage, any=self.any, weight=self.weight)
        decision = decide(rule, branches, self._usual(night) if rule.counts_rows else None)
        record = Completeness(
            pipeline=night.dag_id,
            interval=night.interval,
            dimension=self.dimension,
            branches=branches,
            needed=decision.needed,
            met=decision.met,
            required_missing=decision.required_missing,
            coverage=float(decision.coverage) if decision.coverage is not None else None,
            lacking=decision.lacking,
            run_id=night.run_id,
            correlation_id=night.correlation_id,
        )
        night.ti.xcom_push(key=RECORD_KEY, value=record.as_dict())
        self.log.info("%s", record.sentence)
        if not decision.met:
            raise QuorumMissed(record.sentence)
        arrived = [manifest for _, manifest in found.values() if manifest is not None]
        night.ti.xcom_push(key=HELD_KEY, value=self._staged_earlier(night, arrived))
        return arrived

    @property
    def _combined(self) -> bool:
        """Whether a task behind combines what arrives with what earlier runs staged."""
        return any(getattr(task, "held", None) is not None for task in self.get_flat_relatives(upstream=False))

    def _settle(self, night: Night, found: Mapping[str, tuple[Branch, dict[str, Any] | None]], ended: Mapping[str, TaskEnd]) -> None:
        """Withdraw the rows of branches that failed behind them, so that no later run combines them; what arrived counts again."""
        several = [name for name in found if len(self.ends(name)) > 1]
        if not several or not self._combined:
            return
        from tidegate.data.manifest import Manifest
        from tidegate.data.staging import Staging

        staging = Staging(staging_root())
        for name in several:
            branch, manifest = found[name]
            if manifest is not None:
                staging.restore(Manifest.from_dict(manifest))
            elif branch.state is BranchState.FAILED and _state(ended, carrier := self.ends(name)[0]) == "success":
                report = night.ti.xcom_pull(task_ids=carrier)
                if isinstance(report, dict) and (receipt := report.get("manifest", report)).get("branch") == name:
                    staging.withdraw(Manifest.from_dict(receipt))

    def _staged_earlier(self, night: Night, arrived: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The manifests of branches that only earlier runs staged, where a task behind combines them with what arrived."""
        if not self._combined:
            return []
        from tidegate.data.staging import Staging

        here = {manifest["branch"] for manifest in arrived}
        absent = [name for name in self.branches if name not in here]
        named = {self.staged_as} if self.staged_as else {step_of(self.ends(name)[0], name) for name in absent}
        steps = {manifest["step"] for manifest in arrived} | named
        found: dict[str, Manifest] = {}
        for step in sorted(steps):
            committed = Staging(staging_root()).committed(night.dag_id, step, night.interval.start, night.interval.end)
            found |= {name: manifest for name, manifest in committed.items() if name in absent}
        return [manifest.as_dict() for manifest in found.values()]

    def _with_held(self, night: Night, branches: tuple[Branch, ...]) -> tuple[Branch, ...]:
        """The branches of a run that was to bring only some, with those of the others that the warehouse holds already."""
        from tidegate.operators.records import held_rows

        held = self._asked(lambda ledger: held_rows(ledger, night.dag_id, night.interval), otherwise="this run must have enough by itself")
        return tuple(
            replace(branch, state=BranchState.HELD, rows=held[branch.name])
            if branch.state is BranchState.EXCLUDED and branch.name in held
            else branch
            for branch in branches
        )

    def _asked(self, question: Callable[[Connection], dict[str, int]], *, otherwise: str) -> dict[str, int]:
        """What the ledger of the load behind answers; nothing where there is none, or where it cannot be read.

        :param otherwise: What follows then, for the log.
        """
        from tidegate.data.engines import reading

        behind = (task for task in self.get_flat_relatives(upstream=False) if isinstance(task, TidegateOperator))
        conn_id = next((task.ledger_conn_id for task in behind if task.ledger_conn_id), None)
        if conn_id is None:
            self.log.info("No load stands behind whose ledger would tell of earlier nights, so %s.", otherwise)
            return {}
        try:
            with reading(connection_url(conn_id), connection_name=conn_id) as connection:
                return question(connection)
        except TidegateError as error:
            self.log.warning("The ledger cannot be asked of earlier nights, so %s: %s", otherwise, error)
            return {}

    def _usual(self, night: Night) -> dict[str, int]:
        """The usual rows of each branch; what nobody knows yet keeps no night from going on, and the log says so."""
        from tidegate.operators.records import nights_before

        usual = self._asked(
            lambda ledger: usual_rows(nights_before(ledger, night.dag_id, night.interval)), otherwise="nothing is judged by coverage"
        )
        if unknown := [name for name in self.branches if name not in usual]:
            self.log.info("Not judged by coverage, for too few nights are known: %s", ", ".join(unknown))
        return usual

    def ends(self, name: str) -> tuple[str, ...]:
        """The ids of the tasks in which a branch ends."""
        ends = self.branches[name]
        return (ends,) if isinstance(ends, str) else tuple(ends)

    def members(self, name: str) -> tuple[str, ...]:
        """The ids of all tasks of a branch: of the task group that is named after it, else those in which it ends."""
        ends = self.ends(name)
        group = self.dag.get_task(ends[0]).task_group
        while group is not None and group.group_id is not None:
            if group.label == name:
                return tuple(task.task_id for task in group.iter_tasks())
            group = group.parent_group
        return ends

    def _look(
        self,
        night: Night,
        name: str,
        ended: Mapping[str, TaskEnd],
        chosen: bool,  # noqa: FBT001
    ) -> tuple[Branch, dict[str, Any] | None]:
        """What became of one branch. Airflow's state decides; XCom only explains, for it may be left from an earlier try."""
        if not chosen:
            return Branch(name=name, state=BranchState.EXCLUDED), None
        ends = self.ends(name)
        if missing := [task_id for task_id in ends if _state(ended, task_id) != "success"]:
            return self._failed(night, name, missing[0], ended), None
        report = night.ti.xcom_pull(task_ids=ends[0])
        if isinstance(report, dict) and "manifest" in report:
            return Branch(**{**report["branch"], "state": BranchState.ARRIVED}), report["manifest"]
        if isinstance(report, dict) and report.get("branch") == name and "rows" in report:
            return Branch(name=name, state=BranchState.ARRIVED, rows=report["rows"]), report
        if self._carries_rows(ends[0]):
            return Branch(name=name, state=BranchState.FAILED, reason="marked success by hand, without rows"), None
        return Branch(name=name, state=BranchState.ARRIVED), None

    def _carries_rows(self, task_id: str) -> bool:
        task = self.dag.get_task(task_id)
        return isinstance(task, TidegateOperator) and task.carries_rows

    def _failed(self, night: Night, name: str, end: str, ended: Mapping[str, TaskEnd]) -> Branch:
        """A branch that did not arrive, with the reason of the task that failed on its way."""
        failed = self._culprit(name, end, ended)
        state = _state(ended, failed)
        if state != "failed":
            return Branch(name=name, state=BranchState.FAILED, reason=f"never ran: {state or 'no state'}")
        failure = night.ti.xcom_pull(task_ids=failed, key=FAILURE_KEY, map_indexes=ended[failed].index) or {}
        began, over = failure.get("started", ""), failure.get("ended", "")
        seconds = (datetime.fromisoformat(over) - datetime.fromisoformat(began)).total_seconds() if over else 0.0
        known = isinstance(self.dag.get_task(failed), TidegateOperator)
        reason = failure.get("reason") or ("its process died, or a person marked it failed" if known else f"{failed} failed: see its log")
        return Branch(name=name, state=BranchState.FAILED, reason=reason, seconds=seconds, started=began, ended=over)

    def _culprit(self, name: str, end: str, ended: Mapping[str, TaskEnd]) -> str:
        """The task of a branch that kept its end from succeeding: the end itself, or one before it that failed."""
        if _state(ended, end) == "failed":
            return end
        before = {task.task_id for task in self.dag.get_task(end).get_flat_relatives(upstream=True)}
        return next((task_id for task_id in self.members(name) if task_id in before and _state(ended, task_id) == "failed"), end)


def _state(ended: Mapping[str, TaskEnd], task_id: str) -> str:
    """The state in which a task ended, empty for one that has not."""
    return ended[task_id].state if task_id in ended else ""
