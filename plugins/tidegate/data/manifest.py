"""What one attempt brought: the receipt that commits a staged file, travels through XCom, and lets a load be fenced.

A manifest is a few hundred bytes of JSON. The rows stay in staging.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tidegate.model.accept import Accept

QUARANTINE = ".quarantine.parquet"
"""How the file of rows ends that were set aside."""
_TUPLES = ("columns", "branches", "marks")


@dataclass(frozen=True, kw_only=True, slots=True)
class StageKey:
    """Where a staged file belongs: one step's output for one branch of one interval of one pipeline.

    :raises DataRefused: a name ends in a blank, which MySQL and MariaDB do not see: their ledger would take two branches for one.
    """

    pipeline: str
    step: str
    interval_start: datetime
    """Inclusive, in UTC."""
    interval_end: datetime
    """Exclusive, in UTC."""
    branch: str
    """The branch's name, ``"all"`` for a step that is not repeated."""

    def __post_init__(self) -> None:
        for what, name in (("branch", self.branch), ("pipeline", self.pipeline)):
            if name.endswith(" "):
                raise DataRefused(f'The {what} "{name}" ends in a blank, which some databases do not see.', hint="Name it without one.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """Which of the rows of its branches an attempt was made of, where each task is given a share of them."""

    number: int
    """From 0. Without :attr:`value` it is the hash over :attr:`by`, modulo :attr:`of`."""
    of: int
    """How many shares there are."""
    by: tuple[str, ...]
    whole: str
    """Equal for shares that make a whole, and for no others: short hash of the inputs and of :attr:`by`, a hyphen, and how the rows are dealt out."""
    name: str
    """For people, who count from 1: ``part 3 of 8``, or ``product=tea``."""
    value: str | None = None
    """The values of :attr:`by` as :mod:`tidegate.data.shares` writes them, where there is a share for each."""

    @property
    def inputs(self) -> str:
        """Short hash of the inputs and of :attr:`by`."""
        return self.whole.partition("-")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One committed attempt at one :class:`StageKey`."""

    pipeline: str
    step: str
    interval_start: str
    """ISO 8601 in UTC, inclusive."""
    interval_end: str
    """ISO 8601 in UTC, exclusive."""
    branch: str
    attempt: str
    """Unique to the try that wrote the file; ``<run id hash>-<try>-<random>``, safe in a file name."""
    path: str
    """The Parquet file, relative to the staging root."""
    rows: int
    bytes: int
    sha256: str
    """Of the Parquet file."""
    fingerprint: str
    """Short hash of the column names and types, in order."""
    columns: tuple[str, ...]
    read_at: str
    """ISO 8601 in UTC with microseconds: when the source began to be read. Of several inputs, the oldest."""
    written_at: str
    """ISO 8601 in UTC with microseconds: when this file was committed."""
    correlation_id: str
    branches: tuple[str, ...]
    """The branches whose rows are inside: ``(branch,)``, or all that a combining transform read."""
    stale: dict[str, str] = field(default_factory=dict)
    """Of those whose rows are of an earlier interval and stand in for this one's: branch → that interval's start, as ISO 8601 in UTC."""
    question: str = ""
    """Short hash of what a source was asked, by :func:`question`; empty where none was."""
    quarantined: int = 0
    """Rows that were set aside, by this step and by those before it; those of this step lie in ``<attempt>.quarantine.parquet``."""
    broken: dict[str, int] = field(default_factory=dict)
    """The rules that rows of this step broke, in words → how many rows."""
    watermark: dict[str, Any] | None = None
    """Of an extract by watermark, the values of the column that are inside: ``{"above": {"moment": …}, "upto": {"moment": …}}``."""
    marks: tuple[str, ...] = ()
    """Where the marks lie of the attempts by watermark that the rows are of, relative to the staging root: a load tells there that it has brought them."""
    instead: Manifest | None = None
    """The same without the rows that stand in, where a transform has made both; for a load that cannot take them."""
    share: Share | None = None
    """Which rows of its branches it was made of; None for all."""

    @property
    def files(self) -> tuple[Manifest, ...]:
        """The staged files, each by its own receipt."""
        return (self,)

    @property
    def aside(self) -> str:
        """The file of rows that this step has set aside, relative to the staging root; there are none where :attr:`broken` is empty."""
        return f"{self.path.removesuffix('.parquet')}{QUARANTINE}"

    @property
    def fence(self) -> str:
        """Orders attempts: a load never replaces rows of a greater fence by rows of a smaller one. What holds rows that stand in comes last."""
        return self.fence_of(next(iter(self.stale), self.branch))

    def fence_of(self, branch: str) -> str:
        """The fence of one branch: rows that stand in never replace rows of the interval itself, whenever they were read."""
        return f"{'-' if branch in self.stale else ''}{self.read_at}/{self.written_at}"

    @property
    def fresh(self) -> bool:
        """Whether any branch's rows are of the interval itself."""
        return any(branch not in self.stale for branch in self.branches)

    @property
    def stale_from(self) -> str | None:
        """The start of the oldest interval whose rows stand in; None where all are of the interval itself."""
        return min(self.stale.values(), default=None)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types, for XCom and for the manifest file."""
        instead = self.instead.as_dict() if self.instead is not None else None
        lists = {name: list(getattr(self, name)) for name in _TUPLES}
        return {**asdict(self), **lists, "instead": instead}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Manifest:
        """The inverse of :meth:`as_dict`.

        :raises TypeError: a key is missing or unknown.
        """
        instead = cls.from_dict(data["instead"]) if data.get("instead") else None
        share = share_from(data["share"]) if data.get("share") else None
        lists = {name: tuple(data[name]) for name in _TUPLES}
        return cls(**{**data, **lists, "instead": instead, "share": share})


def share_from(data: Mapping[str, Any]) -> Share:
    """A share as it travels through XCom."""
    return Share(**{**data, "by": tuple(data["by"])})


def question(sql: Any, *, params: Mapping[str, Any] | None, accept: Accept, timezone: str) -> str:
    """Short hash of what a source is asked, but for the interval and the branch: equal where rows that are staged are those that would be read again."""
    asked = [sql, dict(params or {}), accept.said, timezone]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=repr).encode()).hexdigest()[:12]
