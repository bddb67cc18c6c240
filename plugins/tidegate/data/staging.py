"""Staged files count only when their manifest is there: what one attempt wrote, another reads whole or not at all.

::

    <root>/<pipeline>/<start>--<end>/<step>/<branch>/<attempt>.parquet    the rows
                                                     <attempt>.json       the manifest, written last: the commit
                                                     <attempt>.withdrawn  the commit does not count, as long as this is there
    <root>/<pipeline>/<start>--<end>/~stop~<run>                          why the run's reads are to end, as long as this is there

Every attempt writes beside the others and never over them, so a zombie cannot damage what its successor committed. The root is a local
folder or anything with the interface of :class:`upath.UPath`. Runs in a worker.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.data import encodings
from tidegate.data.instants import compact, expanded, instant, stamp
from tidegate.data.kinds import cast_batch, plain_schema, word
from tidegate.data.manifest import Manifest, StageKey
from tidegate.errors import DataRefused, IntervalUnknown, TidegateError
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

_CHUNK = 1 << 20
_WITHDRAWN = ".withdrawn"
_LONGEST_NAME = 150
"""Bytes; most file systems allow 255, and the attempt and suffixes want some."""


def new_attempt(run_id: str, try_number: int) -> str:
    """A name that no other try shares, safe in a file name: ``<run id hash>-<try>-<random>``."""
    return f"{hashlib.sha256(run_id.encode()).hexdigest()[:10]}-{try_number}-{secrets.token_hex(4)}"


def safe_name(name: str) -> str:
    """A name as one path segment. Two names never share a segment, and none leads elsewhere."""
    quoted = quote(name, safe="").replace("~", "%7E")
    if quoted.strip(".") == "":
        quoted = quoted.replace(".", "%2E") or "%"
    if len(quoted) > _LONGEST_NAME:
        return f"{quoted[:80]}~{hashlib.sha256(name.encode()).hexdigest()[:40]}"
    return quoted


class StageWriter:
    """Takes record batches and keeps none of them; :attr:`manifest` is there once the block of :meth:`Staging.writer` has ended well."""

    def __init__(self, sink: _HashingSink, schema: pa.Schema, where: str) -> None:
        self.schema = schema
        self.rows = 0
        self._where = where
        self._sink = sink
        self._parquet: pq.ParquetWriter | None = None
        self._manifest: Manifest | None = None

    @property
    def manifest(self) -> Manifest:
        """The receipt of the committed file."""
        if self._manifest is None:
            raise TidegateError(f"{self._where} is not committed yet.")
        return self._manifest

    def close(self) -> None:
        """Write what Parquet keeps at the end of a file."""
        self._opened(pa.RecordBatch.from_pylist([], schema=self.schema)).close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        :raises DataRefused: a value does not fit the schema exactly.
        :raises TidegateError: staging cannot take them, such as when the disk is full.
        """
        batch = cast_batch(batch, self.schema, where=self._where)
        with _storing(self._sink.name):
            self._opened(batch).write_batch(batch)
        self.rows += batch.num_rows

    def _opened(self, first: pa.RecordBatch) -> pq.ParquetWriter:
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._sink, self.schema, **encodings.options(self.schema, first))
        return self._parquet


