"""What class of error something is: by Tidegate's own word, by a database's code, by an HTTP status, or by a name that all libraries share.

Libraries of others are not imported for it; their errors are known by the names of their types, which httpx, requests, urllib3, aiohttp, botocore
and the drivers of PEP 249 have in common.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from tidegate.errors import ErrorClass, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = {
    ErrorClass.UNREACHABLE: (
        "ConnectionError", "ConnectError", "ConnectTimeout", "ConnectTimeoutError", "NetworkError", "ProtocolError", "ProxyError", "SSLError",
        "NewConnectionError", "MaxRetryError", "NameResolutionError", "IncompleteRead", "ChunkedEncodingError", "ClientConnectionError",
        "ClientPayloadError", "HTTPClientError", "ServiceUnavailable", "TooManyRequests", "gaierror", "herror", "SSHException", "OperationalError",
        "InterfaceError",
    ),
    ErrorClass.TIMEOUT: (
        "TimeoutError", "Timeout", "TimeoutException", "ReadTimeoutError", "ServerTimeoutError", "DeadlineExceeded", "TaskDeferralTimeout",
        "AirflowTaskTimeout",
    ),
    ErrorClass.AUTH: (
        "AuthenticationError", "AuthenticationException", "AuthenticationFailed", "AuthorizationError", "NoCredentialsError", "RefreshError",
        "Unauthorized", "Unauthenticated", "Forbidden", "PermissionDenied",
    ),
    ErrorClass.BAD_DATA: ("DataError", "IntegrityError", "UnicodeError"),
    ErrorClass.BUG: (
        "ArithmeticError", "AssertionError", "AttributeError", "ImportError", "LookupError", "NameError", "NotImplementedError", "ProgrammingError",
        "RecursionError", "SyntaxError", "TypeError", "TemplateError",
    ),
}  # fmt: skip
_BY_NAME = {name: kind for kind, names in _NAMES.items() for name in names}
_NETWORK_ERRNO = {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}
_STATUS = {
    401: ErrorClass.AUTH, 403: ErrorClass.AUTH, 407: ErrorClass.AUTH, 408: ErrorClass.TIMEOUT, 504: ErrorClass.TIMEOUT,
    429: ErrorClass.UNREACHABLE, 500: ErrorClass.UNREACHABLE, 502: ErrorClass.UNREACHABLE, 503: ErrorClass.UNREACHABLE,
}  # fmt: skip

_SQLSTATE = {
    "08": ErrorClass.UNREACHABLE, "25P03": ErrorClass.TIMEOUT, "25P04": ErrorClass.TIMEOUT, "28": ErrorClass.AUTH, "22": ErrorClass.BAD_DATA,
    "23": ErrorClass.BAD_DATA, "3D": ErrorClass.UNREACHABLE, "40": ErrorClass.UNREACHABLE, "42": ErrorClass.BUG, "42501": ErrorClass.AUTH,
    "53": ErrorClass.UNREACHABLE, "55": ErrorClass.BUG, "55006": ErrorClass.UNREACHABLE, "55P03": ErrorClass.TIMEOUT, "57": ErrorClass.UNREACHABLE,
    "57014": ErrorClass.TIMEOUT, "58": ErrorClass.UNREACHABLE, "XX": ErrorClass.UNREACHABLE,
}  # fmt: skip
"""SQLSTATE, or its class. 3D, a database that is not there: one that is being restored is away for a while. 40, a deadlock or a conflict: the
database would take the same now. 57014 is a statement that took too long, or that somebody cancelled; only words tell the two apart."""
_MYSQL = {
    ErrorClass.AUTH: {1044, 1045, 1130, 1142, 1143, 1227, 1698, 1820, 1862, 3118, 4151},
    ErrorClass.TIMEOUT: {1205, 1969, 3024},
    ErrorClass.UNREACHABLE: {0, 1020, 1040, 1049, 1053, 1129, 1158, 1159, 1160, 1161, 1203, 1213, 1317, 1927, *range(2000, 2100)},
    ErrorClass.BAD_DATA: {1048, 1062, 1264, 1265, 1292, 1366, 1406, 1451, 1452},
}
"""Numbers of MySQL and MariaDB; 2000 and on are the driver's own, 0 is a connection that broke. 1049 is a database that is not there."""
_MYSQL_DRIVERS = {"pymysql", "MySQLdb", "mysql", "mariadb"}
_SQLITE = {
    ErrorClass.TIMEOUT: ("locked", "busy"),
    ErrorClass.UNREACHABLE: ("unable to open", "disk i/o error", "disk is full", "interrupted"),
    ErrorClass.BUG: ("",),
}
_DUCKDB = {
    ErrorClass.TIMEOUT: ("could not set lock", "different configuration"),
    ErrorClass.BUG: ("not a valid duckdb database", "permission error", "out of memory"),
    ErrorClass.BAD_DATA: ("conversion error", "constraint error", "out of range error"),
    ErrorClass.UNREACHABLE: ("io error", "conflict", "interrupt", "fatal error"),
}
"""The class of the error tells the rest, but is lost where Arrow hands it on. Permissions and memory are the session's
own settings, and the same at the next try."""
_BY_WORDS = {"sqlite3": _SQLITE, "duckdb": _DUCKDB, "_duckdb": _DUCKDB}
_POSTGRES_AUTH = (
    "authentication failed",
    "no password supplied",
    "not permitted to log in",
    "permission denied for database",
    "pg_hba.conf",
)
"""libpq hands on the words of a refused connection, and not its SQLSTATE. A server that speaks another language than English is unreachable by them:
its refusal is tried again, which costs minutes and no rows."""


