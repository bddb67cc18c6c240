"""What happens to regional databases at night: done to the real files, and taken back."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Protocol

from demo.data import bounds

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


class Fault(Protocol):
    """Something that befalls one region."""

    region: str
    told: str

    def strike(self) -> None:
        """Let it happen."""

    def heal(self) -> None:
        """Take it back. Healing what did not happen, or healing twice, does nothing."""


class Gone:
    """The database is not there: its file is moved away."""

    told = "unreachable: its database file is moved away"

    def __init__(self, database: Path) -> None:
        self.region = database.stem
        self._database = database
        self._away = database.with_suffix(".away")

    def strike(self) -> None:
        """Move the file away."""
        self._database.rename(self._away)

    def heal(self) -> None:
        """Move it back."""
        if self._away.exists():
            self._away.rename(self._database)


class Silent:
    """The database answers, but has no rows of the day: they are taken out, and kept in a file beside it."""

    told = "answers with zero rows: its lines of the day are taken out"

    def __init__(self, database: Path, day: date) -> None:
        self.region = database.stem
        self._database = database
        self._aside = database.with_suffix(".aside")
        self._bounds = tuple(f"{moment:%Y-%m-%d %H:%M:%S}" for moment in bounds(day))

    def strike(self) -> None:
        """Move the day's rows aside."""
        self._aside.unlink(missing_ok=True)
        self._move("create table aside.sales as select * from sales where sold_at >= ? and sold_at < ?", self._bounds)
        self._move("delete from sales where sold_at >= ? and sold_at < ?", self._bounds)

    def heal(self) -> None:
        """Move them back."""
        if self._aside.exists():
            self._move("insert into sales select * from aside.sales", ())
            self._aside.unlink()

    def _move(self, statement: str, values: tuple[str, ...]) -> None:
        with contextlib.closing(sqlite3.connect(self._database)) as database, database:
            database.execute("attach ? as aside", (str(self._aside),))
            database.execute(statement, values)


class Slow:
    """The database keeps its readers waiting: this process holds an exclusive lock on it."""

    def __init__(self, database: Path, *, seconds: float) -> None:
        self.region = database.stem
        self.seconds = seconds
        self.told = f"slow: an exclusive lock keeps its readers waiting for {seconds:.0f} s"
        self._database = database
        self._holder: sqlite3.Connection | None = None
        self._since: float | None = None

    def strike(self) -> None:
        """Take the lock; it is held until :meth:`tick` has let it go."""
        self._holder = sqlite3.connect(self._database, isolation_level=None)
        self._holder.execute("begin exclusive")

    def tick(self, *, reading: bool) -> None:
        """Look at the clock: the lock goes ``seconds`` after the region's extract was seen at work."""
        if self._since is None and reading:
            self._since = time.monotonic()
        if self._since is not None and time.monotonic() - self._since >= self.seconds:
            self.heal()

    def heal(self) -> None:
        """Let the lock go."""
        if self._holder is not None:
            self._holder.execute("rollback")
            self._holder.close()
            self._holder = None
