"""Whether a table is there, while others make tables."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tidegate.data import existing
from tidegate.data.existing import has_table
from tidegate.errors import TimedOut

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def being_made(mariadb_url: sa.URL) -> Iterator[sa.Connection]:
    """Give a session that holds locks, while another makes a table for three seconds."""
    engine = sa.create_engine(mariadb_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS looked_at AS SELECT 1 AS n")

    def make() -> None:
        with engine.begin() as maker:
            maker.exec_driver_sql("CREATE TABLE slowly_made AS SELECT sleep(3) AS n")

    thread = threading.Thread(target=make)
    thread.start()
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT * FROM looked_at")
        give_up = time.monotonic() + 30
        while not connection.exec_driver_sql("SELECT count(*) FROM information_schema.processlist WHERE state = 'User sleep'").scalar_one():
            assert time.monotonic() < give_up
        yield connection
    thread.join()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE slowly_made, looked_at")


def test_a_table_that_is_just_being_made(being_made: sa.Connection) -> None:
    """MariaDB does not say, and would have one believe that the question was wrong."""
    with pytest.raises(sa.exc.OperationalError, match="skipped since its definition is being modified"):
        sa.inspect(being_made).has_table("slowly_made")
    assert has_table(being_made, "slowly_made")
    assert not has_table(being_made, "never_made")


def test_a_table_that_is_made_for_ever(being_made: sa.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for, for ever."""
    monkeypatch.setattr(existing, "_WAIT", 0.2)
    with pytest.raises(TimedOut, match="has been changing table slowly_made for"):
        has_table(being_made, "slowly_made")