def classify(error: BaseException) -> ErrorClass:
    """The class of an error, of whoever's it is.

    What says nothing by itself is asked for its cause. There only what lies outside of the task counts (unreachable, timeout, auth): code that catches
    a ``KeyError`` and raises something else means the something else.

    An error that nobody knows is ``unknown``, and not a bug: operators of others raise ``AirflowException`` or ``RuntimeError`` for a job that failed
    on a cluster, a file that is not there yet, an answer cut short. A retry that was in vain costs a few minutes; one that was not made costs the night.
    """
    if (found := _of_one(error)) is not None:
        return found
    outside = {ErrorClass.UNREACHABLE, ErrorClass.TIMEOUT, ErrorClass.AUTH}
    return next((found for cause in _causes(error) if (found := _of_one(cause)) in outside), ErrorClass.UNKNOWN)


def _of_one(error: BaseException) -> ErrorClass | None:
    """The class by the error alone; None where it does not say."""
    if isinstance(error, TidegateError):
        return error.error_class if error.error_class is not ErrorClass.UNKNOWN else None
    raw = getattr(error, "orig", None)  # SQLAlchemy's errors hold the driver's
    found = of_database(raw if isinstance(raw, BaseException) else error)
    if getattr(error, "connection_invalidated", False) is True and found is not ErrorClass.TIMEOUT:
        return ErrorClass.UNREACHABLE
    if found is None:
        found = _STATUS.get(_status(error) or 0)
    if found is None and isinstance(error, OSError) and error.errno in _NETWORK_ERRNO:
        found = ErrorClass.UNREACHABLE
    return found or next((_BY_NAME[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _BY_NAME), None)


def of_database(raw: BaseException) -> ErrorClass | None:
    """The class by the code that a database gave, as its driver hands it on; None where there is none, or it says nothing."""
    driver = type(raw).__module__.partition(".")[0]
    if driver in _MYSQL_DRIVERS and raw.args and isinstance(raw.args[0], int):
        return next((kind for kind, numbers in _MYSQL.items() if raw.args[0] in numbers), ErrorClass.BUG)
    if driver in _BY_WORDS:
        said = str(raw).lower()
        return next((kind for kind, words in _BY_WORDS[driver].items() if any(word in said for word in words)), None)
    if isinstance(state := getattr(raw, "sqlstate", None) or getattr(raw, "pgcode", None), str):
        return _SQLSTATE.get(state) or _SQLSTATE.get(state[:2])
    if driver in {"psycopg", "psycopg2"} and any(word in str(raw) for word in _POSTGRES_AUTH):
        return ErrorClass.AUTH
    return None


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error tells of, wherever its library keeps it; not what its class has for all of them, as AirflowException does."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        response = response.get("ResponseMetadata", {})
        return response.get("HTTPStatusCode") if isinstance(response, dict) else None
    own = vars(error)
    found = (getattr(response, "status_code", None), *(own.get(name) for name in ("status_code", "status", "code")))
    return next((int(status) for status in found if isinstance(status, int)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to an error, the nearest first."""
    seen = {id(error)}
    while (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        error = cause
