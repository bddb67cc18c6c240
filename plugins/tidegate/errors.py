"""Every error that Tidegate raises on purpose.

::

    TidegateError
    ├── SpecError                 a pipeline file is wrong; carries findings with file, line and column
    ├── Unreachable               nobody answered: retrying may help
    ├── TimedOut                  someone answered, but not in time: retrying may help
    ├── Refused                   someone answered, and the answer is no: retrying does not help
    │   ├── AuthRefused           a login, a password or a right is not good enough
    │   ├── ConnectionUnknown     no Airflow connection of that id, or of a kind that cannot be read
    │   ├── FileMissing           a file that the config names is not under include/
    │   ├── QueryRefused          the database rejected the statement: missing table, unknown column, syntax
    │   ├── DataRefused           the rows came, but are not what the config accepts
    │   ├── ImportRefused         an import path that is not allowed, or leads nowhere
    │   ├── ConditionUnclear      a condition rendered to something that is neither true nor false
    │   ├── IntervalUnknown       the run does not say which interval it is about
    │   ├── LedgerTooNew          the ledger was made by a newer Tidegate
    │   ├── LoadRefused           loading would lose, double or mix up rows
    │   ├── SettingsRefused       VS Code's settings cannot be changed without a loss; in tidegate.cli.vscode
    │   └── Unplayable            a played night is told what cannot happen in it; in tidegate.testing
    ├── Decided                   a task has decided, and would decide the same again: never retried
    │   ├── BreakerOpen           a branch stays away: its breaker is open and the probe failed, or a person isolated it
    │   ├── Stopped               nobody waits for a read's rows any more, so it was ended
    │   ├── QuorumMissed          a barrier decided that too little arrived
    │   └── NightFailed           something that matters failed; raised by the outcome only
    └── DrawingUnavailable        a PNG needs packages that are not installed; in tidegate.render

A message is one sentence of what went wrong and where, then ``hint``: one sentence of what to do. Messages are plain text and never
hold a password. Each error is of a class, by which retries are decided.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.model.findings import Finding

__all__ = [
    "AuthRefused",
    "BreakerOpen",
    "ConditionUnclear",
    "ConnectionUnknown",
    "DataRefused",
    "Decided",
    "ErrorClass",
    "FileMissing",
    "ImportRefused",
    "IntervalUnknown",
    "LedgerTooNew",
    "LoadRefused",
    "NightFailed",
    "QueryRefused",
    "QuorumMissed",
    "Refused",
    "SpecError",
    "Stopped",
    "TidegateError",
    "TimedOut",
    "Unreachable",
]


class ErrorClass(StrEnum):
    """What kind of thing went wrong: what a retry, a breaker and a person want to know first."""

    UNREACHABLE = "unreachable"
    """Nobody answered, or the connection broke."""
    TIMEOUT = "timeout"
    """It took too long: a task's own time, a statement's, the wait for a lock."""
    AUTH = "auth"
    """A login, a password, a token or a right is not good enough."""
    BAD_DATA = "bad_data"
    """The data came, and are not what is accepted."""
    BUG = "bug"
    """The pipeline, its SQL or its code is wrong."""
    UNKNOWN = "unknown"
    """Nobody can tell by the error."""


class TidegateError(Exception):
    """The root: catch this to catch all of Tidegate's own errors."""

    error_class: ClassVar[ErrorClass] = ErrorClass.UNKNOWN
    """By what a retry is decided."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint
        self.step = ""
        """Path of the step that the factory was about, for a finding in the step's place."""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class SpecError(TidegateError):
    """One or more pipeline files are wrong; ``findings`` says where, in the order of the files."""

    error_class = ErrorClass.BUG

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n\n".join(finding.render() for finding in findings))
        self.findings = tuple(findings)

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Finding, ...]]]:
        return type(self), (self.findings,)


class Unreachable(TidegateError):
    """A database or an API did not answer, or dropped the connection on the way."""

    error_class = ErrorClass.UNREACHABLE


class TimedOut(TidegateError):
    """A database ended a statement that took too long, or did not give a lock in time; or an API took too long."""

    error_class = ErrorClass.TIMEOUT


class Refused(TidegateError):
    """The answer was no, and will be no again until a person changes something."""

    error_class = ErrorClass.BUG


class AuthRefused(Refused):
    """A database or an API does not let this login in, or not do what it asks for."""

    error_class = ErrorClass.AUTH


class ConnectionUnknown(Refused):
    """Airflow knows no connection of this id, or Tidegate cannot read one of its kind."""


class FileMissing(Refused):
    """A file that a config names does not lie under ``include/``."""


class QueryRefused(Refused):
    """The database, or the API, understood the question and rejected it."""


class DataRefused(Refused):
    """Rows arrived, but not the rows that the config accepts: none, too few, a column missing, a type wrong."""

    error_class = ErrorClass.BAD_DATA


class ImportRefused(Refused):
    """An import path is not on the allow-list, or nothing can be imported from it."""


class ConditionUnclear(Refused):
    """A step's condition is neither true nor false, or a choice names no step."""


class IntervalUnknown(Refused):
    """A run must be about an interval of data; this one says none."""


class LedgerTooNew(Refused):
    """A newer Tidegate has changed the ledger, and this one must not write into it."""


class LoadRefused(Refused):
    """The load would lose, double or mix up rows, so nothing was written."""

    error_class = ErrorClass.BAD_DATA


class Decided(TidegateError):
    """A task has decided, and says so by failing. Another try would decide the same, so there is none, whatever the config retries."""


class BreakerOpen(Decided):
    """A branch stays away tonight: its source has been silent for nights and is still, or a person isolated it."""

    error_class = ErrorClass.UNREACHABLE


class Stopped(Decided):
    """A read was ended early: its barrier had decided, or another read was first. It left nothing."""

    error_class = ErrorClass.TIMEOUT


class QuorumMissed(Decided):
    """A barrier decided that too little arrived; the message is the record's sentence."""

    error_class = ErrorClass.BAD_DATA


class NightFailed(Decided):
    """Something that matters failed; the message is the record's sentence."""
