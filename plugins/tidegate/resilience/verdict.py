"""What a run amounts to: one verdict, its sentence, its digest for the people who are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.resilience.completeness import Completeness, Outcome, names, overtaken, some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.resilience.interval import Interval
    from tidegate.resilience.tasks import TaskEnd


NOTE_KEY = "note"
"""XCom key of the sentence that the scheduler puts on the run as its note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A task that failed, and why."""

    task: str
    reason: str

    def __str__(self) -> str:
        return f"{self.task} ({self.reason.rstrip('.')})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one run amounts to, for the run's state, its note, its alert."""

    pipeline: str
    interval: Interval | None
    """None for a run about no interval, or one that does not say which."""
    run_id: str
    correlation_id: str
    completeness: Completeness | None
    """None for a pipeline without a barrier."""
    failures: tuple[Failure, ...] = ()
    """What fails the run."""
    warnings: tuple[Failure, ...] = ()
    """What failed and does not fail the run, though somebody should look after it: teardowns."""
    unrecorded: tuple[str, ...] = ()
    """Connections of ledgers that could not be told of a missed quorum: what they do not know of, nothing catches up."""
    before: str = ""
    """The interval's outcome before this run, empty when it had none."""
    overtaken_by: str = ""
    """Of a pipeline without a barrier: in words, the later interval whose rows are the whole table, so that this one's were not loaded."""

    @property
    def failed(self) -> bool:
        """Whether something that matters failed."""
        return bool(self.failures) or (self.completeness is not None and not self.completeness.met)

    @property
    def recovered(self) -> bool:
        """Whether an interval that lacked something is now complete."""
        return self.word == "complete" and self.before in {Outcome.PARTIAL, Outcome.SHORT}

    @property
    def word(self) -> str:
        """``complete``, ``partial``, ``overtaken`` or ``failed``."""
        if self.failed:
            return "failed"
        if self.completeness is not None:
            return str(self.completeness.outcome)
        return str(Outcome.OVERTAKEN if self.overtaken_by else Outcome.COMPLETE)

    @property
    def events(self) -> frozenset[str]:
        """What alerts may be set on."""
        return frozenset({self.word, "recovered"} if self.recovered else {self.word})

    @property
    def sentence(self) -> str:
        """The run in one sentence, another about what was not taken down, and one about what nobody will catch up."""
        told = [self._told]
        if self.warnings:
            told.append(f"Not taken down: {'; '.join(str(warning) for warning in self.warnings)}.")
        if self.unrecorded:
            told.append(
                f"Not recorded in the ledger behind {', '.join(self.unrecorded)}, so nothing catches it up: clear outcome once that answers."
            )
        return " ".join(told)

    @property
    def _told(self) -> str:
        subject = f"{self.pipeline} for {self.interval}" if self.interval else self.pipeline
        if self.completeness is not None and not self.completeness.met:
            return self.completeness.sentence
        if self.failures:
            return f"{subject} failed: {some([str(failure) for failure in self.failures], '; ')}."
        if self.completeness is not None:
            return self.completeness.sentence
        return f"{subject} {overtaken(self.overtaken_by) if self.overtaken_by else 'is complete'}."

    @property
    def digest(self) -> str:
        """The alert's text: the sentence, the ids, and what to do."""
        lines = [f"{'RECOVERED' if self.recovered else self.word.upper()}  {self.sentence}"]
        lines += [f"  run {self.run_id}", f"  correlation id {self.correlation_id}"]
        if self.failures:
            lines.append("  mend what failed, then clear this run's failed tasks")
        elif self.completeness is not None and (absent := self._to_bring(self.completeness)):
            dimension = self.completeness.dimension
            interval = self.completeness.interval
            start, end = interval.start.isoformat(), interval.end.isoformat()
            chosen = ", ".join(f'"{name}"' for name in absent)
            conf = f'{{"{dimension}": [{chosen}], "interval_start": "{start}", "interval_end": "{end}"}}'
            lines.append(f"  to bring what is missing: airflow dags trigger {self.pipeline} --conf '{conf}'")
        return "\n".join(lines)

    @staticmethod
    def _to_bring(completeness: Completeness) -> list[str]:
        if completeness.met:
            return names(completeness.missing)
        return names(completeness.asked)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types, for XCom."""
        record = self.completeness.as_dict() if self.completeness else {}
        return {
            **record,
            "pipeline": self.pipeline,
            "interval": self.interval and {"start": self.interval.start.isoformat(), "end": self.interval.end.isoformat()},
            "run_id": self.run_id,
            "correlation_id": self.correlation_id,
            "verdict": self.word,
            "recovered": self.recovered,
            "sentence": self.sentence,
            "outcome": "failed" if self.failures else record.get("outcome", self.word),
            "failures": [{"task": failure.task, "reason": failure.reason} for failure in self.failures],
            "warnings": [{"task": warning.task, "reason": warning.reason} for warning in self.warnings],
            "unrecorded": list(self.unrecorded),
        }


def failures_that_matter(
    ended: Sequence[TaskEnd], tolerated: frozenset[str], reasons: Mapping[str, str], *, explained: bool = False
) -> tuple[Failure, ...]:
    """The tasks that failed and were not tolerated.

    A task that only failed because one before it did is named only when nothing else explains it.

    :param tolerated: Ids of tasks whose failure does not fail the run, all indexes of a mapped one: teardowns, and those that the record of
        a barrier tells of, which are its branches, and itself when the quorum was missed.
    :param reasons: Name of a task's end → why, where known.
    :param explained: Whether a missed quorum already explains why later tasks did not run.
    """
    own = [end for end in ended if end.state == "failed" and end.task not in tolerated]
    if own:
        return tuple(_failure(end, reasons) for end in own)
    left = [end.name for end in ended if end.state == "upstream_failed" and end.task not in tolerated and not explained]
    return tuple(Failure(task=name, reason="not run, because a task before it failed") for name in left)


def failures_of(tasks: frozenset[str], ended: Sequence[TaskEnd], reasons: Mapping[str, str]) -> tuple[Failure, ...]:
    """Those of some tasks that failed."""
    return tuple(_failure(end, reasons) for end in ended if end.state == "failed" and end.task in tasks)


def _failure(end: TaskEnd, reasons: Mapping[str, str]) -> Failure:
    return Failure(task=end.name, reason=reasons.get(end.name) or "see its log")
