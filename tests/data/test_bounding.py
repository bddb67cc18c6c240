"""What a server ends by itself: a statement beyond its limit, and one whose worker was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tidegate.data.contract import Accept
from tidegate.data.cuts import Split
from tidegate.data.engines import reading, writing
from tidegate.data.extract import extract
from tidegate.data.table_query import TableQuery
from tidegate.errors import TimedOut

if TYPE_CHECKING:
    from nights import Night

SLEEP = {"postgresql": "SELECT pg_sleep(60)", "mysql": "SELECT SLEEP(60)"}
SHOWN = {
    "postgresql": "SELECT extract(epoch FROM current_setting('statement_timeout')::interval)",
    "mysql": "SELECT @@SESSION.max_statement_time",
}


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def url(request: pytest.FixtureRequest) -> sa.URL:
    """Give a database on a server."""
    found: sa.URL = request.getfixturevalue(request.param)
    return found


def limit_of(url: sa.URL, limit: timedelta | None) -> float:
    """Give the seconds that a session's statement may take."""
    with reading(url, limit=limit) as connection:
        return float(connection.exec_driver_sql(SHOWN[url.get_backend_name()]).scalar_one())


def given(url: sa.URL, seconds: float) -> sa.URL:
    """Give the connection of somebody who has set a limit of his own."""
    way = {
        "postgresql": {"options": f"-c statement_timeout={int(seconds * 1000)}"},
        "mysql": {"init_command": f"SET SESSION max_statement_time = {seconds}"},
    }
    return url.update_query_dict(way[url.get_backend_name()])


def test_a_statement_has_its_time(night: Night, url: sa.URL) -> None:
    """Then the server ends it, and that is worth another try."""
    refused_in_time(night, url, SLEEP[url.get_backend_name()])


def test_a_statement_of_a_range_has_its_time(night: Night, postgres_url: sa.URL) -> None:
    """Each connection has the limit."""
    with sa.create_engine(postgres_url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIEW slowly AS SELECT n, CASE WHEN n = 3 THEN pg_sleep(60)::text END AS slept FROM generate_series(1, 3) AS n"
        )
    refused_in_time(night, postgres_url, TableQuery(table="slowly"), split=Split(by="n", into=2))


def refused_in_time(night: Night, url: sa.URL, asked: str | TableQuery, **more: Any) -> None:
    """Read for a second at most, and hold the error to say so."""
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"sales_emea ended sql/x\.sql before it was done"):
        extract(
            url, asked, key=night.key(), staging=night.staging, accept=Accept(), attempt="a", correlation_id="c-1",
            connection_name="sales_emea", source_name="sql/x.sql", limit=timedelta(seconds=1), **more,
        )  # fmt: skip
    assert time.monotonic() - began < 30


def test_whoever_allows_less_is_heeded(url: sa.URL) -> None:
    """The limit is a bound from above."""
    assert limit_of(url, None) == 0
    assert limit_of(url, timedelta(minutes=11)) == 660
    assert limit_of(given(url, 2.5), timedelta(minutes=11)) == 2.5
    assert limit_of(given(url, 5000), timedelta(minutes=11)) == 660
    assert limit_of(given(url, 2.5), None) == 2.5
    assert limit_of(url, timedelta(days=60)) > timedelta(days=24).total_seconds()


def test_postgresql_looks_whether_somebody_waits(postgres_url: sa.URL) -> None:
    """In sessions that read and in those that write; what somebody has set stays."""
    shown = "SELECT current_setting('client_connection_check_interval')"
    with reading(postgres_url) as connection:
        assert connection.exec_driver_sql(shown).scalar_one() == "10s"
    with writing(postgres_url) as connection:
        assert connection.exec_driver_sql(shown).scalar_one() == "10s"
    own = postgres_url.update_query_dict({"options": "-c client_connection_check_interval=3s"})
    with reading(own) as connection:
        assert connection.exec_driver_sql(shown).scalar_one() == "3s"


READ = """
import sys
import sqlalchemy as sa
from tidegate.data.engines import reading
with reading(sa.make_url(sys.argv[1]), correlation_id="gone") as connection:
    connection.exec_driver_sql("SELECT pg_sleep(600)")
"""


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_nothing_running(postgres_url: sa.URL) -> None:
    """Without a row that the server would fail to send."""
    running = sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tidegate gone' AND state = 'active'")
    with sa.create_engine(postgres_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect() as connection:

        def wait_for(count: int) -> None:
            until = time.monotonic() + 60
            while connection.execute(running).scalar_one() != count:
                assert time.monotonic() < until, f"not {count} within a minute"
                time.sleep(0.2)

        with subprocess.Popen([sys.executable, "-c", READ, postgres_url.render_as_string(hide_password=False)]) as worker:
            wait_for(1)
            worker.send_signal(signal.SIGKILL)
        wait_for(0)
