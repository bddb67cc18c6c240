"""What real servers say when something is wrong, and what class of error it is: PostgreSQL and MariaDB."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tidegate.data.engines import reading, writing
from tidegate.errors import AuthRefused, ErrorClass, TidegateError, TimedOut, Unreachable
from tidegate.resilience.faults import classify

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.server

IN_TIME = {"postgresql": "SET statement_timeout = 50", "mysql": "SET max_statement_time = 0.05"}
SLOW = {"postgresql": "SELECT pg_sleep(30)", "mysql": "SELECT sleep(30)"}
NO_WAIT = {"postgresql": "SET lock_timeout = 50", "mysql": "SET innodb_lock_wait_timeout = 1"}


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def url(request: pytest.FixtureRequest) -> Iterator[sa.URL]:
    """Give a database with a table of two rows, and a login that may do nothing."""
    url: sa.URL = request.getfixturevalue(request.param)
    at = "" if url.get_backend_name() == "postgresql" else "@'127.0.0.1'"
    run(url, "CREATE TABLE boats (n INT PRIMARY KEY, depth INT)", "INSERT INTO boats VALUES (1, 0), (2, 0)")
    run(url, f"CREATE USER guest{at} {'PASSWORD' if not at else 'IDENTIFIED BY'} 'guest'")
    yield url
    run(url, "DROP TABLE boats", f"DROP USER guest{at}")


def run(url: sa.URL, *statements: str) -> None:
    """Execute statements outside of Tidegate, each by itself."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def failed(url: sa.URL, *statements: str, opened: Any = reading) -> TidegateError:
    """The error of the last of the statements; the driver's own error below it is of the same class, as Airflow's operators meet it."""
    found = None
    try:
        with opened(url, connection_name="port", source_name="x.sql") as connection:
            for statement in statements:
                connection.execute(sa.text(statement))
    except TidegateError as error:
        found = error
    assert found is not None
    assert found.__cause__ is not None
    assert classify(found) is classify(found.__cause__)
    return found


@pytest.mark.parametrize("login", [{"password": "hush-hush"}, {"username": "nobody"}])
def test_a_login_that_is_not_let_in(url: sa.URL, login: dict[str, str]) -> None:
    """A wrong password, an unknown user: no retry mends it."""
    error = failed(url.set(**login))  # type: ignore[arg-type]
    assert type(error) is AuthRefused
    assert error.message.startswith("port does not let this login in, or not do what it asks for (127.0.0.1:")
    assert "hush-hush" not in str(error)


def test_a_login_without_a_right(url: sa.URL) -> None:
    """To a table on PostgreSQL; to the database as a whole on MariaDB, which lets nobody in who may do nothing there."""
    guest = url.set(username="guest", password="guest")
    assert type(failed(guest, "SELECT * FROM boats")) is AuthRefused


def test_a_login_without_a_right_to_a_database_of_postgres(postgres_url: sa.URL) -> None:
    """Which it says in words, without a code."""
    run(postgres_url, "CREATE USER stranger PASSWORD 'x'", f"REVOKE CONNECT ON DATABASE {postgres_url.database} FROM PUBLIC")
    try:
        assert type(failed(postgres_url.set(username="stranger", password="x"))) is AuthRefused
    finally:
        run(postgres_url, f"GRANT CONNECT ON DATABASE {postgres_url.database} TO PUBLIC", "DROP USER stranger")


def test_a_database_that_is_gone(url: sa.URL) -> None:
    """It was there a moment ago, and may be restored: it is worth a retry."""
    run(url, "CREATE DATABASE harbour")
    there = url.set(database="harbour")
    with reading(there) as connection:
        connection.execute(sa.text("SELECT 1"))
    run(url, "DROP DATABASE harbour")
    error = failed(there)
    assert type(error) is Unreachable
    assert "harbour" in error.message


def test_a_statement_that_takes_too_long(url: sa.URL) -> None:
    """The server ends it."""
    kind = url.get_backend_name()
    error = failed(url, IN_TIME[kind], SLOW[kind])
    assert type(error) is TimedOut
    assert error.message.startswith("port ended x.sql before it was done (127.0.0.1:")


def test_a_lock_that_is_not_given(url: sa.URL) -> None:
    """Somebody else writes the same row and does not end."""
    change = "UPDATE boats SET depth = depth + 1 WHERE n = 1"
    with writing(url) as holding:
        holding.execute(sa.text(change))
        error = failed(url, NO_WAIT[url.get_backend_name()], change, opened=writing)
    assert type(error) is TimedOut
    assert error.message.startswith("port kept the data locked for too long (127.0.0.1:")


def test_a_deadlock(url: sa.URL) -> None:
    """The server ends one of two that wait for each other; that one succeeds when it is tried again."""
    met, errors = threading.Barrier(2), []

    def change(*order: int) -> None:
        try:
            with writing(url, connection_name="port", source_name="x.sql") as connection:
                for n in order:
                    connection.execute(sa.text(f"UPDATE boats SET depth = depth + 1 WHERE n = {n}"))
                    if n == order[0]:
                        met.wait(timeout=30)
        except TidegateError as error:
            errors.append(error)

    threads = [threading.Thread(target=change, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in errors] == [Unreachable]
    assert errors[0].message.startswith("port ended x.sql over a lock (127.0.0.1:")
    assert classify(errors[0].__cause__) is ErrorClass.UNREACHABLE
    with writing(url) as again:
        again.execute(sa.text("UPDATE boats SET depth = 9"))
