"""A query's rows into staging: streamed, in exact types, committed whole or not at all. Runs in a worker."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tidegate.data import sources
from tidegate.data.binding import given, statement, statements
from tidegate.data.cancelling import stoppable
from tidegate.data.contract import Contract
from tidegate.data.engines import reading
from tidegate.data.instants import aware, stamp
from tidegate.data.manifest import question
from tidegate.data.stopping import Stop
from tidegate.data.table_query import READ_FROM, Source, TableQuery, quoted
from tidegate.errors import QueryRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import timedelta

    import pyarrow as pa
    import sqlalchemy as sa

    from tidegate.data.apis import Api
    from tidegate.data.cuts import Split
    from tidegate.data.manifest import Manifest, StageKey
    from tidegate.data.staging import Staging
    from tidegate.model.accept import Accept
    from tidegate.model.http import Http

BATCH_ROWS = 50_000


def extract(
    url: sa.URL,
    sql: str | TableQuery,
    *,
    split: Split | None = None,
    params: Mapping[str, Any] | None = None,
    key: StageKey,
    staging: Staging,
    accept: Accept,
    attempt: str,
    correlation_id: str,
    timezone: str = "UTC",
    batch_rows: int = BATCH_ROWS,
    connection_name: str,
    source_name: str,
    usual: int | None = None,
    settled_by: Collection[str] = (),
    progress: Callable[[int], None] | None = None,
    stop: Stop | None = None,
    limit: timedelta | None = None,
) -> Manifest:
    """Read what ``sql`` selects, or what is said of a table, and commit it as one attempt.

    The query may use ``:interval_start``, ``:interval_end`` (a half-open interval: ``>=`` and ``<``), the same with ``_utc``, ``:branch`` and
    the names in ``params``. Memory is bounded by ``batch_rows``.

    :param split: the ranges in which a table is read, side by side.
    :param timezone: of the clock that the source's columns without a time zone show.
    :param source_name: the file that the SQL is from, for messages.
    :param usual: the branch's usual rows; None where nobody knows.
    :param settled_by: the loads that must have brought an interval's rows before a later one goes on from its mark; none for where it is staged.
    :param progress: called after each batch with the number of rows so far; what it raises ends the extract.
    :param stop: ends the read early: its statement is cancelled on the server, and nothing stays in staging.
    :param limit: how long the server of PostgreSQL, MySQL or MariaDB lets a statement run at most, for a worker that is gone can cancel none.
    :raises Stopped: ``stop`` said so before all was read.
    :raises TimedOut: a statement ran for too long.
    :raises Unreachable: the database does not answer or dropped the connection.
    :raises QueryRefused: the database rejected the query, or it uses a ``:name`` that is not given.
    :raises DataRefused: the rows are not what ``accept`` asks for.
    """
    dialect, interval = url.get_backend_name(), {"interval_start": key.interval_start, "interval_end": key.interval_end}
    clock = timezone
    if isinstance(sql, TableQuery):
        interval[READ_FROM] = aware(key.interval_start) - sql.look_back
        column = sql.interval_column or sql.watermark
        if column is not None and dialect in {"mysql", "mariadb"} and timezone != "UTC":
            clock = _clock(
                url, sql.table, column, timezone, correlation_id=correlation_id, connection_name=connection_name, source_name=source_name
            )
    values = given(interval, key.branch, params, dialect=dialect, timezone=clock, source_name=source_name)
    stop, where = stop or Stop(), f"{connection_name}, {source_name},"
    receipt: dict[str, Any] = {
        "key": key, "staging": staging, "attempt": attempt, "correlation_id": correlation_id, "read_at": stamp(),
        "question": question(sql, params=params, accept=accept, timezone=timezone), "stop": stop, "name": connection_name, "progress": progress,
    }  # fmt: skip

    def contracted() -> Contract:
        return Contract(accept, where=where, interval_end=key.interval_end, timezone=timezone, usual=usual)

    if isinstance(sql, TableQuery):
        source = Source(
            url=url, query=sql, values=values, name=connection_name, source_name=source_name, correlation_id=correlation_id, zone=timezone,
            clock=clock, batch_rows=batch_rows, limit=limit,
        )  # fmt: skip
        return _of_table(source, split, contracted, receipt, settled_by)
    if len(found := statements(sql, dialect=dialect)) > 1:
        message = f"{source_name} holds {len(found)} statements, and an extract runs one SELECT."
        raise QueryRefused(message, hint="Leave one there; what changes rows is for uses: sql.")
    query = statement(sql, values, source_name=source_name, correlation_id=correlation_id, dialect=dialect)
    return _of_query(url, lambda _: query, contracted, receipt, source_name=source_name, zone=timezone, batch_rows=batch_rows, limit=limit)


def _clock(url: sa.URL, name: str, column: str, timezone: str, *, correlation_id: str, connection_name: str, source_name: str) -> str:
    """Which clock a table's column shows, on MySQL: one of TIMESTAMP holds moments, which the session shows in UTC."""
    with reading(url, correlation_id=correlation_id, connection_name=connection_name, source_name=source_name) as connection:
        table = ".".join(quoted(part, connection.dialect) for part in name.split("."))
        shown = statement(f"SHOW COLUMNS FROM {table}", {}, source_name=source_name, correlation_id=correlation_id, dialect="mysql")
        kinds = {str(row.Field).casefold(): str(row.Type) for row in connection.execute(shown)}
    return "UTC" if kinds.get(column.casefold(), "").startswith("timestamp") else timezone


