"""Waits for DuckDB in such a way that whoever ends the wait is heard.

What a signal's handler raises while DuckDB computes, such as Airflow's timeout, comes out of DuckDB as ``RuntimeError: Query interrupted``, and what it was is
lost. So DuckDB computes in a thread of its own, and the thread that signals come to waits.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
AGAIN_SECONDS = 0.2
"""How long to wait until an interrupt is said again, for one that comes between two statements stops neither."""
FAREWELL_SECONDS = 30.0
"""How long DuckDB may take to stop."""


def waited(raw: Any, work: Callable[[], T]) -> T:
    """What ``work`` gives, which asks ``raw``, a connection of DuckDB's. Whatever ends the wait ends the work too, and is raised as it is."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    given: list[T] = []
    failed: list[BaseException] = []
    done = threading.Event()  # a join that a signal ends would take the thread for dead

    def run() -> None:
        try:
            given.append(work())
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            failed.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=copy_context().run, args=(run,), name="tidegate-duckdb", daemon=True)
    try:
        thread.start()
        done.wait()
    except BaseException:
        until = time.monotonic() + FAREWELL_SECONDS
        while not done.is_set() and time.monotonic() < until:
            with suppress(Exception):
                raw.interrupt()
            done.wait(AGAIN_SECONDS)
        raise
    if failed:
        raise failed[0]
    return given[0]
