"""From an Airflow connection's fields to a SQLAlchemy connection that only reads, or that writes in one transaction.

Every session says who it is (the correlation id, where the database can show it), waits a bounded time for the server, and speaks UTC
unless told otherwise. SQLite and DuckDB get the care that a server would take itself: a reader cannot create a file, a writer takes the write lock
before it begins and waits for it instead of failing half-way.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from tidegate.data.bounding import bounded
from tidegate.data.refusals import said_by, telling
from tidegate.data.securing import secured
from tidegate.errors import AuthRefused, ConnectionUnknown, QueryRefused, TimedOut, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from tidegate.errors import Refused

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10
"""Seconds to wait for a server to take the connection."""
PROBE_TIMEOUT = 5
"""Seconds in which a database must answer a probe: to take the connection, and then to say something."""
BUSY_TIMEOUT = 60.0
"""Seconds to wait for another process's lock on a file of SQLite or DuckDB."""
LOCK_TIMEOUT = "30min"
"""How long a session that writes waits for a lock of PostgreSQL's, unless the connection's ``options`` say another ``lock_timeout``."""
READING = {"memory_limit": "64MB", "threads": "1"}
"""With what DuckDB begins to read, unless the connection says otherwise: plenty for rows that are passed on, and most of what needs more is spilled to disk."""
MOST_READING = "512MB"
"""What a query of DuckDB's gets that cannot do with so little."""
FILES = {"sqlite", "duckdb"}
"""Databases that are one file, in which one process writes at a time."""
sa.dialects.registry.register("duckdb.tidegate", "tidegate.data.dialects.duckdb", "Dialect")

_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
_PASSED_ON = {
    "postgresql": ("target_session_attrs", "keepalives_idle", "options"),
    "mysql": ("charset", "unix_socket"),
    "duckdb": ("memory_limit", "threads", "temp_directory"),
}
"""Of an Airflow connection's extra, what the driver understands, besides what is :func:`~tidegate.data.securing.secured`."""
_POSTGRES = {"DateStyle": "ISO", "IntervalStyle": "iso_8601", "extra_float_digits": "1", "bytea_output": "hex", "lc_monetary": "C"}
"""How values are written as text, whatever the role's own settings say."""
_MAY_GROW = "tidegate_may_grow"
_KEPT_ALIVE = {"tcp_keepalives_idle": "60", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "6"}
"""Seconds and tries by which a server sees that the machine of a writer is gone, and lets go of its locks."""
_NOT_KEPT = {"duckdb": " A database in memory would be gone with the task, and one of MotherDuck (md:) is not read."}
_INSTALL = {"psycopg": "airflow-tidegate[postgres]", "pymysql": "airflow-tidegate[mysql]"}


def database_url(
    *,
    conn_id: str,
    conn_type: str,
    host: str | None = None,
    login: str | None = None,
    password: str | None = None,
    schema: str | None = None,
    port: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> sa.URL:
    """The SQLAlchemy URL of an Airflow connection, given field by field.

    ``sqlite`` and ``duckdb`` take an absolute path in host or in schema; ``postgres`` and ``mysql`` their usual fields; any other type works by a whole
    URL in ``extra["sqlalchemy_url"]``, or when the type itself is a SQLAlchemy dialect such as ``mssql+pyodbc``.

    :raises ConnectionUnknown: of a kind that cannot be read, or a path that is not absolute.
    """
    extra = extra or {}
    kind = conn_type.strip().lower()
    if whole := extra.get("sqlalchemy_url"):
        secured("", extra, conn_id=conn_id)
        return _whole(str(whole), conn_id=conn_id, password=password)
    if kind in FILES:
        return _file(kind, host or schema or "", extra, conn_id=conn_id)
    driver = _DRIVERS.get(kind) or (kind if _is_dialect(kind) else None)
    if driver is None:
        known = ", ".join([*sorted(FILES, reverse=True), *_DRIVERS])
        raise ConnectionUnknown(
            f'Connection "{conn_id}" is of type "{conn_type}", which Tidegate cannot read.',
            hint=f'Known types are {known}, any SQLAlchemy dialect, or a whole URL as "sqlalchemy_url" in the connection\'s extra.',
        )
    family = driver.partition("+")[0]
    query = {name: str(extra[name]) for name in _PASSED_ON.get(family, ()) if name in extra} | secured(family, extra, conn_id=conn_id)
    if family == "mysql":
        query.setdefault("charset", "utf8mb4")
    url = sa.URL.create(driver, login or None, password or None, host or None, int(port) if port else None, schema or None, query)
    return _with_driver(url, conn_id=conn_id)


def _whole(text: str, *, conn_id: str, password: str | None) -> sa.URL:
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):  # its message would repeat the URL with its password
        hint = "It looks like dialect+driver://user@host:port/database."
        raise ConnectionUnknown(f'Connection "{conn_id}" has a sqlalchemy_url that is no URL.', hint=hint) from None
    if url.get_backend_name() in FILES:
        return _file(url.get_backend_name(), url.database or "", url.query, conn_id=conn_id)
    return _with_driver(url if url.password or not password else url.set(password=password), conn_id=conn_id)


