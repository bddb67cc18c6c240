"""A mark counts only where its rows are loaded: what failed behind its extract is read by the next interval, too."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from changing import HOUR, NOON, Source
from nights import START

from tidegate.data.cuts import Split
from tidegate.data.manifest import Manifest
from tidegate.data.transform import transform_python, transform_sql
from tidegate.data.watermarks import tell_loaded
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from nights import Night

pytestmark = pytest.mark.slow


class Watched:
    """A source that is read by what has changed, and a table into which that is merged."""

    def __init__(self, night: Night, settled_by: tuple[str, ...] = ("load",)) -> None:
        self.night = night
        self.source = Source(night)
        self.settled_by = settled_by
        night.table = "copy"

    def change(self, number: int, hour: int) -> None:
        """A thing has changed, so many hours after noon."""
        self.source.change(number, NOON + hour * HOUR)

    def read(self, day: int, **more: Any) -> Manifest:
        """What an extract hands on, as it travels from task to task."""
        return Manifest.from_dict(self.source.read(day, settled_by=self.settled_by, **more).as_dict())

    def found(self, day: int, **more: Any) -> list[int]:
        """The numbers that the interval of a day reads."""
        return self.source.found(day, settled_by=self.settled_by, **more)

    def load(self, day: int, manifest: Manifest, *, by: tuple[str, ...] = ("load",)) -> None:
        """Merge, and let these loads say so."""
        done = self.night.load(manifest, replace=(), mode="merge", merge=["id"], start=START + timedelta(days=day))
        for name in by:
            tell_loaded(self.night.staging, done.marks, load=name)

    def is_whole(self) -> bool:
        """Whether the table is what its source is."""
        copied, there = (self.night.query(f"SELECT id, changed_at FROM {table} ORDER BY id") for table in ("copy", "things"))
        return [tuple(map(str, row)) for row in copied] == [tuple(map(str, row)) for row in there]


SPLITS = pytest.mark.parametrize("split", [None, Split(by="id", into=2)], ids=["one", "ranges"])


def test_a_night_that_fails_behind_its_extract(anywhere: Night, caplog: pytest.LogCaptureFixture) -> None:
    """The next one reads from the mark of the last that was loaded, says why, and has the changes of both."""
    caplog.set_level("INFO", "tidegate.data.watermarks")
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.load(0, watched.read(0))
    watched.change(2, 1)
    watched.read(1)
    watched.change(3, 2)
    assert not _said(caplog)
    watched.load(2, watched.read(2))
    assert watched.is_whole()
    assert _said(caplog) == ["shop, things, What was read for 2026-01-02 is not loaded, so it is read for 2026-01-03, too"]
    assert watched.found(3) == [3]


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "tidegate.data.watermarks"]


def test_the_failed_night_is_cleared_afterwards(anywhere: Night) -> None:
    """From its extracts: it reads what has not changed between its own marks. Its load alone is refused, for a later night has read since."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.load(0, watched.read(0))
    watched.change(2, 1)
    watched.change(3, 1)
    failed = watched.read(1)
    watched.change(3, 2)
    watched.load(2, watched.read(2))
    with pytest.raises(LoadRefused, match="would be set back"):
        watched.load(1, failed)
    watched.change(2, 3)
    again = watched.read(1)
    assert again.rows == 1
    watched.load(1, again)
    assert watched.found(3) == [2, 3]
    watched.load(3, watched.read(3))
    assert watched.is_whole()


@SPLITS
def test_a_night_that_is_tried_again_before_the_next(served: Night, split: Split | None) -> None:
    """It reads on from where it began; the next one from where it ended, for it is loaded."""
    watched = Watched(served)
    watched.change(1, 0)
    watched.load(0, watched.read(0, split=split))
    watched.change(2, 1)
    watched.read(1, split=split)
    watched.change(3, 2)
    watched.load(1, watched.read(1, split=split))
    assert watched.found(2, split=split) == [3]
    assert watched.is_whole()


