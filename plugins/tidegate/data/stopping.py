"""Ends a read that nobody waits for any more: at an instant, when a caller says so, or when another read was first.

A thread of its own watches while the read runs, and cancels the statement on its server. A signal cannot do that: one that comes while
SQLite or DuckDB computes is heard only when they have ended. Runs in a worker.
"""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidegate.errors import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
"""How often whoever may ask for the end is asked whether they do."""
AGAIN_SECONDS = 1.0
"""How long to wait until a cancel is said again, for one that comes between two statements stops neither."""


class Stop:
    """When one read is to end early, and why. Made for one read; every method may be called from any thread.

    A reason completes "sales_emea was …", such as ``stopped at 04:30 Europe/Berlin, when its barrier decides``.
    """

    def __init__(
        self,
        *,
        at: datetime | None = None,
        why: str = "",
        asked: Callable[[], str | None] | None = None,
        every: float = POLL_SECONDS,
        claim: Callable[[], str | None] | None = None,
    ) -> None:
        """:param at: the instant to end at, with a time zone.
        :param why: the reason to give at that instant; it names the instant by default.
        :param asked: gives a reason to end now, else None; called every few seconds in a thread of the read's.
        :param every: seconds between two questions.
        :param claim: called right before the read commits; gives a reason why it must not, else None.
        """
        self._at = at
        self._at_why = why or (f"stopped at {at.isoformat(sep=' ', timespec='seconds')}" if at else "")
        self._asked = asked
        self._every = every
        self._claim = claim
        self._why: str | None = None
        self._settled = False
        self._changed = threading.Condition()

    @property
    def why(self) -> str | None:
        """The reason for which the read ends; None as long as it may go on."""
        if self._at is not None and datetime.now(UTC) >= self._at:
            self.now(self._at_why)
        return self._why

    def now(self, why: str) -> None:
        """End the read. The first reason stays; a read that has settled is left alone."""
        with self._changed:
            if self._why is None and not self._settled:
                self._why = why
                self._changed.notify_all()

    def check(self, name: str) -> None:
        """Go on, or not.

        :param name: of the connection, for the message.
        :raises Stopped: the read is to end.
        """
        if self.why is not None:
            raise self.error(name)

    def error(self, name: str) -> Stopped:
        """What a read raises that has ended early."""
        return Stopped(f"{name} was {self.why}.", hint="Nothing of what it had read is kept.")

    def settle(self, name: str) -> None:
        """Say that all is read: from here on nothing stops it.

        :raises Stopped: it was to end before that.
        """
        self.check(name)
        with self._changed:
            if self._why is None and self._claim is not None:
                self._why = self._claim()
            self._settled = self._why is None
        self.check(name)

    @contextmanager
    def watching(self, cancel: Callable[[], None]) -> Iterator[None]:
        """Watch until the block ends, and call ``cancel`` in the watching thread, again and again, from the moment the read is to end."""
        over = threading.Event()
        thread = threading.Thread(target=self._watch, args=(over, cancel), name="tidegate-stop", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._changed:
                over.set()
                self._changed.notify_all()
            thread.join()

    def _watch(self, over: threading.Event, cancel: Callable[[], None]) -> None:
        while not over.is_set():
            if self.why is None:
                self._ask()
            if (why := self.why) is not None and not over.is_set():
                cancel()
            with self._changed:
                if not over.is_set() and self._why == why:
                    self._changed.wait(self._pause(why))

    def _ask(self) -> None:
        if self._asked is None:
            return
        try:
            why = self._asked()
        except Exception:
            log.warning("Nobody could be asked whether to stop this read; it goes on", exc_info=True)
        else:
            if why:
                self.now(why)

    def _pause(self, why: str | None) -> float | None:
        """Seconds until there is something to look at again."""
        if why is not None:
            return AGAIN_SECONDS
        pauses = [self._every] if self._asked is not None else []
        if self._at is not None:
            pauses += [max((self._at - datetime.now(UTC)).total_seconds(), 0.0), self._every]
        return min(pauses, default=None)