def _file(kind: str, path: str, extra: Mapping[str, Any], *, conn_id: str) -> sa.URL:
    if not Path(path).is_absolute():
        shown = f'"{path}"' if path else "no path"
        raise ConnectionUnknown(
            f'Connection "{conn_id}" is of type "{kind}" and gives {shown}, but the path of the database must be absolute.',
            hint=f"Put it in the host field, or write the connection as {kind}:////absolute/path.db with four slashes.{_NOT_KEPT.get(kind, '')}",
        )
    driver = "duckdb+tidegate" if kind == "duckdb" else kind  # which whatever else calls itself duckdb leaves alone
    query = {name: str(extra[name]) for name in _PASSED_ON.get(kind, ()) if name in extra}
    return _with_driver(sa.URL.create(driver, database=path, query=query), conn_id=conn_id)


def _is_dialect(name: str) -> bool:
    try:
        sa.URL.create(name).get_dialect()
    except (NoSuchModuleError, ArgumentError, ImportError):
        return False
    return True


def _with_driver(url: sa.URL, *, conn_id: str) -> sa.URL:
    try:
        url.get_dialect().import_dbapi()
    except NoSuchModuleError:
        message = f'Connection "{conn_id}" asks for "{url.drivername}", which SQLAlchemy does not know here.'
        raise ConnectionUnknown(message, hint="Install the package that brings this dialect.") from None
    except ImportError as error:
        package = _INSTALL.get(url.get_driver_name(), error.name or url.get_driver_name())
        message = f'Connection "{conn_id}" needs the driver "{url.get_driver_name()}", which is not installed.'
        raise ConnectionUnknown(message, hint=f"pip install '{package}'.") from error
    return url


def shown(url: sa.URL) -> str:
    """The URL without its password, for messages."""
    return url.render_as_string(hide_password=True)


@contextmanager
def reading(
    url: sa.URL,
    *,
    correlation_id: str = "",
    connection_name: str = "",
    source_name: str = "",
    timezone: str = "UTC",
    busy_timeout: float | None = None,
    answer_within: int | None = None,
    limit: timedelta | None = None,
) -> Iterator[sa.Connection]:
    """A connection that cannot write, and sees one state of the data from its first statement on.

    :param busy_timeout: seconds, :data:`BUSY_TIMEOUT` when not given.
    :param answer_within: seconds for the server to take the connection, and for each of its answers; unlimited answers when not given.
    :param limit: how long the server of PostgreSQL, MySQL or MariaDB lets one statement run, where it is not told to take less: whoever asked may be gone.
    :param timezone: the session's time zone on PostgreSQL and DuckDB, so that columns without zone compare as readings of that clock.
    :param source_name: the file whose statement runs inside, for messages.
    :raises Unreachable: no server, no file, no answer, or the connection was dropped.
    :raises TimedOut: a statement took too long, or a lock was not given in time.
    :raises AuthRefused: the login, its password or its rights are not good enough.
    :raises QueryRefused: the database rejected a statement inside the block.
    """
    engine = _engine(
        url,
        correlation_id=correlation_id,
        write=False,
        timezone=timezone,
        busy_timeout=busy_timeout,
        answer_within=answer_within,
        limit=limit,
    )
    with telling(url, connection_name=connection_name, source_name=source_name, connect=engine.connect):
        if url.get_backend_name() in FILES:
            path = Path(url.database or "")
            if path.is_dir():
                hint = "Write the path of the file into the Airflow connection."
                raise ConnectionUnknown(
                    f"{connection_name or 'The connection'} leads to a folder, and not to a database file: {path}.", hint=hint
                )
            if not path.is_file():
                hint = "Check the path in the Airflow connection; reading never creates a database."
                raise Unreachable(f"{connection_name or 'The connection'} finds no database file at {path}.", hint=hint)
        connection = engine.connect()
        try:
            if connection.dialect.name == "postgresql":
                connection.execution_options(postgresql_readonly=True)
            yield connection
        finally:
            let_go(connection)