def test_a_first_night_that_was_never_loaded(anywhere: Night) -> None:
    """Then the next one is the first."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.read(0)
    watched.change(2, 1)
    assert watched.found(1) == [1, 2]
    watched.load(1, watched.read(1))
    assert watched.is_whole()
    assert watched.found(0) == [1]
    assert watched.found(2) == [2]


def test_a_load_that_dies_before_it_says_so(anywhere: Night) -> None:
    """Its next try finds the rows there, and says so."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    first = watched.read(0)
    watched.load(0, first, by=())
    watched.change(2, 1)
    assert watched.found(1) == [1, 2]
    watched.load(0, first)
    assert watched.found(2) == [1, 2]
    watched.change(1, 2)
    assert watched.found(2) == [1, 2]
    watched.load(2, watched.read(2))
    assert watched.found(3) == [1]


def test_an_older_attempt_that_is_loaded(anywhere: Night) -> None:
    """Its mark stays beside that of a newer attempt which was not, and goes when a newer one is."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.load(0, watched.read(0))
    watched.change(2, 1)
    watched.read(0)
    marks = _kept(anywhere.folder)
    assert marks == ["a-0.json", "a-0~load.loaded", "a-1.json"]
    assert watched.found(1) == [1, 2]
    watched.load(0, again := watched.read(0))
    watched.read(0)
    assert again.attempt == "a-3"
    assert [name for name in _kept(anywhere.folder) if name.startswith("a-3")] == ["a-3.json", "a-3~load.loaded"]
    assert not [name for name in _kept(anywhere.folder) if name.startswith(("a-0", "a-1."))]


def _kept(folder: Path) -> list[str]:
    """The files of all marks of the first day, without its name."""
    return sorted(path.name.partition("~")[2] for path in folder.rglob("~watermarks/*/*/*/*/20260101T*"))


def test_a_mark_is_kept_as_long_as_it_is_the_last_that_was_loaded(anywhere: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many nights have failed since: none of them is to read the whole table."""
    monkeypatch.setattr("tidegate.data.watermarks.KEPT", 3)
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.change(2, 1)
    watched.load(0, watched.read(0))
    for day in range(1, 6):
        assert watched.found(day) == [2]


def test_several_loads(anywhere: Night) -> None:
    """All of them must have the rows."""
    watched = Watched(anywhere, ("load", "group.other"))
    watched.change(1, 0)
    watched.load(0, first := watched.read(0), by=("load",))
    watched.change(2, 1)
    assert watched.found(1) == [1, 2]
    watched.load(0, first, by=("group.other",))
    assert watched.found(2) == [1, 2]
    watched.settled_by = ("load", "group.other", "new")
    assert watched.found(3) == [1, 2]


@pytest.mark.parametrize("loads", [("other",), ("load", "other")], ids=["another", "one more"])
@pytest.mark.parametrize("first", [2, 3, 1])
def test_other_loads_begin_anew(anywhere: Night, first: int, loads: tuple[str, ...]) -> None:
    """Whichever night is the first that they are given, an old one or the next: nothing below its mark is in their table."""
    watched = Watched(anywhere)
    for day in range(3):
        watched.change(day, day)
        watched.load(day, watched.read(day))
    watched.settled_by = loads
    anywhere.table = "copy2"
    watched.load(first, watched.read(first), by=loads)
    watched.change(4, 4)
    watched.load(4, watched.read(4), by=loads)
    assert anywhere.query("SELECT id FROM copy2 ORDER BY id") == [(0,), (1,), (2,), (4,)]
    assert watched.found(5) == [4]


def test_other_loads_are_given_what_was_read_for_the_ones_before(anywhere: Night) -> None:
    """The load alone is cleared, under another name: the next night does not go on behind rows of which it has the last only."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.load(0, watched.read(0))
    watched.change(2, 1)
    watched.load(1, last := watched.read(1))
    watched.settled_by = ("other",)
    watched.load(1, last, by=("other",))
    watched.change(3, 2)
    assert watched.found(2) == [1, 2, 3]


def test_nights_without_changes(anywhere: Night) -> None:
    """A load of no rows has loaded them."""
    watched = Watched(anywhere)
    watched.load(0, watched.read(0))
    watched.change(1, 0)
    watched.load(2, watched.read(2))
    watched.load(1, nothing := watched.read(1))
    assert nothing.rows == 0
    watched.change(2, 1)
    assert watched.found(3) == [1, 2]


def nothing_else(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the rows as they are."""
    return frame


