"""What a database's error means: nobody answered (try again), or the answer is no (a person must change something).

Databases agree on the exception classes of PEP 249 and disagree on when to raise which, so each is read by what it says best: PostgreSQL by
SQLSTATE, MySQL by number, SQLite by its words. Messages name the connection and the file, repeat what the database said, and suggest a
real name where a table or column was close. A password never gets through.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ResourceClosedError, SQLAlchemyError, StatementError

from tidegate.data.kinds import nearest
from tidegate.errors import QueryRefused, TidegateError, Unreachable
from tidegate.redaction import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate.errors import Refused

_SQLITE_TRANSIENT = ("locked", "unable to open", "disk i/o error", "disk is full", "busy", "interrupted")
_POSTGRES_TRANSIENT = {"08", "28", "3D", "40", "53", "55", "57", "58", "XX"}
"""SQLSTATE classes. 28 and 3D (who are you, which database) refuse the connection and not the statement: a server that is being set up or
failed over says so too."""
_MYSQL_TRANSIENT = {1020, 1040, 1044, 1045, 1049, 1053, 1129, 1130, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1317, 1927, 1969, 3024}
_MYSQL_CLIENT = range(2000, 2100)

_TABLE = re.compile(r"no such table: (.+)|relation \"(.+?)\" does not exist|Table '(.+?)' doesn't exist")
_COLUMN = re.compile(r"no such column: \"?([^\"]+)|column \"?([^\"]+?)\"? does not exist|Unknown column '(.+?)'")
_INSPECTED_TABLES = 20


@contextmanager
def telling(
    url: sa.URL,
    *,
    connection_name: str,
    source_name: str = "",
    refusal: type[Refused] = QueryRefused,
    connect: Callable[[], sa.Connection] | None = None,
) -> Iterator[None]:
    """Turn what SQLAlchemy raises inside the block into one of Tidegate's own errors.

    :param refusal: the class for an answer of no.
    :param connect: opens another connection, to look for a name close to one that the database did not know.
    :raises Unreachable: nobody answered, or the connection was dropped, or a lock was not given in time.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise translated(error, url, connection_name=connection_name, source_name=source_name, refusal=refusal, connect=connect) from error


def translated(
    error: SQLAlchemyError,
    url: sa.URL,
    *,
    connection_name: str,
    source_name: str = "",
    refusal: type[Refused] = QueryRefused,
    connect: Callable[[], sa.Connection] | None = None,
) -> TidegateError:
    """The error in Tidegate's words; nothing is raised here."""
    name = connection_name or "The database"
    said = said_by(error, url)
    if isinstance(error, ResourceClosedError):
        hint = f"{source_name or 'The file'} must hold one SELECT."
        return refusal(f"{name} ran {source_name or 'the statement'}, but it returns no rows.", hint=hint)
    if isinstance(error, DBAPIError) and is_transient(error, url):
        dropped = error.connection_invalidated or error.statement is not None
        what = f"stopped answering during {source_name}" if dropped and source_name else "does not answer"
        hint = "Check the host, port and password in the Airflow connection, and that the server is up."
        if "lock" in said:
            what, hint = "kept the data locked for too long", "Another process is writing; try again, or look for one that hangs."
        return Unreachable(f"{name} {what} ({_address(url)}): {said}.", hint=hint)
    where = source_name or "the query"
    if (table := _named(_TABLE, said)) is not None:
        hint = f"Check the FROM clause of {where} against the tables of this database."
        hint = _near_table(table, connect) + hint
    elif (column := _named(_COLUMN, said)) is not None:
        hint = f"Check the columns in {where} against the tables of this database."
        hint = _near_column(column, str(getattr(error, "statement", "") or ""), connect) + hint
    else:
        hint = f"Run {where} against this database by hand to see it."
    return refusal(f"{name} refused {source_name or 'the statement'}: {said}.", hint=hint)


def said_by(error: SQLAlchemyError, url: sa.URL) -> str:
    """What the database itself said, in one line, without the statement, the bound values or the password."""
    raw = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    diagnosis = getattr(raw, "diag", None)
    said = getattr(diagnosis, "message_primary", None)
    if said is None and url.get_backend_name() in {"mysql", "mariadb"} and len(raw.args) > 1:
        said = raw.args[1]
    text = without_secrets(str(said or raw.args[0] if raw.args else raw)).rstrip(".")
    return text.replace(url.password, "***") if isinstance(url.password, str) and url.password else text


def is_transient(error: DBAPIError, url: sa.URL) -> bool:
    """Whether the same thing may succeed when tried again."""
    if error.connection_invalidated:
        return True
    raw, backend = error.orig, url.get_backend_name()
    if backend == "sqlite":
        return any(word in str(raw).lower() for word in _SQLITE_TRANSIENT)
    if backend == "postgresql":
        state = getattr(raw, "sqlstate", None)
        return state[:2] in _POSTGRES_TRANSIENT if state else isinstance(error, OperationalError | InterfaceError)
    if backend in {"mysql", "mariadb"} and raw is not None and raw.args and isinstance(raw.args[0], int):
        return raw.args[0] in _MYSQL_TRANSIENT or raw.args[0] in _MYSQL_CLIENT or raw.args[0] == 0
    return isinstance(error, OperationalError | InterfaceError)


def _address(url: sa.URL) -> str:
    """Where it was looked for: no user, no password, no query."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"{url.host or 'local socket'}{port}/{url.database or ''}"


def _named(pattern: re.Pattern[str], said: str) -> str | None:
    """The table or column, without its schema, that the database said it does not know."""
    found = pattern.search(said)
    return next(filter(None, found.groups())).rpartition(".")[2].strip() if found else None


def _near_table(missing: str, connect: Callable[[], sa.Connection] | None) -> str:
    with suppress(Exception), connect() if connect else nullcontext() as connection:  # a look-up that fails must not hide the refusal
        return nearest(missing, _tables(sa.inspect(connection)))
    return ""


def _near_column(missing: str, statement: str, connect: Callable[[], sa.Connection] | None) -> str:
    words = set(re.findall(r"\w+", statement.casefold()))
    with suppress(Exception), connect() if connect else nullcontext() as connection:
        inspector = sa.inspect(connection)
        mentioned = [name for name in _tables(inspector) if name.casefold() in words][:_INSPECTED_TABLES]
        return nearest(missing, [column["name"] for name in mentioned for column in inspector.get_columns(name)])
    return ""


def _tables(inspector: sa.Inspector) -> list[str]:
    return [*inspector.get_table_names(), *inspector.get_view_names()]
