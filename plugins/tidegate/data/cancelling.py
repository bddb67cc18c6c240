"""Cancels what a connection runs, on its server, in the words of each driver; hangs up where the server does not listen.

=========================== ====================================================
driver                      how
=========================== ====================================================
psycopg                     ``cancel_safe()``
psycopg2, oracledb          ``cancel()``
PyMySQL, mysqlclient        ``KILL QUERY`` over a second connection
SQLite, DuckDB              ``interrupt()``
others                      not at all: the read ends between two batches
=========================== ====================================================
"""

from __future__ import annotations

import logging
import os
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from tidegate.data.binding import comment_safe
from tidegate.data.engines import abandon
from tidegate.errors import Stopped, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate.data.stopping import Stop

log = logging.getLogger(__name__)

ANSWER_SECONDS = 5
"""How long a server may take to take one cancel."""
PATIENCE_SECONDS = 15.0
"""How long a statement may go on after its first cancel, until the read hangs up."""


@contextmanager
def stoppable(connection: sa.Connection, stop: Stop, *, name: str, correlation_id: str) -> Iterator[None]:
    """Let ``stop`` end what the block runs on the connection; the server has no statement of it left then.

    :param name: of the connection, for the message.
    :param correlation_id: that the connection's statements carry in a comment.
    :raises Stopped: it ended so, whatever the driver says of it.
    """
    raw = connection.connection.driver_connection
    cancel = _Cancel(raw, _cancel_of(raw, connection.engine.url, correlation_id), name=name)
    with stop.watching(cancel):
        try:
            stop.check(name)
            yield
        except Exception as error:
            if stop.why is None or (isinstance(error, TidegateError) and not isinstance(error, Stopped)):
                raise
            abandon(connection)
            if isinstance(error, Stopped):
                raise
            raise stop.error(name) from error


class _Cancel:
    """Called once a second until the read has ended."""

    def __init__(self, raw: Any, cancel: Callable[[], object] | None, *, name: str) -> None:
        self._raw = raw
        self._cancel = cancel
        self._name = name
        self._first: float | None = None
        self._hung_up = False

    def __call__(self) -> None:
        self._first = self._first or time.monotonic()
        if self._cancel is not None:
            try:
                self._cancel()
            except Exception as error:  # noqa: BLE001  every driver has its own; the next second tries again
                log.info("%s did not take the cancel: %s", self._name, error)
        if not self._hung_up and time.monotonic() - self._first > PATIENCE_SECONDS and hang_up(self._raw):
            self._hung_up = True
            log.warning("%s did not stop within %.0f s and was hung up on; its server may still be at work", self._name, PATIENCE_SECONDS)


def _cancel_of(raw: Any, url: sa.URL, correlation_id: str) -> Callable[[], object] | None:
    """How to cancel what a driver's connection runs; None where nobody can."""
    if hasattr(raw, "cancel_safe"):
        return lambda: raw.cancel_safe(timeout=ANSWER_SECONDS)
    for word in ("interrupt", "cancel"):
        if callable(found := getattr(raw, word, None)):
            return found  # type: ignore[no-any-return]
    if hasattr(raw, "thread_id"):
        thread = raw.thread_id()
        return lambda: _kill(url, thread, correlation_id)
    return None


_RUNNING = sa.text("SELECT id FROM information_schema.processlist WHERE id = :thread AND info LIKE :comment")


def _kill(url: sa.URL, thread: int, correlation_id: str) -> None:
    """``KILL QUERY``, if the server that answers is the one that runs it: behind a balancer another may, where the number is another's."""
    timeouts = dict.fromkeys(("connect_timeout", "read_timeout", "write_timeout"), ANSWER_SECONDS)
    engine = sa.create_engine(url, poolclass=NullPool, hide_parameters=True, isolation_level="AUTOCOMMIT", connect_args=timeouts)
    with engine.connect() as connection:
        comment = f"/* tidegate {comment_safe(correlation_id)} */%" if correlation_id else "%"
        if connection.execute(_RUNNING, {"thread": thread, "comment": comment}).first() is not None:
            connection.exec_driver_sql(f"KILL QUERY {thread:d}")


def hang_up(raw: Any) -> bool:
    """Shut a connection's socket, so that the thread that waits for its answer wakes; False for a driver that shows none."""
    with suppress(Exception):
        number = raw.fileno() if hasattr(raw, "fileno") else raw._sock.fileno()  # noqa: SLF001  PyMySQL's
        with socket.socket(fileno=os.dup(number)) as shared:
            shared.shutdown(socket.SHUT_RDWR)
        return True
    return False
