"""Which values an interval reads: each change comes to the newest interval, and what an older one has keeps to it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tidegate.resilience.watermark import Around, Asked, Attempt, Marks, around, asked, may_set_back, worth_keeping


def test_the_first_one_reads_all_and_the_next_goes_on() -> None:
    """Up to whatever is newest."""
    assert asked(own=None, earlier=None, later=None) == Asked(None, None, closed=False)
    assert asked(own=None, earlier=Marks(None, 5), later=None) == Asked(5, None, closed=False)


def test_the_last_one_read_again_reads_on() -> None:
    """From where it began, whatever became of the one before."""
    assert asked(own=Marks(5, 9), earlier=Marks(None, 7), later=None) == Asked(5, None, closed=False)


def test_one_with_a_later_one_keeps_its_own() -> None:
    """And one that was never read has nothing: the later one has read what would have been its own."""
    assert asked(own=Marks(5, 9), earlier=Marks(None, 5), later=Marks(9, 12)) == Asked(5, 9, closed=True)
    assert asked(own=Marks(5, 9), earlier=Marks(None, 5), later=Marks(5, 12)) == Asked(5, 9, closed=True)
    assert asked(own=None, earlier=Marks(None, 5), later=Marks(5, 12)) == Asked(5, 5, closed=True)
    assert asked(own=None, earlier=None, later=Marks(None, 12)) == Asked(None, None, closed=True)


def test_what_there_is_to_read() -> None:
    """Nothing, where the later one begins at the same mark; the rows of the mark's own moment otherwise, too."""
    assert Asked(5, 5, closed=True).nothing
    assert Asked(None, None, closed=True).nothing
    assert not Asked(5, 9, closed=True).nothing
    assert not Asked(None, 9, closed=True).nothing
    assert not Asked(5, None, closed=False).nothing


BEGUN, STAGED, SETTLED = {"staged": False, "settled": False}, {"staged": True, "settled": False}, {"staged": True, "settled": True}


def test_it_goes_on_from_the_nearest_one_that_is_settled() -> None:
    """What was read behind that and came nowhere is read once more; one that has only begun has read nothing."""
    known = {
        1: [Attempt("1a", **STAGED)],
        2: [Attempt("2a", **SETTLED), Attempt("2b", **STAGED), Attempt("2c", **SETTLED)],
        3: [Attempt("3a", **BEGUN), Attempt("3b", **STAGED)],
        4: [Attempt("4a", **BEGUN)],
        6: [Attempt("6a", **BEGUN)],
    }
    assert around(5, known) == Around(own=[], earlier=["2a", "2c"], later=["6a"], later_interval=6, unsettled=[3])
    assert around(3, known) == Around(own=["3b"], earlier=["2a", "2c"], later=["4a"], later_interval=4, unsettled=[])
    assert around(7, known) == Around(own=[], earlier=["2a", "2c"], later=[], later_interval=None, unsettled=[3])
    assert around(2, known) == Around(own=["2a", "2b", "2c"], earlier=[], later=["3b"], later_interval=3, unsettled=[1])


def test_what_is_worth_keeping() -> None:
    """The newest that was staged, and the newest that is settled, by when they were read."""
    read = {"a": 1, "b": 3, "c": 2, "d": 4}
    attempts = [Attempt("a", **SETTLED), Attempt("b", **STAGED), Attempt("c", **SETTLED), Attempt("d", **BEGUN)]
    assert worth_keeping(attempts, read.__getitem__) == {"b", "c"}
    assert worth_keeping(attempts[:2], read.__getitem__) == {"a", "b"}
    assert worth_keeping(attempts[2:], read.__getitem__) == {"c"}
    assert worth_keeping(attempts[3:], read.__getitem__) == set()


