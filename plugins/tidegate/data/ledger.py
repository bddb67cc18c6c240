"""What was loaded, by whom, and how complete it is: tables beside the data, written in the transaction that writes the data.

``tidegate_load`` has one row for each branch of each interval in each table; ``tidegate_interval`` one for each interval of each pipeline;
``tidegate_gap`` one for each branch that an interval lacked (:mod:`tidegate.data.gaps` reads and writes it).
Readers of the warehouse can join against them, or against the view ``tidegate_completeness``, which has a line for each branch.
Moments are ISO 8601 text in UTC, so that they compare alike in every database. :mod:`tidegate.data.migrations` makes all of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from tidegate.data.existing import has_table
from tidegate.data.instants import instant
from tidegate.errors import LedgerTooNew, TimedOut
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator

_MYSQL = ("mysql", "mariadb")
_LOCK = 0x7469_6465  # "tide": the number of the advisory lock under which tables are created
_LOCK_SECONDS = 60

VERSION = "0003"
"""Of the ledger that this code reads and writes; versions are numbers of four digits, so that they compare as text."""


def _short(length: int) -> sa.types.TypeEngine[str]:
    """Text for a key: on MySQL compared byte by byte, or the branches ``eu`` and ``EU`` would be one."""
    return sa.String(length).with_variant(mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin"), *_MYSQL)


_LONG = sa.Text().with_variant(mysql.LONGTEXT(charset="utf8mb4"), *_MYSQL)

metadata = sa.MetaData()
loads = sa.Table(
    "tidegate_load",
    metadata,
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
    sa.Index("tidegate_load_branch", "pipeline", "interval_start", "interval_end", "branch"),
)
intervals_table = sa.Table(
    "tidegate_interval",
    metadata,
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
)
gaps_table = sa.Table(
    "tidegate_gap",
    metadata,
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
)
locks = sa.Table("tidegate_lock", metadata, sa.Column("target", _short(100), primary_key=True), sa.Column("replace_columns", _LONG))
keys_table = sa.Table(
    "tidegate_key",
    metadata,
    sa.Column("key_hash", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("load_hash", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Index("tidegate_key_load", "load_hash"),
)
versions = sa.Table("tidegate_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))  # Alembic's own


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadRow:
    """One branch of one interval, as one target table holds it."""

    pipeline: str
    target: str
    """The table, with its schema when it has one: ``mart.sales``."""
    interval_start: str
    interval_end: str
    branch: str
    attempt: str
    fence: str
    """Of the attempt that wrote; see :attr:`tidegate.data.manifest.Manifest.fence`."""
    run_id: str
    correlation_id: str
    rows: int
    """Of a combining part: of the whole part, since it does not tell its branches apart."""
    partitions: tuple[str, ...]
    """Each a JSON list of the replace columns' values."""
    loaded_at: str
    stale_from: str | None = None
    """The start of an earlier interval whose rows stand in for this one's; None for rows of the interval itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IntervalRow:
    """How complete one interval of one pipeline is."""

    pipeline: str
    interval_start: str
    interval_end: str
    outcome: str
    """``complete``, ``partial``, ``short`` or ``overtaken``."""
    sentence: str
    expected: int
    arrived: int
    missing: tuple[str, ...]
    record: dict[str, Any]
    """The whole completeness, in plain JSON types."""
    run_id: str
    correlation_id: str
    decided_at: str


def ensure(connection: sa.Connection) -> None:
    """Bring the ledger to the version of this code: one question where it is, and safe when several processes do so at once.

    To be called before anything else is written: MySQL commits with each change of a table.

    :raises LedgerTooNew: a newer Tidegate has been here.
    """
    if version_of(connection) == VERSION:
        return
    alone(connection)
    if version_of(connection) != VERSION:  # else another process was first
        from tidegate.data.migrations import upgrade

        upgrade(connection)


def version_of(connection: sa.Connection) -> str | None:
    """The version of a ledger; None where there is none, or one from before there were versions.

    :raises LedgerTooNew: it is newer than this code.
    """
    version = next(rows_of(connection, versions, sa.select(versions)), None)
    if version is not None and version.version_num > VERSION:
        raise LedgerTooNew(
            f"The ledger is of version {version.version_num}, and this Tidegate knows none after {VERSION}.",
            hint="Install the Tidegate that is elsewhere in use for this ledger, or a newer one.",
        )
    return version.version_num if version is not None else None


def create_missing(connection: sa.Connection, *tables: sa.Table) -> None:
    """Create tables, with their indexes, where they are missing; one process at a time."""
    missing = [table for table in tables if not has_table(connection, table.name, table.schema)]
    if not missing:
        return
    alone(connection, missing[0].fullname)
    for table in missing:
        if not has_table(connection, table.name, table.schema):
            connection.execute(CreateTable(table))
            for index in table.indexes:
                index.create(connection)


def alone(connection: sa.Connection, what: str = "") -> None:
    """Be the only process that makes or changes a table, until the transaction ends; by default the ledger's. Who writes a file has it for itself already.

    MySQL has one such lock for all tables, and lets go of it before rows are written.

    :raises TimedOut: another one is at it for too long.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, _hash(what) >> 35)))
    elif connection.dialect.name in _MYSQL:  # goes with the connection, since DDL commits by itself
        given = connection.execute(sa.select(sa.func.get_lock("tidegate", _LOCK_SECONDS))).scalar_one()
        if given != 1:
            raise TimedOut("Another process makes tables in this database, and does not come to an end.", hint="Look for one that hangs.")


