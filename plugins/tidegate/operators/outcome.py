"""The leaf in which every pipeline ends: reads what happened, records it, tells it, and makes the run's state honest."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseNotifier, RetryAction, TriggerRule
from airflow.sdk.exceptions import AirflowTaskTimeout

from tidegate.errors import ImportRefused, IntervalUnknown, NightFailed
from tidegate.operators.barrier import RECORD_KEY, BarrierOperator
from tidegate.operators.base import FAILURE_KEY, TidegateOperator
from tidegate.operators.imports import imported
from tidegate.operators.load import BEFORE_KEY, OVERTAKEN, LoadOperator
from tidegate.operators.surroundings import connection_url
from tidegate.resilience.completeness import Completeness
from tidegate.resilience.tasks import worst_ends
from tidegate.resilience.verdict import NOTE_KEY, Failure, Verdict, failures_of, failures_that_matter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from sqlalchemy import Connection

    from tidegate.operators.night import Night
    from tidegate.resilience.interval import Interval


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRoute:
    """Whom to tell of what."""

    on: Sequence[str] = ("partial", "failed", "recovered")
    """Any of complete, partial, failed, recovered."""
    notifier: str | BaseNotifier = "tidegate.notifications.LogNotifier"
    """A notifier, or its import path; a path is imported only when there is something to tell."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """The notifier's arguments, when it is given by path."""

    def make(self) -> BaseNotifier:
        """The notifier itself.

        :raises ImportRefused: the path leads nowhere, or to something else.
        """
        if not isinstance(self.notifier, str):
            return self.notifier
        kind = imported(self.notifier)
        if not (isinstance(kind, type) and issubclass(kind, BaseNotifier)):
            raise ImportRefused(f"{self.notifier} is no notifier.", hint="Name a class that follows Airflow's BaseNotifier.")
        return kind(**self.arguments)


