"""DuckDB as SQLAlchemy sees a database: a connection with cursors, which waits until the file is free.

A DuckDB file takes one process that writes, and no other beside it; or any number of processes that read. DuckDB refuses at once who comes too early;
here it is asked again until the time is over. Threads of one process would share the file and its transactions: they take turns as well.
"""

from __future__ import annotations

import fcntl
import logging
import os
import random
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tidegate.data.dialects.waiting import waited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

log = logging.getLogger(__name__)

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "python_enable_replacements": False,
}
"""A session sees the one file: no other file, no network, no extension from there, no variable of Python's."""
BUSY = ("could not set lock", "different configuration")
"""What DuckDB says where another process has the file, or this one has it for the other purpose."""
_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_SILENT_SECONDS = 2.0
"""How long a file is waited for until that is told."""
_writers: dict[str, threading.Lock] = {}
"""One for each file that this process has written."""


class Connection:
    """One session, with one file. What DuckDB calls a cursor is another session, so the cursors here are of its own."""

    def __init__(self, path: str, *, read_only: bool, wait: float, settings: Mapping[str, str]) -> None:
        """Open the file; make it where it is not there and may be written.

        :param wait: seconds, for others to be done with it.
        :param settings: of DuckDB, beside :data:`SETTINGS`.
        """
        self.autocommit = False
        self._begun = False
        until = time.monotonic() + wait
        self._turn = None if read_only else _turn(path, wait)
        try:
            self.raw = _opened(path, read_only=read_only, until=until, settings=settings)
        except BaseException:
            self._leave()
            raise

    def cursor(self) -> Cursor:
        """A cursor in this session's transaction."""
        return Cursor(self.raw)

    def begin(self) -> None:
        """Begin a transaction, unless each statement is to be one."""
        if not self.autocommit:
            self.raw.begin()
            self._begun = True

    def commit(self) -> None:
        """Commit; nothing where nothing was begun."""
        if self._begun:
            self.raw.commit()
            self._begun = False

    def rollback(self) -> None:
        """Take all back. Where DuckDB has done so by itself, it says that there is nothing to take back."""
        if self._begun:
            self._begun = False
            with suppress(duckdb.TransactionException):
                self.raw.rollback()

    def close(self) -> None:
        """Let go of the file; what is not committed is gone."""
        try:
            self.raw.close()
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._turn is not None:
            self._turn.release()
            self._turn = None


def _turn(path: str, wait: float) -> threading.Lock:
    """The right to be the one thread of this process that writes the file."""
    turn = _writers.setdefault(str(Path(path).resolve()), threading.Lock())
    if not turn.acquire(timeout=wait):
        raise duckdb.IOException(f'IO Error: Could not set lock on file "{path}": another thread of this process writes it')
    return turn


def _opened(path: str, *, read_only: bool, until: float, settings: Mapping[str, str]) -> Any:
    pause, told = _PAUSE_SECONDS, time.monotonic() + _SILENT_SECONDS
    while True:
        try:
            with _making(Path(path)) if not read_only else nullcontext():
                return duckdb.connect(path, read_only=read_only, config={**SETTINGS, **settings})
        except (duckdb.IOException, duckdb.ConnectionException) as error:
            left = until - time.monotonic()
            if left <= 0 or not any(word in str(error).lower() for word in BUSY):
                raise
            if time.monotonic() >= told:
                log.warning("Waiting for %s, for %.0f s at most: %s", path, left, str(error).replace("\n", " "))
                told = until
        time.sleep(min(left, pause * random.uniform(0.5, 1.0)))  # noqa: S311  so that those who wait do not all come at once
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


@contextmanager
def _making(path: Path) -> Iterator[None]:
    """Be the only process that makes a file: DuckDB looks whether it is there before it locks it, and would begin anew one that another has filled since."""
    if path.exists() and path.stat().st_size:
        yield
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # of file systems that lock no folders
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


class Cursor:
    """One statement's result, fetched whole: DuckDB drops what is left of it at the next statement. Many rows are read in another way."""

    arraysize = 1
    lastrowid = None

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._rows: list[tuple[Any, ...]] = []
        self._next = 0
        self.description: Any = None
        self.rowcount = -1

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement."""
        self._rows, self._next, self.description, self.rowcount = [], 0, None, -1
        statement = only(self._raw, sql)
        given = list(parameters) or None
        if statement.type == duckdb.StatementType.SELECT:
            relation = self._raw.sql(statement, params=given)
            self.description = relation.description
            self._rows = waited(self._raw, lambda: _fetched(relation))
            return
        waited(self._raw, lambda: self._raw.execute(statement, given))
        self.rowcount = self._raw.rowcount
        if self.rowcount < 0 and duckdb.ExpectedResultType.QUERY_RESULT in statement.expected_result_type:
            self.description, self._rows = self._raw.description, self._raw.fetchall()

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of the sets of values."""
        self._rows, self._next, self.description, self.rowcount = [], 0, None, -1
        rows = [list(one) for one in parameters]
        waited(self._raw, lambda: self._raw.executemany(sql, rows))

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Several rows."""
        first = self._next
        self._next = min(first + (self.arraysize if size is None else size), len(self._rows))
        return self._rows[first : self._next]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        """Forget the rows."""
        self._rows = []


def only(raw: Any, sql: str) -> Any:
    """The one statement of a text.

    :raises duckdb.ProgrammingError: there are several, or none.
    """
    statements = raw.extract_statements(sql)
    if len(statements) != 1:
        raise duckdb.ProgrammingError(f"there are {len(statements)} statements where one is to be")
    return statements[0]


def _fetched(relation: Any) -> list[tuple[Any, ...]]:
    """All rows; through Arrow where DuckDB would ask for pytz to show a moment."""
    if any("TIME ZONE" in str(kind) or "TIMESTAMPTZ" in str(kind) for kind in relation.types):
        return list(zip(*(column.to_pylist() for column in relation.to_arrow_table().columns), strict=True))
    return relation.fetchall()  # type: ignore[no-any-return]
