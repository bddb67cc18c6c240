"""The row of the ledger that stands for a table: loads into it take turns by locking it, and it says by which columns they replace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from tidegate.data import ledger
from tidegate.data.engines import FILES
from tidegate.errors import LoadRefused, TimedOut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from tidegate.data.tables import Target

_NOT_GIVEN = "55P03"
_HOLDER = """
SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'this machine') AS host, to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS since
  FROM tidegate_lock t
  JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted AND CAST(l.transactionid AS text) = CAST(t.xmax AS text)
  JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE t.target = :target
"""
"""The session that has locked the row, while it has."""


def ready(connection: sa.Connection, target: Target) -> None:
    """Make the row of a table, where there is none; to be committed before it is locked. Who writes a file has it for itself already."""
    if connection.dialect.name in FILES or connection.execute(_row_of(target)).first():
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(ledger.locks), {"target": target.known_as})
    except IntegrityError:
        pass  # another process was first, and any row will do


def wait(connection: sa.Connection, target: Target, another: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
    """Wait until no other load writes the table.

    :param another: a connection of its own, to ask who does.
    :raises TimedOut: on PostgreSQL, after :data:`~tidegate.data.engines.LOCK_TIMEOUT`; it names the session.
    """
    if connection.dialect.name in FILES:
        return
    try:
        connection.execute(_row_of(target).with_for_update())
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_GIVEN:
            raise
        with another() as asking:
            waited = asking.execute(sa.text("SELECT current_setting('lock_timeout')")).scalar_one()
            holder = asking.execute(sa.text(_HOLDER), {"target": target.known_as}).first()
        message = f"Another load has held the table {target} for longer than this one waits, {waited}"
        if holder is None:
            raise TimedOut(f"{message}; it has ended just now.", hint="Try again.") from error
        raise TimedOut(
            f'{message}: session {holder.pid}, "{holder.application_name}", from {holder.host}, since {holder.since} UTC.',
            hint=f"Look for its task by the correlation id. If that hangs or is gone: SELECT pg_terminate_backend({holder.pid}).",
        ) from error


def keep_columns(connection: sa.Connection, target: Target, columns: Sequence[str]) -> None:
    """Remember the replace columns of a table, and refuse others: keys of other columns cannot be compared, so rows would be deleted that nobody looks for.

    :raises LoadRefused: what is in the table came by other ones.
    """
    row, kept = connection.execute(_row_of(target)).first(), json.dumps(list(columns), ensure_ascii=False)
    if row is not None and row.replace_columns == kept:
        return
    if row is not None and row.replace_columns is not None:
        keyed: sa.Select[Any] = sa.select(sa.literal_column("1")).where(
            ledger.loads.c.target == target.known_as, ledger.loads.c.partitions != "[]"
        )
        if connection.execute(keyed.limit(1)).first() is not None:
            before = ", ".join(json.loads(row.replace_columns))
            message = (
                f"What is in {target} was loaded by replace: [{before}], and by replace: [{', '.join(columns)}] nobody knows whose rows go."
            )
            raise LoadRefused(
                message, hint="Write it as before, in this order; or delete the table's rows, and theirs in tidegate_load, by hand."
            )
    if row is None:
        connection.execute(sa.insert(ledger.locks), {"target": target.known_as, "replace_columns": kept})
    else:
        connection.execute(sa.update(ledger.locks).where(ledger.locks.c.target == target.known_as).values(replace_columns=kept))


def _row_of(target: Target) -> sa.Select[Any]:
    return sa.select(ledger.locks).filter_by(target=target.known_as)
