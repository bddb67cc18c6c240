"""What Alembic runs: the versions over a connection that somebody else has opened, and commits. Alembic imports it, nobody else can."""

from __future__ import annotations

from alembic import context
from alembic.ddl.impl import DefaultImpl

from tidegate.data.migrations import VERSION_TABLE


def run() -> None:
    """Run the versions that are due."""
    connection = context.config.attributes["connection"]
    name = connection.dialect.name
    try:
        DefaultImpl.get_by_dialect(connection.dialect)
    except KeyError:  # a dialect that Alembic has no words of its own for
        type(f"{name}Impl", (DefaultImpl,), {"__dialect__": name})
    context.configure(connection=connection, version_table=VERSION_TABLE)
    context.run_migrations()


run()
