"""Reads ahead in a thread of its own, so that a server sends while what it sent before is decoded and written."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from contextvars import copy_context
from queue import Full, Queue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

T = TypeVar("T")
FAREWELL_SECONDS = 30.0
"""How long a reader that nobody wants any more is waited for."""
_LOOK_SECONDS = 0.05
"""How often a reader that waits for room looks whether anybody still wants what it has."""


@contextmanager
def ahead(items: Generator[T, None, None], *, depth: int = 2, interrupt: Callable[[], object]) -> Iterator[Iterator[T]]:
    """The same items in the same order, of which up to ``depth`` are fetched before they are asked for.

    :param items: run and closed by the other thread.
    :param interrupt: called when the block ends before all was fetched: it makes the item that is being waited for come, or fail.
    :raises Exception: what ``items`` raises, where its next item would have been.
    """
    fetching = _Fetching(items, depth)
    fetching.thread.start()
    try:
        yield fetching.given()
    finally:
        fetching.over.set()
        if not fetching.done.is_set():
            with suppress(Exception):
                interrupt()
        fetching.thread.join(FAREWELL_SECONDS)


class _Fetching(Generic[T]):
    """One thread, and what it has fetched."""

    def __init__(self, items: Generator[T, None, None], depth: int) -> None:
        self.over = threading.Event()
        """Nobody asks any more."""
        self.done = threading.Event()
        """Nothing is fetched any more."""
        self.thread = threading.Thread(target=copy_context().run, args=(self._fetch, items), name="tidegate-ahead", daemon=True)
        self._queue: Queue[tuple[T] | BaseException | None] = Queue(maxsize=depth)

    def given(self) -> Iterator[T]:
        """What was fetched, as it comes."""
        while (found := self._queue.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]

    def _fetch(self, items: Generator[T, None, None]) -> None:
        last: BaseException | None = None
        try:
            for item in items:
                if not self._put((item,)):
                    items.close()
                    break
        except BaseException as error:  # noqa: BLE001  raised again in the thread that asks
            last = error
        self.done.set()
        self._put(last)

    def _put(self, found: tuple[T] | BaseException | None) -> bool:
        """Whether anybody still asks."""
        while not self.over.is_set():
            try:
                self._queue.put(found, timeout=_LOOK_SECONDS)
            except Full:
                continue
            return True
        return False
