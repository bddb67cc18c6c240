"""Several staged files read as one: checked against their manifests, with one schema, and a column that says which branch a row is of."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.data.kinds import plain_schema, word
from tidegate.data.portions import rows_of
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tidegate.data.manifest import Manifest
    from tidegate.data.staging import Staging

_BUFFER = 1 << 20
"""Of each column, in place of all that a row group has of it."""


@dataclass(frozen=True, kw_only=True)
class File:
    """One staged file."""

    manifest: Manifest
    path: Path
    own: pa.Schema
    """Of what is stored."""

    def batches(self, schema: pa.Schema, *, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """The rows, seen through a schema that the file shares with others.

        :param batch_rows: at once, and fewer where rows are wide.
        """
        stored = [field.name for field in schema if field.name in self.own.names]
        with pq.ParquetFile(self.path, buffer_size=_BUFFER) as file:
            for batch in file.iter_batches(batch_size=rows_of(file, most_rows=batch_rows), columns=stored or self.own.names[:1]):
                yield pa.record_batch([self._column(batch, field) for field in schema], schema=schema)

    def _column(self, batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
        if field.name not in self.own.names:
            return pa.repeat(pa.scalar(self.manifest.branches[0], field.type), batch.num_rows)
        column = batch.column(field.name)
        return column if column.type == field.type else pa.nulls(batch.num_rows, field.type)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one manifest has brought: one staged file, or those of all shares of a whole."""

    manifest: Manifest
    files: tuple[File, ...]
    schema: pa.Schema
    """Of :meth:`batches`: the same for all parts that were opened together."""

    def batches(self, *, columns: Sequence[str] | None = None, batch_rows: int = 50_000) -> Iterator[pa.RecordBatch]:
        """The rows, a batch at a time; ``columns`` picks some."""
        schema = pa.schema([field for field in self.schema if columns is None or field.name in columns])
        for file in self.files:
            yield from file.batches(schema, batch_rows=batch_rows)


@contextmanager
def opened(staging: Staging, manifests: Sequence[Manifest], *, dimension: str | None = None) -> Iterator[tuple[Part, ...]]:
    """The parts of these manifests, in their order.

    :param dimension: name of the column that holds the branch; added to files that do not have it.
    :raises DataRefused: a file is missing or damaged, or the files do not agree on their columns.
    """
    with ExitStack() as stack:
        parts = [(manifest, tuple(_file(stack, staging, receipt) for receipt in manifest.files)) for manifest in manifests]
        shared = _shared([file for _, files in parts for file in files], dimension)
        yield tuple(Part(manifest=manifest, files=files, schema=shared) for manifest, files in parts)


def _file(stack: ExitStack, staging: Staging, receipt: Manifest) -> File:
    path = stack.enter_context(staging.local_file(receipt))
    return File(manifest=receipt, path=path, own=plain_schema(pq.read_schema(path), where=_where(receipt)))


def _where(manifest: Manifest) -> str:
    return f"Step {manifest.step} for {manifest.branch}"


def _shared(files: list[File], dimension: str | None) -> pa.Schema:
    """One schema for all files. A file with no values in a column has no say in the column's type."""
    if not files:
        return pa.schema([])
    full = [file for file in files if file.manifest.rows] or files[:1]
    first, base = full[0].manifest, full[0].own
    types: dict[str, tuple[pa.DataType, Manifest | None]] = {}
    for file in full:
        manifest, path, schema = file.manifest, file.path, file.own
        if set(schema.names) - {dimension} != set(base.names) - {dimension}:
            odd = sorted(set(schema.names).symmetric_difference(base.names) - {dimension})
            message = f"Step {manifest.step} brought different columns for {first.branch} and for {manifest.branch}: {', '.join(odd)}."
            raise DataRefused(message, hint="List the columns in the query instead of using *.")
        for field in schema:
            kind, voucher = types.get(field.name, (field.type, None))
            if not _has_values(path, field.name):
                types.setdefault(field.name, (field.type, None))
            elif voucher is not None and kind != field.type:
                message = f'Step {manifest.step} brought column "{field.name}" as {word(kind)} for {voucher.branch} and as {word(field.type)} for {manifest.branch}.'
                raise DataRefused(message, hint=f"Declare its type under accept: columns: {{{field.name}: …}}.")
            else:
                types[field.name] = (field.type, manifest)
        if dimension and dimension not in schema.names and len(manifest.branches) > 1:
            message = f'{_where(manifest)} holds rows of several branches and has no column "{dimension}" that tells them apart.'
            raise DataRefused(message, hint=f"Select {dimension} in the step that combines them.")
    shared = [pa.field(name, types[name][0]) for name in base.names]
    if dimension and dimension not in base.names:
        shared.append(pa.field(dimension, types[dimension][0] if dimension in types else pa.string()))
    return pa.schema(shared)


def _has_values(path: Path, name: str) -> bool:
    metadata = pq.read_metadata(path)
    index = metadata.schema.to_arrow_schema().get_field_index(name)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    statistics = [(group.num_rows, group.column(index).statistics) for group in groups]
    return not all(known is not None and known.has_null_count and known.null_count == rows for rows, known in statistics)
