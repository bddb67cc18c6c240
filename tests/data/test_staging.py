"""Staging: committed by the manifest, or not there."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nights import END, START, Night
from upath import UPath

from tidegate.data.manifest import Manifest
from tidegate.data.staging import Staging, new_attempt, safe_name
from tidegate.errors import DataRefused, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [{"id": 1}, {"id": 2}]


def test_layout(night: Night) -> None:
    """Where a file lies says what it is."""
    manifest = night.stage(ROWS)
    assert manifest.path == f"nightly/20260101T000000Z--20260102T000000Z/extract/emea/{manifest.attempt}.parquet"
    folder = night.folder / "staging" / manifest.path.rpartition("/")[0]
    assert sorted(path.name for path in folder.iterdir()) == [f"{manifest.attempt}.json", f"{manifest.attempt}.parquet"]
    assert Manifest.from_dict(json.loads((folder / f"{manifest.attempt}.json").read_text())) == manifest
    assert manifest.bytes == (folder / f"{manifest.attempt}.parquet").stat().st_size
    assert pq.ParquetFile(folder / f"{manifest.attempt}.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_names_that_end_in_a_blank(night: Night) -> None:
    """MySQL and MariaDB do not see it, so that two branches would share a row of the ledger: it is refused before anything is staged."""
    with pytest.raises(DataRefused, match=r'The branch "emea " ends in a blank, which some databases do not see\. Name it without one\.'):
        night.stage(ROWS, "emea ")
    with pytest.raises(DataRefused, match='The pipeline "nightly " ends in a blank'):
        replace(night.key(), pipeline="nightly ")
    assert not (night.folder / "staging").exists()


def test_the_newest_attempt_counts(night: Night) -> None:
    """Of each branch the attempt that was read last."""
    night.stage(ROWS)
    newest, other = night.stage(ROWS), night.stage(ROWS, "apac")
    assert night.staging.committed("nightly", "extract", START, END) == {"apac": other, "emea": newest}
    assert night.staging.committed("nightly", "extract", START, END + timedelta(microseconds=1)) == {}


def test_without_a_manifest_nothing_counts(night: Night) -> None:
    """A file whose writer died before the commit is not seen."""
    manifest = night.stage(ROWS)
    (night.folder / "staging" / manifest.path).with_suffix(".json").unlink()
    assert night.staging.committed("nightly", "extract", START, END) == {}


@pytest.mark.parametrize("root", [None, "memory://bucket/withdrawn"])
def test_what_is_withdrawn_does_not_count_until_it_is_restored(night: Night, root: str | None) -> None:
    """The attempt before it counts again; of a folder as of an object store, and as often as one likes."""
    if root is not None:
        night.staging = Staging(UPath(root))
    before, last = night.stage(ROWS), night.stage(ROWS)
    for _ in range(2):
        night.staging.withdraw(last)
        assert night.staging.committed("nightly", "extract", START, END) == {"emea": before}
    night.staging.withdraw(before)
    assert night.staging.committed("nightly", "extract", START, END) == {}
    for _ in range(2):
        night.staging.restore(last)
        assert night.staging.committed("nightly", "extract", START, END) == {"emea": last}


@pytest.mark.parametrize("root", [None, "memory://bucket/stopped"])
def test_asked_to_stop(night: Night, root: str | None) -> None:
    """One run's reads of one interval are asked, by a word that other processes see, until it is forgotten; no step's rows are touched."""
    if root is not None:
        night.staging = Staging(UPath(root))
    part = night.stage(ROWS)
    for why in ("stopped for a reason", "stopped, since Größe matters"):
        night.staging.ask_to_stop("nightly", START, END, "manual 2026-01-02T02:00", why)
        assert Staging(night.staging.root).asked_to_stop("nightly", START, END, "manual 2026-01-02T02:00") == why
    assert night.staging.asked_to_stop("nightly", START, END, "manual 2026-01-02T03:00") is None
    assert night.staging.asked_to_stop("nightly", START - timedelta(days=1), END, "manual 2026-01-02T02:00") is None
    assert night.staging.committed("nightly", "extract", START, END) == {"emea": part}
    for _ in range(2):
        night.staging.forget_stop("nightly", START, END, "manual 2026-01-02T02:00")
    assert night.staging.asked_to_stop("nightly", START, END, "manual 2026-01-02T02:00") is None


def test_an_error_leaves_nothing(night: Night) -> None:
    """A writer that fails takes its file with it."""
    with (  # noqa: PT012 -- both must be inside
        pytest.raises(RuntimeError),
        night.staging.writer(night.key(), pa.schema([("id", pa.int64())]), attempt="a", correlation_id="c", read_at="x") as writer,
    ):
        writer.write(pa.record_batch({"id": [1]}))
        raise RuntimeError
    assert not [path for path in night.folder.rglob("*") if path.is_file()]
    with pytest.raises(TidegateError, match="not committed yet"):
        _ = writer.manifest


def test_missing_and_damaged(night: Night) -> None:
    """A file that is gone, or is not the committed one, is told with its path and what to do."""
    manifest = night.stage(ROWS)
    path = night.folder / "staging" / manifest.path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataRefused) as caught, night.staging.local_file(manifest):
        pass
    assert str(caught.value) == (
        f"The staged file of extract for emea is damaged, its checksum is not the committed one: {path}. "
        "Clear the task extract of this branch so that it is staged again."
    )
    path.unlink()
    with pytest.raises(DataRefused, match="The staged file of extract for emea is missing"), night.staging.local_file(manifest):
        pass


def test_a_broken_manifest(night: Night) -> None:
    """It is named and not taken for an absent one."""
    manifest = night.stage(ROWS)
    (night.folder / "staging" / manifest.path).with_suffix(".json").write_text("{")
    with pytest.raises(DataRefused, match=r"A manifest in staging cannot be read: .*json"):
        night.staging.committed("nightly", "extract", START, END)


def test_a_full_disk(night: Night) -> None:
    """The path and the reason are told; nothing is committed."""
    folder = night.staging.folder("nightly", "extract", START, END) / "emea"
    folder.mkdir(parents=True)
    (folder / "a.parquet.tmp").symlink_to("/dev/full")
    with (
        pytest.raises(TidegateError) as caught,
        night.staging.writer(night.key(), pa.schema([("id", pa.int64())]), attempt="a", correlation_id="c", read_at="x") as writer,
    ):
        writer.write(pa.record_batch({"id": list(range(100_000))}))
    assert str(caught.value) == (
        f"Staging cannot write {folder / 'a.parquet'}: No space left on device. "
        "Make room or give permission there, or set another staging folder; nothing was committed."
    )
    assert list(folder.iterdir()) == []


def test_an_object_store(tmp_path: Path) -> None:
    """The same through universal_pathlib, where a file must be fetched to be read."""
    night = Night(tmp_path)
    night.staging = Staging(UPath("memory://bucket/staging"))
    manifest = night.stage(ROWS)
    assert night.staging.committed("nightly", "extract", START, END) == {"emea": manifest}
    with night.staging.local_file(manifest) as path:
        assert pq.read_table(path).to_pylist() == ROWS
    assert not path.exists()
    night.staging.root.joinpath(*manifest.path.split("/")).unlink()
    with pytest.raises(DataRefused, match="missing"), night.staging.local_file(manifest):
        pass


@pytest.mark.parametrize("root", [str, UPath, lambda path: UPath(f"file://{path}")])
def test_roots(tmp_path: Path, root: type) -> None:
    """A root may be text, a path or a URL of a local folder, which is read in place."""
    night = Night(tmp_path)
    night.staging = Staging(root(tmp_path))
    with night.staging.local_file(night.stage(ROWS)) as path:
        assert os.fspath(path).startswith(str(tmp_path / "nightly"))


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/", "a\\b", "x" * 300, "é" * 100, "a b", "%2E", "~"])
def test_any_name_is_one_segment(night: Night, name: str) -> None:
    """Names never lead out of their folder."""
    manifest = night.stage(ROWS, name)
    assert night.staging.committed("nightly", "extract", START, END) == {name: manifest}
    assert len(manifest.path.split("/")) == 5


@given(st.lists(st.text(alphabet=st.sampled_from("./~%2Eaé"), max_size=200), unique=True, min_size=2))
def test_names_never_meet(names: list[str]) -> None:
    """Two names never share a segment."""
    for one, other in pairwise(names):
        assert safe_name(one) != safe_name(other)
        assert "/" not in safe_name(one)
        assert safe_name(one) not in {"", ".", ".."}


def test_attempts_differ() -> None:
    """Each try has its own name, safe in a file name."""
    assert new_attempt("run/1", 1) != new_attempt("run/1", 1)
    attempt = new_attempt("run/1", 2)
    assert safe_name(attempt) == attempt
    assert attempt.split("-")[1] == "2"


@pytest.mark.parametrize("root", [None, "memory://withdrawn/staging"])
def test_what_ends_a_task_behind_the_receipt_leaves_no_attempt(night: Night, monkeypatch: pytest.MonkeyPatch, root: str | None) -> None:
    """Neither rows nor the receipt: the attempt before counts, and its rows are there."""
    from tidegate.data import staging

    night.staging = Staging(root) if root else night.staging
    good = night.stage(ROWS)
    written = staging._write_receipt

    def ended(*what: Any) -> None:
        written(*what)
        raise KeyboardInterrupt

    monkeypatch.setattr(staging, "_write_receipt", ended)
    with pytest.raises(KeyboardInterrupt):
        night.stage(ROWS)
    assert night.staging.committed("nightly", "extract", START, END) == {"emea": good}
    with night.staging.local_file(good) as path:
        assert path.is_file()
    monkeypatch.setattr(staging, "_withdrawn", lambda _receipt: False)
    with pytest.raises(KeyboardInterrupt):
        night.stage(ROWS)
    late = night.staging.committed("nightly", "extract", START, END)["emea"]
    assert late != good
    with night.staging.local_file(late) as path:
        assert path.is_file(), "what may count keeps its rows"
