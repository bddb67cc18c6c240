"""What class of error something is, by the errors that libraries really raise."""

from __future__ import annotations

import errno
import json
import socket
import sqlite3
import ssl
import urllib.error
from email.message import Message
from typing import Any, get_args

import duckdb
import httpx
import jinja2
import psycopg
import psycopg.errors
import pymysql
import pytest
import requests
import urllib3
from airflow.sdk.exceptions import AirflowException, AirflowTaskTimeout
from sqlalchemy import exc

from tidegate import errors
from tidegate.errors import ErrorClass, TidegateError
from tidegate.model.effort import ErrorWord
from tidegate.resilience.faults import classify

UNREACHABLE, TIMEOUT, AUTH, BAD_DATA, BUG, UNKNOWN = ErrorClass

REQUEST = httpx.Request("GET", "https://tides.example")


def answered(status: int) -> list[Exception]:
    """An HTTP status as the libraries at hand raise it."""
    response = requests.Response()
    response.status_code = status
    return [
        httpx.HTTPStatusError("no", request=REQUEST, response=httpx.Response(status, request=REQUEST)),
        requests.HTTPError("no", response=response),
        urllib.error.HTTPError("https://tides.example", status, "no", Message(), None),
    ]


class ClientError(Exception):
    """As botocore raises it: with its answer as a mapping."""

    def __init__(self, response: Any) -> None:
        super().__init__("An error occurred")
        self.response = response


@pytest.mark.parametrize("error", [getattr(errors, name) for name in errors.__all__ if name != "ErrorClass"])
def test_an_error_of_our_own_carries_its_class(error: type[TidegateError]) -> None:
    """Whatever its words are."""
    assert classify(error([]) if error is errors.SpecError else error("said")) is error.error_class


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (ConnectionRefusedError(111, "refused"), UNREACHABLE),
        (BrokenPipeError(), UNREACHABLE),
        (socket.gaierror(-2, "Name or service not known"), UNREACHABLE),
        (ssl.SSLError("handshake"), UNREACHABLE),
        (OSError(errno.EHOSTUNREACH, "no route"), UNREACHABLE),
        (urllib.error.URLError(ConnectionRefusedError()), UNKNOWN),
        (TimeoutError("too long"), TIMEOUT),
        (AirflowTaskTimeout("45m"), TIMEOUT),
        (httpx.ConnectError("no"), UNREACHABLE),
        (httpx.ConnectTimeout("no"), UNREACHABLE),
        (httpx.ReadTimeout("no"), TIMEOUT),
        (httpx.RemoteProtocolError("no"), UNREACHABLE),
        (requests.ConnectionError("no"), UNREACHABLE),
        (requests.ConnectTimeout("no"), UNREACHABLE),
        (requests.ReadTimeout("no"), TIMEOUT),
        (urllib3.exceptions.NewConnectionError(None, "no"), UNREACHABLE),  # type: ignore[arg-type]
        (KeyError("x"), BUG),
        (IndexError(), BUG),
        (TypeError(), BUG),
        (NameError(), BUG),
        (AttributeError(), BUG),
        (ModuleNotFoundError(), BUG),
        (SyntaxError(), BUG),
        (ZeroDivisionError(), BUG),
        (RecursionError(), BUG),
        (jinja2.UndefinedError("x"), BUG),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), BAD_DATA),
        (json.JSONDecodeError("cut short", "", 0), UNKNOWN),
        (ValueError("?"), UNKNOWN),
        (RuntimeError("?"), UNKNOWN),
        (RuntimeError("authentication failed"), UNKNOWN),
        (AirflowException("the job failed"), UNKNOWN),
        (FileNotFoundError("x.csv"), UNKNOWN),
        (PermissionError("x.csv"), UNKNOWN),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_errors_of_others_are_known_by_their_type(error: BaseException, found: ErrorClass) -> None:
    """The nearest name counts; who says nothing is unknown."""
    assert classify(error) is found