def _of_table(
    source: Source, split: Split | None, contracted: Callable[[], Contract], receipt: dict[str, Any], settled_by: Collection[str]
) -> Manifest:
    changes, column = None, source.query.watermark
    if column is not None:
        from tidegate.data.watermarks import Changes

        changes = Changes(source, column, receipt["key"], receipt["staging"], attempt=receipt["attempt"], settled_by=settled_by)
    if split is not None:
        from tidegate.data import ranges

        contract = contracted()
        with ranges.batches(source, split, contract, stop=receipt["stop"], changes=changes) as batches:
            manifest = _staged(batches, contract, **{**receipt, **(changes.receipt if changes is not None else {})})
    else:

        def query(connection: sa.Connection) -> sa.TextClause:
            asked = source
            if changes is not None:
                changes.begin()
                asked = changes.source(connection)
                receipt.update(changes.receipt)
            return asked.statement(asked.query.sql(connection.dialect, where=asked.also), {})

        manifest = _of_query(
            source.url, query, contracted, receipt, source_name=source.source_name, zone=source.zone, batch_rows=source.batch_rows,
            limit=source.limit,
        )  # fmt: skip
    if changes is not None:
        changes.keep(manifest)
    return manifest


def _of_query(
    url: sa.URL,
    query: Callable[[sa.Connection], sa.TextClause],
    contracted: Callable[[], Contract],
    receipt: dict[str, Any],
    *,
    source_name: str,
    zone: str,
    batch_rows: int,
    limit: timedelta | None,
) -> Manifest:
    name, correlation_id, streamed = receipt["name"], receipt["correlation_id"], False
    while True:
        contract = contracted()
        with (
            suppress(sources.Surprised),
            reading(
                url, correlation_id=correlation_id, connection_name=name, source_name=source_name, timezone=zone, limit=limit
            ) as connection,
            stoppable(connection, receipt["stop"], name=name, correlation_id=correlation_id),
            sources.batches(
                connection, query(connection), contract, where=contract.where, zone=zone, batch_rows=batch_rows, streamed=streamed
            ) as batches,
        ):
            return _staged(batches, contract, **receipt)
        streamed = True


