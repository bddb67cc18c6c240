"""What is there already: of a version that was cut off half-way, or of the tables as they were before there were versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tidegate.data import existing


def has_table(name: str) -> bool:
    """Whether the schema of the connection has a table."""
    return existing.has_table(op.get_bind(), name)


def has_index(table: str, name: str) -> bool:
    """Whether a table has an index."""
    return any(index["name"] == name for index in sa.inspect(op.get_bind()).get_indexes(table))
