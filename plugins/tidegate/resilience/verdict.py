"""What a run amounts to: one verdict, its sentence, its digest for the people who are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.resilience.completeness import Completeness, Outcome, names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.resilience.interval import Interval


NOTE_KEY = "note"
"""XCom key of the sentence that the scheduler puts on the run as its note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A task that matters and failed."""

    task: str
    reason: str

    def __str__(self) -> str:
        return f"{self.task} ({self.reason.rstrip('.')})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one run amounts to, for the run's state, its note, its alert."""

    pipeline: str
    interval: Interval | None
    """None for a run that does not say what it is about."""
    run_id: str
    correlation_id: str
    completeness: Completeness | None
    """None for a pipeline without a barrier."""
    failures: tuple[Failure, ...] = ()
    before: str = ""
    """The interval's outcome before this run, empty when it had none."""

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
        """``complete``, ``partial`` or ``failed``."""
        if self.failed:
            return "failed"
        return "complete" if self.completeness is None else str(self.completeness.outcome)

    @property
    def events(self) -> frozenset[str]:
        """What alerts may be set on."""
        return frozenset({self.word, "recovered"} if self.recovered else {self.word})

    @property
    def sentence(self) -> str:
        """The run in one sentence."""
        subject = f"{self.pipeline} for {self.interval or 'an unknown interval'}"
        if self.completeness is not None and not self.completeness.met:
            return self.completeness.sentence
        if self.failures:
            return f"{subject} failed: {'; '.join(str(failure) for failure in self.failures)}."
        if self.completeness is not None:
            return self.completeness.sentence
        return f"{subject} is complete."

    @property
    def digest(self) -> str:
        """The alert's text: the sentence, every branch that did not arrive, the ids, and what to do."""
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
            "outcome": "failed" if self.failures else str(record.get("outcome", Outcome.COMPLETE)),
            "failures": [{"task": failure.task, "reason": failure.reason} for failure in self.failures],
        }


def failures_that_matter(
    ended: Sequence[tuple[str, str]], tolerated: frozenset[str], reasons: dict[str, str], *, explained: bool = False
) -> tuple[Failure, ...]:
    """The tasks that failed and were not tolerated.

    A task that only failed because one before it did is named only when nothing else explains it.

    :param ended: Pairs of task name and Airflow state.
    :param tolerated: Tasks whose failure the record of a barrier tells: its branches, and itself when the quorum was missed.
    :param reasons: Task name → why, where known.
    :param explained: Whether a missed quorum already explains why later tasks did not run.
    """
    own = [task for task, state in ended if state == "failed" and task not in tolerated]
    left = own or [task for task, state in ended if state == "upstream_failed" and task not in tolerated and not explained]
    unknown = {task: "not run, because a task before it failed" for task in left if task not in own}
    return tuple(Failure(task=task, reason=reasons.get(task) or unknown.get(task) or "see its log") for task in left)