@pytest.mark.parametrize(
    ("status", "found"), [(401, AUTH), (403, AUTH), (408, TIMEOUT), (504, TIMEOUT), (429, UNREACHABLE), (503, UNREACHABLE), (404, UNKNOWN)]
)
def test_http_answers_by_their_status(status: int, found: ErrorClass) -> None:
    """Wherever a library keeps it."""
    botocore = ClientError({"ResponseMetadata": {"HTTPStatusCode": status}})
    assert [classify(error) for error in (*answered(status), botocore)] == [found] * 4


@pytest.mark.parametrize("response", [{}, {"ResponseMetadata": "?"}, "?", None])
def test_an_answer_without_a_status_says_nothing(response: Any) -> None:
    """And does no harm."""
    assert classify(ClientError(response)) is UNKNOWN


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("08006", UNREACHABLE), ("28P01", AUTH), ("28000", AUTH), ("3D000", UNREACHABLE), ("40P01", UNREACHABLE), ("40001", UNREACHABLE),
        ("57014", TIMEOUT), ("55P03", TIMEOUT), ("57P01", UNREACHABLE), ("42P01", BUG), ("42501", AUTH), ("22012", BAD_DATA), ("23505", BAD_DATA),
        ("0A000", UNKNOWN),
    ],
)  # fmt: skip
def test_postgres_by_sqlstate(state: str, found: ErrorClass) -> None:
    """By psycopg's error, and by SQLAlchemy's around it."""
    raw = psycopg.errors.lookup(state)("said")
    assert [classify(raw), classify(exc.DBAPIError("SELECT 1", {}, raw))] == [found, found]


def test_psycopg2_has_another_name_for_it() -> None:
    """Airflow's PostgreSQL hook may use it; it is not among what the tests install."""
    raw = psycopg.OperationalError("deadlock detected")
    raw.pgcode = "40P01"  # type: ignore[attr-defined]
    assert classify(raw) is UNREACHABLE
    raw.pgcode = "55P03"  # type: ignore[attr-defined]
    assert classify(raw) is TIMEOUT


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ('FATAL:  password authentication failed for user "me"', AUTH),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', AUTH),
        ('FATAL:  role "me" is not permitted to log in', AUTH),
        ("fe_sendauth: no password supplied", AUTH),
        ('FATAL:  database "gone" does not exist', UNREACHABLE),
        ("FATAL:  sorry, too many clients already", UNREACHABLE),
    ],
)
def test_a_connection_that_postgres_refuses_by_its_words(said: str, found: ErrorClass) -> None:
    """Libpq gives no SQLSTATE then."""
    assert classify(psycopg.OperationalError(f"connection failed: {said}")) is found


@pytest.mark.parametrize(
    ("number", "found"),
    [(1045, AUTH), (1044, AUTH), (1698, AUTH), (1049, UNREACHABLE), (2003, UNREACHABLE), (1213, UNREACHABLE), (1205, TIMEOUT), (1969, TIMEOUT),
     (1062, BAD_DATA), (1146, BUG)],
)  # fmt: skip
def test_mysql_by_number(number: int, found: ErrorClass) -> None:
    """Most of them are an OperationalError there."""
    assert classify(pymysql.err.OperationalError(number, "said")) is found


@pytest.mark.parametrize(("said", "found"), [("database is locked", TIMEOUT), ("disk I/O error", UNREACHABLE), ("no such table: x", BUG)])
def test_sqlite_by_its_words(said: str, found: ErrorClass) -> None:
    """It has no codes before Python 3.11, and no classes that tell."""
    assert classify(sqlite3.OperationalError(said)) is found


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (duckdb.IOException('IO Error: Could not set lock on file "x"'), TIMEOUT),
        (duckdb.ConnectionException("Connection Error: Can't open … with a different configuration than existing connections"), TIMEOUT),
        (duckdb.IOException('IO Error: The file "x" exists, but it is not a valid DuckDB database file!'), BUG),
        (duckdb.IOException("IO Error: Could not write file: No space left on device"), UNREACHABLE),
        (duckdb.Error("IO Error: Could not read from file"), UNREACHABLE),
        (duckdb.Error("Conversion Error: Could not convert string 'x' to INT32"), BAD_DATA),
        (duckdb.ConstraintException("Constraint Error: Duplicate key"), BAD_DATA),
        (duckdb.TransactionException("TransactionContext Error: Conflict on update!"), UNREACHABLE),
        (duckdb.OutOfMemoryException("Out of Memory Error: could not allocate block"), BUG),
        (duckdb.FatalException("FATAL Error: Failed: database has been invalidated"), UNREACHABLE),
        (duckdb.PermissionException("Permission Error: Cannot access file"), BUG),
        (duckdb.BinderException("Binder Error: no such column"), BUG),
        (duckdb.OperationalError("Something"), UNREACHABLE),
    ],
)
def test_duckdb_by_its_words_and_classes(error: Exception, found: ErrorClass) -> None:
    """What comes through Arrow has the words alone."""
    assert classify(error) is found


