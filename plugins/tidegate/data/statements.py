"""SQL that a database runs on its own rows: several statements, one transaction. Runs in a worker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tidegate.data.binding import given, statement, statements, uncommented
from tidegate.data.cancelling import stoppable
from tidegate.data.engines import writing
from tidegate.data.stopping import Stop
from tidegate.errors import AuthRefused, QueryRefused, TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from tidegate.resilience.interval import Interval

_OF_TRANSACTIONS = re.compile(r"(begin|start\s+transaction|commit|end|rollback|abort)\b(?!\s*to\b)", re.IGNORECASE)


def run(
    url: sa.URL,
    sql: str,
    *,
    params: Mapping[str, Any] | None = None,
    interval: Interval | None,
    branch: str,
    correlation_id: str,
    timezone: str = "UTC",
    connection_name: str,
    source_name: str,
    stop: Stop | None = None,
) -> list[int]:
    """Run the statements one after the other, and commit them together; the rows that each has changed, -1 where the driver does not say.

    They may use ``:interval_start``, ``:interval_end``, the same with ``_utc``, ``:branch`` and the names in ``params``. MySQL, MariaDB and Oracle commit by themselves at
    each ``CREATE``, ``ALTER`` and ``DROP``.

    :param interval: None for a run without one.
    :param stop: cancels the statement that runs, and rolls all back.
    :raises QueryRefused: there is no statement, one was rejected, or it uses a ``:name`` that is not given; nothing was changed.
    :raises Unreachable: the database does not answer, or dropped the connection; nothing was changed.
    :raises TimedOut: a statement took too long, or a lock was not given in time; nothing was changed.
    :raises Stopped: ``stop`` said so; nothing was changed.
    """
    bounds = {"interval_start": interval.start, "interval_end": interval.end} if interval is not None else {}
    dialect = url.get_backend_name()
    values = given(bounds, branch, params, dialect=dialect, timezone=timezone, source_name=source_name)
    found = statements(sql, dialect=dialect)
    if not found:
        raise QueryRefused(f"{source_name} holds no statement.", hint="Write one at the least, and ; between two.")
    for text in found:
        if _OF_TRANSACTIONS.match(uncommented(text, dialect=dialect)):
            message = f"{source_name} begins or ends a transaction by itself: {' '.join(text.split())[:40]}."
            raise QueryRefused(message, hint="Leave that out: all statements are one transaction, which is committed behind the last.")
    each = [statement(text, values, source_name=source_name, correlation_id=correlation_id, dialect=dialect) for text in found]
    rows: list[int] = []
    try:
        with (
            writing(url, correlation_id=correlation_id, connection_name=connection_name, source_name=source_name) as connection,
            stoppable(connection, stop or Stop(), name=connection_name, correlation_id=correlation_id),
        ):
            for one in each:
                rows.append(int(connection.execute(one).rowcount))  # noqa: PERF401  their number tells which one fails
    except (QueryRefused, AuthRefused, TimedOut) as error:
        if len(rows) == len(each) or len(each) == 1:
            raise
        raise type(error)(f"Statement {len(rows) + 1} of {len(each)}: {error.message}", hint=error.hint) from error
    return rows
