"""Every error that Tidegate raises on purpose.

::

    TidegateError
    ├── SpecError                 a pipeline file is wrong; carries findings with file, line and column
    ├── Unreachable               nobody answered: retrying may help
    ├── Refused                   someone answered, and the answer is no: retrying does not help
    │   ├── ConnectionUnknown     no Airflow connection of that id, or of a kind that cannot be read
    │   ├── FileMissing           a file that the config names is not under include/
    │   ├── QueryRefused          the database rejected the statement: missing table, unknown column, syntax
    │   ├── DataRefused           the rows came, but are not what the config accepts
    │   ├── ImportRefused         an import path that is not allowed, or leads nowhere
    │   ├── ConditionUnclear      a condition rendered to something that is neither true nor false
    │   ├── IntervalUnknown       the run does not say which interval it is about
    │   ├── LoadRefused           loading would lose, double or mix up rows
    │   ├── SettingsRefused       VS Code's settings cannot be changed without a loss; in tidegate.cli.vscode
    │   └── Unplayable            a played night is told what cannot happen in it; in tidegate.testing
    ├── DrawingUnavailable        a PNG needs packages that are not installed; in tidegate.render
    ├── QuorumMissed              a barrier decided that too little arrived
    └── NightFailed               something that matters failed; raised by the outcome only

A message is one sentence of what went wrong and where, then ``hint``: one sentence of what to do. Messages are plain text and never
hold a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.model.findings import Finding

__all__ = [
    "ConditionUnclear",
    "ConnectionUnknown",
    "DataRefused",
    "FileMissing",
    "ImportRefused",
    "IntervalUnknown",
    "LoadRefused",
    "NightFailed",
    "QueryRefused",
    "QuorumMissed",
    "Refused",
    "SpecError",
    "TidegateError",
    "Unreachable",
]


class TidegateError(Exception):
    """The root: catch this to catch all of Tidegate's own errors."""

    retryable: ClassVar[bool] = True
    """Whether trying the same thing again may end differently."""

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

    retryable = False

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n\n".join(finding.render() for finding in findings))
        self.findings = tuple(findings)

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Finding, ...]]]:
        return type(self), (self.findings,)


class Unreachable(TidegateError):
    """A database did not answer, refused the connection, or dropped it on the way."""


class Refused(TidegateError):
    """The answer was no, and will be no again until a person changes something."""

    retryable = False


class ConnectionUnknown(Refused):
    """Airflow knows no connection of this id, or Tidegate cannot read one of its kind."""


class FileMissing(Refused):
    """A file that a config names does not lie under ``include/``."""


class QueryRefused(Refused):
    """The database understood the question and rejected it."""


class DataRefused(Refused):
    """Rows arrived, but not the rows that the config accepts: none, too few, a column missing, a type wrong."""


class ImportRefused(Refused):
    """An import path is not on the allow-list, or nothing can be imported from it."""


class ConditionUnclear(Refused):
    """A step's condition is neither true nor false, or a choice names no step."""


class IntervalUnknown(Refused):
    """A run must be about an interval of data; this one says none."""


class LoadRefused(Refused):
    """The load would lose, double or mix up rows, so nothing was written."""


class QuorumMissed(TidegateError):
    """A barrier decided that too little arrived; the message is the record's sentence."""

    retryable = False


class NightFailed(TidegateError):
    """Something that matters failed; the message is the record's sentence."""

    retryable = False
