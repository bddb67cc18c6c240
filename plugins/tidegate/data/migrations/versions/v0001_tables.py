"""The four tables. A ledger from before there were versions has them, and is taken over as it is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from tidegate.data.migrations.there import has_table

revision = "0001"
down_revision = None


def _short(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")


_LONG = sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), "mysql", "mariadb")


def upgrade() -> None:
    """Make the tables that are missing."""
    tables: dict[str, tuple[sa.Column[object], ...]] = {
        "tidegate_load": (
            sa.Column("pipeline", _short(100), primary_key=True),
            sa.Column("target", _short(100), primary_key=True),
            sa.Column("interval_start", _short(40), primary_key=True),
            sa.Column("interval_end", _short(40), primary_key=True),
            sa.Column("branch", _short(100), primary_key=True),
            sa.Column("attempt", _short(100), nullable=False),
            sa.Column("fence", _short(100), nullable=False),
            sa.Column("run_id", sa.String(250), nullable=False),
            sa.Column("correlation_id", sa.String(250), nullable=False),
            sa.Column("rows", sa.BigInteger, nullable=False, quote=True),
            sa.Column("partitions", _LONG, nullable=False, quote=True),
            sa.Column("loaded_at", _short(40), nullable=False),
            sa.Column("stale_from", _short(40)),
        ),
        "tidegate_interval": (
            sa.Column("pipeline", _short(100), primary_key=True),
            sa.Column("interval_start", _short(40), primary_key=True),
            sa.Column("interval_end", _short(40), primary_key=True),
            sa.Column("outcome", sa.String(20), nullable=False),
            sa.Column("sentence", _LONG, nullable=False),
            sa.Column("expected", sa.Integer, nullable=False),
            sa.Column("arrived", sa.Integer, nullable=False),
            sa.Column("missing", _LONG, nullable=False),
            sa.Column("record", _LONG, nullable=False),
            sa.Column("run_id", sa.String(250), nullable=False),
            sa.Column("correlation_id", sa.String(250), nullable=False),
            sa.Column("decided_at", _short(40), nullable=False),
        ),
        "tidegate_gap": (
            sa.Column("pipeline", _short(100), primary_key=True),
            sa.Column("interval_start", _short(40), primary_key=True),
            sa.Column("interval_end", _short(40), primary_key=True),
            sa.Column("branch", _short(100), primary_key=True),
            sa.Column("dimension", sa.String(100), nullable=False),
            sa.Column("state", sa.String(20), nullable=False),
            sa.Column("reason", _LONG, nullable=False),
            sa.Column("owner", sa.String(250), nullable=False),
            sa.Column("opened_at", _short(40), nullable=False),
            sa.Column("expires_at", _short(40), nullable=False),
            sa.Column("attempts", sa.Integer, nullable=False),
            sa.Column("last_attempt_at", _short(40)),
            sa.Column("run_id", sa.String(250), nullable=False),
            sa.Column("status", _short(20), nullable=False),
            sa.Column("closed_at", _short(40)),
            sa.Column("closed_by", sa.String(250), nullable=False),
            sa.Column("note", _LONG, nullable=False),
        ),
        "tidegate_lock": (sa.Column("target", _short(100), primary_key=True),),
    }
    for name, columns in tables.items():
        if not has_table(name):
            op.create_table(name, *columns)
