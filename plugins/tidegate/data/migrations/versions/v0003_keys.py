"""The table of keys, by which a load finds the others that have rows under the same ones; and of each table the columns that make them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from tidegate.data.migrations.there import has_index, has_table

if TYPE_CHECKING:
    from collections.abc import Iterator

revision = "0003"
down_revision = "0002"

_AT_ONCE = 1000
_LONG = sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), "mysql", "mariadb")
_LOAD = ("pipeline", "target", "interval_start", "interval_end", "branch")
_loads = sa.table("tidegate_load", *(sa.column(name) for name in _LOAD), sa.column("partitions"))
_keys = sa.table("tidegate_key", sa.column("key_hash", sa.BigInteger), sa.column("load_hash", sa.BigInteger))


def upgrade() -> None:
    """Make the table, and fill it from the loads that there are."""
    if not has_table("tidegate_key"):
        columns = [sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False) for name in ("key_hash", "load_hash")]
        op.create_table("tidegate_key", *columns)
    if not has_index("tidegate_key", "tidegate_key_load"):
        op.create_index("tidegate_key_load", "tidegate_key", ["load_hash"])
    connection = op.get_bind()
    if "replace_columns" not in {column["name"] for column in sa.inspect(connection).get_columns("tidegate_lock")}:
        op.add_column("tidegate_lock", sa.Column("replace_columns", _LONG))
    connection.execute(sa.delete(_keys))
    for row in connection.execute(sa.select(_loads)).all():
        rows = list(_of(row))
        for begin in range(0, len(rows), _AT_ONCE):
            connection.execute(sa.insert(_keys), rows[begin : begin + _AT_ONCE])


def _of(row: sa.Row[tuple[str, ...]]) -> Iterator[dict[str, int]]:
    whose = _hash(*(getattr(row, name) for name in _LOAD))
    yield from ({"key_hash": _hash(row.target, partition), "load_hash": whose} for partition in json.loads(row.partitions))


def _hash(*texts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(texts).encode()).digest()[:8], "big") >> 1
