"""The outcome of a play: what the leaf of a pipeline makes of its run, and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.model.spec import OUTCOME
from tidegate.resilience.tasks import TaskEnd
from tidegate.resilience.verdict import Failure, Verdict, failures_of, failures_that_matter
from tidegate.testing.deciding import RUN_ID
from tidegate.testing.script import BARRIER, LOAD, TELLING
from tidegate.testing.trigger_rules import FAILED, SKIPPED, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.resilience.completeness import Completeness
    from tidegate.testing.acting import Play
    from tidegate.testing.script import Script


@dataclass(frozen=True, slots=True)
class Alert:
    """One route of ``alerts`` along which people are told."""

    on: tuple[str, ...] = ("partial", "failed", "recovered")
    """What it is set on."""
    notifier: str = "tidegate.notifications.LogNotifier"
    """The notifier's import path."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """As the file says them; templates are not rendered."""


def judge(play: Play, states: Mapping[str, str]) -> Verdict:
    """What a run amounts to, told by the states of its tasks and by what barriers and loads left."""
    script = play.script
    records = {task_id: record for task_id, record in play.records.items() if states.get(task_id) in {SUCCESS, FAILED}}
    missed = {task_id for task_id, record in records.items() if not record.met}
    decided = {member for task_id in records for branch, ends in script.ends(task_id).items() for member in script.members(branch, ends)}
    ended = [TaskEnd(task_id, states[task_id]) for task_id in sorted(states) if task_id != OUTCOME]
    reasons = {task_id: reason for task_id, reason in play.reasons.items() if script.tasks[task_id].call.path in TELLING}
    unfinished = [task_id for task_id in script.tasks if task_id not in states and task_id != OUTCOME]
    undecided = set(unfinished).difference(*(script.scheduler.above(barrier) for barrier in records)) if unfinished else set()
    failures = (
        *failures_that_matter(ended, frozenset(decided | missed | script.teardowns), reasons, explained=bool(missed)),
        *(
            Failure(task=load.task_id, reason="was skipped, so nothing was loaded")
            for load in script.of_kind(LOAD)
            if states.get(load.task_id) == SKIPPED
        ),
        *(Failure(task=task_id, reason="had not ended when the run was judged") for task_id in unfinished if task_id in undecided),
    )
    completeness, kept = _completeness(play, states, records, failed=bool(failures))
    return Verdict(
        pipeline=script.spec.name,
        interval=play.interval,
        run_id=RUN_ID,
        correlation_id=play.correlation_id,
        completeness=completeness,
        failures=failures,
        warnings=failures_of(script.teardowns, ended, reasons),
        before=before(play) if kept or (missed and (script.own_ledger or script.of_kind(LOAD))) else "",
    )


def _completeness(
    play: Play, states: Mapping[str, str], records: Mapping[str, Completeness], *, failed: bool
) -> tuple[Completeness | None, bool]:
    """The record that tells most, and whether a ledger has it."""
    in_order = [records[task.task_id] for task in play.script.of_kind(BARRIER) if task.task_id in records]
    if missed := next((record for record in in_order if not record.met), None):
        return missed, False
    for load in play.script.of_kind(LOAD):
        if states.get(load.task_id) == SUCCESS and load.task_id in play.loaded:
            return play.loaded[load.task_id], True
    if in_order and play.script.own_ledger and not failed:
        return play.kept(in_order[0]), True
    return next(iter(in_order), None), False


def before(play: Play) -> str:
    """The interval's outcome before the run: as told, else as the branches that are held make it."""
    if play.given.before is not None:
        return play.given.before
    if not play.given.held:
        return ""
    branches = {branch for record in play.records.values() for branch in (known.name for known in record.branches)}
    return "partial" if branches - play.given.held.keys() else "complete"


def alerts(script: Script) -> tuple[Alert, ...]:
    """The routes of a pipeline, in order; none where it has no outcome."""
    if OUTCOME not in script.tasks:
        return ()
    said = script.tasks[OUTCOME].call.arguments.get("alerts")
    if said is None:
        return (Alert(),)
    return tuple(Alert(tuple(route.arguments["on"]), route.arguments["notifier"], route.arguments.get("arguments", {})) for route in said)


def published(script: Script) -> tuple[str, ...]:
    """The assets that a run which did not fail updates, by name or address."""
    said = script.tasks[OUTCOME].call.arguments.get("outlets", ()) if OUTCOME in script.tasks else ()
    return tuple(str(asset.arguments.get("name") or asset.arguments.get("uri")) for asset in said)
