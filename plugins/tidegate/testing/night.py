"""A night without a scheduler: what a pipeline makes of failures, decided by the same functions as in Airflow, in less than a millisecond."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from tidegate.errors import SpecError
from tidegate.model import Finding, PipelineSpec, Project, load_folder, load_pipeline
from tidegate.model.spec import OUTCOME
from tidegate.resilience.correlation import correlation_id
from tidegate.resilience.interval import Interval
from tidegate.resilience.tasks import TaskEnd
from tidegate.resilience.verdict import Verdict, failures_of, failures_that_matter
from tidegate.testing.acting import Play
from tidegate.testing.deciding import RUN_ID
from tidegate.testing.errors import Unplayable
from tidegate.testing.given import UNSTARTED, Given, Telling
from tidegate.testing.places import place
from tidegate.testing.result import Result
from tidegate.testing.scheduler import RUNNING
from tidegate.testing.script import BARRIER, EXTRACT, LOAD, TELLING, TRANSFORM, Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tidegate.testing.scheduler import Run

DAY = date(2026, 1, 1)


@dataclass(frozen=True, repr=False)
class Night:
    """One run of a pipeline that is to be played. It is never changed: :meth:`when` gives another one.

    All tasks succeed, and all branches arrive with as many rows as their extract asks for at the least, unless a test says otherwise. Every task takes a
    minute, and starts as soon as it may: there are slots for all. A mapped step is one task.
    """

    _script: Script
    _given: Given
    day: date | None = DAY
    """The day of data that the run is about, in UTC; None for a run about no interval, such as one by hand of a pipeline without a schedule."""

    @classmethod
    def of(
        cls, pipeline: str | Path | PipelineSpec, *, environment: str | None = None, allow: Iterable[str] = (), day: date | None = DAY
    ) -> Night:
        """The night of a pipeline file, or of one that is loaded already.

        :param pipeline: A relative path is looked for from the working directory upwards.
        :param environment: Whose variables hold, such as ``prod``.
        :param allow: Prefixes of import paths that configs may name, as in the DAG file.
        :raises SpecError: the file has findings.
        """
        if not isinstance(pipeline, PipelineSpec):
            path = place(pipeline)
            pipeline = load_pipeline(path, Project.around(path, allowed_imports=tuple(allow)), environment=environment).require()
        return cls(Script(pipeline), Given(), day)

    @classmethod
    def each(cls, folder: str | Path, *, environment: str | None = None, allow: Iterable[str] = (), day: date | None = DAY) -> list[Night]:
        """The nights of all pipelines under a folder, for tests that hold for all of them.

        :raises SpecError: files have findings, or there is no file.
        """
        root = place(folder)
        loaded = load_folder(root, Project.around(root, allowed_imports=tuple(allow)), environment=environment)
        findings = [finding for each in loaded for finding in each.findings]
        if not loaded:
            findings = [Finding(str(folder), 0, 0, "", "there is no pipeline file in this folder", "Pipelines end in .yaml or .yml.")]
        if findings:
            raise SpecError(list(dict.fromkeys(findings)))
        return [cls(Script(each.require()), Given(), day) for each in loaded]

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return self._script.spec.name

    @property
    def branches(self) -> dict[str, tuple[str, ...]]:
        """Dimension → the branches that the file names, in its order."""
        return dict(self._script.branches)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The ids of all tasks, in the order of the file."""
        return tuple(self._script.tasks)

    def when(
        self,
        states: Mapping[str, str | int] | None = None,
        /,
        *,
        fails: str | Iterable[str] = (),
        skips: str | Iterable[str] = (),
        because: Mapping[str, str] | None = None,
        rows: Mapping[str, int] | None = None,
        quarantined: Mapping[str, int] | None = None,
        conditions: Mapping[str, bool] | None = None,
        choices: Mapping[str, str | Iterable[str] | None] | None = None,
        takes: Mapping[str, str | timedelta] | None = None,
        chosen: Mapping[str, str | Iterable[str]] | None = None,
        held: Mapping[str, int] | Iterable[str] = (),
        usual: Mapping[str, int] | None = None,
        breakers: Mapping[str, int] | None = None,
        last_good: Mapping[str, int] | Iterable[str] = (),
        before: str | None = None,
        **branches: str | int,
    ) -> Night:
        """The same night with something that happens in it; what was said before holds on.

        A name is the id of a task, a step, a group or a branch. What befalls a step befalls all its tasks; what befalls a group or a branch befalls the
        extracts in it, or else the tasks that it begins with.

        :param states: Name → ``failed``, for good, after all its tries; ``hangs``: it never ends by itself, but by its timeout, try for try;
            ``late``: at work when its barrier decides by its time, it ends a minute after; ``unstarted``: finds no slot until its barrier has decided;
            ``empty`` or a number of rows, of an extract; ``skipped``; or ``arrived``. Branches may also be given as keywords: ``emea="failed"``.
        :param fails: Names of what fails.
        :param skips: Names of what skips itself.
        :param because: Name → the reason that it leaves when it fails.
        :param rows: Branch → rows that it brings.
        :param quarantined: Branch → rows that it has besides, and that are set aside; ``accept`` must say so.
        :param conditions: Step → whether its ``when`` is true; by default it is.
        :param choices: Branch step → the steps that go on, or None; a branch step that is reached must be told.
        :param takes: Name → how long it takes, such as ``20m``; for rules that do not wait for all, and barriers that watch.
        :param chosen: Dimension → the branches that the run is to bring, as in a catch-up; all by default.
        :param held: Branches whose rows of this day the warehouse has from earlier runs, with their numbers or without.
        :param usual: Branch → the rows that it usually brings, for a barrier that asks for ``coverage`` and an extract that asks for ``rows``; of others nothing is known.
        :param breakers: Branch → its bad nights in a row before this one. Where they have opened its breaker, the probe fails, unless something is said to
            become of the branch: then it passed.
        :param last_good: Branches that staged rows on the day before, or so many days before, for a barrier with ``on_missing: last_good``.
        :param before: The day's outcome before the run; by default what ``held`` amounts to.
        :raises Unplayable: a name or a word is unknown, or it cannot happen to what it is said of.
        """
        telling = Telling(self._script)
        listed = {name: word for word, names in (("failed", fails), ("skipped", skips)) for name in _listed(names)}
        given = Given(
            states=telling.states({**listed, **(states or {}), **branches}),
            reasons=telling.each(because or {}),
            seconds=telling.seconds(takes or {}),
            rows=telling.rows(rows or {}),
            quarantined=telling.rows(quarantined or {}),
            conditions=telling.conditions(conditions or {}),
            choices=telling.choices(choices or {}),
            chosen=telling.chosen(chosen or {}),
            held=telling.held(held),
            usual=telling.rows(usual or {}),
            last_good=telling.held(last_good),
            breakers=telling.breakers(breakers or {}),
            before=before,
        )
        return replace(self, _given=self._given.and_(given))

    def play(self) -> Result:
        """Let the night pass.

        :raises Unplayable: a branch step was reached that nothing was said of, or there is no day for what works on rows.
        """
        if self.day is None and (carriers := self._script.of_kind(EXTRACT, BARRIER, TRANSFORM, LOAD)):
            raise Unplayable(f"{carriers[0].task_id} works on the rows of an interval, and the night has none.", hint="Give it a day.")
        play = Play(self._script, self._given, _interval(self.day), correlation_id(self.name, RUN_ID))
        queued = {task_id: self._script.watched[task_id] for task_id, word in self._given.states.items() if word == UNSTARTED}
        run = self._script.scheduler.run(play.work, queued)
        self._comes_to_an_end(play, run)
        return Result(run, play.verdict or self._untold(play, run), play.records, self._script)

    def _comes_to_an_end(self, play: Play, run: Run) -> None:
        """Whatever hangs, only its branch may be without an end, and only when its barrier has decided."""
        said = [task_id for task_id, word in self._given.states.items() if word in {"hangs", UNSTARTED}]
        hanging = [task_id for task_id in said if run.states.get(task_id, RUNNING) == RUNNING]
        decided = {task_id for task_id, barrier in self._script.watched.items() if barrier in play.records}
        left = [task_id for task_id in self._script.tasks if not (task_id in run.states or task_id in decided or task_id in hanging)]
        if left and hanging:
            raise Unplayable(
                f"{left[0]} would wait for ever for {', '.join(hanging)}.", hint="Give the barrier decide_by, or the step a timeout."
            )

    def _untold(self, play: Play, run: Run) -> Verdict:
        """What a run amounts to that no outcome has judged: the states of its last tasks decide alone."""
        tasks = self._script.tasks
        reasons = {task_id: reason for task_id, reason in play.reasons.items() if tasks[task_id].call.path in TELLING}
        ended = [TaskEnd(task_id, state) for task_id, state in sorted(run.states.items()) if task_id != OUTCOME]
        return Verdict(
            pipeline=self.name,
            interval=play.interval,
            run_id=RUN_ID,
            correlation_id=play.correlation_id,
            completeness=None,
            warnings=failures_of(self._script.teardowns, ended, reasons),
            failures=failures_that_matter(ended, self._script.teardowns, reasons) if run.state == "failed" else (),
        )

    def __str__(self) -> str:
        """The pipeline's name, for the ids of parametrised tests."""
        return self.name

    __repr__ = __str__


def _listed(names: str | Iterable[str]) -> Iterable[str]:
    return (names,) if isinstance(names, str) else names


def _interval(day: date | None) -> Interval | None:
    if day is None:
        return None
    start = datetime.combine(day, time.min, UTC)
    return Interval(start, start + timedelta(days=1))