def test_what_an_earlier_interval_has_brought_since() -> None:
    """It is newer only in the moment in which both end; where this one begins in it, the next begins there, too."""
    assert may_set_back(Marks(1, 2), [Marks(1, 2)])
    assert may_set_back(Marks(1, 2), [Marks(1, 1), Marks(0, 3)])
    assert not may_set_back(Marks(1, 3), [Marks(1, 2)])
    assert not may_set_back(Marks(2, 2), [Marks(1, 2)])
    assert not may_set_back(Marks(2, 3), [Marks(None, None)])
    assert may_set_back(Marks(None, 3), [Marks(None, 3)])
    assert not may_set_back(Marks(None, 3), [Marks(None, 2)])
    assert may_set_back(Marks(None, None), [Marks(None, 2)])
    assert may_set_back(Marks(1, 2), [])


TABLES = {"both": (1, 2), "untold": (1, 2), "first": (1,), "second": (2,), "none": ()}
NUMBERS, TAKEN = st.integers(0, 4), st.sampled_from(list(TABLES))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), NUMBERS, st.booleans()),
        st.tuples(st.just("night"), NUMBERS, TAKEN),
        st.tuples(st.just("begin"), NUMBERS, st.none()),
        st.tuples(st.just("stage"), NUMBERS, st.booleans()),
        st.tuples(st.just("load"), NUMBERS, TAKEN),
        st.tuples(st.just("rename"), NUMBERS, st.none()),
    ),
    max_size=40,
)
"""Of a change: whether the clock has moved on since the one before. Of a read: whether it lives to write down its mark, and to hand on its rows. Of loads: which
of two tables takes the rows; or that both do and die before they say so. A night is all three. A load of another name has two tables of its own.
"""

Rows = dict[int, tuple[int, int]]
"""Row → the moment of its last change, and the number of that change."""


@dataclass(eq=False)
class Read:
    """One attempt: what it has read, and what became of it."""

    fence: int
    marks: Marks
    rows: Rows
    name: int
    """Of the load that it is for."""
    staged: bool = False
    loaded: set[tuple[int, int]] = field(default_factory=set)
    """Name and table."""


def _attempts(reads: list[Read]) -> list[Attempt[Read]]:
    return [Attempt(read, read.staged, read.staged and {(read.name, 1), (read.name, 2)} <= read.loaded) for read in reads]


def _newest(reads: list[Read]) -> Marks | None:
    newest = max(reads, key=lambda read: read.fence, default=None)
    return newest.marks if newest is not None else None