def more_memory(connection: sa.Connection) -> bool:
    """Let a query of DuckDB's have :data:`MOST_READING`, once, where nobody has said what it may have; whether it may."""
    if not connection.get_execution_options().get(_MAY_GROW):
        return False
    connection.execution_options(**{_MAY_GROW: False})
    raw: Any = connection.connection.driver_connection
    raw.execute(f"SET memory_limit = '{MOST_READING}'")
    return True


def let_go(connection: sa.Connection) -> None:
    """Close what was only read. A goodbye that fails, for the server has ended an idle session by itself, takes back nothing of what was read."""
    try:
        connection.close()
    except SQLAlchemyError as error:
        log.info("The server had ended the session already: %s", said_by(error, connection.engine.url))
        with suppress(SQLAlchemyError):
            connection.invalidate()
            connection.close()


def probe(url: sa.URL, *, correlation_id: str = "", connection_name: str = "") -> None:
    """Ask a database for nothing but an answer. A file that another process has all the time is there: who reads it will wait.

    :raises Unreachable: there is none within :data:`PROBE_TIMEOUT` seconds.
    """
    try:
        with reading(
            url, correlation_id=correlation_id, connection_name=connection_name, busy_timeout=PROBE_TIMEOUT, answer_within=PROBE_TIMEOUT
        ) as connection:
            connection.execute(sa.select(1))
    except TimedOut:
        if url.get_backend_name() not in FILES:
            raise


@contextmanager
def streaming(connection: sa.Connection, query: sa.Executable, *, batch_rows: int, cursor: bool = True) -> Iterator[sa.CursorResult[Any]]:
    """The rows of a query, fetched as they are asked for. A block that raises does not read the rest of them.

    :param cursor: whether the statement can stand behind a server's cursor; what cannot, such as ``SHOW``, is fetched at once.
    """
    options = {"yield_per": batch_rows} if cursor else {}
    with connection.execution_options(**options).execute(query) as result:
        try:
            yield result
        except BaseException:
            abandon(connection)
            raise


@contextmanager
def driving(connection: sa.Connection, statement: str) -> Iterator[None]:
    """Let the block use the driver's own connection, and raise what SQLAlchemy would have raised of its errors."""
    dialect = connection.dialect
    database: Any = dialect.loaded_dbapi
    try:
        yield
    except database.Error as error:
        dropped = dialect.is_disconnect(error, connection.connection, None)
        if dropped:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement, None, error, database.Error, hide_parameters=True, connection_invalidated=dropped, dialect=dialect
        ) from error


@contextmanager
def writing(
    url: sa.URL,
    *,
    correlation_id: str = "",
    connection_name: str = "",
    source_name: str = "",
    refusal: type[Refused] = QueryRefused,
    busy_timeout: float | None = None,
) -> Iterator[sa.Connection]:
    """A connection in one transaction: committed when the block ends, rolled back when it raises.

    A file of SQLite or DuckDB may be new, but its directory may not, and the write lock is held from the start.

    :raises Unreachable: no server, no directory, no answer.
    :raises TimedOut: a statement took too long, or a lock was not given in time.
    :raises AuthRefused: the login, its password or its rights are not good enough.
    """
    engine = _engine(
        url, correlation_id=correlation_id, write=True, timezone="UTC", busy_timeout=busy_timeout, answer_within=None, limit=None
    )
    with telling(url, connection_name=connection_name, source_name=source_name, refusal=refusal, connect=engine.connect):
        if url.get_backend_name() in FILES:
            folder = Path(url.database or "").parent
            if not folder.is_dir():
                hint = "Create it, or check the path in the Airflow connection."
                raise Unreachable(f"{connection_name or 'The connection'} finds no directory {folder} for its database.", hint=hint)
        with engine.begin() as connection:
            yield connection


