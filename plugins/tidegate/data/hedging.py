"""Reads in threads of their own, where a signal to the task does not tear them from their server; and a second read of the same rows from
another connection, for a night on which the first is slow: the first to finish wins.

Each read is an attempt of its own, so rows are never mixed. Who has read all must claim the commit; the other's is then refused, its statement
is cancelled on its server, and it leaves nothing in staging. Runs in a worker.
"""

from __future__ import annotations

import logging
import threading
import time
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from tidegate.data.stopping import Stop
from tidegate.errors import ErrorClass, Stopped, TidegateError
from tidegate.model.spans import human

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.data.manifest import Manifest

log = logging.getLogger(__name__)

FAREWELL_SECONDS = 30.0
"""How long a read that lost is waited for. One whose driver can cancel nothing may take longer, and commits nothing."""
_FIRST, _SECOND = 0, 1


@dataclass(frozen=True, slots=True)
class Reader:
    """One of the two ways to the rows."""

    name: str
    """Of its connection."""
    read: Callable[[Stop], Manifest]
    """Reads and commits, obeying what it is given."""


@dataclass(frozen=True, slots=True)
class Winner:
    """Which read brought the rows."""

    manifest: Manifest
    read_from: str
    """In words, such as ``replica_emea, 10m after sales_emea had begun``; empty where only the first had begun."""


def hedged(first: Reader, second: Reader | None = None, *, after: timedelta = timedelta(0), stop: Stop) -> Winner:
    """Read from the first, and from the second as well once ``after`` has passed; at once, where the first is unreachable or timed out.

    What is raised in the thread that calls this, such as Airflow's timeout by a signal, ends both reads on their servers.

    :param second: None where there is no other way to the rows.
    :param stop: ends both.
    :raises TidegateError: both failed, the error that came first; or the first was refused before the second had begun.
    """
    race = _Race([first] if second is None else [first, second], stop)
    with stop.watching(race.end):
        try:
            return race.run(after.total_seconds())
        finally:
            race.end()
            race.part()


class _Race:
    """One read or two; the task's thread waits for them, where its timeout reaches it."""

    def __init__(self, readers: list[Reader], stop: Stop) -> None:
        self._readers = readers
        self._stop = stop
        self._stops: list[Stop] = []
        self._threads: list[threading.Thread] = []
        self._began: list[float] = []
        self._ends: SimpleQueue[tuple[int, Manifest | BaseException]] = SimpleQueue()
        self._claiming = threading.Lock()
        self._claimed: int | None = None
        self._won: int | None = None

    def run(self, after: float) -> Winner:
        errors: list[tuple[int, BaseException]] = []
        self._begin(_FIRST)
        while len(errors) < len(self._threads):
            ended = self._next(after)
            if ended is None:
                log.info("%s has not ended yet, so %s is read as well", self._name(_FIRST), self._name(_SECOND))
                self._begin(_SECOND)
                continue
            number, end = ended
            if not isinstance(end, BaseException):
                self._won = number
                return Winner(end, self._told(number))
            errors.append((number, end))
            if self._second_may_begin and self._stop.why is None and _is_down(end):
                log.warning("%s So %s is read now.", end, self._name(_SECOND))
                self._begin(_SECOND)
        raise self._error(errors)

    def end(self) -> None:
        """Let every read end that has not won: the caller's stop says why, or that another was first."""
        why = self._stop.why or (f"overtaken by {self._name(self._won)}" if self._won is not None else "not needed any more")
        for stop in self._stops:
            stop.now(why)

    def part(self) -> None:
        """Wait for the threads, so that servers and staging are tidy before anybody goes on."""
        until = time.monotonic() + FAREWELL_SECONDS
        for number, thread in enumerate(self._threads):
            thread.join(max(until - time.monotonic(), 0.0))
            if thread.is_alive():
                log.warning(
                    "%s cannot be stopped: its statement may still run on its server. Nothing of it will count.", self._name(number)
                )

    def _begin(self, number: int) -> None:
        stop = Stop(claim=partial(self._claim, number))
        thread = threading.Thread(
            target=copy_context().run, args=(self._read, number, stop), name=f"tidegate-{self._name(number)}", daemon=True
        )
        self._stops.append(stop)
        self._threads.append(thread)
        self._began.append(time.monotonic())
        if self._stop.why is not None:
            self.end()
        thread.start()

    def _read(self, number: int, stop: Stop) -> None:
        try:
            self._ends.put((number, self._readers[number].read(stop)))
        except BaseException as error:  # noqa: BLE001  raised again in the task's thread
            with self._claiming:
                if self._claimed == number:
                    self._claimed = None  # it could not commit: the other may
            self._ends.put((number, error))

    def _claim(self, number: int) -> str | None:
        with self._claiming:
            if self._claimed is None:
                self._claimed = number
            return None if self._claimed == number else f"overtaken by {self._name(self._claimed)}"

    def _next(self, after: float) -> tuple[int, Manifest | BaseException] | None:
        """What has ended; None when it is time for the second."""
        left = max(self._began[_FIRST] + after - time.monotonic(), 0.0) if self._second_may_begin else None
        try:
            return self._ends.get(timeout=left)
        except Empty:
            return None

    def _error(self, errors: list[tuple[int, BaseException]]) -> BaseException:
        """The first error, and the other in its hint; where the caller stopped both, only that."""
        if self._stop.why is not None:
            return next((error for _, error in errors if isinstance(error, Stopped)), errors[0][1])
        told = sorted(errors, key=lambda pair: isinstance(pair[1], Stopped))
        error = told[0][1]
        if len(told) > 1 and isinstance(error, TidegateError):
            number, other = told[1]
            said = other.message if isinstance(other, TidegateError) else f"{type(other).__name__}: {other}"
            error.hint = f"{error.hint} {self._name(number)}, which was read as well, failed too: {said}".lstrip()
        return error

    @property
    def _second_may_begin(self) -> bool:
        return len(self._threads) < len(self._readers)

    def _name(self, number: int) -> str:
        return self._readers[number].name

    def _told(self, winner: int) -> str:
        if len(self._threads) == 1:
            return ""
        after = human(timedelta(seconds=round(self._began[_SECOND] - self._began[_FIRST])))
        if winner == _SECOND:
            return f"{self._name(_SECOND)}, {after} after {self._name(_FIRST)} had begun"
        return f"{self._name(_FIRST)}, before {self._name(_SECOND)}, which began {after} after it"


def _is_down(error: BaseException) -> bool:
    """Whether it is the source that is in trouble, and not the question."""
    return isinstance(error, TidegateError) and error.error_class in {ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT}
