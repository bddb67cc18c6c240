"""Staged files that nobody will ask for any more: those of intervals that ended long ago, unless somebody wrote to them since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.data.sinks import listed
from tidegate.data.staging import interval_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from tidegate.data.staging import Staging


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was deleted."""

    intervals: int = 0
    files: int = 0
    bytes: int = 0

    def __add__(self, other: Tidied) -> Tidied:
        return Tidied(self.intervals + other.intervals, self.files + other.files, self.bytes + other.bytes)


def tidy(staging: Staging, *, keep: timedelta, now: datetime) -> Tidied:
    """Delete what was staged for intervals that ended before ``now - keep``.

    An interval of which any file is younger stays whole, so a backfill of long ago is kept as long as it needs its rows. Manifests go first: what is
    half deleted counts for nothing. Doing it at the same time twice is fine.

    :raises OSError: a file cannot be deleted; those before it are gone.
    """
    before = now - keep
    done = Tidied()
    for pipeline in _folders(staging.root):
        for folder in _folders(pipeline):
            interval = interval_of(folder.name)
            if interval is not None and interval.end < before:
                done += _deleted(folder, before)
    return done


def _deleted(folder: Any, before: datetime) -> Tidied:
    """Delete the files of one interval, if all are old."""
    files = sorted(_files(folder), key=lambda path: path.suffix != ".json")
    try:
        if any(_written(path) >= before for path in files):
            return Tidied()
        size = sum(int(path.stat().st_size) for path in files)
    except FileNotFoundError:  # another process is at it, or a writer put its file in place: the next time tells
        return Tidied()
    for path in files:
        path.unlink(missing_ok=True)
    _remove(folder)
    return Tidied(1, len(files), size)


def _written(path: Any) -> datetime:
    """When a file was written."""
    if isinstance(path, Path):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    moment: datetime = path.fs.modified(path.path)  # what stat() says is 0 for some stores
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _folders(folder: Any) -> list[Any]:
    return sorted(path for path in listed(folder) if path.is_dir())


def _files(folder: Any) -> Iterator[Any]:
    for path in listed(folder):
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _remove(folder: Any) -> None:
    """Remove folders that are empty; one that somebody writes to again stays."""
    if not folder.is_dir():  # an object store has none without files
        return
    for path in listed(folder):
        if path.is_dir():
            _remove(path)
    try:
        folder.rmdir()
    except OSError:
        return