@pytest.mark.parametrize("way", ["sql", "python"])
def test_transforms_hand_on_whose_rows_they_are(anywhere: Night, way: str) -> None:
    """Branch by branch, however many of them there are in a row."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    made = read = watched.read(0)
    for step in ("named", "cleaned"):
        shared: dict[str, Any] = {
            "key": anywhere.key(step=step), "staging": anywhere.staging, "attempt": f"{step}-1", "correlation_id": "c-1"
        }  # fmt: skip
        after = transform_sql([made], "SELECT * FROM input", **shared) if way == "sql" else transform_python([made], nothing_else, **shared)
        made = Manifest.from_dict(after.as_dict())
    assert (
        made.marks
        == read.marks
        == (f"nightly/~watermarks/extract/emea/things%20changed_at/load/20260101T000000Z--20260102T000000Z~{read.attempt}",)
    )
    watched.load(0, made)
    watched.change(2, 1)
    assert watched.found(1) == [1, 2]
    watched.load(1, watched.read(1))
    watched.change(3, 2)
    assert watched.found(2) == [2, 3]


def test_another_database_behind_the_connection(anywhere: Night, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it lies above the mark, and its rows lie below: which is said with what to do. Neither a night without changes nor an empty table is told of."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.change(2, 5)
    watched.load(0, watched.read(0))
    assert watched.found(1) == [2]
    anywhere.run("DELETE FROM things")
    assert watched.found(2) == []
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    watched.change(1, 0)
    assert watched.found(3) == []
    (said,) = [record for record in caplog.records if record.levelname == "WARNING"]
    folder = anywhere.folder / "staging" / "nightly" / "~watermarks" / "extract" / "emea" / "things%20changed_at" / "load"
    assert said.message == (
        f'shop, things, has no "changed_at" of 2026-01-01 17:00:00 or later, where it was read before; the greatest is 2026-01-01 12:00:00. That is right '
        "where its last rows were deleted. Where the connection leads to another database now, or to one that was restored, changes below that mark are not "
        f"read: delete {folder}, and all rows are read anew"
    )
    for path in folder.iterdir():
        path.unlink()
    assert watched.found(4) == [1]


def test_one_question_is_enough(served: Night) -> None:
    """Where nothing has changed, the mark's own row is found by the question for what is newer."""
    watched = Watched(served)
    watched.change(1, 0)
    watched.load(0, watched.read(0))
    assert asked_for_max(watched) == 1
    watched.change(2, 1)
    assert asked_for_max(watched) == 1


def asked_for_max(watched: Watched) -> int:
    """How often a read asks for the greatest value."""
    asked: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        watched.read(1)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    return sum("max(" in statement for statement in asked)


def test_a_night_that_is_read_anew_while_the_next_waits_for_its_load(anywhere: Night) -> None:
    """A row is another in the moment in which both end: the older reading of the later night does not bring back what was there."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.load(0, watched.read(0))
    watched.change(2, 1)
    watched.read(1)
    waiting = watched.read(2)
    anywhere.run("UPDATE things SET id = 3 WHERE id = 2")
    watched.load(1, watched.read(1))
    with pytest.raises(LoadRefused, match=r"2026-01-02T00:00:00.* would be set back") as caught:
        watched.load(2, waiting)
    assert caught.value.hint == "Clear the extract of emea, so that it is read anew."
    watched.load(2, watched.read(2))
    assert watched.is_whole()


def test_an_old_night_that_is_caught_up_while_the_next_waits_for_its_load(anywhere: Night) -> None:
    """What it brings lies before, or has not changed since: the next one is loaded."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    watched.load(0, watched.read(0))
    watched.change(2, 1)
    watched.load(1, watched.read(1))
    watched.change(3, 2)
    watched.read(2)
    watched.change(4, 3)
    waiting = watched.read(3)
    for day in (1, 2):
        watched.load(day, again := watched.read(day))
        assert again.rows
    watched.load(3, waiting)
    assert watched.is_whole()


def test_a_later_night_that_was_read_for_another_load(anywhere: Night) -> None:
    """Nobody knows what it has in common with an earlier one that was read and loaded since."""
    watched = Watched(anywhere)
    watched.change(1, 0)
    waiting = watched.read(1)
    watched.settled_by = ("other",)
    watched.load(0, watched.read(0), by=("other",))
    with pytest.raises(LoadRefused, match="would be set back"):
        watched.load(1, waiting)
    watched.load(1, watched.read(1), by=("other",))
    assert watched.is_whole()
