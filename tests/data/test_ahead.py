"""Reading ahead: the same items, the same error, and a thread that is gone when the block ends."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tidegate.data.ahead import ahead

if TYPE_CHECKING:
    from collections.abc import Generator


def no_thread_is_left() -> bool:
    """Whether nobody reads any more."""
    return not any(thread.name == "tidegate-ahead" for thread in threading.enumerate())


def test_all_items_come_in_order() -> None:
    """And nobody is interrupted who has ended."""
    interrupted: list[bool] = []
    with ahead((number for number in range(100)), interrupt=lambda: interrupted.append(True)) as items:
        assert list(items) == list(range(100))
    assert interrupted == []
    assert no_thread_is_left()


def test_an_error_comes_where_its_item_would_have_been() -> None:
    """After all that came before it."""

    def failing() -> Generator[int, None, None]:
        yield 1
        raise KeyError("two")

    with ahead(failing(), interrupt=lambda: None) as items:
        assert next(items) == 1
        with pytest.raises(KeyError, match="two"):
            next(items)
    assert no_thread_is_left()


def test_whoever_stops_asking_ends_the_reading() -> None:
    """The items are closed in their own thread, though there is no end to them."""
    closed = threading.Event()

    def endless() -> Generator[int, None, None]:
        try:
            yield from count()
        finally:
            closed.set()

    with ahead(endless(), interrupt=lambda: None) as items:
        assert [next(items), next(items)] == [0, 1]
    assert closed.is_set()
    assert no_thread_is_left()


def test_what_is_waited_for_is_interrupted() -> None:
    """An item that never comes does not hold up the end."""
    woken = threading.Event()

    def stuck() -> Generator[int, None, None]:
        yield 1
        woken.wait()

    with ahead(stuck(), interrupt=woken.set) as items:
        assert next(items) == 1
    assert woken.is_set()
    assert no_thread_is_left()