class Staging:
    """The folder, or bucket, where rows wait between steps."""

    def __init__(self, root: Any) -> None:
        """:param root: a local path, or any object with the interface of :class:`upath.UPath`, such as Airflow's ObjectStoragePath."""
        if isinstance(root, str) and "://" in root:
            from upath import UPath

            root = UPath(root)
        elif isinstance(root, str):
            root = Path(root)
        self.root = root

    def folder(self, pipeline: str, step: str, start: datetime, end: datetime) -> Any:
        """Where all branches of one step of one interval lie."""
        return self.root / safe_name(pipeline) / f"{compact(start)}--{compact(end)}" / safe_name(step)

    @contextmanager
    def writer(
        self,
        key: StageKey,
        schema: pa.Schema,
        *,
        attempt: str,
        correlation_id: str,
        read_at: str,
        branches: Sequence[str] = (),
        stale: Mapping[str, str] | None = None,
        question: str = "",
    ) -> Iterator[StageWriter]:
        """Write one attempt: committed when the block ends, gone without a trace when it raises.

        :param read_at: :func:`~tidegate.data.instants.stamp` of the moment before the source began to be read.
        :param branches: whose rows are inside, when not just the key's branch.
        :param stale: those of them whose rows stand in for the interval's → the start of the interval that they are of.
        :param question: :func:`~tidegate.data.manifest.question` of what a source is asked.
        :raises TidegateError: staging cannot be written; the message names the path.
        """
        where = f"Step {key.step} for {key.branch}"
        schema = plain_schema(schema, where=where)
        folder = self.folder(key.pipeline, key.step, key.interval_start, key.interval_end) / safe_name(key.branch)
        final = folder / f"{safe_name(attempt)}.parquet"
        target = _beside(final)
        with _storing(final):
            folder.mkdir(parents=True, exist_ok=True)
            sink = _HashingSink(target.open("wb"), str(final))
        try:
            writer = StageWriter(sink, schema, where)
            yield writer
            with _storing(final):
                writer.close()
                sink.finish()
                _publish(target, final)
            manifest = Manifest(
                pipeline=key.pipeline,
                step=key.step,
                interval_start=instant(key.interval_start),
                interval_end=instant(key.interval_end),
                branch=key.branch,
                attempt=attempt,
                path="/".join(final.parts[-5:]),
                rows=writer.rows,
                bytes=sink.count,
                sha256=sink.hash.hexdigest(),
                fingerprint=fingerprint(schema),
                columns=tuple(schema.names),
                read_at=read_at,
                written_at=stamp(),
                correlation_id=correlation_id,
                branches=tuple(branches) or (key.branch,),
                stale=dict(stale or {}),
                question=question,
            )
            receipt = folder / f"{safe_name(attempt)}.json"
            with _storing(receipt):
                _write_receipt(receipt, manifest)
            writer._manifest = manifest  # noqa: SLF001
        except BaseException:
            sink.abandon()
            for leftover in (target, final):
                with suppress(Exception):
                    leftover.unlink()
            raise

    def committed(self, pipeline: str, step: str, start: datetime, end: datetime, *, without: Collection[str] = ()) -> dict[str, Manifest]:
        """Of each branch that has committed anything that counts, the newest attempt by fence, in the order of the branches' names.

        :param without: Paths of files that are passed over.
        """
        found = (_newest(folder, without) for folder in _listed(self.folder(pipeline, step, start, end)))
        return dict(sorted((manifest.branch, manifest) for manifest in found if manifest is not None))

    def newest(self, pipeline: str, step: str, interval: Interval, branch: str) -> Manifest | None:
        """The newest attempt of one branch by fence, of those that count; None where there is none."""
        return _newest(self.folder(pipeline, step, interval.start, interval.end) / safe_name(branch))

    def intervals(self, pipeline: str) -> list[Interval]:
        """The intervals that anything was staged for, in no order."""
        found = (interval_of(folder.name) for folder in _listed(self.root / safe_name(pipeline)))
        return [interval for interval in found if interval is not None]

    def withdraw(self, manifest: Manifest) -> None:
        """Let a committed attempt count no more: its branch failed behind it. Doing it twice is fine."""
        mark = self._mark(manifest)
        with _storing(mark):
            mark.touch()

    def restore(self, manifest: Manifest) -> None:
        """Let it count again. Doing it twice is fine."""
        mark = self._mark(manifest)
        with _storing(mark):
            mark.unlink(missing_ok=True)

    def ask_to_stop(self, pipeline: str, start: datetime, end: datetime, run: str, why: str) -> None:
        """Let every read of a run's interval end, wherever it runs: each looks every few seconds. The last reason counts.

        :param run: a name of the run that changes when it is cleared.
        :param why: completes "sales_emea was …".
        """
        marker = self._stop_marker(pipeline, start, end, run)
        with _storing(marker):
            marker.parent.mkdir(parents=True, exist_ok=True)
            target = _beside(marker)
            target.write_text(why, encoding="utf-8")
            _publish(target, marker)

    def asked_to_stop(self, pipeline: str, start: datetime, end: datetime, run: str) -> str | None:
        """Why the run's reads are to end; None as long as they may go on."""
        try:
            return str(self._stop_marker(pipeline, start, end, run).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def forget_stop(self, pipeline: str, start: datetime, end: datetime, run: str) -> None:
        """Let reads that begin later run. Doing it twice is fine."""
        marker = self._stop_marker(pipeline, start, end, run)
        with _storing(marker):
            marker.unlink(missing_ok=True)

    def _stop_marker(self, pipeline: str, start: datetime, end: datetime, run: str) -> Any:
        name = f"~stop~{hashlib.sha256(run.encode()).hexdigest()[:20]}"  # no step's folder begins with a tilde
        return self.folder(pipeline, "step", start, end).with_name(name)

    def _mark(self, manifest: Manifest) -> Any:
        return self.root.joinpath(*manifest.path.split("/")).with_suffix(_WITHDRAWN)

    @contextmanager
    def local_file(self, manifest: Manifest) -> Iterator[Path]:
        """The staged file as a local path, checked against its manifest; a copy that is deleted afterwards when the root is remote.

        :raises DataRefused: the file is missing, or is not the one that was committed.
        """
        path = self.root.joinpath(*manifest.path.split("/"))
        if local := _local(path):
            self._check(path, manifest, None)
            yield local
            return
        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            copy = Path(folder) / "part.parquet"
            with _storing(copy), copy.open("wb") as out:
                self._check(path, manifest, out)
            yield copy

    def _check(self, path: Any, manifest: Manifest, copy: BinaryIO | None) -> None:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    if copy is not None:
                        copy.write(chunk)
        except FileNotFoundError as error:
            message = f"The staged file of {manifest.step} for {manifest.branch} is missing: {path}."
            raise DataRefused(message, hint=f"Clear the task {manifest.step} of this branch so that it is staged again.") from error
        if digest.hexdigest() != manifest.sha256:
            message = f"The staged file of {manifest.step} for {manifest.branch} is damaged, its checksum is not the committed one: {path}."
            raise DataRefused(message, hint=f"Clear the task {manifest.step} of this branch so that it is staged again.")


def fingerprint(schema: pa.Schema) -> str:
    """Short hash of the column names and types, in order: equal for branches that agree."""
    return hashlib.sha256(json.dumps([[field.name, word(field.type)] for field in schema]).encode()).hexdigest()[:12]


class _HashingSink(io.RawIOBase):
    """Counts and hashes what passes to the file below."""

    def __init__(self, below: BinaryIO, name: str) -> None:
        super().__init__()
        self.name = name
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
def _storing(path: Any) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "Make room or give permission there, or set another staging folder; nothing was committed."
        raise TidegateError(f"Staging cannot write {path}: {reason}.", hint=hint) from error


def _local(path: Any) -> Path | None:
    """The path as a local one, None when it is elsewhere."""
    if isinstance(path, Path):
        return path
    return Path(path.path) if getattr(path, "protocol", "") in {"", "file", "local"} else None


def _beside(final: Any) -> Any:
    """Where to write until the file is whole. An object store shows an object only when it is whole anyway."""
    return final.with_name(f"{final.name}.tmp") if _local(final) else final


def _publish(target: Any, final: Any) -> None:
    if target != final:
        Path(_local(target) or target).replace(_local(final) or final)


def _write_receipt(receipt: Any, manifest: Manifest) -> None:
    target = _beside(receipt)
    with target.open("wb") as file:
        file.write(json.dumps(manifest.as_dict(), indent=1, ensure_ascii=False).encode())
        if _local(target):
            file.flush()
            os.fsync(file.fileno())
    _publish(target, receipt)


def _read_receipt(receipt: Any) -> Manifest | None:
    try:
        with receipt.open("rb") as file:
            return Manifest.from_dict(json.loads(file.read()))
    except FileNotFoundError:
        return None  # cleaned up since it was listed
    except (ValueError, TypeError, KeyError) as error:
        message = f"A manifest in staging cannot be read: {receipt}."
        raise DataRefused(message, hint="Delete it, and clear the task that wrote it so that it is staged again.") from error


def _newest(folder: Any, without: Collection[str] = ()) -> Manifest | None:
    """The newest attempt in a branch's folder that counts."""
    files = _listed(folder)
    withdrawn = {file.stem for file in files if file.suffix == _WITHDRAWN}
    receipts = (_read_receipt(file) for file in files if file.suffix == ".json" and file.stem not in withdrawn)
    found = [manifest for manifest in receipts if manifest is not None and manifest.path not in without]
    return max(found, key=lambda manifest: (manifest.fence, manifest.attempt), default=None)


def interval_of(name: str) -> Interval | None:
    """What an interval's folder is about; None for any other folder."""
    start, _, end = name.partition("--")
    try:
        return Interval(expanded(start), expanded(end))
    except (ValueError, IntervalUnknown):
        return None


def _listed(folder: Any) -> list[Any]:
    try:
        return list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
