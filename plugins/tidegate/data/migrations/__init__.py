"""The ledger's tables and its view, version after version, by Alembic. Nothing here is imported where the ledger is current.

``versions/`` holds one file for each version. What a file says stays as it is once it was released. Each may be run again where it was cut off half-way,
for MySQL commits every statement by itself; and one that changes a table drops the view before and makes it again, for PostgreSQL holds on to it.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    import sqlalchemy as sa

VERSION_TABLE = "tidegate_version"
_one_at_a_time = Lock()  # Alembic's context is one for the whole process


def upgrade(connection: sa.Connection, version: str = "head") -> None:
    """Bring a ledger to a version, in the connection's own transaction where the database can do that."""
    config = config_of()
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, version)


def config_of() -> Config:
    """Where Alembic finds the versions; there is no file of settings."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
