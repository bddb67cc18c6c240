"""Staged rows into staged rows: SQL by DuckDB in bounded memory, or a Python function of a pandas frame. Runs in a worker.

The SQL sees one view, ``input``, and nothing else: no other file, no network, no extension. Sums of integers, which DuckDB makes 128 bits
wide, are staged as int when they fit and refused when they do not.
"""

from __future__ import annotations

import inspect
import re
import tempfile
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pyarrow as pa

from tidegate.data import parts as staged
from tidegate.data.contract import Contract
from tidegate.data.dialects.waiting import waited
from tidegate.data.instants import aware, stamp
from tidegate.data.kinds import nearest, one_to_duckdb
from tidegate.data.refusals import without_statement
from tidegate.data.shares import chosen, condition
from tidegate.errors import DataRefused, QueryRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tidegate.data.manifest import Manifest, Share, StageKey
    from tidegate.data.parts import File, Part
    from tidegate.data.staging import Staging
    from tidegate.model.accept import AcceptResult

BATCH_ROWS = 50_000
_STALE_FROM = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|(\$stale_from\b)""", re.DOTALL)
"""A use of ``$stale_from``, or what only looks like one: a text, a quoted name, a comment."""


def transform_sql(
    inputs: Sequence[Manifest],
    sql: str,
    *,
    params: Mapping[str, Any] | None = None,
    key: StageKey,
    staging: Staging,
    attempt: str,
    correlation_id: str,
    source_name: str = "the SQL",
    dimension: str | None = None,
    timezone: str = "UTC",
    accept: AcceptResult | None = None,
    share: Share | None = None,
    memory_limit: str = "256MB",
    threads: int = 1,
) -> Manifest:
    """Run a SELECT over the view ``input``, which holds the rows of all inputs, and commit its result as one attempt.

    The SELECT may use ``$interval_start``, ``$interval_end`` (TIMESTAMP, the clock's reading in ``timezone``), ``$branch`` and the names
    in ``params``. ``$stale_from`` is the start of the oldest interval whose rows stand in for this one's, NULL where none do; a second view,
    ``stale``, has the branches for which rows stand in, under the dimension's name, and ``stale_from`` of each.
    A result of no rows is a result.

    :param dimension: name of the column of ``input`` that says which branch a row is of; None for no such column.
    :param timezone: of the clock for TIMESTAMPTZ functions such as ``date_trunc`` too.
    :param accept: what the rows of the result must be like; anything by default.
    :param share: which rows of the inputs are meant; all by default. Then the key's branch is the share's name, and ``$branch`` is ``all``.
    :param memory_limit: what DuckDB may use before it spills to a temporary directory.
    :raises QueryRefused: DuckDB rejected the SQL, or it is not one SELECT, or it uses a ``$name`` that is not given.
    :raises DataRefused: an input is missing, damaged or of other columns than its siblings, or a result cannot be staged exactly.
    """
    zone = ZoneInfo(timezone)
    given = {
        "interval_start": _clock(aware(key.interval_start), zone),
        "interval_end": _clock(aware(key.interval_end), zone),
        "branch": key.branch if share is None else "all",
        "stale_from": _clock(_oldest(_stale(inputs)), zone),
        **(params or {}),
    }
    sql = _STALE_FROM.sub(lambda found: "CAST($stale_from AS TIMESTAMP)" if found[1] else found[0], sql)  # for NULL has no type
    with staged.opened(staging, inputs, dimension=dimension) as parts, tempfile.TemporaryDirectory(prefix="tidegate-") as spill:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "memory_limit": memory_limit,
            "temp_directory": spill,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        }
        with duckdb.connect(":memory:", config=settings) as connection, _telling(source_name):
            stale = {branch: _clock(start, zone) for branch, start in _stale(inputs).items()}
            _fence_in(connection, parts, stale, share, dimension=dimension, timezone=timezone)
            named = _named(connection, sql, given, source_name=source_name)
            relation = waited(connection, lambda: connection.sql(sql, params=named))
            reader = waited(connection, lambda: relation.to_arrow_reader(BATCH_ROWS))
            schema = _narrowed(reader.schema, [str(kind) for kind in relation.types])
            contract = Contract(accept, where=f"{source_name} for {key.branch}", interval_end=key.interval_end, timezone=timezone)
            with staging.writer(
                key, schema, attempt=attempt, correlation_id=correlation_id, contract=contract, **_inherited(inputs, share)
            ) as writer:
                while (batch := waited(connection, lambda: next(reader, None))) is not None:
                    writer.write(batch)
                writer.settle()
    return writer.manifest


def transform_python(
    inputs: Sequence[Manifest],
    function: Callable[..., Any],
    *,
    params: Mapping[str, Any] | None = None,
    key: StageKey,
    staging: Staging,
    attempt: str,
    correlation_id: str,
    dimension: str | None = None,
    timezone: str = "UTC",
    accept: AcceptResult | None = None,
    share: Share | None = None,
) -> Manifest:
    """Give all input rows to ``function`` as one pandas frame, and commit the frame that it returns as one attempt.

    The frame has Arrow-backed types, so that integers with NULL and decimals stay exact. Of ``interval_start``, ``interval_end`` (aware,
    in ``timezone``), ``branch``, ``stale_from`` and ``params`` the function gets those that its signature names; ``stale`` has the start
    of the interval that rows are of for each branch for which they stand in. Its own exceptions pass through.

    A generator function gets an iterator of frames of :data:`BATCH_ROWS` rows at most, and yields frames: as many rows as there are pass through the
    memory that a few frames take. It gets one frame of no rows where there are none.

    :param accept: what the rows of the frame must be like; anything by default.
    :param share: as in :func:`transform_sql`.
    :raises DataRefused: it returned no frame, a frame with an index that would be lost, or values that cannot be staged exactly.
    """
    name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', function)}".lstrip(":")
    zone = ZoneInfo(timezone)
    given = {
        "interval_start": aware(key.interval_start).astimezone(zone),
        "interval_end": aware(key.interval_end).astimezone(zone),
        "branch": key.branch if share is None else "all",
        "stale_from": _oldest(stale := {branch: start.astimezone(zone) for branch, start in _stale(inputs).items()}),
        "stale": stale,
        **(params or {}),
    }
    contract = Contract(accept, where=f"{name} for {key.branch}", interval_end=key.interval_end, timezone=timezone)
    with staged.opened(staging, inputs, dimension=dimension) as parts, chosen(share, _schema(parts)) as pick:
        batches = pick(batch for part in parts for batch in part.batches(batch_rows=BATCH_ROWS))
        tables = _tables(function, _wanted(function, given), batches, _schema(parts), name=name)
        first = next(tables)
        with staging.writer(
            key, first.schema, attempt=attempt, correlation_id=correlation_id, contract=contract, **_inherited(inputs, share)
        ) as writer:
            for table in chain([first], tables):
                for batch in table.to_batches(BATCH_ROWS):
                    writer.write(batch)
            writer.settle()
    return writer.manifest


def _schema(parts: Sequence[Part]) -> pa.Schema:
    return parts[0].schema if parts else pa.schema([])


def _tables(
    function: Callable[..., Any], given: Mapping[str, Any], batches: Iterator[pa.RecordBatch], schema: pa.Schema, *, name: str
) -> Iterator[pa.Table]:
    """What the function makes of rows: one table at the least, all of the same columns."""
    if not inspect.isgeneratorfunction(function):
        yield _table(function(_frame(batches, schema), **given), name=name)
        return
    first = next(batches, None)
    frames = (_frame([batch], schema) for batch in ([] if first is None else chain([first], batches)))
    names: list[str] | None = None
    for frame in function(frames if first is not None else iter([_frame([], schema)]), **given):
        table = _table(frame, name=name, gave="yielded")
        if names is not None and table.schema.names != names:
            odd = ", ".join(sorted(set(names).symmetric_difference(table.schema.names))) or "their order"
            raise DataRefused(
                f"{name} yielded a frame with other columns than its first: {odd}.", hint="Give every frame the same columns."
            )
        names = table.schema.names
        yield table
    if names is None:
        raise DataRefused(
            f"{name} yielded no frame.", hint="Yield one at the least, of no rows where there are none: its columns are needed."
        )


def _frame(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pd.DataFrame:
    frame: pd.DataFrame = pa.Table.from_batches(batches, schema=schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def _fence_in(
    connection: duckdb.DuckDBPyConnection,
    parts: Sequence[Part],
    stale: Mapping[str, datetime | None],
    share: Share | None,
    *,
    dimension: str | None,
    timezone: str,
) -> None:
    """Make the views, then take away everything else."""
    files = [file for part in parts for file in part.files]
    connection.execute(f"SET TimeZone = {_literal(timezone)}")
    connection.execute(f"SET allowed_paths = [{', '.join(_literal(str(file.path)) for file in files)}]")
    connection.execute("SET enable_external_access = false")
    schema = _schema(parts)
    _check_names(schema, files, dimension)
    selects = [f"SELECT {_columns(file, schema, dimension)} FROM read_parquet({_literal(str(file.path))})" for file in files]  # noqa: S608 -- quoted below
    if selects:
        rows = " UNION ALL ".join(selects)
        rows = rows if share is None else f"SELECT * FROM ({rows}) WHERE {condition(share, schema)}"  # noqa: S608 -- quoted there
        connection.execute(f"CREATE TEMP VIEW input AS {rows}")
    listed = ", ".join(f"({_literal(branch)}, TIMESTAMP {_literal(str(start))})" for branch, start in stale.items())
    found = f"VALUES {listed}" if listed else "SELECT NULL::VARCHAR, NULL::TIMESTAMP WHERE false"
    connection.execute(f"CREATE TEMP VIEW stale AS SELECT * FROM ({found}) AS t({_quoted(dimension or 'branch')}, stale_from)")  # noqa: S608 -- quoted
    connection.execute("SET lock_configuration = true")


def _check_names(schema: pa.Schema, files: Sequence[File], dimension: str | None) -> None:
    """:raises DataRefused: two columns would have the values of one."""
    if pair := one_to_duckdb(schema.names):
        steps = ", ".join(dict.fromkeys(file.manifest.step for file in files))
        branch = f', other than "{dimension}", which says which branch a row is of' if dimension in pair else ""
        message = (
            f'The rows of {steps} have the columns "{pair[0]}" and "{pair[1]}", and SQL takes them for one, whatever the case of letters.'
        )
        raise DataRefused(message, hint=f"Name them apart with AS in the query that brings them{branch}.")


def _columns(file: File, schema: pa.Schema, dimension: str | None) -> str:
    """Each column of the shared schema as this file can give it."""
    columns = []
    for field in schema:
        name = _quoted(field.name)
        if field.name not in file.own.names and field.name == dimension:
            columns.append(f"{_literal(file.manifest.branches[0])} AS {name}")
        elif (
            field.name not in file.own.names or file.own.field(field.name).type != field.type
        ):  # no values in this file: the others say what type it would have
            columns.append(f"CAST(NULL AS {_duck_type(field.type)}) AS {name}")
        else:
            columns.append(name)
    return ", ".join(columns)


def _duck_type(kind: pa.DataType) -> str:
    return str(duckdb.from_arrow(pa.table({"x": pa.array([], kind)})).types[0])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _named(connection: duckdb.DuckDBPyConnection, sql: str, given: Mapping[str, Any], *, source_name: str) -> dict[str, Any]:
    """Find, of the given values, those that the SQL uses."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryRefused(f"{source_name} is not one SELECT.", hint="A transform is one SELECT over the view input.")
    used = sorted(statements[0].named_parameters)
    for name in used:
        if name not in given:
            hint = f"{nearest(name, given)}It may use {', '.join(f'${known}' for known in given)}."
            raise QueryRefused(f"{source_name} uses ${name}, which is not given.", hint=hint)
    return {name: given[name] for name in used}


@contextmanager
def _telling(source_name: str) -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        hint = "Transform per branch (for_each: {part: …}), or aggregate in the extract's query."
        raise QueryRefused(f"{source_name} needs more memory than it may use: {without_statement(str(error))}.", hint=hint) from error
    except duckdb.Error as error:
        hint = "Check it against the columns that the previous step staged."
        raise QueryRefused(f"DuckDB refused {source_name}: {without_statement(str(error))}.", hint=hint) from error


def _narrowed(schema: pa.Schema, kinds: Sequence[str]) -> pa.Schema:
    """Take HUGEINT, which is what DuckDB makes of a sum of integers, for int."""
    return pa.schema(
        [
            pa.field(field.name, pa.int64() if kind in {"HUGEINT", "UHUGEINT"} else field.type)
            for field, kind in zip(schema, kinds, strict=True)
        ]
    )


def _wanted(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    names = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in names.values()):
        return dict(given)
    return {name: value for name, value in given.items() if name in list(names)[1:]}


def _table(result: Any, *, name: str, gave: str = "returned") -> pa.Table:
    """A frame as Arrow.

    :param gave: how it came, for messages.
    """
    if not isinstance(result, pd.DataFrame):
        gives, ends = ("returns", "End the function with return and the frame.") if gave == "returned" else ("yields", "Yield frames.")
        message = f"{name} {gave} {'nothing' if result is None else f'a {type(result).__name__}'}, and a transform {gives} a DataFrame."
        raise DataRefused(message, hint=ends)
    if any(level is not None for level in result.index.names):
        levels = ", ".join(str(level) for level in result.index.names)
        raise DataRefused(f"{name} {gave} a frame with the index {levels}, which would be lost.", hint="Return frame.reset_index().")
    if odd := [column for column in result.columns if not isinstance(column, str)]:
        raise DataRefused(f"{name} {gave} a frame whose column {odd[0]!r} has no text for a name.", hint="Name every column.")
    try:
        return pa.Table.from_pandas(result, preserve_index=False).replace_schema_metadata(None)
    except (pa.ArrowException, ValueError, TypeError) as error:
        said = " ".join(str(error).split()).rstrip(".")
        hint = "Give each column values of one type, for example by astype()."
        raise DataRefused(f"{name} {gave} a frame that cannot be staged: {said}.", hint=hint) from error


def _inherited(inputs: Sequence[Manifest], share: Share | None) -> dict[str, Any]:
    """What the rows have of those that they were made of. Rows that stand in make those beside them no older."""
    read = [manifest.read_at for manifest in inputs if manifest.fresh] or [manifest.read_at for manifest in inputs]
    return {
        "read_at": min(read, default=stamp()),
        "branches": tuple(dict.fromkeys(branch for manifest in inputs for branch in manifest.branches)),
        "stale": {branch: start for manifest in inputs for branch, start in manifest.stale.items()},
        "quarantined": set_aside_before(inputs, share),
        "marks": tuple(dict.fromkeys(mark for manifest in inputs for mark in manifest.marks)),
        "share": share,
    }


def set_aside_before(inputs: Sequence[Manifest], share: Share | None) -> int:
    """The rows that steps before have set aside. Of several shares the first counts them, so that they are counted once."""
    return sum(manifest.quarantined for manifest in inputs) if share is None or share.number == 0 else 0


def _stale(inputs: Sequence[Manifest]) -> dict[str, datetime]:
    """The branches for which rows stand in → the start of the interval that these are of."""
    return {branch: datetime.fromisoformat(start) for manifest in inputs for branch, start in manifest.stale.items()}


def _oldest(stale: Mapping[str, datetime]) -> datetime | None:
    return min(stale.values(), default=None)


def _clock(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    """What a clock of the zone says then."""
    return moment.astimezone(zone).replace(tzinfo=None) if moment is not None else None