def turn(connection: sa.Connection, pipeline: str, start: datetime, end: datetime) -> None:
    """Be the only one that decides about an interval, until the transaction ends; to be called before what is known of it is read.

    :raises TimedOut: another one does not come to an end.
    """
    number = _hash(pipeline, instant(start), instant(end))
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, number >> 35)))
    elif connection.dialect.name in _MYSQL:  # goes with the connection, which ends behind the transaction
        given = connection.execute(sa.select(sa.func.get_lock(f"tidegate {number}", _LOCK_SECONDS))).scalar_one()
        if given != 1:
            message = f"Another run of {pipeline} for {instant(start)} to {instant(end)} writes the ledger, and does not come to an end."
            raise TimedOut(message, hint="Look for one that hangs.")


def held(connection: sa.Connection, pipeline: str, start: datetime, end: datetime, target: str | None = None) -> dict[str, LoadRow]:
    """Say which branches of an interval are in the warehouse, rows that stand in among them; nothing when there is no ledger yet.

    :param target: one table; without it a branch counts as held when any table of the pipeline holds it, by its newest load.
    """
    query = sa.select(loads).where(
        loads.c.pipeline == pipeline, loads.c.interval_start == instant(start), loads.c.interval_end == instant(end)
    )
    if target is not None:
        query = query.where(loads.c.target == target)
    rows = [load_row(row) for row in rows_of(connection, loads, query.order_by(loads.c.loaded_at))]
    return {row.branch: row for row in sorted(rows, key=lambda row: row.branch)}


def write_load(connection: sa.Connection, row: LoadRow) -> None:
    """Record a load, in place of the one before."""
    _replace(connection, loads, row)
    _write_keys(connection, row)


def forget_load(connection: sa.Connection, row: LoadRow) -> None:
    """Take a load back: its rows are not in the table any more."""
    connection.execute(sa.delete(loads).where(*(column == getattr(row, column.name) for column in loads.primary_key)))
    connection.execute(sa.delete(keys_table).where(keys_table.c.load_hash == load_hash(row)))


def key_hash(target: str, partition: str) -> int:
    """What stands for a key of a table. Two may share it: whether rows clash is told by the keys themselves."""
    return _hash(target, partition)


def load_hash(row: LoadRow) -> int:
    """What stands for a load beside its keys."""
    return _hash(row.pipeline, row.target, row.interval_start, row.interval_end, row.branch)


def _hash(*texts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(texts).encode()).digest()[:8], "big") >> 1


