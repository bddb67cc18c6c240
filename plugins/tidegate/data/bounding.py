"""What a server does by itself with a statement that nobody waits for any more: a worker that was killed can cancel nothing.

=============== ==================================================================================================================
server          what it is told
=============== ==================================================================================================================
PostgreSQL      ``statement_timeout``, and from 14 on to look every few seconds whether its client is still there, where its system can
MariaDB         ``max_statement_time``
MySQL           ``max_execution_time``, which it heeds for SELECT
=============== ==================================================================================================================
"""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta

LOOK = "10s"
"""How often PostgreSQL looks whether its client is there."""
_LOOKING = "client_connection_check_interval"


def bounded(raw: Any, backend: str, limit: timedelta | None) -> None:
    """Settle it for a new session, before its first transaction. Where the role or the connection allows less, that stays.

    :param raw: the driver's connection.
    :param limit: of each statement; None for what the server itself allows.
    """
    with closing(raw.cursor()) as cursor:
        if backend == "postgresql":
            if limit is not None:
                _limit_postgres(cursor, int(limit.total_seconds() * 1000))
            _let_look(raw, cursor)
        elif limit is not None:
            _limit_mysql(cursor, limit.total_seconds())
    raw.commit()


def _limit_postgres(cursor: Any, milliseconds: int) -> None:
    allowed = "SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'"
    change = f"SELECT set_config('statement_timeout', %s, false) WHERE ({allowed}) NOT BETWEEN 1 AND %s"
    most = min(milliseconds, 2**31 - 1)  # what the setting holds
    cursor.execute(change, (str(most), most))


def _let_look(raw: Any, cursor: Any) -> None:
    raw.commit()
    try:
        cursor.execute(f"SELECT set_config('{_LOOKING}', %s, false) WHERE current_setting('{_LOOKING}', true) = '0'", (LOOK,))
    except Exception:  # noqa: BLE001  of each driver's own: a server whose system cannot look
        raw.rollback()


def _limit_mysql(cursor: Any, seconds: float) -> None:
    cursor.execute("SELECT VERSION()")
    maria = "mariadb" in str(cursor.fetchone()[0]).lower()
    name, most = ("max_statement_time", seconds) if maria else ("max_execution_time", int(seconds * 1000))
    with suppress(Exception):  # of each driver's own: a server that is older than the setting
        cursor.execute(f"SET SESSION {name} = IF(@@SESSION.{name} > 0, LEAST(@@SESSION.{name}, %s), %s)", (most, most))
