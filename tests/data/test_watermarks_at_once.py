"""What has changed, read by two at once: no change is lost and no row is set back, whichever begins, sees the table or ends first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from changing import HOUR, NOON, Source
from nights import START

from tidegate.data import extract as extracting
from tidegate.data import watermarks
from tidegate.data.cuts import Split
from tidegate.data.watermarks import Changes

if TYPE_CHECKING:
    import sqlalchemy as sa
    from nights import Night

    from tidegate.data.manifest import Manifest


def test_a_late_attempt_takes_no_mark_back(served: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first try that comes to its end behind the second has read less, and its mark does not count."""
    source = Source(served)
    source.change(1, NOON)
    staged = extracting._staged

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.undo()
        source.change(2, NOON + HOUR)
        assert source.found(0, attempt="b-second") == [1, 2]
        return staged(*args, **more)

    monkeypatch.setattr(extracting, "_staged", late)
    source.read(0, attempt="a-first")
    assert source.found(1) == [2]
    assert source.found(0) == [1, 2]


def test_two_intervals_at_once(anywhere: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read what has changed since the one before both; the third goes on behind the second."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.read(0)
    source.change(2, NOON + HOUR)
    staged = extracting._staged

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.undo()
        assert source.found(2) == [1, 2]
        return staged(*args, **more)

    monkeypatch.setattr(extracting, "_staged", late)
    assert source.found(1) == [1, 2]
    source.change(3, NOON + 2 * HOUR)
    assert source.found(3) == [2, 3]


SPLITS = pytest.mark.parametrize("split", [None, Split(by="id", into=2)], ids=["one", "ranges"])


@SPLITS
def test_an_older_interval_beside_a_newer_one_that_is_being_read(
    served: Night, monkeypatch: pytest.MonkeyPatch, split: Split | None
) -> None:
    """It leaves what the newer one reads, or its rows, read later and loaded first, would be set back."""
    source = Source(served)
    served.table = "copy"

    def load(day: int, manifest: Manifest) -> None:
        served.load(manifest, replace=(), mode="merge", merge=["id"], start=START + timedelta(days=day))

    source.change(1, NOON)
    load(0, source.read(0))
    source.change(1, NOON + HOUR)
    staged = extracting._staged

    def slow(batches: Any, *args: Any, **more: Any) -> Any:
        monkeypatch.undo()
        read = list(batches)
        source.change(1, NOON + 2 * HOUR)
        caught_up = source.read(1, split=split)
        assert caught_up.rows == 0
        load(1, caught_up)
        return staged(iter(read), *args, **more)

    monkeypatch.setattr(extracting, "_staged", slow)
    load(2, source.read(2, split=split))
    assert served.query("SELECT changed_at FROM copy") == [(NOON + HOUR,)]
    load(3, source.read(3, split=split))
    assert served.query("SELECT changed_at FROM copy") == [(NOON + 2 * HOUR,)]


@SPLITS
def test_a_newer_interval_that_begins_while_an_older_one_does(served: Night, monkeypatch: pytest.MonkeyPatch, split: Split | None) -> None:
    """The older one has looked and found none, and sees the table only then: it looks once more, and leaves the rows to the newer one."""
    source = Source(served)
    source.change(1, NOON)
    source.read(0)
    begin = Changes.begin

    def late(changes: Changes) -> None:
        monkeypatch.undo()
        begin(changes)
        assert source.found(2) == [1]
        source.change(1, NOON + HOUR)

    monkeypatch.setattr(Changes, "begin", late)
    assert source.found(1, split=split) == []
    assert source.found(3, split=split) == [1]


def test_the_receipt_of_a_read_that_another_overtook(served: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped before it began, so its rows are newer than those of what ran meanwhile, and it says so."""
    source = Source(served)
    source.change(1, NOON)
    begin, overtook = Changes.begin, []

    def late(changes: Changes) -> None:
        monkeypatch.undo()
        overtook.append(source.read(0).read_at)
        begin(changes)

    monkeypatch.setattr(Changes, "begin", late)
    assert source.read(1).read_at > overtook[0]


@SPLITS
def test_marks_and_rows_are_of_one_state(served: Night, monkeypatch: pytest.MonkeyPatch, split: Split | None) -> None:
    """Asked of one session, so of one server of several, and what comes behind the mark is the next interval's."""
    source = Source(served)
    source.change(1, NOON)
    marked = Changes.source

    def late(changes: Changes, connection: sa.Connection) -> Any:
        monkeypatch.undo()
        found = marked(changes, connection)
        source.change(2, NOON + HOUR)
        return found

    monkeypatch.setattr(Changes, "source", late)
    assert source.found(0, split=split) == [1]
    assert source.found(1, split=split) == [1, 2]


def test_marks_and_rows_of_a_file_are_of_one_state(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has a state for each statement, unless it is told to keep one."""
    source = Source(night)
    night.run("PRAGMA journal_mode = WAL")
    source.change(1, NOON)
    marked = Changes.source

    def late(changes: Changes, connection: sa.Connection) -> Any:
        monkeypatch.undo()
        found = marked(changes, connection)
        source.change(2, NOON + HOUR)
        return found

    monkeypatch.setattr(Changes, "source", late)
    assert source.found(0) == [1]
    assert source.found(1) == [1, 2]


def test_a_mark_that_is_replaced_while_it_is_looked_for(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was listed is gone when it is read; the one in its place counts."""
    source = Source(night)
    source.change(1, NOON)
    source.read(0)
    source.change(2, NOON + HOUR)
    listed = watermarks.listed

    def late(folder: Any) -> list[Any]:
        monkeypatch.undo()
        found = listed(folder)
        source.read(0)
        return found

    monkeypatch.setattr(watermarks, "listed", late)
    assert source.found(1) == [2]


@pytest.mark.parametrize(("behind", "times"), [(False, 5), (True, 1)], ids=["before the rows", "behind them"])
def test_marks_that_vanish_between_list_and_look(anywhere: Night, monkeypatch: pytest.MonkeyPatch, behind: bool, times: int) -> None:
    """Another attempt has tidied them away: they count as gone, however many there are."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.read(0)
    found, gone = Changes._attempts, list[Any]()
    (kept,) = anywhere.folder.rglob("~watermarks/*/*/*/*/*.json")
    text = kept.read_text(encoding="utf-8")

    def late(self: Changes, files: dict[Any, list[Any]]) -> Any:
        known, there = found(self, files), files.get(self._here, [])
        if behind == any(file.name == f"{self._name}.json" for file in there):
            for file in (file for file in there if file.suffix == ".json" and self._name not in file.name):
                file.unlink()
                gone.append(file)
                if len(gone) < times:
                    file.with_stem(f"{file.stem}2").write_text(text, encoding="utf-8")
        return known

    monkeypatch.setattr(Changes, "_attempts", late)
    source.change(2, NOON + HOUR)
    assert source.found(0) == [1, 2]
    assert len(gone) == times
    monkeypatch.undo()
    assert source.found(1) == [2]
