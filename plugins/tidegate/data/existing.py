"""Whether a table is there, also while somebody makes it. Runs in a worker, and on the command line."""

from __future__ import annotations

import time

import sqlalchemy as sa

from tidegate.errors import TimedOut

_BEING_CHANGED = 1684
"""MySQL and MariaDB, to a transaction that holds locks already: another process makes the table, or changes it, and one cannot wait for the other."""
_WAIT = 60.0
_PAUSE = 0.05


def has_table(connection: sa.Connection, name: str, schema: str | None = None) -> bool:
    """Whether there is such a table or view; asked again for as long as the server cannot say, up to a minute.

    :raises TimedOut: it could not say in all that time.
    """
    give_up = time.monotonic() + _WAIT
    while True:
        try:
            return sa.inspect(connection).has_table(name, schema=schema)
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "args", ())[:1] != (_BEING_CHANGED,):
                raise
            if time.monotonic() > give_up:
                message = (
                    f"Another process has been changing table {name} for {_WAIT:g} s, and the server does not say whether it is there."
                )
                raise TimedOut(message, hint="Look for a statement that hangs.") from error
        time.sleep(_PAUSE)