class OutcomeOperator(TidegateOperator):
    """Ends a run: fails it if and only if something that matters failed, and tells partial beside a green state. Runs in a worker.

    Put it behind every leaf of the DAG, with the task id ``outcome``; it finds the DAG's barriers and loads by itself. What a barrier
    has decided about, its branches, does not fail the run any more. Pushes the record as XCom ``record``; a listener makes its sentence
    the run's note. Assets under ``outlets`` are updated by a run that did not fail, with the record as the event's ``extra``.

    :param alerts: Whom to tell of what.
    :param ledger_conn_id: Airflow connection of the ledger of a DAG without a load, in which the record of a run that did not fail is written.
    :raises NightFailed: something that matters failed; the message is the record's sentence; not retried.
    :raises Unreachable: the ledger of a missed quorum, or of a DAG without a load, does not answer; retried before anything is told, and told with the rest by the last try.
    """

    ui_color = "#f7d7d7"

    def __init__(self, *, alerts: Sequence[AlertRoute] = (AlertRoute(),), ledger_conn_id: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("trigger_rule", TriggerRule.ALL_DONE)
        super().__init__(**kwargs)
        self.alerts = alerts
        self._ledger_conn_id = ledger_conn_id

    @property
    def ledger_conn_id(self) -> str | None:
        """The connection of a ledger that lies beside no rows."""
        return self._ledger_conn_id

    @property
    def barriers(self) -> list[BarrierOperator]:
        """The DAG's barriers, in its order."""
        return [task for task in self.dag.tasks if isinstance(task, BarrierOperator)]

    @property
    def loads(self) -> list[LoadOperator]:
        """The DAG's loads, in its order."""
        return [task for task in self.dag.tasks if isinstance(task, LoadOperator)]

    def work(self, night: Night) -> dict[str, Any]:
        """Read, record, tell; then fail the run if it must fail."""
        verdict = self._verdict(night)
        record = verdict.as_dict()
        night.ti.xcom_push(key=RECORD_KEY, value=record)
        night.ti.xcom_push(key=NOTE_KEY, value=verdict.sentence)
        for asset in self.outlets:
            night.context["outlet_events"][asset].extra = record
        self.log.log(logging.WARNING if verdict.warnings or verdict.unrecorded else logging.INFO, "%s", verdict.sentence)
        notifiers, untold = self._notifiers()
        untold += self._tell(night, verdict, notifiers)
        if untold:
            night.ti.xcom_push(key=RECORD_KEY, value={**record, "alerts_failed": untold})
        if verdict.failed:
            raise NightFailed(verdict.sentence)
        return {"verdict": verdict.word, "sentence": verdict.sentence}

    def _verdict(self, night: Night) -> Verdict:
        states = {task_id: end.state for task_id, end in worst_ends(night.ended).items()}
        records = {
            barrier.task_id: Completeness.from_dict(record)
            for barrier in self.barriers
            if states.get(barrier.task_id) in {"success", "failed"}
            and (record := night.ti.xcom_pull(task_ids=barrier.task_id, key=RECORD_KEY))
        }
        missed = {task_id for task_id, record in records.items() if not record.met}
        decided = {
            task_id
            for barrier in self.barriers
            if barrier.task_id in records
            for name in barrier.branches
            for task_id in barrier.members(name)
        }
        interval, unknown = self._interval(night, states)
        tolerated = frozenset(decided | missed | self._teardowns) | (self._carriers if unknown else frozenset())
        reasons = self._reasons(night, tolerated - self._teardowns)
        failures = (
            *unknown,
            *failures_that_matter(night.ended, tolerated, reasons, explained=bool(missed or unknown)),
            *self._unloaded(night, states),
            *(Failure(task=task_id, reason="had not ended when the run was judged") for task_id in self._unfinished(states, records)),
        )
        completeness, before, unrecorded = self._completeness(night, states, records, failed=bool(failures))
        return Verdict(
            pipeline=night.dag_id,
            interval=interval,
            run_id=night.run_id,
            correlation_id=night.correlation_id,
            completeness=completeness,
            failures=failures,
            warnings=failures_of(self._teardowns, night.ended, reasons),
            unrecorded=unrecorded,
            before=before,
            overtaken_by=self._overtaken_by(night, states) if completeness is None else "",
        )

    def _completeness(
        self, night: Night, states: Mapping[str, str], records: Mapping[str, Completeness], *, failed: bool
    ) -> tuple[Completeness | None, str, tuple[str, ...]]:
        """The record that tells most, the interval's outcome before this run, and the ledgers that could not be told.

        The record is that of a missed quorum, else a load's, which knows earlier runs, or that of the own ledger, which then knows this one.

        :param failed: Whether something that matters failed, so that what was brought came to nothing.
        """
        for barrier in self.barriers:
            if (missed := records.get(barrier.task_id)) and not missed.met:
                return missed, *self._record_short(night, missed, barrier.expire)
        for load in self.loads:
            if states.get(load.task_id) == "success" and (report := night.ti.xcom_pull(task_ids=load.task_id, key=RECORD_KEY)):
                return Completeness.from_dict(report), night.ti.xcom_pull(task_ids=load.task_id, key=BEFORE_KEY) or "", ()
        if self.ledger_conn_id is not None and records and not failed:
            return self._record_unloaded(night, *next(iter(records.items())))
        return next(iter(records.values()), None), "", ()

    @property
    def _teardowns(self) -> frozenset[str]:
        """The tasks whose failure fails no run: the teardowns that do not say otherwise."""
        return frozenset(task.task_id for task in self.dag.tasks if task.is_teardown and not task.on_failure_fail_dagrun)

    @property
    def _carriers(self) -> frozenset[str]:
        """The tasks that work on the rows of an interval."""
        return frozenset(task.task_id for task in self.dag.tasks if isinstance(task, TidegateOperator) and task.carries_rows)

    @staticmethod
    def _reasons(night: Night, told: frozenset[str]) -> dict[str, str]:
        """Why tasks failed that nothing else tells of, where they have left it."""
        reasons = {}
        for end in night.ended:
            if end.state == "failed" and end.task not in told:
                found = night.ti.xcom_pull(task_ids=end.task, key=FAILURE_KEY, map_indexes=end.index) or {}
                reasons[end.name] = found.get("reason", "")
        return reasons

    def _interval(self, night: Night, states: Mapping[str, str]) -> tuple[Interval | None, list[Failure]]:
        """What the run is about. Tasks that needed to know have failed where it does not say so, which is told once for all of them."""
        try:
            return night.interval, []
        except IntervalUnknown as error:
            needed = any(states.get(task_id) == "failed" for task_id in self._carriers)
            return None, [Failure(task="trigger", reason=error.message)] if needed else []

    def _unloaded(self, night: Night, states: Mapping[str, str]) -> list[Failure]:
        """Loads that did not fail and loaded nothing all the same: a green run must not say that their rows are there."""
        found = []
        for load in self.loads:
            if states.get(load.task_id) == "skipped":
                found.append(Failure(task=load.task_id, reason="was skipped, so nothing was loaded"))
            elif states.get(load.task_id) == "success" and night.ti.xcom_pull(task_ids=load.task_id) is None:
                found.append(Failure(task=load.task_id, reason="was marked as success by hand, so nothing was loaded"))
        return found

    def _overtaken_by(self, night: Night, states: Mapping[str, str]) -> str:
        """The later interval that a load found to be the whole table; empty where none did."""
        done = (night.ti.xcom_pull(task_ids=load.task_id) or {} for load in self.loads if states.get(load.task_id) == "success")
        return next((found[OVERTAKEN] for found in done if OVERTAKEN in found), "")

    def _unfinished(self, states: Mapping[str, str], records: Mapping[str, Completeness]) -> list[str]:
        """Tasks that have not ended, though this one has started: by a trigger rule that does not wait. What a barrier has decided about may go on."""
        decided = [barrier for barrier in self.barriers if barrier.task_id in records]
        before = {task.task_id for barrier in decided for task in barrier.get_flat_relatives(upstream=True)}
        return [task_id for task_id in self.dag.task_ids if task_id not in states and task_id not in before and task_id != self.task_id]

    def _record_short(self, night: Night, record: Completeness, expire: timedelta) -> tuple[str, tuple[str, ...]]:
        """Leave the missed night and its gaps in the ledger: what takes the sources away may well take the warehouse, too.

        :return: The interval's outcome before; the connections of ledgers that could not be told, where no other try will do it.
        """
        from tidegate.operators.records import write_short

        before, unrecorded = "", []
        for conn_id in dict.fromkeys(task.ledger_conn_id for task in (*self.loads, self) if task.ledger_conn_id):
            found = self._recorded(night, conn_id, lambda ledger: write_short(ledger, record, owner=self.owner, expire=expire))
            if found is None:
                unrecorded.append(conn_id)
            else:
                before = found
        return before, tuple(unrecorded)

    def _record_unloaded(self, night: Night, task_id: str, record: Completeness) -> tuple[Completeness, str, tuple[str, ...]]:
        """Leave what the run has brought in a ledger that no load writes.

        :return: The record as the ledger bears it out; the interval's outcome before; the ledger, where it could not be told.
        """
        from tidegate.operators.records import write_unloaded
        from tidegate.operators.transform import manifests

        conn_id, barrier = str(self.ledger_conn_id), next(barrier for barrier in self.barriers if barrier.task_id == task_id)
        parts = manifests(night.ti.xcom_pull(task_ids=task_id))
        found = self._recorded(
            night, conn_id, lambda ledger: write_unloaded(ledger, record, parts, owner=self.owner, expire=barrier.expire)
        )
        return (record, "", (conn_id,)) if found is None else (found[1], found[0], ())

    def _recorded(self, night: Night, conn_id: str, write: Callable[[Connection], T]) -> T | None:
        """What a writer returns; None where the ledger takes nothing, and no other try will do it."""
        from tidegate.data.engines import writing

        try:
            with writing(connection_url(conn_id), connection_name=conn_id) as connection:
                return write(connection)
        except Exception as error:
            if self._is_tried_again(night, error):
                raise
            self.log.exception("The night could not be recorded in the ledger behind '%s'", conn_id)
            return None

    def _is_tried_again(self, night: Night, error: Exception) -> bool:
        """Whether Airflow starts the task once more after an error; then nothing is told yet."""
        tries, most, policy = night.ti.try_number, night.ti.max_tries, self.retry_policy
        return tries <= most and policy is not None and policy.evaluate(error, tries, most, night.context).action is not RetryAction.FAIL

    def _notifiers(self) -> tuple[list[tuple[AlertRoute, BaseNotifier]], list[str]]:
        """Every route's notifier, made in every run, so that a misspelt one is found in a good night and not in a bad one.

        :return: Routes with their notifiers; and one line for each that cannot be made.
        """
        made, unmade = [], []
        for route in self.alerts:
            try:
                made.append((route, route.make()))
            except Exception as error:
                self.log.exception("The notifier %s cannot be made", route.notifier)
                unmade.append(f"{route.notifier}: {type(error).__name__}")
        return made, unmade

    def _tell(self, night: Night, verdict: Verdict, notifiers: Sequence[tuple[AlertRoute, BaseNotifier]]) -> list[str]:
        """Send the digest along every route that wants it. A broken channel, or one that hangs, never breaks the pipeline.

        :return: What could not be told, one line for each broken channel; the whole error is in the log.
        """
        untold = []
        for route, notifier in notifiers:
            if not verdict.events.intersection(route.on):
                continue
            name = f"{type(notifier).__module__}.{type(notifier).__name__}"
            try:
                notifier({**night.context, "tidegate": verdict})
            except (Exception, AirflowTaskTimeout) as error:
                self.log.exception("The alert through %s could not be sent", name)
                untold.append(f"{name}: {type(error).__name__}")
        return untold
