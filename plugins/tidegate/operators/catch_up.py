"""Looks after gaps: gives up the old ones, and starts the runs that bring what is due."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.errors import TidegateError
from tidegate.operators.base import TidegateOperator
from tidegate.operators.surroundings import connection_url, most_runs, probe_of, staging_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import URL

    from tidegate.operators.night import Night
    from tidegate.plan.places import Places, Source
    from tidegate.resilience.gap import CatchUp, Gap
    from tidegate.resilience.interval import Interval

REPORT_KEY = "report"
"""XCom key of what was done, also where the task fails."""
_PROBES = 8
_REASONS = 3
"""As many are told of the branches of one interval; the ledger has all."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The gaps that one connection leads to."""

    conn_id: str
    url: URL
    gaps: tuple[Gap, ...]
    """Those that are open."""
    short: frozenset[tuple[str, Interval]]
    """Of their intervals, those that nothing was loaded of."""


class CatchUpOperator(TidegateOperator):
    """Starts the runs that bring what earlier nights lacked, and gives up what has lacked for too long. Runs in a worker.

    Reads the gaps of every pipeline under a folder from its ledger. Of what is due, each source is probed once, by a connection and ``SELECT 1``, or by a request for nothing but an answer: one that is
    still down costs no run, and counts as an attempt. At most ``[tidegate] catch_up_runs`` runs (2 by default) are on their way at once, over all pipelines,
    those of earlier hours among them. Runs are started with the task's own rights, and are pinned to their interval.

    Returns what it did, a list of rows for a table; pushes it as XCom ``report``, too.

    :param pipelines: The folder of pipeline files.
    :param allow: Prefixes of import paths that configs may name, as for ``build_dags``.
    :param environment: Whose variables hold, as for ``build_dags``.
    :raises TidegateError: some ledger could not be asked, or some run could not be started; all others were looked after.
    """

    ui_color = "#d9e8c8"

    def __init__(self, *, pipelines: str | Path, allow: Iterable[str] = (), environment: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("retries", 0)  # the next hour is the retry
        super().__init__(**kwargs)
        self.pipelines = pipelines
        self.allow = allow
        self.environment = environment

    def work(self, night: Night) -> list[dict[str, Any]]:
        """Look at every ledger; expire, probe, start."""
        from tidegate.resilience.gap import due, expired, runs

        now = datetime.now(UTC)
        desk = _Desk(self, night, self._places())
        for ledger in desk.ledgers():
            desk.amend(ledger, expired(ledger.gaps, now), "expired", "was open for too long")
        waiting = [(run, ledger) for ledger in desk.seen for run in runs(due(ledger.gaps, now), _open(ledger.gaps, now), ledger.short)]
        waiting.sort(key=lambda pair: min(gap.next_attempt for gap in pair[0].gaps))
        desk.start(waiting, now)
        night.ti.xcom_push(key=REPORT_KEY, value=desk.report)
        if not desk.report:
            self.log.info("Nothing is due.")
        if desk.errors:
            raise desk.errors[0]
        return desk.report

    def _places(self) -> dict[str, Places]:
        from tidegate.model import Project
        from tidegate.model.folder import load_folder
        from tidegate.plan.places import all_places

        root = Path(self.pipelines)
        around = Project.around(root, allowed_imports=tuple(self.allow))
        found, wrong = all_places(load_folder(root, around, environment=self.environment))
        if wrong:
            self.log.warning("Not looked after, because their files are wrong: %s", ", ".join(wrong))
        return found


class _Desk:
    """One look at all gaps, and what was done about them."""

    def __init__(self, task: CatchUpOperator, night: Night, places: Mapping[str, Places]) -> None:
        self.log = task.log
        self.night = night
        self.places = places
        self.seen: list[Ledger] = []
        self.report: list[dict[str, Any]] = []
        self.errors: list[TidegateError] = []
        self._reasons: dict[str, str] = {}
        self._runs: dict[tuple[str, str], bool] = {}
        self.asked_by = hashlib.sha256(f"{night.dag_id}\0{night.run_id}".encode()).hexdigest()[:10]

    def ledgers(self) -> list[Ledger]:
        """The ledgers of the pipelines that are switched on, with their open gaps; a gap that two connections lead to is seen once."""
        from tidegate.data.engines import reading
        from tidegate.data.gaps import read_gaps, short_intervals

        known: set[tuple[str, Interval, str]] = set()
        awake = (places for name, places in self.places.items() if not self._why_not(name))
        for conn_id in dict.fromkeys(conn_id for places in awake for conn_id in places.ledgers):
            try:
                url = connection_url(conn_id)
                with reading(url, connection_name=conn_id) as connection:
                    gaps, short = read_gaps(connection, only_open=True), frozenset(short_intervals(connection))
            except TidegateError as error:
                self.errors.append(error)
                self.log.warning("The ledger behind '%s' cannot be asked: %s", conn_id, error)
                continue
            new = tuple(gap for gap in gaps if (gap.pipeline, gap.interval, gap.branch) not in known)
            known |= {(gap.pipeline, gap.interval, gap.branch) for gap in new}
            self.seen.append(Ledger(conn_id, url, new, short))
        return self.seen

    def start(self, waiting: Sequence[tuple[CatchUp, Ledger]], now: datetime) -> None:
        """Start of the waiting runs as many as there is room for."""
        able = [(left, ledger) for run, ledger in waiting if self._may_begin(run) and (left := self._unread(run)) is not None]
        active = self._active()
        room = most_runs() - len(active)
        if able and room <= 0:
            self._tell_all(able, "waits", f"{len(active)} catch-up run(s) are on their way")
            return
        down = self._down([gap for run, _ in able for gap in run.gaps])
        for run, ledger in able:
            missing = {gap.branch: down[gap.pipeline, gap.branch] for gap in run.gaps if self._is_down(gap, down)}
            self.amend(ledger, [gap.tried(now, reason=missing[gap.branch]) for gap in run.gaps if gap.branch in missing], "down")
            left = run.without(missing)
            if left is None:
                continue
            if (run.pipeline, run.interval) in active:
                self._tell(left, "waits", "a catch-up run of this interval is on its way")
            elif room <= 0:
                self._tell(left, "waits", "there are enough catch-up runs for now")
            else:
                room -= self._start(left, ledger, now)

    def _start(self, run: CatchUp, ledger: Ledger, now: datetime) -> bool:
        """Ask Airflow for a run; asking again after a crash finds the one that was asked for."""
        from tidegate.operators.starting import start_run

        run_id = run.run_id(self.asked_by)
        try:
            start_run(run.pipeline, run_id, run.conf)
        except Exception as error:  # whatever it is, the other runs are asked for
            self.log.exception("The run could not be started")
            self.errors.append(TidegateError(f"No catch-up run of {run.pipeline} for {run.interval} could be started: {error}"))
            self._tell(run, "refused", str(error))
            return False
        self.amend(ledger, [gap.tried(now, run_id=run_id) for gap in run.gaps], "")
        self._tell(run, "started", run_id)
        return True

    def _may_begin(self, run: CatchUp) -> bool:
        """Whether Airflow and the pipeline's file let the run begin; else it is told why not, and no attempt is counted."""
        places = self.places.get(run.pipeline)
        if places is not None and (strange := [name for name in run.branches if name not in places.branches]):
            self._tell(run, "waits", f"the pipeline has no {', '.join(strange)} any more: waive it")
            return False
        if reason := self._why_not(run.pipeline):
            self._tell(run, "waits", reason)
        return not reason

    def _unread(self, run: CatchUp) -> CatchUp | None:
        """The same run without branches that the run which missed them is still reading: a second read would only slow down the first."""
        from tidegate.resilience.completeness import BranchState

        late = [gap for gap in run.gaps if gap.state == BranchState.LATE and not self._is_adoptable(gap)]
        reading = {gap.branch: gap.run_id for gap in late if self._is_active(gap.pipeline, gap.run_id)}
        if not reading:
            return run
        left = None if run.whole else run.without(reading)
        told = run if left is None else replace(run, gaps=tuple(gap for gap in run.gaps if gap.branch in reading))
        self._tell(told, "waits", f"{', '.join(dict.fromkeys(reading.values()))} is still at work")
        return left

    def _why_not(self, pipeline: str) -> str:
        """Why no run of a pipeline would begin now; Airflow is asked once."""
        from tidegate.operators.starting import why_not

        if pipeline not in self._reasons:
            self._reasons[pipeline] = why_not(self.night.ti, pipeline)
        return self._reasons[pipeline]

    def _active(self) -> set[tuple[str, Interval]]:
        """The intervals that catch-up runs are on their way for, as far as their gaps are open."""
        from tidegate.resilience.keys import CATCH_UP

        tried = {
            (gap.pipeline, gap.interval, gap.run_id)
            for ledger in self.seen
            for gap in ledger.gaps
            if gap.run_id.startswith(f"{CATCH_UP}__")
        }
        return {(pipeline, interval) for pipeline, interval, run_id in tried if self._is_active(pipeline, run_id)}

    def _is_active(self, pipeline: str, run_id: str) -> bool:
        """Whether a run waits or runs; Airflow is asked once."""
        from tidegate.operators.starting import is_active

        if (pipeline, run_id) not in self._runs:
            self._runs[pipeline, run_id] = is_active(self.night.ti, pipeline, run_id)
        return self._runs[pipeline, run_id]

    def _down(self, gaps: Sequence[Gap]) -> dict[tuple[str, str], str]:
        """The branches with a source that does not answer, each connection asked once → why."""
        wanted = {(gap.pipeline, gap.branch): self._sources(gap) for gap in gaps}
        probes: dict[str, Callable[[], None] | str] = {}
        for conn_id in dict.fromkeys(conn_id for sources in wanted.values() for source in sources for conn_id in source.connections):
            try:
                probes[conn_id] = probe_of(conn_id)
            except TidegateError as error:
                probes[conn_id] = " ".join(error.message.split())
        with ThreadPoolExecutor(_PROBES) as threads:
            answers = dict(zip(probes, threads.map(_probed, probes.values()), strict=True))
        return {
            key: answers[source.connections[0]]
            for key, sources in wanted.items()
            for source in sources
            if source.connections and all(answers[conn_id] for conn_id in source.connections)
        }

    def _sources(self, gap: Gap) -> tuple[Source, ...]:
        places = self.places.get(gap.pipeline)
        return places.sources.get(gap.branch, ()) if places is not None else ()

    def _is_down(self, gap: Gap, down: Mapping[tuple[str, str], str]) -> bool:
        """Whether nothing can be had of a branch: its source does not answer, and nothing of it is staged to be adopted."""
        return (gap.pipeline, gap.branch) in down and not self._is_adoptable(gap)

    def _is_adoptable(self, gap: Gap) -> bool:
        return all(source.adopted and self._is_staged(gap, source.step) for source in self._sources(gap))

    def _is_staged(self, gap: Gap, step: str) -> bool:
        from tidegate.data.staging import Staging

        return gap.branch in Staging(staging_root()).committed(gap.pipeline, step, gap.interval.start, gap.interval.end)

    # -- what was done ------------------------------------------------------------------------------------------------

    def amend(self, ledger: Ledger, gaps: Sequence[Gap], did: str, why: str = "") -> None:
        """Write changed gaps into their ledger, and tell of them where ``did`` says what was done; one that takes nothing stops no other."""
        from tidegate.data.engines import writing
        from tidegate.data.gaps import amend_gaps

        if not gaps:
            return
        try:
            with writing(ledger.url, connection_name=ledger.conn_id) as connection:
                amend_gaps(connection, gaps)
        except TidegateError as error:
            self.errors.append(error)
            self.log.warning("The ledger behind '%s' takes no change of its gaps: %s", ledger.conn_id, error)
            return
        together: dict[tuple[str, Interval], list[Gap]] = {}
        for gap in gaps if did else ():
            together.setdefault((gap.pipeline, gap.interval), []).append(gap)
        for (pipeline, interval), found in together.items():
            reasons = list(dict.fromkeys(gap.reason for gap in found))
            more = f"; and {len(reasons) - _REASONS} more" if len(reasons) > _REASONS else ""
            self._row(pipeline, interval, [gap.branch for gap in found], did, why or "; ".join(reasons[:_REASONS]) + more)

    def _tell(self, run: CatchUp, did: str, why: str) -> None:
        self._row(run.pipeline, run.interval, list(run.branches), did, why)

    def _tell_all(self, waiting: Sequence[tuple[CatchUp, Ledger]], did: str, why: str) -> None:
        for run, _ in waiting:
            self._tell(run, did, why)

    def _row(self, pipeline: str, interval: Interval, branches: list[str], did: str, why: str) -> None:
        self.log.info("%s for %s, %s: %s (%s)", pipeline, interval, ", ".join(branches), did, why)
        bounds = {"interval_start": interval.start.isoformat(), "interval_end": interval.end.isoformat()}
        self.report.append({"pipeline": pipeline, **bounds, "branches": branches, "did": did, "why": why})


def _open(gaps: Iterable[Gap], now: datetime) -> list[Gap]:
    return [gap for gap in gaps if now < gap.expires_at]


def _probed(probe: Callable[[], None] | str) -> str:
    """Why a source does not answer; empty where it does."""
    if isinstance(probe, str):
        return probe
    try:
        probe()
    except TidegateError as error:
        return " ".join(error.message.split())
    return ""
