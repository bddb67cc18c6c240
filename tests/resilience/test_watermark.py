"""Which values an interval reads: each change comes to the newest interval, and what an older one has keeps to it."""

from __future__ import annotations

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


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 5), st.just(True)),
        st.tuples(st.just("read"), st.integers(0, 6), st.booleans()),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_was_read_in_whatever_order(steps: list[tuple[str, int, bool]]) -> None:
    """Rows that changed at any time are merged as they are once the newest interval has been read; intervals come again, late, backwards, and some die
    before they have written down how far they were.
    """
    source: dict[int, int] = {}
    warehouse: dict[int, int] = {}
    remembered: dict[int, Marks] = {}
    clock = 0
    for step, number, whole in [*steps, ("read", 7, True)]:
        if step == "change":
            clock += 1
            source[number] = clock
            continue
        earlier = max((other for other in remembered if other < number), default=None)
        later = min((other for other in remembered if other > number), default=None)
        wanted = asked(
            own=remembered.get(number),
            earlier=remembered[earlier] if earlier is not None else None,
            later=remembered[later] if later is not None else None,
        )
        upto = wanted.upto if wanted.closed else max(source.values(), default=wanted.above)
        above, last = wanted.above or 0, upto or 0
        warehouse |= {key: value for key, value in source.items() if above < value <= last}
        if whole:
            remembered[number] = Marks(wanted.above, upto)
    assert warehouse == source