def extract_files(
    found: Callable[[], Sequence[Any]],
    *,
    key: StageKey,
    staging: Staging,
    accept: Accept,
    attempt: str,
    correlation_id: str,
    delimiter: str = ",",
    timezone: str = "UTC",
    batch_rows: int = BATCH_ROWS,
    connection_name: str,
    source_name: str,
    question: str = "",
    usual: int | None = None,
    progress: Callable[[int], None] | None = None,
    stop: Stop | None = None,
) -> Manifest:
    """Read files, one after the other, and commit their rows as one attempt. Takes what :func:`extract` takes.

    :param found: gives the files.
    :param delimiter: between the values of a CSV file.
    :param question: short hash of what is asked for, by :func:`tidegate.data.manifest.question`.
    :raises Unreachable: there is no such file yet, or its store does not answer.
    :raises AuthRefused: the files may not be read.
    :raises DataRefused: the rows are not what ``accept`` asks for, a file cannot be read, or ``delimiter`` can be none.
    """
    from tidegate.data.sources import files

    where = f"{connection_name}, {source_name},"
    files.check_delimiter(delimiter, where=where)
    contract = Contract(accept, where=where, interval_end=key.interval_end, timezone=timezone, usual=usual)
    read_at = stamp()
    with files.telling(where):
        batches = files.batches(found(), contract, where=where, zone=timezone, batch_rows=batch_rows, delimiter=delimiter)
        return _staged(
            batches, contract, key=key, staging=staging, attempt=attempt, correlation_id=correlation_id, read_at=read_at, question=question,
            stop=stop or Stop(), name=connection_name, progress=progress,
        )  # fmt: skip


def extract_http(
    api: Api,
    asked: Http,
    *,
    key: StageKey,
    staging: Staging,
    accept: Accept,
    attempt: str,
    correlation_id: str,
    timezone: str = "UTC",
    batch_rows: int = BATCH_ROWS,
    connection_name: str,
    question: str = "",
    usual: int | None = None,
    progress: Callable[[int], None] | None = None,
    stop: Stop | None = None,
) -> Manifest:
    """Read the records that an HTTP API has of an interval, page by page, and commit them as one attempt. Takes what :func:`extract` takes.

    :param question: short hash of what is asked for, by :func:`tidegate.data.manifest.question`.
    :raises Stopped: ``stop`` said so before all was read.
    :raises Unreachable: the API does not answer, broke off, or has too much to do.
    :raises TimedOut: it takes too long.
    :raises AuthRefused: it does not let the login in.
    :raises QueryRefused: it refused what is asked.
    :raises DataRefused: the records are not what ``accept`` asks for, or a page cannot be read.
    """
    from tidegate.data.sources import http

    stop = stop or Stop()
    where = f"{connection_name}, {asked.path},"
    contract = Contract(accept, where=where, interval_end=key.interval_end, timezone=timezone, usual=usual)
    read_at = stamp()
    with http.batches(
        api, asked, contract, interval=(key.interval_start, key.interval_end), where=where, zone=timezone, batch_rows=batch_rows,
        correlation_id=correlation_id, name=connection_name, stop=stop,
    ) as batches:  # fmt: skip
        return _staged(
            batches, contract, key=key, staging=staging, attempt=attempt, correlation_id=correlation_id, read_at=read_at, question=question,
            stop=stop, name=connection_name, progress=progress,
        )  # fmt: skip


def _staged(
    batches: Iterator[pa.RecordBatch],
    contract: Contract,
    *,
    stop: Stop,
    name: str,
    progress: Callable[[int], None] | None,
    key: StageKey,
    staging: Staging,
    **receipt: Any,
) -> Manifest:
    """Stage batches as they come, and commit them when all are there and accepted."""
    first = next(batches)
    with staging.writer(key, first.schema, contract=contract, **receipt) as writer:
        writer.write(first)
        for batch in batches:
            stop.check(name)
            if progress:
                progress(writer.rows)
            writer.write(batch)
        if progress:
            progress(writer.rows)
        writer.settle()
        stop.settle(name)
    return writer.manifest
