"""What a database's error means: nobody answered, or not in time (try again), or the answer is no (a person must change something).

Databases agree on the exception classes of PEP 249 and disagree on when to raise which, so each is read by what it says best, by
:mod:`tidegate.resilience.faults`: PostgreSQL by SQLSTATE, MySQL by number, SQLite and DuckDB by their words. Messages name the connection and the file,
repeat what the database said, and suggest a real name where a table or column was close. A password never gets through.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, ResourceClosedError, SQLAlchemyError, StatementError

from tidegate.data.kinds import nearest
from tidegate.errors import AuthRefused, ConnectionUnknown, ErrorClass, LoadRefused, QueryRefused, TidegateError, TimedOut, Unreachable
from tidegate.redaction import without_secrets
from tidegate.resilience.faults import classify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate.errors import Refused

_TABLE = re.compile(
    r"no such table: (.+)|relation \"(.+?)\" does not exist|Table '(.+?)' doesn't exist|Table with name (.+?) does not exist"
)
_COLUMN = re.compile(
    r"no such column: \"?([^\"]+)|column \"?([^\"]+?)\"? does not exist|Unknown column '(.+?)'|Referenced column \"(.+?)\" not found"
)
_MEMORY = "Raise memory_limit in the extra of the Airflow connection, or read less at once."
_COPIED = re.compile(r"^COPY .+, line \d+, column ([^:\n]+)", re.MULTILINE)
"""Where PostgreSQL was in rows that it was given."""
_PATH = "Check the path in the Airflow connection."
_FENCED = "A session sees its own file and nothing else: other files are read by files:, other databases by connections of their own."
_QUOTED_LINE = re.compile(r"\s+LINE \d+: ")
_READ_ONLY = re.compile(r"read[- ]?only (?:transaction|mode|database)|readonly database", re.IGNORECASE)
_NO_DATABASE = re.compile(r"database \".*\" does not exist|Unknown database")
_INSPECTED_TABLES = 20
_WRITING = "Another process is writing; try again, or look for one that hangs."
_HOLDING = "Another process has the file, to read or to write it; try again, or look for one that hangs."
_OTHERWISE = "This process has the file itself, to write it or with other settings: give all connections to the file the same memory_limit and threads."


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
    :raises Unreachable: nobody answered, or the connection was dropped.
    :raises TimedOut: a statement took too long, or a lock was not given in time.
    :raises AuthRefused: the login, its password or its rights are not good enough.
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
    if isinstance(error, ResourceClosedError):
        hint = f"{source_name or 'The file'} must hold one SELECT."
        return refusal(f"{name} ran {source_name or 'the statement'}, but it returns no rows.", hint=hint)
    if isinstance(error, DBAPIError) and (outside := _outside(error, url, name, source_name)) is not None:
        return outside
    said, where = said_by(error, url), source_name or "the query"
    if url.get_backend_name() == "duckdb" and (own := _of_duckdb(said, url, name, where, refusal)) is not None:
        return own
    if (table := _named(_TABLE, said)) is not None:
        hint = f"Check the FROM clause of {where} against the tables of this database."
        hint = _near_table(table, connect) + hint
    elif (column := _named(_COLUMN, said)) is not None:
        hint = f"Check the columns in {where} against the tables of this database."
        hint = _near_column(column, str(getattr(error, "statement", "") or ""), connect) + hint
    elif _READ_ONLY.search(said):
        hint = f"An extract only reads: write {where} as one SELECT; what changes rows is for uses: sql."
    elif refusal is LoadRefused:
        hint = "No row was written. Correct the rows in the query or the transform, or alter the table."
    else:
        hint = f"Correct {where} by what the database says of it."
    return refusal(f"{name} refused {source_name or 'the statement'}: {said}.", hint=hint)


def _of_duckdb(said: str, url: sa.URL, name: str, where: str, refusal: type[Refused]) -> TidegateError | None:
    """What lies with the file, or with what a session may do; None for all else."""
    if "Out of Memory" in said:
        return refusal(f"{name} needs more memory for {where} than it may use: {said}.", hint=_MEMORY)
    if "not a valid DuckDB database" in said:
        return ConnectionUnknown(f"{name} leads to a file that is no DuckDB database: {url.database}.", hint=_PATH)
    if "Permission Error" in said and refusal is QueryRefused:
        return refusal(f"{name} refused {where}: {said}.", hint=_FENCED)
    return None


def _outside(error: DBAPIError, url: sa.URL, name: str, source_name: str) -> TidegateError | None:
    """The error when it lies with the server or the login; None when it lies with the statement."""
    said, statement = said_by(error, url), source_name or "the statement"
    where, locked = f"({_address(url)}): {said}.", any(word in said.lower() for word in ("lock", "different configuration"))
    match classify(error):
        case ErrorClass.AUTH:
            hint = "Check the login, its password and its rights in the Airflow connection and on the server."
            return AuthRefused(f"{name} does not let this login in, or not do what it asks for {where}", hint=hint)
        case ErrorClass.TIMEOUT if locked:
            hint = _HOLDING if url.get_backend_name() == "duckdb" else _WRITING
            hint = _OTHERWISE if "different configuration" in said.lower() else hint
            return TimedOut(f"{name} kept the data locked for too long {where}", hint=hint)
        case ErrorClass.TIMEOUT:
            hint = "Raise the time that the server gives a statement, or read less at once."
            return TimedOut(f"{name} ended {statement} before it was done {where}", hint=hint)
        case ErrorClass.UNREACHABLE if locked:
            return Unreachable(f"{name} ended {statement} over a lock {where}", hint=_WRITING)
        case ErrorClass.UNREACHABLE:
            dropped = source_name and (error.connection_invalidated or error.statement is not None)
            what = f"stopped answering during {source_name}" if dropped else "does not answer"
            hint = "Check the host, port, database and password in the Airflow connection, and that the server is up."
            if _NO_DATABASE.search(said):
                what = "has no such database"
                hint = "Check the database's name in the Airflow connection; it is tried again, for it may be restored just now."
            return Unreachable(f"{name} {what} {where}", hint=hint)
    return None


def said_by(error: SQLAlchemyError, url: sa.URL) -> str:
    """What the database itself said, in one line, without the statement, the bound values or the password."""
    raw = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    diagnosis = getattr(raw, "diag", None)
    said = getattr(diagnosis, "message_primary", None)
    if said is not None and (found := _COPIED.search(getattr(diagnosis, "context", None) or "")):
        said = f'{said}, in column "{found[1]}"'
    if said is None and url.get_backend_name() in {"mysql", "mariadb"} and len(raw.args) > 1:
        said = raw.args[1]
    text = without_secrets(str(said or raw.args[0] if raw.args else raw)).rstrip(".")
    if url.get_backend_name() == "duckdb":  # in several lines, the statement among them
        text = without_statement(text)
    return text.replace(url.password, "***") if isinstance(url.password, str) and url.password else text


def without_statement(said: str) -> str:
    """What DuckDB says, in one line, without the line of the statement that it quotes: its caret would point nowhere."""
    return " ".join(_QUOTED_LINE.split(said, maxsplit=1)[0].split()).rstrip(".")


def _address(url: sa.URL) -> str:
    """Where it was looked for: no user, no password, no query."""
    if url.get_backend_name() in {"sqlite", "duckdb"}:
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
