"""The leaf in which every pipeline ends: reads what happened, records it, tells it, and makes the run's state honest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from tidegate.errors import NightFailed
from tidegate.operators.barrier import RECORD_KEY
from tidegate.operators.base import FAILURE_KEY, TidegateOperator
from tidegate.operators.load import BEFORE_KEY
from tidegate.operators.surroundings import connection_url, imported
from tidegate.resilience.completeness import Completeness
from tidegate.resilience.verdict import Verdict, failures_that_matter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import BaseNotifier

    from tidegate.operators.night import Night

NOTE_KEY = "note"
"""XCom key of the sentence that the scheduler puts on the run as its note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRoute:
    """Whom to tell of what."""

    on: Sequence[str] = ("partial", "failed", "recovered")
    """Any of complete, partial, failed, recovered."""
    notifier: str | BaseNotifier = "tidegate.notifications.LogNotifier"
    """A notifier, or its import path; a path is imported only when there is something to tell."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """The notifier's arguments, when it is given by path."""


class OutcomeOperator(TidegateOperator):
    """Ends a run: fails it if and only if something that matters failed, and tells partial beside a green state. Runs in a worker.

    Put it behind every leaf of the DAG. Pushes the record as XCom ``record``; a listener makes its sentence the run's note.

    :param barrier_task_id: The barrier whose record tells completeness; None for a pipeline without one.
    :param tolerated: Tasks whose failure the barrier decides about: the branches.
    :param load_task_ids: Loads, whose record knows what earlier runs brought.
    :param ledger_conn_id: Where a missed quorum is recorded, there being no load to do it.
    :param alerts: Whom to tell of what.
    :raises NightFailed: something that matters failed; the message is the record's sentence; not retried.
    """

    ui_color = "#f7d7d7"

    def __init__(
        self,
        *,
        barrier_task_id: str | None = None,
        tolerated: Sequence[str] = (),
        load_task_ids: Sequence[str] = (),
        ledger_conn_id: str | None = None,
        alerts: Sequence[AlertRoute] = (AlertRoute(),),
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("trigger_rule", TriggerRule.ALL_DONE)
        super().__init__(**kwargs)
        self.barrier_task_id = barrier_task_id
        self.tolerated = tolerated
        self.load_task_ids = load_task_ids
        self.ledger_conn_id = ledger_conn_id
        self.alerts = alerts

    def work(self, night: Night) -> dict[str, Any]:
        """Read, record, tell; then fail the run if it must fail."""
        verdict = self._verdict(night)
        record = verdict.as_dict()
        night.ti.xcom_push(key=RECORD_KEY, value=record)
        night.ti.xcom_push(key=NOTE_KEY, value=verdict.sentence)
        self.log.info("%s", verdict.sentence)
        untold = self._tell(night, verdict)
        if untold:
            night.ti.xcom_push(key=RECORD_KEY, value={**record, "alerts_failed": untold})
        if verdict.failed:
            raise NightFailed(verdict.sentence)
        return {"verdict": verdict.word, "sentence": verdict.sentence}

    def _verdict(self, night: Night) -> Verdict:
        crumbs = [crumb for crumb in night.ti.get_task_breadcrumbs(night.dag_id, night.run_id) if crumb["task_id"] != night.task_id]
        states = {crumb["task_id"]: str(crumb["state"]) for crumb in crumbs}
        completeness, before = self._completeness(night, states)
        decided = completeness is not None
        if completeness is not None and not completeness.met:
            before = self._record_short(completeness)
        return Verdict(
            pipeline=self.pipeline_of(night),
            interval=night.interval,
            run_id=night.run_id,
            correlation_id=night.correlation_id,
            completeness=completeness,
            failures=self._failures(night, crumbs, frozenset(self.tolerated) if decided else frozenset()),
            before=before,
        )

    def _completeness(self, night: Night, states: Mapping[str, str]) -> tuple[Completeness | None, str]:
        """The fullest record there is, and the interval's outcome before this run. A load's record knows earlier runs."""
        for task_id in self.load_task_ids:
            if states.get(task_id) == "success" and (report := night.ti.xcom_pull(task_ids=task_id, key=RECORD_KEY)):
                return Completeness.from_dict(report), night.ti.xcom_pull(task_ids=task_id, key=BEFORE_KEY) or ""
        if self.barrier_task_id and states.get(self.barrier_task_id) in {"success", "failed"}:
            report = night.ti.xcom_pull(task_ids=self.barrier_task_id, key=RECORD_KEY)
            return (Completeness.from_dict(report) if report else None), ""
        return None, ""

    def _failures(self, night: Night, crumbs: Sequence[Mapping[str, Any]], tolerated: frozenset[str]) -> Any:
        ended: list[tuple[str, str]] = []
        reasons: dict[str, str] = {}
        for crumb in crumbs:
            task_id, index, state = crumb["task_id"], crumb["map_index"], str(crumb["state"])
            name = task_id if index < 0 else f"{task_id}[{index}]"
            if task_id in tolerated:
                continue
            ended.append((name, state))
            if state == "failed":
                found = night.ti.xcom_pull(task_ids=task_id, key=FAILURE_KEY, map_indexes=index) or {}
                reasons[name] = found.get("reason", "")
        return failures_that_matter(ended, tolerated, reasons)

    def _record_short(self, record: Completeness) -> str:
        """Leave the missed night in the ledger; the night has failed already, so a warehouse that is down is only logged."""
        if not self.ledger_conn_id:
            return ""
        from tidegate.data.engines import writing
        from tidegate.operators.records import write_short

        try:
            with writing(connection_url(self.ledger_conn_id), connection_name=self.ledger_conn_id) as connection:
                return write_short(connection, record)
        except Exception:
            self.log.exception("The missed quorum could not be recorded in the ledger behind '%s'", self.ledger_conn_id)
            return ""

    def _tell(self, night: Night, verdict: Verdict) -> list[str]:
        """Send the digest along every route that wants it. A broken channel never breaks the pipeline.

        :return: What could not be told, one line for each broken channel.
        """
        untold = []
        for route in self.alerts:
            if not verdict.events.intersection(route.on):
                continue
            name = route.notifier if isinstance(route.notifier, str) else type(route.notifier).__name__
            try:
                notifier = imported(route.notifier)(**route.arguments) if isinstance(route.notifier, str) else route.notifier
                notifier({**night.context, "tidegate": verdict})
            except Exception as error:
                self.log.exception("The alert through %s could not be sent", name)
                untold.append(f"{name}: {type(error).__name__}: {error}")
        return untold