@dataclass
class Nights:
    """A source, the nights that read what has changed in it, and two tables into which each is merged."""

    source: Rows = field(default_factory=dict)
    name: int = 0
    """Of the load that there is now."""
    tables: dict[tuple[int, int], Rows] = field(default_factory=lambda: defaultdict(dict))
    marks: dict[int, dict[int, list[Read]]] = field(default_factory=lambda: defaultdict(dict))
    """Of each load of another name."""
    reading: dict[int, Read] = field(default_factory=dict)
    handed_on: dict[int, Read] = field(default_factory=dict)
    held: dict[tuple[int, int], dict[int, Read]] = field(default_factory=lambda: defaultdict(dict))
    """Table → night → what it holds of it."""

    def begin(self, number: int, count: int) -> None:
        """Look at the source."""
        remembered = self.marks[self.name]
        found = around(number, {night: _attempts(reads) for night, reads in remembered.items()})
        wanted = asked(own=_newest(found.own), earlier=_newest(found.earlier), later=_newest(found.later))
        upto = wanted.upto if wanted.closed else max((at for at, _ in self.source.values()), default=wanted.above)
        above, last = (-1 if mark is None else mark for mark in (wanted.above, upto))
        rows = {} if wanted.nothing else {key: value for key, value in self.source.items() if above <= value[0] <= last}
        self.reading[number] = Read(count, Marks(wanted.above, upto), rows, self.name)
        if not wanted.closed:
            remembered.setdefault(number, []).append(Read(count, Marks(wanted.above, wanted.above), {}, self.name))

    def end(self, number: int, *, lives: bool) -> None:
        """Write down the mark, forget what is needless, hand on the rows; or die before."""
        read = self.reading.pop(number)
        if lives:
            read.staged = True
            reads = [*self.marks[read.name].get(number, ()), read]
            self.marks[read.name][number] = list(worth_keeping(_attempts(reads), lambda each: each.fence))
            self.handed_on[number] = read

    def load(self, number: int, tables: tuple[int, ...], *, told: bool) -> None:
        """Merge what was handed on last, where no newer reading of a later night is there; no row is ever set back, but
        for one that changed twice in the moment in which a night without changes begins, until the next one.
        """
        read = self.handed_on[number]
        for table in ((self.name, table) for table in tables):
            newer = {night: other for night, other in self.held[table].items() if read.fence < other.fence}
            if any(
                night >= number or (other.rows and read.rows and self._sets_back(number, read, night, other))
                for night, other in newer.items()
            ):
                continue
            held = self.tables[table]
            for key, value in read.rows.items():
                assert key not in held or held[key][1] <= value[1] or value[0] == read.marks.above == read.marks.upto
            held |= read.rows
            self.held[table][number] = read
            if told:
                read.loaded.add(table)

    def _sets_back(self, number: int, read: Read, night: int, other: Read) -> bool:
        known = self.marks[read.name]
        theirs = [each.marks for each in known.get(night, ()) if each.staged and each.fence >= other.fence]
        return read not in known[number] or may_set_back(read.marks, theirs)


TWO = [("change", 1, True), ("change", 2, True)]  # for a mark's own moment is read again
LOST = [("change", 0, True), ("night", 0, "both"), *TWO, ("night", 1, "none")]
OF_TWO_ATTEMPTS = [("change", 0, True), ("night", 0, "both"), *TWO, ("night", 0, "none")]
SET_BACK = [
    LOST[0],
    LOST[1],
    TWO[0],
    ("night", 1, "none"),
    ("night", 2, "none"),
    ("change", 1, False),
    ("night", 1, "both"),
    ("load", 2, "both"),
]
RENAMED = [*LOST[:2], TWO[0], ("night", 1, "both"), ("rename", 1, None), ("night", 1, "both")]
RENAMED_AND_LOADED = [*RENAMED[:-1], ("load", 1, "both")]
BEHIND_A_GAP = [("change", 0, True), ("night", 2, "none"), ("night", 3, "none"), ("load", 2, "both"), ("night", 1, "both")]


@settings(max_examples=300)
@given(STEPS)
@example(LOST)
@example(OF_TWO_ATTEMPTS)
@example(BEHIND_A_GAP)
@example(SET_BACK)
@example(RENAMED)
@example(RENAMED_AND_LOADED)
def test_whatever_was_read_and_loaded_in_whatever_order(steps: list[tuple[str, int, Any]]) -> None:
    """Rows that changed at any time are in both tables as they are once the newest interval has been read and loaded, and none is ever set back. Intervals
    come again, late, backwards, side by side; some die before they have written down how far they were, some are loaded into one table, or into none, or die
    before they have said so. Several changes are of one moment. Loads get other names and tables, and old ones again.
    """
    nights, clock = Nights(), 0
    for count, (step, number, how) in enumerate([*steps, ("night", 7, "both")]):
        if step == "change":
            clock += how
            nights.source[number] = (clock, count)
        if step == "rename":
            nights.name = number
        if step in {"night", "begin"}:
            nights.begin(number, count)
        if step == "night" or (step == "stage" and number in nights.reading):
            nights.end(number, lives=how is not False)
        if step in {"night", "load"} and number in nights.handed_on:
            nights.load(number, TABLES[how], told=how != "untold")
    assert [nights.tables[nights.name, table] for table in (1, 2)] == [nights.source, nights.source]
