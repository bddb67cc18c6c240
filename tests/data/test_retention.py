"""Staged files are kept as long as anybody may ask for them, and not longer."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from nights import DAY, END, START, Night
from upath import UPath

from tidegate.data.retention import Tidied, tidy
from tidegate.data.staging import Staging

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [{"id": 1}]
KEEP = timedelta(days=30)


def age(folder: Path, moment: datetime) -> None:
    """Let all files under a folder be written at a moment."""
    for path in folder.rglob("*"):
        os.utime(path, (moment.timestamp(), moment.timestamp()))


def test_an_old_interval_goes_and_a_young_one_stays(night: Night) -> None:
    """To the second, counted from the end of the interval; the manifest, the rows and the folders."""
    old, young = night.stage(ROWS), night.stage(ROWS, start=START + DAY)
    night.staging.withdraw(old)
    night.staging.ask_to_stop("nightly", START, END, "run", "enough")
    age(night.folder, START)
    assert tidy(night.staging, keep=KEEP, now=END + KEEP) == Tidied()
    done = tidy(night.staging, keep=KEEP, now=END + KEEP + timedelta(seconds=1))
    assert (done.intervals, done.files) == (1, 4)
    assert done.bytes > old.bytes
    assert not (night.folder / "staging" / "nightly" / "20260101T000000Z--20260102T000000Z").exists()
    assert list(night.staging.committed("nightly", "extract", START + DAY, END + DAY)) == ["emea"]
    assert tidy(night.staging, keep=KEEP, now=END + KEEP + timedelta(seconds=1)) == Tidied()
    with night.staging.local_file(young) as path:
        assert path.is_file()


def test_an_old_interval_that_was_written_to_since_stays_whole(night: Night) -> None:
    """A backfill of last week needs all branches of a night of last year."""
    night.stage(ROWS, "emea")
    age(night.folder, START)
    night.stage(ROWS, "apac")
    assert tidy(night.staging, keep=KEEP, now=datetime.now(UTC)) == Tidied()
    assert sorted(night.staging.committed("nightly", "extract", START, END)) == ["apac", "emea"]
    assert tidy(night.staging, keep=KEEP, now=datetime.now(UTC) + KEEP + DAY).files == 4


def test_what_is_no_interval_is_left_alone(night: Night) -> None:
    """Somebody else's file in the staging folder, and a folder of another name."""
    night.stage(ROWS)
    for name in ("README.txt", "nightly/notes/a.txt", "nightly/2026--07/b.txt"):
        path = night.folder / "staging" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    age(night.folder, START)
    assert tidy(night.staging, keep=KEEP, now=END + 2 * KEEP).intervals == 1
    assert sorted(path.name for path in (night.folder / "staging").rglob("*.txt")) == ["README.txt", "a.txt", "b.txt"]


@pytest.mark.parametrize("name", ["there", "gone"])
def test_an_object_store_is_tidied_as_well(night: Night, name: str) -> None:
    """It has no folders to remove; an empty one has nothing to tidy."""
    night.staging = Staging(UPath(f"memory://{name}/staging"))
    assert tidy(night.staging, keep=KEEP, now=END + KEEP + DAY) == Tidied()
    night.stage(ROWS)
    assert tidy(night.staging, keep=KEEP, now=datetime.now(UTC)) == Tidied(), "its files were written just now"
    assert tidy(night.staging, keep=KEEP, now=datetime.now(UTC) + KEEP + DAY).files == 2
    assert night.staging.committed("nightly", "extract", START, END) == {}


def test_two_that_tidy_at_the_same_time(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one has listed the other has deleted."""
    from tidegate.data import retention

    night.stage(ROWS)
    listed, once = retention._files, []

    def slow(folder: Any) -> Any:
        found = list(listed(folder))
        if not once:
            once.append(True)
            assert tidy(night.staging, keep=KEEP, now=datetime.now(UTC) + KEEP + DAY).files == 2
        return iter(found)

    monkeypatch.setattr(retention, "_files", slow)
    assert tidy(night.staging, keep=KEEP, now=datetime.now(UTC) + KEEP + DAY) == Tidied()
