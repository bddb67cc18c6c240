"""Files as sources: CSV, JSON and Parquet, from a folder or an object store, compressed or not.

CSV has no types: a column that nobody declares is text, as it stands. JSON has few: whole numbers are ints, other numbers are read as decimals, so that
not a digit of a price is lost, and objects and lists are text. Parquet's own types are kept.
"""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from tidegate.data.exact import conformed, recast
from tidegate.data.kinds import cast_batch, nothing, plain_schema
from tidegate.data.portions import Portions, rows_of
from tidegate.data.sources.objects import Objects, each, loaded
from tidegate.data.sources.quotes import watched
from tidegate.errors import AuthRefused, DataRefused, Unreachable
from tidegate.model.terms import delimiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tidegate.data.contract import Contract

FORMATS = {"csv": "csv", "tsv": "csv", "json": "json", "jsonl": "json", "ndjson": "json", "parquet": "parquet"}
"""Suffix → how a file is read."""
_COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_UNPACKING = re.compile(r"Truncated compressed stream|(zlib|bz2|ZSTD) \w+ failed")
_BLOCK = 4 << 20
_BUFFER = 1 << 20
"""Of each column of Parquet, in place of all that a row group has of it."""


def found(path: Any) -> list[Any]:
    """The files at a path, in the order of their names; the path may be a pattern with ``*``, ``?`` and ``**``.

    :param path: of the type that opens it, such as :class:`pathlib.Path` or Airflow's ObjectStoragePath.
    :raises Unreachable: there are none yet.
    """
    parts = path.parts
    first = next((number for number, part in enumerate(parts) if any(mark in part for mark in "*?[")), None)
    if first is None:
        files = [path] if path.is_file() else []
    else:
        root = path
        for _ in parts[first:]:
            root = root.parent
        files = sorted((file for file in root.glob("/".join(parts[first:])) if file.is_file()), key=str)
    if not files:
        raise Unreachable(
            f"There is no file at {path} yet.", hint="It is tried again; check the path, and that the files of this interval come."
        )
    return files


@contextmanager
def telling(where: str) -> Iterator[None]:
    """Turn what a store of files raises into one of Tidegate's own errors.

    :raises AuthRefused: a file may not be read.
    :raises Unreachable: the store does not answer, or a file was gone before it was read.
    """
    try:
        yield
    except PermissionError as error:
        raise AuthRefused(f"{where} may not be read: {error}.", hint="Give the worker, or its connection, the right to read it.") from error
    except OSError as error:
        raise Unreachable(f"{where} cannot be read: {error}.", hint="It is tried again; look whether the store is there.") from error


def check_delimiter(delimiter: str, *, where: str) -> None:
    """Take what a pipeline file may say too; ``where`` begins the message about another one.

    :raises DataRefused: it can stand between no values.
    """
    try:
        delimiting(delimiter)
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        raise DataRefused(
            f"{where} is to be read with the delimiter {delimiter!r}: {message}.", hint=f"{hint[:1].upper()}{hint[1:]}."
        ) from error


def batches(
    files: Sequence[Any], contract: Contract, *, where: str, zone: str, batch_rows: int, delimiter: str = ","
) -> Iterator[pa.RecordBatch]:
    """The rows of all files, one after the other: at least one batch, all of one schema.

    :param where: begins each message about the rows; the file's name is put behind it.
    :raises DataRefused: a column is missing, files disagree about their columns, or a value does not fit its type exactly.
    """
    schema: pa.Schema | None = None
    objects = Objects(contract, zone=zone)
    rows = 0
    for path in files:
        here = f"{where} {path.name}"
        before = rows if contract.misfits is not None else 0  # what is set aside is counted through all files
        for batch in _of_file(path, contract, objects, where=here, zone=zone, batch_rows=batch_rows, delimiter=delimiter, before=before):
            if schema is None:
                schema = objects.schema = batch.schema
            if batch.schema.names != schema.names:
                odd = ", ".join(sorted(set(batch.schema.names) ^ set(schema.names))) or "their order"
                raise DataRefused(
                    f"{here} has other columns than {files[0].name}: {odd}.", hint="Give all files of an interval the same columns."
                )
            yield conformed(
                batch, schema, where=here, before=files[0].name, first_row=rows + 1, zone=zone, declared=contract.types(schema.names),
                misfits=contract.misfits,
            )  # fmt: skip
            rows += batch.num_rows
    objects.settle()


def _of_file(
    path: Any, contract: Contract, objects: Objects, *, where: str, zone: str, batch_rows: int, delimiter: str, before: int
) -> Iterator[pa.RecordBatch]:
    match _kind(path, where):
        case "parquet":
            yield from _parquet(path, contract, where=where, zone=zone, batch_rows=batch_rows)
        case "csv":
            yield from _csv(path, contract, where=where, zone=zone, delimiter="\t" if ".tsv" in path.name.lower() else delimiter)
        case _:
            yield from _json(path, objects, where=where, batch_rows=batch_rows, before=before)


def _kind(path: Any, where: str) -> str:
    names = path.name.lower().split(".")[1:]
    if names and f".{names[-1]}" in _COMPRESSED:
        names.pop()
    kind = FORMATS.get(names[-1]) if names else None
    if kind is None:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise DataRefused(f"{where} is of no kind that can be read.", hint=f"Known endings are {known}, each of them compressed or not.")
    return kind


