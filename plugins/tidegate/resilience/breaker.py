"""What a source's last nights say of the next one: whether to read it in full, to probe it first, or to stay away.

A breaker is the memory of one branch. It opens after so many bad nights in a row; while it is open, each night begins with one cheap probe,
and the night is tried in full where that passes. Success closes it. A person may isolate a branch, which then is not even probed.

There is no stored state for the probe: it lives between the probe and the end of the task that made it, and a memory that a dying task
leaves behind would have to be mended.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tidegate.errors import ErrorClass
from tidegate.resilience.completeness import BranchState, DecidedBy
from tidegate.resilience.interval import Interval, instant_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tidegate.resilience.completeness import Completeness


SILENCES = frozenset({ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT})
"""The classes of errors that breakers count."""


class Stance(StrEnum):
    """Whether a branch is read."""

    CLOSED = "closed"
    """As any other."""
    OPEN = "open"
    """Only where a probe passes."""
    ISOLATED = "isolated"
    """Not at all, until a person says otherwise."""


class Ending(StrEnum):
    """What the end of a night says of the source behind a branch."""

    ANSWERED = "answered"
    """It gave its rows."""
    SILENT = "silent"
    """Nobody answered, or not in time: what breakers count."""
    UNTOLD = "untold"
    """Nothing of the source: it was never asked, or what failed was the data, the password, the query, the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is remembered of one branch."""

    stance: Stance = Stance.CLOSED
    nights: int = 0
    """Bad nights in a row."""
    counted: Interval | None = None
    """The last night that was counted, good or bad; it and those before it are not counted again."""
    since: datetime | None = None
    """When it opened or was isolated."""
    reason: str = ""
    """Why the last bad night was bad, or why a person isolated it."""

    def counts(self, night: Interval) -> bool:
        """Whether a bad end of a night would be one more."""
        return self.counted is None or self.counted < night

    def told(self, night: Interval) -> str:
        """Why a branch stays away for a night, in a few words."""
        if self.stance is Stance.ISOLATED:
            return f"isolated: {self.reason}" if self.reason else "isolated"
        return f"breaker open, night {self.nights + self.counts(night)}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        counted = self.counted and {"start": self.counted.start.isoformat(), "end": self.counted.end.isoformat()}
        since = self.since and self.since.isoformat()
        return {**asdict(self), "stance": str(self.stance), "counted": counted, "since": since}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Breaker:
        """The inverse of :meth:`as_dict`.

        :raises ValueError: this is no breaker, or a damaged one. Who reads it goes on as if it were closed, so that no memory makes a night worse.
        """
        try:
            counted, since = data["counted"], data["since"]
            return cls(
                stance=Stance(data["stance"]),
                nights=_number(data["nights"]),
                counted=Interval(instant_of("start", counted["start"]), instant_of("end", counted["end"])) if counted else None,
                since=instant_of("since", since) if since else None,
                reason=_text(data["reason"]),
            )
        except Exception as error:
            raise ValueError(f"what is stored of the breaker cannot be read ({type(error).__name__}: {error})") from error


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no number of nights")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def waited_out(record: Completeness) -> bool:
    """Whether whoever was still at work at the decision had had their time: the barrier's, or their own by their history."""
    if record.decided_by == DecidedBy.PATIENCE:
        return True
    return bool(record.deadline) and instant_of("deadline", record.deadline) <= instant_of("decided_at", record.decided_at)


def ending_of(task: str, branch: BranchState, *, fault: str = "", stopped: bool = False, overdue: bool = False) -> Ending:
    """What the end of a branch says of its source.

    :param task: Airflow's state of the task that reads the source.
    :param branch: What became of the branch.
    :param fault: The class of the error with which the task's last try failed; empty where it did not.
    :param stopped: Whether that error is that nobody waited for the rows any more.
    :param overdue: Whether it had had its time; see :func:`waited_out`. What was not waited for until then is no fault of the source's.
    """
    if task == "success":
        return Ending.ANSWERED
    if branch is BranchState.LATE or stopped:
        return Ending.SILENT if overdue else Ending.UNTOLD
    return Ending.SILENT if fault in SILENCES else Ending.UNTOLD


def after_night(breaker: Breaker, night: Interval, ending: Ending, *, open_after: int, now: datetime, reason: str = "") -> Breaker:
    """The breaker after a night. A night that ends again, by a retry or a rerun, is never counted twice; it may still turn out well.

    :param night: The interval of data that the night was about.
    :param open_after: Bad nights in a row that open it.
    :param reason: Why the night was bad; empty where nothing else is known than before.
    """
    if breaker.stance is Stance.ISOLATED or ending is Ending.UNTOLD:
        return breaker
    if ending is Ending.ANSWERED:
        passed = breaker.counted is not None and night < breaker.counted
        return breaker if passed else Breaker(counted=night)
    if not breaker.counts(night):
        return breaker
    counted = replace(breaker, nights=breaker.nights + 1, counted=night, reason=reason or breaker.reason)
    if breaker.stance is Stance.CLOSED and counted.nights >= open_after:
        return replace(counted, stance=Stance.OPEN, since=now)
    return counted


def isolated(breaker: Breaker, *, now: datetime, because: str = "") -> Breaker:
    """The breaker after a person took its branch out of the nights, until :func:`reset`."""
    return replace(breaker, stance=Stance.ISOLATED, since=now, reason=because)


def reset(breaker: Breaker) -> Breaker:
    """The breaker after a person closed it. The night that was counted last is not counted again."""
    return Breaker(counted=breaker.counted)
