"""Breakers where the nights run: an extract asks the one of its branch before it reads, a barrier writes what the night was to each.

They are kept in Airflow's asset state store: an asset for each step, a key for each branch. What cannot be read there, or not be written, is told
in the log and changes nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.errors import BreakerOpen, Stopped, TimedOut, Unreachable
from tidegate.operators.base import FAILURE_KEY
from tidegate.operators.surroundings import probe_of
from tidegate.resilience.breaker import Breaker, Stance, after_night, ending_of, waited_out
from tidegate.resilience.completeness import BranchState
from tidegate.resilience.interval import instant_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import Asset
    from airflow.sdk.types import Logger

    from tidegate.operators.barrier import BarrierOperator
    from tidegate.operators.branches import Branches
    from tidegate.operators.extract import ExtractOperator
    from tidegate.operators.night import Night
    from tidegate.resilience.breaker import Ending
    from tidegate.resilience.completeness import Branch, Completeness

COUNTED_RUNS = frozenset({"scheduled", "asset_triggered"})
"""The types of runs that are nights. Backfills, catch-ups and runs by hand are about other intervals, or begun by somebody who is watching."""


def keep_away(task: ExtractOperator, night: Night) -> None:
    """End an extract whose branch is isolated, or whose breaker is open and whose source does not answer a probe.

    :raises BreakerOpen: it is to stay away.
    """
    if task.breakers is None:
        return
    breaker = _recalled(night, task.breakers, task.branch, task.log)
    if breaker.stance is Stance.CLOSED:
        return
    told = breaker.told(night.interval)
    since = f"Since {breaker.since:%Y-%m-%d}" if breaker.since is not None else "For some time"
    mend = f"'tidegate breaker reset {night.dag_id} {task.branch}' closes it by hand."
    if breaker.stance is Stance.ISOLATED:
        raise BreakerOpen(f"{told}.", hint=f"{since}; {mend}")
    if silent := _silence(task, night):
        raise BreakerOpen(f"{told}.", hint=f"{since}; tonight's probe: {silent} It is read when a probe passes; {mend}")
    task.log.info("%s: %s, but the probe passed, so it is read in full", task.branch, told)


def _silence(task: ExtractOperator, night: Night) -> str:
    """What a probe of the source meets, and of the hedge's where there is one; empty where one of them answers."""
    probes = [probe_of(task.source_conn_id, correlation_id=night.correlation_id)]
    if task.hedge_conn_id is not None and task.hedge_url() is not None:
        probes.append(probe_of(task.hedge_conn_id, correlation_id=night.correlation_id))
    met = []
    for probe in probes:
        try:
            probe()
        except (Unreachable, TimedOut) as error:
            met.append(error.message)
        else:
            return ""
    return " ".join(met)


def remember(seen: Branches, record: Completeness) -> None:
    """Write what a night was to the breakers of its branches.

    :param seen: The branches as the barrier saw them when it decided.
    """
    barrier, night = seen.barrier, seen.night
    if not barrier.breakers or night.context["dag_run"].run_type not in COUNTED_RUNS:
        return
    now = instant_of("decided_at", record.decided_at)
    overdue = waited_out(record)
    for branch in record.branches:
        if branch.state in {BranchState.EXCLUDED, BranchState.HELD}:
            continue
        for task, asset in _guarded(barrier, branch.name):
            ending, reason = _ended(seen, task.task_id, branch, overdue=overdue)
            before = _recalled(night, asset, branch.name, barrier.log)
            after = after_night(before, night.interval, ending, open_after=task.open_after, now=now, reason=reason)
            if after == before:
                continue
            if after.stance is not before.stance:
                barrier.log.warning("Breaker of %s: %s, before it was %s. %s", branch.name, after.stance, before.stance, after.reason)
            try:
                night.context["asset_state_store"][asset].set(branch.name, after.as_dict())
            except Exception:
                barrier.log.exception("The breaker of %s could not be written; the night goes on without it", branch.name)


def _recalled(night: Night, asset: Asset, branch: str, log: Logger) -> Breaker:
    """A branch's breaker; a closed one where there is none yet, or where it cannot be read."""
    try:
        stored: Any = night.context["asset_state_store"][asset].get(branch)
        return Breaker() if stored is None else Breaker.from_dict(stored)
    except Exception as error:  # noqa: BLE001  no memory makes a night worse
        log.warning("The breaker of %s counts as closed: %s", branch, error)
        return Breaker()


def _guarded(barrier: BarrierOperator, branch: str) -> Iterator[tuple[ExtractOperator, Asset]]:
    """The extracts of a branch that have a breaker, and where it is kept."""
    for task_id in barrier.members(branch):
        task: Any = barrier.dag.get_task(task_id)
        asset: Asset | None = getattr(task, "breakers", None)
        if asset is not None and asset in barrier.breakers:
            yield task, asset


def _ended(seen: Branches, task_id: str, branch: Branch, *, overdue: bool) -> tuple[Ending, str]:
    """What the end of an extract says of its source, and why it was bad where it was; nothing new where only a probe failed."""
    state = seen.state(task_id)
    tried = state == "failed" or "up_for_retry" in seen.states.get(task_id, ())
    failure = (seen.night.ti.xcom_pull(task_ids=task_id, key=FAILURE_KEY) or {}) if tried else {}
    stopped = failure.get("error") == Stopped.__name__
    ending = ending_of(state, branch.state, fault=failure.get("class", ""), stopped=stopped, overdue=overdue)
    return ending, "" if branch.state is BranchState.OPEN else failure.get("reason", branch.reason)