def _engine(
    url: sa.URL,
    *,
    correlation_id: str,
    write: bool,
    timezone: str,
    busy_timeout: float | None,
    answer_within: int | None,
    limit: timedelta | None,
) -> sa.Engine:
    backend = url.get_backend_name()
    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    arguments: dict[str, Any] = {}
    wait = BUSY_TIMEOUT if busy_timeout is None else busy_timeout
    if backend == "sqlite":
        query = {"mode": "rwc" if write else "ro", "uri": "true", "timeout": str(wait)}
        url = url.set(database=f"file:{quote(url.database or '')}", query=query)
    elif backend == "duckdb":
        arguments = {"read_only": not write, "wait": wait}
        if not write:  # else as much of a large file as there is memory would stay in it
            options["execution_options"] = {_MAY_GROW: "memory_limit" not in url.query}
            url = url.set(query={**READING, **url.query})
    elif backend == "postgresql":
        options["isolation_level"] = "READ COMMITTED" if write else "REPEATABLE READ"
        arguments = {"connect_timeout": answer_within or CONNECT_TIMEOUT, "application_name": f"tidegate {correlation_id}"[:63].rstrip()}
        arguments["client_encoding"] = "utf8"  # the server's own otherwise, whatever that is
    elif backend in {"mysql", "mariadb"}:
        options["isolation_level"] = "READ COMMITTED" if write else "REPEATABLE READ"
        arguments = {"connect_timeout": answer_within or CONNECT_TIMEOUT}
        if answer_within is not None:
            arguments |= {"read_timeout": answer_within, "write_timeout": answer_within}
    engine = sa.create_engine(url, connect_args=arguments, **options)
    sa.event.listen(engine, "connect", lambda raw, _record: _session(raw, backend=backend, write=write, timezone=timezone))
    if backend in {"postgresql", "mysql", "mariadb"}:
        sa.event.listen(engine, "connect", lambda raw, _record: bounded(raw, backend, limit))
    if backend in {"mysql", "mariadb"} and any(name.startswith("ssl_") and name != "ssl_disabled" for name in url.query):
        sa.event.listen(engine, "connect", lambda raw, _record: _encrypted(raw))
    if backend == "sqlite" and write:
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _session(raw: Any, *, backend: str, write: bool, timezone: str) -> None:
    """Settle what the session means, before its first transaction."""
    if backend == "sqlite":
        raw.isolation_level = None  # Python's sqlite3 would otherwise choose when to begin
        return
    cursor = raw.cursor()
    if backend == "duckdb":
        cursor.execute("SET TimeZone = ?", (timezone,))
    elif backend == "postgresql":
        cursor.execute("SELECT set_config('TimeZone', %s, false)", (timezone,))
        for setting, value in {**_POSTGRES, **(_KEPT_ALIVE if write else {})}.items():
            cursor.execute("SELECT set_config(%s, %s, false)", (setting, value))
        if write:
            cursor.execute("SELECT set_config('lock_timeout', %s, false) WHERE current_setting('lock_timeout') = '0'", (LOCK_TIMEOUT,))
        raw.commit()
    elif backend in {"mysql", "mariadb"}:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        # Without strict mode, MySQL cuts off what does not fit and says nothing.
        cursor.execute("SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES')")
        if not write:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
        raw.commit()
    cursor.close()


def _encrypted(raw: Any) -> None:
    """Of PyMySQL some versions go on in the clear where the server has no TLS, whatever was asked for.

    :raises AuthRefused: it did.
    """
    with raw.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        if not (cursor.fetchone() or ("", ""))[1]:
            raise AuthRefused("The server has no TLS, which its connection asks for.", hint="Give the server a certificate.")


def abandon(connection: sa.Connection) -> None:
    """Hang up instead of saying goodbye: PyMySQL would read a result that nobody wants any more to its end, through millions of rows,
    and a cancel that is still on its way would hit whatever comes next.
    """
    if connection.closed or connection.invalidated:
        return
    result: Any = getattr(connection.connection.dbapi_connection, "_result", None)
    if getattr(result, "unbuffered_active", False):
        result.unbuffered_active, result.connection = False, None  # or its destructor reads on from the closed socket
    connection.invalidate()
