"""An extract of files: those of the interval, from a folder or an object store, tried again where they have not come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk import ObjectStoragePath
from operators.by_hand import context, placed

from tidegate import ExtractOperator
from tidegate.errors import DataRefused, ErrorClass, Unreachable
from tidegate.resilience.faults import classify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = {"interval_start": "2026-03-01T23:00:00+00:00", "interval_end": "2026-03-02T23:00:00+00:00"}
"""The second of March in Berlin."""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """The rows that an extract of files stages."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))

    def work(files: str, **arguments: Any) -> list[dict[str, Any]]:
        given = {"branch": "anna", "dimension": "shop", "timezone": "Europe/Berlin", "accept": {"columns": {"id": "int"}}}
        task = placed(ExtractOperator, tmp_path, step="extract", files=files, **{**given, **arguments})
        done = task.execute(context(task, conf=DAY))
        assert done["branch"]["rows"] == done["manifest"]["rows"]
        rows: list[dict[str, Any]] = pq.read_table(tmp_path / "staging" / done["manifest"]["path"]).to_pylist()
        return rows

    return work


def test_the_files_of_the_interval_are_read(read: Callable[..., Any], tmp_path: Path) -> None:
    """By the day that a clock of the step's zone shows at the interval's start."""
    for day in ("2026-03-01", "2026-03-02"):
        folder = tmp_path / "landing" / "anna" / day
        folder.mkdir(parents=True)
        for part in (1, 2):
            (folder / f"part-{part}.csv").write_text(f"id;day\n{part};{day}\n")
    rows = read(f"{tmp_path}/landing/anna/%Y-%m-%d/*.csv", delimiter=";")
    assert rows == [{"id": 1, "day": "2026-03-02"}, {"id": 2, "day": "2026-03-02"}]


def test_an_object_store_is_read_by_its_url(read: Callable[..., Any], tmp_path: Path) -> None:
    """As Airflow opens it."""
    path = ObjectStoragePath(f"file://{tmp_path}/bucket/20260302.jsonl")
    path.parent.mkdir(parents=True)
    path.write_text('{"id": 7}\n')
    assert read(f"file://{tmp_path}/bucket/%Y%m%d.jsonl") == [{"id": 7}]


def test_files_that_have_not_come_are_waited_for(read: Callable[..., Any], tmp_path: Path) -> None:
    """A retry may find them; a file that is wrong no retry mends."""
    with pytest.raises(Unreachable, match=rf"There is no file at {tmp_path}/2026-03-02/\*.csv yet") as caught:
        read(f"{tmp_path}/%Y-%m-%d/*.csv")
    assert classify(caught.value) is ErrorClass.UNREACHABLE
    (tmp_path / "a.csv").write_text("id\nx\n")
    with pytest.raises(DataRefused, match=r'files, .*a.csv, a.csv has in column "id", row 1'):
        read(f"{tmp_path}/a.csv")
    (tmp_path / "b.csv").write_text("id\n")
    with pytest.raises(DataRefused, match=r"files, .*b.csv, brought 0 rows, and accept: asks for at least 1"):
        read(f"{tmp_path}/b.csv")


@pytest.mark.parametrize("delimiter", ["§", "\0", '"', "\n", "\r", ";;", ""])
def test_what_can_be_no_delimiter_is_refused_before_files_are_looked_for(read: Callable[..., Any], tmp_path: Path, delimiter: str) -> None:
    """No retry mends it."""
    with pytest.raises(DataRefused) as caught:
        read(f"{tmp_path}/a.csv", delimiter=delimiter)
    assert str(caught.value) == (
        f"files, {tmp_path}/a.csv, is to be read with the delimiter {delimiter!r}: a delimiter is one character of ASCII, and none of a double quote, "
        'a line\'s end and NUL. Write the one that the file has, such as ";" or "\\t".'
    )


@pytest.mark.parametrize("delimiter", [" ", "\t", "\x01", "\\", "'", "|", "~"])
def test_any_other_character_of_ascii_is_a_delimiter(read: Callable[..., Any], tmp_path: Path, delimiter: str) -> None:
    """Also those that other systems write, such as Hive."""
    (tmp_path / "a.csv").write_text(f'id{delimiter}b\n1{delimiter}"x{delimiter}y"\n')
    assert read(f"{tmp_path}/a.csv", delimiter=delimiter) == [{"id": 1, "b": f"x{delimiter}y"}]