def _write_keys(connection: sa.Connection, row: LoadRow) -> None:
    """Let the keys of a load be found, and those that it has no more be found no more."""
    whose, of_it = load_hash(row), keys_table.c.load_hash == load_hash(row)
    hashes = {key_hash(row.target, partition) for partition in row.partitions}
    there = set(connection.scalars(sa.select(keys_table.c.key_hash).where(of_it)))
    if there - hashes:
        connection.execute(sa.delete(keys_table).where(of_it))
        there = set()
    if missing := sorted(hashes - there):
        if connection.dialect.name == "duckdb":  # which is slow where it is given one row at a time
            connection.exec_driver_sql(f"INSERT INTO {keys_table.name} SELECT unnest(?::BIGINT[]), ?", (missing, whose))
        else:
            connection.execute(sa.insert(keys_table), [{"key_hash": key, "load_hash": whose} for key in missing])


def write_interval(connection: sa.Connection, row: IntervalRow) -> None:
    """Record how complete an interval is, in place of what was known before."""
    _replace(connection, intervals_table, row)


def read_interval(connection: sa.Connection, pipeline: str, start: datetime, end: datetime) -> IntervalRow | None:
    """How complete an interval is; None when nothing is known about it."""
    table = intervals_table.c
    query = sa.select(intervals_table).where(
        table.pipeline == pipeline, table.interval_start == instant(start), table.interval_end == instant(end)
    )
    return next((_interval_row(row) for row in rows_of(connection, intervals_table, query)), None)


def intervals(connection: sa.Connection, pipeline: str | None = None) -> list[IntervalRow]:
    """All intervals, or those of one pipeline, in order of time."""
    table = intervals_table.c
    query = sa.select(intervals_table).order_by(table.interval_start, table.interval_end, table.pipeline)
    if pipeline is not None:
        query = query.where(table.pipeline == pipeline)
    return [_interval_row(row) for row in rows_of(connection, intervals_table, query)]


def intervals_before(connection: sa.Connection, pipeline: str, start: datetime, *, loaded: int) -> list[IntervalRow]:
    """The last so many intervals of a pipeline that begin before a moment and were loaded, the newest first.

    The record of one that was overtaken is left out: it is that of the run that came too late, which was perhaps for some branches alone.
    """
    table = intervals_table.c
    query = (
        sa.select(intervals_table)
        .where(table.pipeline == pipeline, table.interval_start < instant(start), table.outcome.not_in(("short", "overtaken")))
        .order_by(table.interval_start.desc(), table.interval_end.desc())
        .limit(loaded)
    )
    return [_interval_row(row) for row in rows_of(connection, intervals_table, query)]


def load_row(row: sa.Row[Any]) -> LoadRow:
    """Decode one stored row."""
    stored = dict(row._mapping)  # noqa: SLF001 -- SQLAlchemy's public way to a row's names
    return LoadRow(**{**stored, "partitions": tuple(json.loads(stored["partitions"]))})


def interval_of(row: LoadRow) -> Interval:
    """The interval that a load is about."""
    return Interval(datetime.fromisoformat(row.interval_start), datetime.fromisoformat(row.interval_end))


def _interval_row(row: sa.Row[Any]) -> IntervalRow:
    stored = dict(row._mapping)  # noqa: SLF001 -- as above
    return IntervalRow(**{**stored, "missing": tuple(json.loads(stored["missing"])), "record": json.loads(stored["record"])})


def rows_of(connection: sa.Connection, table: sa.Table, query: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    """What a query over one of the ledger's tables gives; nothing where there is no such table yet."""
    if has_table(connection, table.name):
        yield from connection.execute(query)


def _replace(connection: sa.Connection, table: sa.Table, row: LoadRow | IntervalRow) -> None:
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    stored = {name: json.dumps(value, ensure_ascii=False) if isinstance(value, tuple | dict) else value for name, value in values.items()}
    connection.execute(sa.delete(table).where(*(column == stored[column.name] for column in table.primary_key)))
    connection.execute(sa.insert(table), stored)