def test_a_dropped_connection_is_unreachable_whatever_the_statement_said() -> None:
    """Unless the server dropped it for the time it took."""
    dropped = {"statement": "SELECT 1", "params": {}, "connection_invalidated": True}
    assert classify(exc.DBAPIError(orig=psycopg.InternalError("?"), **dropped)) is UNREACHABLE  # type: ignore[arg-type]
    assert classify(exc.DBAPIError(orig=psycopg.errors.lookup("25P04")("?"), **dropped)) is TIMEOUT  # type: ignore[arg-type]


def raised_from(error: Exception, cause: Exception, *, said: bool) -> Exception:
    """One error raised over another, with ``from`` or without."""
    try:
        try:
            raise cause  # noqa: TRY301
        except Exception as met:
            if said:
                raise error from met
            raise error  # noqa: B904  as many libraries do
    except Exception as raised:  # noqa: BLE001  the test looks at it
        return raised


@pytest.mark.parametrize("said", [True, False])
def test_an_error_that_says_nothing_is_what_caused_it(said: bool) -> None:
    """Airflow's hooks raise an AirflowException over what happened."""
    assert classify(raised_from(AirflowException("401:Unauthorized"), answered(401)[1], said=said)) is AUTH
    assert classify(raised_from(TidegateError("not staged"), ConnectionResetError(), said=said)) is UNREACHABLE


def test_what_code_has_caught_does_not_count_as_a_bug() -> None:
    """And what a library hides with ``from None`` does not count at all."""
    assert classify(raised_from(AirflowException("the job is not ready"), KeyError("state"), said=True)) is UNKNOWN
    hidden = raised_from(AirflowException("?"), ConnectionResetError(), said=False)
    hidden.__suppress_context__ = True
    assert classify(hidden) is UNKNOWN


def test_causes_in_a_circle_end() -> None:
    """Somebody may have raised an error from itself."""
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert classify(first) is UNKNOWN


def test_the_words_of_a_file_are_the_classes() -> None:
    """The language and the decision know the same ones."""
    assert get_args(ErrorWord) == tuple(ErrorClass)


class Told(Exception):
    """As a library raises it that keeps the status on the error itself."""


@pytest.mark.parametrize("word", ["status_code", "status", "code"])
def test_a_status_may_stand_on_the_error_itself(word: str) -> None:
    """By any of the names that libraries have for it."""
    error = Told("no")
    setattr(error, word, 401)
    assert classify(error) is AUTH


def test_psycopg2_is_known_by_its_words_too() -> None:
    """Its errors have no SQLSTATE either where the connection is refused."""
    kind = type("OperationalError", (Exception,), {"__module__": "psycopg2"})
    assert classify(kind('FATAL:  password authentication failed for user "me"')) is AUTH


def test_the_second_cause_counts_where_the_first_says_nothing() -> None:
    """As deep as it goes."""
    inner = raised_from(RuntimeError("wrapped"), ConnectionResetError(), said=True)
    assert classify(raised_from(AirflowException("wrapped again"), inner, said=True)) is UNREACHABLE


def test_a_circle_further_down_ends_too() -> None:
    """Of causes that the error itself is none of."""
    first, second, outer = RuntimeError("a"), RuntimeError("b"), RuntimeError("c")
    first.__cause__, second.__cause__, outer.__cause__ = second, first, first
    assert classify(outer) is UNKNOWN
