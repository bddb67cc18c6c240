"""Files of a staging folder while they are written: beside their place until they are whole, counted and hashed on the way."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.data import encodings
from tidegate.data.kinds import nothing
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator


class ParquetFile:
    """One Parquet file, which is there once it is finished, and leaves nothing when it is abandoned."""

    def __init__(self, final: Any, schema: pa.Schema) -> None:
        """:raises TidegateError: it cannot be written; the message names the path."""
        self.final = final
        self.schema = schema
        self._target = beside(final)
        with storing(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            self._sink = _HashingSink(self._target.open("wb"))
        self._parquet: pq.ParquetWriter | None = None

    @property
    def bytes(self) -> int:
        """How many were written."""
        return self._sink.count

    @property
    def sha256(self) -> str:
        """Of what was written."""
        return self._sink.hash.hexdigest()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        :raises TidegateError: there is no room.
        """
        with storing(self.final):
            self._opened(batch).write_batch(batch)

    def finish(self) -> None:
        """Write what Parquet keeps at the end of a file, and put the file in its place."""
        with storing(self.final):
            self._opened(nothing(self.schema)).close()
            self._sink.finish()
            publish(self._target, self.final)

    def abandon(self) -> None:
        """Leave nothing."""
        self._sink.abandon()
        for leftover in (self._target, self.final):
            with suppress(Exception):
                leftover.unlink()

    def _opened(self, first: pa.RecordBatch) -> pq.ParquetWriter:
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._sink, self.schema, **encodings.options(self.schema, first))
        return self._parquet


class _HashingSink(io.RawIOBase):
    """Counts and hashes what passes to the file below."""

    def __init__(self, below: BinaryIO) -> None:
        super().__init__()
        self.count = 0
        self.hash = hashlib.sha256()
        self._below = below

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.count

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._below.write(view)
        self.hash.update(view)
        self.count += view.nbytes
        return view.nbytes

    def abandon(self) -> None:
        """Close, and swallow what a dying Parquet writer still wants to say."""
        with suppress(Exception):
            self._below.close()
        self._below = io.BytesIO()

    def finish(self) -> None:
        """Bring everything to the disk, and close."""
        if not self._below.closed:
            try:
                self._below.flush()
                with suppress(io.UnsupportedOperation, AttributeError):
                    os.fsync(self._below.fileno())
            finally:
                self._below.close()


@contextmanager
def storing(path: Any) -> Iterator[None]:
    """Tell what is wrong with the path, where something is.

    :raises TidegateError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "Make room or give permission there, or set another staging folder; nothing was committed."
        raise TidegateError(f"Staging cannot write {path}: {reason}.", hint=hint) from error


def local(path: Any) -> Path | None:
    """The path as a local one, None when it is elsewhere."""
    if isinstance(path, Path):
        return path
    return Path(path.path) if getattr(path, "protocol", "") in {"", "file", "local"} else None


def listed(folder: Any) -> list[Any]:
    """What lies in a folder now, in no order; nothing where there is none. Clients of object stores remember what they have listed once."""
    if not isinstance(folder, Path):
        folder.fs.invalidate_cache(folder.path)
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def beside(final: Any) -> Any:
    """Where to write until the file is whole. An object store shows an object only when it is whole anyway."""
    return final.with_name(f"{final.name}.tmp") if local(final) else final


def publish(target: Any, final: Any) -> None:
    """Put a file that is whole in its place."""
    if target != final:
        Path(local(target) or target).replace(local(final) or final)
