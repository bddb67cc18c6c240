"""Real database servers for tests that would prove little without them.

A test asks for `postgres_url` or `mariadb_url` and gets a SQLAlchemy URL of an empty database on a server of its own, stopped when the run ends.
It carries the marker `server` by itself. Where the programs are not installed the test is skipped, and the last lines of the run say so.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bench import servers

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import URL

FIXTURES = {"postgres_url", "mariadb_url"}
"""Whoever asks for one of these is marked `server`."""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[URL]:
    """Give an empty database on a PostgreSQL that lives as long as the test run."""
    with or_skipped(servers.postgres()) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[URL]:
    """Give an empty database on a MariaDB that lives as long as the test run."""
    with or_skipped(servers.mariadb()) as url:
        yield url


def emptied(url: URL) -> URL:
    """The same database without its views and tables."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        if connection.dialect.name == "mysql":
            connection.exec_driver_sql("SET foreign_key_checks = 0")
        cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
        quoted, inspector = connection.dialect.identifier_preparer.quote, sa.inspect(connection)
        for kind, names in (("VIEW", inspector.get_view_names()), ("TABLE", inspector.get_table_names())):
            together = (
                [names] if connection.dialect.name in {"postgresql", "mysql"} else [[name] for name in names]
            )  # others drop one at a time
            for some in filter(None, together):
                connection.exec_driver_sql(f"DROP {kind} {', '.join(map(quoted, some))}{cascade}")
    return url


@contextmanager
def or_skipped(server: AbstractContextManager[URL]) -> Iterator[URL]:
    """The server, or a test that is skipped and says what is missing."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(server)
        except servers.NoServer as missing:
            pytest.skip(str(missing))
        yield url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for a server is marked, so that `-m "not server"` leaves it out."""
    for item in items:
        if FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
    """Say last, where nobody scrolls past it, that a run skipped something."""
    yield
    skipped = terminalreporter.getreports("skipped")
    if skipped:
        reasons = Counter(_reason(report) for report in skipped)
        told = "; ".join(f"{reason} ({count})" if count > 1 else reason for reason, count in sorted(reasons.items()))
        terminalreporter.write_line(f"{_count(len(skipped))} skipped: {told}", yellow=True)
        terminalreporter.write_line("`make servers` installs what tests may lack.", yellow=True)


def _count(tests: int) -> str:
    return "1 test" if tests == 1 else f"{tests} tests"


def _reason(report: pytest.TestReport) -> str:
    """Give the reason without pytest's own "Skipped: " before it."""
    longrepr = report.longrepr
    return (longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)).removeprefix("Skipped: ")