@contextmanager
def _opened(path: Any) -> Iterator[Any]:
    """The file's bytes, unpacked."""
    compression = _COMPRESSED.get(f".{path.name.lower().rpartition('.')[2]}")
    with path.open("rb") as raw, pa.PythonFile(raw, "r") as stream:
        if compression is None:
            yield stream
        else:
            with pa.CompressedInputStream(stream, compression) as unpacked:
                yield unpacked


@contextmanager
def _watched(path: Any, *, where: str, delimiter: str) -> Iterator[Any]:
    """The bytes of a file of CSV, with an eye on its quotes."""
    with _opened(path) as stream, watched(stream, delimiter=delimiter, block=_BLOCK, where=where, again=partial(_opened, path)) as seen:
        yield seen


def _csv(path: Any, contract: Contract, *, where: str, zone: str, delimiter: str) -> Iterator[pa.RecordBatch]:
    """All columns as text, and those that are declared from there."""
    parsing = pc.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    reading = pc.ReadOptions(block_size=_BLOCK, use_threads=False)
    opened = partial(_watched, path, where=where, delimiter=delimiter)
    with _reading(where), opened() as stream:
        names = pc.open_csv(stream, read_options=reading, parse_options=parsing).schema.names
    _check_names(names, where=where)
    parsing.ignore_empty_lines = len(names) > 1  # of one column an empty line is a row whose value is missing
    converting = pc.ConvertOptions(
        null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False, column_types=dict.fromkeys(names, pa.string())
    )
    declared = _declared(contract, names)
    schema = pa.schema([(name, declared.get(name, pa.string())) for name in names])
    first_row = 1
    with _reading(where), opened() as stream:
        reader = pc.open_csv(stream, read_options=reading, parse_options=parsing, convert_options=converting)
        if reader.schema.names != names:
            raise DataRefused(f"{where} begins with an empty line.", hint="Let the first line have the name of the column.")
        for batch in chain(reader, [None]):
            if batch is None:
                if first_row == 1:
                    yield nothing(schema)
                return
            yield _recast(batch, schema, where=where, zone=zone, first_row=first_row)
            first_row += batch.num_rows


def _check_names(names: Sequence[str], *, where: str) -> None:
    """Refuse a header by its file; what is said of other rows is about a query."""
    for number, name in enumerate(names):
        if not name.strip():
            raise DataRefused(f"{where} has a column without a name, number {number + 1}.", hint="Give it one in the file's first line.")
        if name in names[:number]:
            raise DataRefused(f'{where} has two columns named "{name}".', hint="Rename one of them in the file's first line.")


def _parquet(path: Any, contract: Contract, *, where: str, zone: str, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The file's own types, and what is declared from there."""
    first_row = 1
    with _reading(where), path.open("rb") as raw, pq.ParquetFile(raw, buffer_size=_BUFFER) as file:
        own = plain_schema(file.schema_arrow, where=where)
        declared = _declared(contract, own.names)
        schema = pa.schema([(field.name, declared.get(field.name, field.type)) for field in own])
        if not file.metadata.num_rows:
            yield nothing(schema)
        for batch in file.iter_batches(batch_size=rows_of(file, most_rows=batch_rows)):
            yield _recast(cast_batch(batch, own, where=where), schema, where=where, zone=zone, first_row=first_row)
            first_row += batch.num_rows


def _json(path: Any, objects: Objects, *, where: str, batch_rows: int, before: int) -> Iterator[pa.RecordBatch]:
    """One object a line, or one list of objects."""
    first_row = before + 1
    with _reading(where), _opened(path) as stream:
        rows = _objects(stream, where)
        of_first = 0
        for part in Portions(lambda most: list(islice(rows, most)), most_rows=batch_rows):
            of_first = of_first or len(part)
            yield objects.batch(part, where=where, first_row=first_row, before=f"the first {of_first:,}")
            first_row += len(part)
    if first_row == before + 1:
        yield objects.nothing()


def _declared(contract: Contract, names: Sequence[str]) -> dict[str, pa.DataType]:
    """What columns are cast to here; where rows may be set aside the contract does it, which knows how."""
    declared = contract.types(names)
    return declared if contract.misfits is None else {}


def _objects(stream: Any, where: str) -> Iterator[dict[str, Any]]:
    with io.TextIOWrapper(stream, encoding="utf-8-sig") as text:
        first = next((line for line in text if line.strip()), "")
        lines: Iterable[str] = chain([first], text)
        if first.lstrip().startswith("["):
            yield from each(_loaded("".join(lines), where, 1), where)
            return
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield from each([_loaded(line, where, number)], where)


def _loaded(text: str, where: str, number: int) -> Any:
    try:
        return loaded(text)
    except (ValueError, RecursionError) as error:
        raise DataRefused(
            f"{where} is no JSON in line {number}: {error}.", hint="Write one object a line, or one list of objects."
        ) from error


def _recast(batch: pa.RecordBatch, schema: pa.Schema, *, where: str, zone: str, first_row: int) -> pa.RecordBatch:
    arrays = [
        recast(array, field.type, name=field.name, where=where, first_row=first_row, zone=zone)
        for array, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.record_batch(arrays, schema=schema)


@contextmanager
def _reading(where: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
        said = " ".join(str(error).split()).rstrip(".")
        if isinstance(error, OSError) and not _UNPACKING.match(said):  # the store's own
            raise
        hint = "Look at the file; it may be cut off, or of another kind than its name says."
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in said:
            hint = "It is no UTF-8 there: write the file as UTF-8; it may also be of another kind than its name says."
        raise DataRefused(f"{where} cannot be read: {said}.", hint=hint) from error
