"""The join of a fan-out: decides whether what arrived is enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR
from airflow.sdk.exceptions import AirflowRescheduleException

from tidegate.errors import QuorumMissed
from tidegate.operators.base import TidegateOperator
from tidegate.operators.branches import Branches
from tidegate.operators.breakers import remember
from tidegate.operators.budget import deadline_of, was_cleared
from tidegate.operators.fallback import stand_ins
from tidegate.operators.history import History
from tidegate.operators.skipping import skip
from tidegate.operators.stopping import forget_stop, stop_reads
from tidegate.resilience.aftermath import in_time, judged, moment, orders, recorded
from tidegate.resilience.completeness import Branch, BranchState, Completeness, DecidedBy
from tidegate.resilience.deadline import DecideBy
from tidegate.resilience.keys import EXPIRE, HELD_KEY
from tidegate.resilience.quorum import Quorum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Asset, Context

    from tidegate.data.manifest import Manifest
    from tidegate.operators.night import Night
    from tidegate.triggers.barrier import BarrierTrigger

RECORD_KEY = "record"
"""XCom key of the completeness record."""
_GRACE = timedelta(minutes=5)
"""How long after its time a barrier goes on without its trigger, where no triggerer is alive."""


class BarrierOperator(TidegateOperator):
    """Decides by the quorum whether what arrived is enough. Runs in a worker, after all branches (``all_done``).

    Returns the manifests of what arrived in this run, a list to map the next step over. Pushes the completeness record.

    With any of ``decide_by``, ``early``, ``patience``, ``on_short="stop"`` and ``abort`` it watches its branches: it begins with the run (``always``), waits in
    the triggerer, and decides as soon as there is something to decide, or when its time comes.

    A branch arrived when all tasks in which it ends succeeded; of those, the first hands on its rows. Tasks that bring no rows count as well.

    :param branches: Branch name → id of the task in which it ends, or several, in the order in which people read them.
    :param at_least: A count, or a percentage such as ``"80%"``; by default all, where neither ``coverage`` nor ``any`` is given.
    :param required: Branches without which it is never enough.
    :param coverage: A percentage of the usual rows: of each branch the median of its last nights, from the ledger of the load behind.
        Branches present in fewer than three of them are not judged by it; they are needed, unless ``at_least`` says how many are enough.
    :param any: Rules of which one must hold besides, each a mapping of ``at_least``, ``required`` and ``coverage``.
    :param weight: Branch → how many it counts as for ``at_least``; 1 where nothing is said.
    :param decide_by: A time of day such as ``"04:30"``, or a duration from the run's start. What has not begun by then is skipped.
    :param timezone: Zone of that time of day.
    :param early: Whether it decides as soon as enough has arrived.
    :param patience: For branches that are late by their own history: ``times`` as long as one usually takes, and ``at_least`` so many seconds. Those
        are not waited for where enough is there without them.
    :param late: ``catch_up`` or ``stop``: what becomes of branches that are still at work when it is decided.
    :param on_short: ``finish`` or ``stop``: what becomes of them when it cannot be enough any more.
    :param abort: Branches whose failure ends the night; None for all.
    :param dimension: What branches are, such as ``region``.
    :param last_good: How old the rows may be, by the start of their interval, that stand in for a branch that is missing: those that it staged for the
        newest earlier interval. They are handed on under this run's interval, marked, and count neither as arrived nor as rows. None for none.
    :param expire: How long what is missing is caught up by itself.
    :param breakers: The assets in whose state the branches' breakers are kept: those that the extracts name.
    :param staged_as: The name that staging knows the branches' rows by; derived from the tasks' ids by default.
    :raises QuorumMissed: too little arrived; not retried.
    """

    ui_color = "#fbe3b5"
    carries_rows = True
    watches: bool
    """Whether it may decide before all branches have ended."""

    def __init__(
        self,
        *,
        branches: Mapping[str, str | Sequence[str]],
        at_least: str | int | None = None,
        required: Sequence[str] = (),
        coverage: str | None = None,
        any: Sequence[Mapping[str, Any]] = (),  # noqa: A002  the word of the config
        weight: Mapping[str, int] | None = None,
        decide_by: str | None = None,
        timezone: str = "UTC",
        early: bool = False,
        patience: Mapping[str, float] | None = None,
        late: str = "catch_up",
        on_short: str = "finish",
        abort: Sequence[str] | None = (),
        dimension: str = "branch",
        last_good: timedelta | None = None,
        expire: timedelta = EXPIRE,
        breakers: Sequence[Asset] = (),
        staged_as: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.watches = bool(decide_by or early or patience or on_short == "stop" or abort is None or abort)
        kwargs.setdefault("trigger_rule", TriggerRule.ALWAYS if self.watches else TriggerRule.ALL_DONE)
        if self.watches:
            # Ahead of its branches, for it takes a moment and people wait for it: the sum of their weights. A great weight of its own would be theirs, too.
            kwargs.setdefault("weight_rule", "upstream")
        super().__init__(**kwargs)
        self.branches = branches
        self.at_least = at_least
        self.required = required
        self.coverage = coverage
        self.any = any
        self.weight = weight
        self.decide_by = decide_by
        self.timezone = timezone
        self.early = early
        self.patience = patience
        self.late = late
        self.on_short = on_short
        self.abort = abort
        self.dimension = dimension
        self.last_good = last_good
        self.expire = expire
        self.staged_as = staged_as
        self.breakers = breakers
        self.inlets = [*self.inlets, *breakers]

    # -- What it is about --------------------------------------------------------------------------------------------

    @property
    def watched(self) -> list[str]:
        """The ids of all tasks of all branches."""
        return list(dict.fromkeys(task_id for name in self.branches for task_id in self.members(name)))

    @property
    def rule(self) -> dict[str, Any]:
        """The quorum, by the words of the config."""
        return {
            "at_least": self.at_least,
            "required": list(self.required),
            "coverage": self.coverage,
            "any": [dict(way) for way in self.any],
            "weight": dict(self.weight or {}),
        }

    def ends(self, name: str) -> tuple[str, ...]:
        """The ids of the tasks in which a branch ends."""
        ends = self.branches[name]
        return (ends,) if isinstance(ends, str) else tuple(ends)

    def members(self, name: str) -> tuple[str, ...]:
        """The ids of all tasks of a branch: of the task group that is named after it, else those in which it ends."""
        ends = self.ends(name)
        others = {task_id for other in self.branches if other != name for task_id in self.ends(other)}
        group = self.dag.get_task(ends[0]).task_group
        while group is not None and group.group_id is not None:
            members = tuple(task.task_id for task in group.iter_tasks()) if group.label == name else ()
            if members and others.isdisjoint(members):  # else it is the step's own group, of which a branch has the name
                return members
            group = group.parent_group
        return ends

    # -- Waiting -----------------------------------------------------------------------------------------------------

    def work(self, night: Night) -> list[dict[str, Any]]:
        """Decide, once there is something to decide."""
        seen = Branches(self, night)
        if not self.watches:
            return self._decide(night, seen, DecidedBy.ALL)
        forget_stop(night)
        trigger = self._trigger(night)
        return self._decide(night, seen, self._awaited(night, seen, trigger), trigger.waiting().deadline)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the trigger. Where that was lost, or no triggerer was alive until some minutes after the time, look anew, and decide."""
        if next_method == TRIGGER_FAIL_REPR:
            self.log.warning("The trigger has not fired: %s", (next_kwargs or {}).get("error", "no reason given"))
            return self.execute(context)
        return super().resume_execution(next_method, next_kwargs, context)

    def resume(self, context: Context, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Decide, after the trigger has fired."""

        def decided(night: Night) -> list[dict[str, Any]]:
            deadline = datetime.fromisoformat(event["deadline"]) if event.get("deadline") else None
            return self._decide(night, Branches(self, night), DecidedBy(event["by"]), deadline, event.get("overdue"))

        return self.at_work(context, decided)  # type: ignore[no-any-return]

    def _awaited(self, night: Night, seen: Branches, trigger: BarrierTrigger) -> DecidedBy:
        """What brings the decision about; goes to wait in the triggerer where nothing does yet."""
        waiting = trigger.waiting()
        now = datetime.now(UTC)
        rows = {branch.name: branch.rows for branch, _ in (seen.look(name) for name in self.branches)} if waiting.rule.counts_rows else {}
        if (by := waiting.over(seen.states, rows, now)) is not None:
            return by
        if night.context["dag_run"].triggering_user_name == "dag_test":
            # Airflow's dag.test() runs one task at a time, and would run the trigger before all branches.
            raise AirflowRescheduleException(now)  # type: ignore[no-untyped-call]
        left = waiting.deadline - now + _GRACE if waiting.deadline is not None else None
        self.log.info("Waiting for %s branches until %s", len(self.branches), trigger.deadline or "all have ended")
        return self.defer(trigger=trigger, method_name="resume", timeout=left)

    def _trigger(self, night: Night) -> BarrierTrigger:
        from tidegate.triggers.barrier import BarrierTrigger

        chosen = night.chosen(self.dimension, self.branches)
        held = History(self, night).held() if len(chosen) < len(self.branches) else {}
        states = {name: BranchState.HELD if name in held else BranchState.EXCLUDED for name in self.branches if name not in chosen}
        rule = self.rule
        deadline = self._deadline(night)
        return BarrierTrigger(
            dag_id=night.dag_id,
            run_id=night.run_id,
            rule=rule,
            branches={name: str(states.get(name, BranchState.NOT_STARTED)) for name in self.branches},
            held=held,
            ends={name: self.ends(name) for name in self.branches},
            deadline=deadline.isoformat() if deadline else None,
            early=self.early,
            abort=list(self.branches if self.abort is None else self.abort),
            usual=History(self, night).usual() if Quorum.parse(**rule).counts_rows else {},
            patience={**self.patience, "usual": History(self, night).usual_seconds()} if self.patience else None,
        )

    def _deadline(self, night: Night) -> datetime | None:
        """When it decides. One that somebody clears after that time, while its run is still at work, gets as much time again from now on."""
        if not self.decide_by:
            return None
        deadline, now = deadline_of(DecideBy(self.decide_by, self.timezone), night.context), datetime.now(UTC)
        if deadline > now or not was_cleared(night.context):
            return deadline
        began = night.context["dag_run"].start_date or now
        return now + (deadline - began)

    # -- Deciding ----------------------------------------------------------------------------------------------------

    def _decide(
        self, night: Night, seen: Branches, by: DecidedBy, deadline: datetime | None = None, overdue: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Decide about every branch, and say so.

        :param deadline: When it had to be decided.
        :param overdue: Branch → how long it has been at work, and how long it had.
        """
        history = History(self, night)
        decide_by = DecideBy(self.decide_by, self.timezone) if self.decide_by else None
        late = moment(by, decide_by)
        found = {name: seen.look(name, late=(overdue or {}).get(name, late)) for name in self.branches}
        unjudged = history.settle(found, seen)
        rule = Quorum.parse(**self.rule)
        usual = history.usual() if rule.counts_rows else {}
        seen_now = tuple(replace(branch, usual=usual.get(branch.name)) for branch, _ in found.values())
        branches = in_time(seen_now, deadline, decide_by)
        by = by if branches == seen_now else DecidedBy.TIME
        if len(seen.chosen) < len(branches):
            branches = _with_held(branches, history.held())
        decision, aborted = judged(rule, branches, usual, self._aborting(seen, by))
        record = recorded(
            rule,
            decision,
            branches,
            by=by,
            at=datetime.now(UTC),
            deadline=deadline,
            pipeline=night.dag_id,
            interval=night.interval,
            dimension=self.dimension,
            run_id=night.run_id,
            correlation_id=night.correlation_id,
        )
        if self.watches:
            self._end_the_others(night, seen, record, aborted=bool(aborted))
        night.ti.xcom_push(key=RECORD_KEY, value=record.as_dict())  # at once: a branch that ends now asks for it
        arrived = [manifest for _, manifest in found.values() if manifest is not None]
        held = history.staged(arrived, unjudged) if record.met else []
        stale: list[Manifest] = []
        if record.met and self.last_good is not None and record.missing:
            stale = stand_ins(history, record, {manifest["branch"] for manifest in held}, self.last_good)
            record = record.carrying({name: start for manifest in stale for name, start in manifest.stale.items()})
            night.ti.xcom_push(key=RECORD_KEY, value=record.as_dict())
        self.log.info("%s", record.sentence)
        self.log.info("%s", record.line)
        remember(seen, record)
        if not record.met:
            raise QuorumMissed(record.sentence)
        night.ti.xcom_push(key=HELD_KEY, value=held)
        return [*arrived, *(manifest.as_dict() for manifest in stale)]

    def _aborting(self, seen: Branches, by: DecidedBy) -> list[str]:
        """The branches whose failure ends the night, but for those that might still have been tried again."""
        named = self.branches if self.abort is None else self.abort
        return [name for name in named if by is DecidedBy.TIME or not seen.retries(name)]

    def _end_the_others(self, night: Night, seen: Branches, record: Completeness, *, aborted: bool) -> None:
        """Skip what has not begun; stop what is at work, where the config says so."""
        found = orders(record, late=self.late, on_short=self.on_short, aborted=aborted)
        skip(self, {task_id: len(seen.states.get(task_id, ())) for name in found.skip for task_id in seen.unstarted(name)})
        if found.stop:
            stop_reads(night, found.stop)


def _with_held(branches: tuple[Branch, ...], held: Mapping[str, int]) -> tuple[Branch, ...]:
    """The branches of a run that was to bring only some, with those of the others that the warehouse holds already."""
    return tuple(
        replace(branch, state=BranchState.HELD, rows=held[branch.name])
        if branch.state is BranchState.EXCLUDED and branch.name in held
        else branch
        for branch in branches
    )
