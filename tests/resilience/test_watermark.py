"""Which values an interval reads: each change comes to the newest interval, and what an older one has keeps to it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidegate.resilience.watermark import Asked, Marks, asked


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
    assert asked(own=None, earlier=Marks(None, 5), later=Marks(5, 12)) == Asked(5, 5, closed=True)
    assert asked(own=None, earlier=None, later=Marks(None, 12)) == Asked(None, None, closed=True)


def test_what_there_is_to_read() -> None:
    """Nothing, where the later one begins at the same mark; the rows of the mark's own moment otherwise, too."""
    assert Asked(5, 5, closed=True).nothing
    assert Asked(None, None, closed=True).nothing
    assert not Asked(5, 9, closed=True).nothing
    assert not Asked(None, 9, closed=True).nothing
    assert not Asked(5, None, closed=False).nothing


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 5), st.booleans()),
        st.tuples(st.just("begin"), st.integers(0, 6), st.just(True)),
        st.tuples(st.just("load"), st.integers(0, 6), st.booleans()),
    ),
    max_size=60,
)
"""Of a change: whether the clock has moved on since the one before. Of a load: whether the mark is written down."""


@given(STEPS)
def test_whatever_was_read_in_whatever_order(steps: list[tuple[str, int, bool]]) -> None:
    """Rows that changed at any time are merged as they are once the newest interval has been read, and none is ever set back. Intervals come again, late,
    backwards, side by side; some die before they have written down how far they were, some are never loaded. Several changes are of one moment.
    """
    source: dict[int, tuple[int, int]] = {}
    """Row → the moment of its last change, and the number of that change."""
    warehouse: dict[int, tuple[int, int]] = {}
    begun: dict[int, Any] = {}
    remembered: dict[int, Marks] = {}
    reading: dict[int, tuple[int, Marks, dict[int, tuple[int, int]]]] = {}
    loaded: dict[int, int] = {}
    clock = 0
    for count, (step, number, sure) in enumerate([*steps, ("begin", 7, True), ("load", 7, True)]):
        if step == "change":
            clock += sure
            source[number] = (clock, count)
        elif step == "begin":
            earlier = max((other for other in remembered if other < number), default=None)
            later = min((other for other in begun if other > number), default=None)
            wanted = asked(
                own=remembered.get(number),
                earlier=remembered[earlier] if earlier is not None else None,
                later=remembered.get(later, Marks(begun[later], begun[later])) if later is not None else None,
            )
            begun.setdefault(number, wanted.above)
            upto = wanted.upto if wanted.closed else max((at for at, _ in source.values()), default=wanted.above)
            above, last = (-1 if mark is None else mark for mark in (wanted.above, upto))
            rows = {} if wanted.nothing else {key: value for key, value in source.items() if above <= value[0] <= last}
            reading[number] = (count, Marks(wanted.above, upto), rows)
        elif number in reading:
            fence, marks, rows = reading.pop(number)
            if sure:
                remembered[number] = marks
            if fence > loaded.get(number, -1) and not any(other > number and fence < its for other, its in loaded.items()):
                assert all(key not in warehouse or warehouse[key][1] <= value[1] for key, value in rows.items())
                warehouse |= rows
                loaded[number] = fence
    assert warehouse == source
