"""Staged files count only when their manifest is there: what one attempt wrote, another reads whole or not at all.

::

    <root>/<pipeline>/<start>--<end>/<step>/<branch>/<attempt>.parquet    the rows
                                                     <attempt>.json       the manifest, written last: the commit
                                                     <attempt>.quarantine.parquet    rows that were set aside, and why; where there are any
                                                     <attempt>.withdrawn  the commit does not count, as long as this is there
    <root>/<pipeline>/<start>--<end>/~stop~<run>                          why the run's reads are to end, as long as this is there

Every attempt writes beside the others and never over them, so a zombie cannot damage what its successor committed. The root is a local
folder or anything with the interface of :class:`upath.UPath`. Runs in a worker.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from tidegate.data.exact import conformed
from tidegate.data.instants import compact, expanded, instant, stamp
from tidegate.data.kinds import check_times, plain_schema, word
from tidegate.data.manifest import QUARANTINE, Manifest, StageKey
from tidegate.data.sinks import ParquetFile, beside, listed, local, publish, storing
from tidegate.errors import DataRefused, IntervalUnknown, TidegateError
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    import pyarrow as pa

    from tidegate.data.contract import Contract
    from tidegate.data.manifest import Share

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

    def __init__(self, final: Any, schema: pa.Schema, where: str, contract: Contract | None) -> None:
        self._came = plain_schema(schema, where=where)
        self.schema = contract.staged(self._came) if contract is not None else self._came
        self.rows = 0
        self.files = [ParquetFile(final, self.schema)]
        """The rows; and those that were set aside, where there are any."""
        self._where = where
        self._contract = contract
        self._manifest: Manifest | None = None

    @property
    def manifest(self) -> Manifest:
        """The receipt of the committed file."""
        if self._manifest is None:
            raise TidegateError(f"{self._where} is not committed yet.")
        return self._manifest

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        :raises DataRefused: a value does not fit the schema exactly, or rows break the contract.
        :raises TidegateError: staging cannot take them, such as when the disk is full.
        """
        first_row = self.rows + (self._contract.set_aside if self._contract is not None else 0) + 1
        batch = conformed(batch, self._came, where=self._where, before="what came before", first_row=first_row)
        check_times(batch, where=self._where)
        if self._contract is not None:
            found = self._contract.take(batch)
            batch = found.good
            if found.aside is not None:
                self._set_aside(found.aside)
        self.files[0].write(batch)
        self.rows += batch.num_rows

    def settle(self) -> None:
        """Judge the rows as a whole, when all have come. Of what is refused those stay that were set aside, for a person to look at.

        :raises DataRefused: they are not what the contract asks for.
        """
        if self._contract is None:
            return
        try:
            self._contract.settle()
        except DataRefused as refused:
            if len(self.files) == 1:
                raise
            aside = self.files.pop()
            aside.finish()
            raise DataRefused(refused.message, hint=f"{refused.hint} The rows that were set aside lie in {aside.final}.") from None

    def _set_aside(self, rows: pa.RecordBatch) -> None:
        if len(self.files) == 1:
            final = self.files[0].final
            self.files.append(ParquetFile(final.with_name(f"{final.stem}{QUARANTINE}"), rows.schema))
        self.files[1].write(rows)


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
        watermark: dict[str, Any] | None = None,
        marks: Sequence[str] = (),
        contract: Contract | None = None,
        quarantined: int = 0,
        share: Share | None = None,
    ) -> Iterator[StageWriter]:
        """Write one attempt: committed when the block ends, gone without a trace when it raises.

        :param read_at: :func:`~tidegate.data.instants.stamp` of the moment before the source began to be read.
        :param branches: whose rows are inside, when not just the key's branch.
        :param stale: those of them whose rows stand in for the interval's → the start of the interval that they are of.
        :param question: :func:`~tidegate.data.manifest.question` of what a source is asked.
        :param watermark: the marks between which a table was read.
        :param marks: where such marks lie, of the rows or of those that they were made of.
        :param contract: what the rows must be like; anything by default.
        :param quarantined: rows that steps before have set aside.
        :param share: which rows of its branches it is made of; all by default.
        :raises TidegateError: staging cannot be written; the message names the path.
        """
        where = f"Step {key.step} for {key.branch}"
        folder = self.folder(key.pipeline, key.step, key.interval_start, key.interval_end) / safe_name(key.branch)
        final = folder / f"{safe_name(attempt)}.parquet"
        writer = StageWriter(final, schema, where, contract)
        receipt = None
        try:
            yield writer
            for file in reversed(writer.files):
                file.finish()
            rows = writer.files[0]
            manifest = Manifest(
                pipeline=key.pipeline,
                step=key.step,
                interval_start=instant(key.interval_start),
                interval_end=instant(key.interval_end),
                branch=key.branch,
                attempt=attempt,
                path="/".join(final.parts[-5:]),
                rows=writer.rows,
                bytes=rows.bytes,
                sha256=rows.sha256,
                fingerprint=fingerprint(writer.schema),
                columns=tuple(writer.schema.names),
                read_at=read_at,
                written_at=stamp(),
                correlation_id=correlation_id,
                branches=tuple(branches) or (key.branch,),
                stale=dict(stale or {}),
                question=question,
                watermark=watermark,
                marks=tuple(marks),
                quarantined=quarantined + (contract.set_aside if contract is not None else 0),
                broken={rule: count.rows for rule, count in contract.broken.items()} if contract is not None else {},
                share=share,
            )
            receipt = folder / f"{safe_name(attempt)}.json"
            with storing(receipt):
                _write_receipt(receipt, manifest)
            writer._manifest = manifest  # noqa: SLF001
        except BaseException:
            if receipt is None or _withdrawn(receipt):  # else it may stand there, and count: it needs its rows
                for file in writer.files:
                    file.abandon()
            raise
        finally:
            if contract is not None:
                contract.close()

    def committed(self, pipeline: str, step: str, start: datetime, end: datetime, *, without: Collection[str] = ()) -> dict[str, Manifest]:
        """Of each branch that has committed anything that counts, the newest attempt by fence, in the order of the branches' names.

        :param without: Paths of files that are passed over.
        """
        found = (_newest(folder, without) for folder in listed(self.folder(pipeline, step, start, end)))
        return dict(sorted((manifest.branch, manifest) for manifest in found if manifest is not None))

    def newest(self, pipeline: str, step: str, interval: Interval, branch: str) -> Manifest | None:
        """The newest attempt of one branch by fence, of those that count; None where there is none."""
        return _newest(self.folder(pipeline, step, interval.start, interval.end) / safe_name(branch))

    def intervals(self, pipeline: str) -> list[Interval]:
        """The intervals that anything was staged for, in no order."""
        found = (interval_of(folder.name) for folder in listed(self.root / safe_name(pipeline)))
        return [interval for interval in found if interval is not None]

    def withdraw(self, manifest: Manifest) -> None:
        """Let a committed attempt count no more: its branch failed behind it. Doing it twice is fine."""
        mark = self._mark(manifest)
        with storing(mark):
            mark.touch()

    def restore(self, manifest: Manifest) -> None:
        """Let it count again. Doing it twice is fine."""
        mark = self._mark(manifest)
        with storing(mark):
            mark.unlink(missing_ok=True)

    def ask_to_stop(self, pipeline: str, start: datetime, end: datetime, run: str, why: str) -> None:
        """Let every read of a run's interval end, wherever it runs: each looks every few seconds. The last reason counts.

        :param run: a name of the run that changes when it is cleared.
        :param why: completes "sales_emea was …".
        """
        marker = self._stop_marker(pipeline, start, end, run)
        with storing(marker):
            marker.parent.mkdir(parents=True, exist_ok=True)
            target = beside(marker)
            target.write_text(why, encoding="utf-8")
            publish(target, marker)

    def asked_to_stop(self, pipeline: str, start: datetime, end: datetime, run: str) -> str | None:
        """Why the run's reads are to end; None as long as they may go on."""
        try:
            return str(self._stop_marker(pipeline, start, end, run).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def forget_stop(self, pipeline: str, start: datetime, end: datetime, run: str) -> None:
        """Let reads that begin later run. Doing it twice is fine."""
        marker = self._stop_marker(pipeline, start, end, run)
        with storing(marker):
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
        if here := local(path):
            self._check(path, manifest, None)
            yield here
            return
        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            copy = Path(folder) / "part.parquet"
            with storing(copy), copy.open("wb") as out:
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


def _write_receipt(receipt: Any, manifest: Manifest) -> None:
    target = beside(receipt)
    with target.open("wb") as file:
        file.write(json.dumps(manifest.as_dict(), indent=1, ensure_ascii=False).encode())
        if local(target):
            file.flush()
            os.fsync(file.fileno())
    publish(target, receipt)


def _withdrawn(receipt: Any) -> bool:
    """Whether a receipt is gone for sure. What ends a task may come behind the moment in which it began to count."""
    try:
        receipt.unlink(missing_ok=True)
    except Exception:  # noqa: BLE001  each object store has its own
        return False
    return True


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
    files = listed(folder)
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
