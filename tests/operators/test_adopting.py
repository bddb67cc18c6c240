"""A run that adopts: the rows that an earlier run staged, in place of the source."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from operators.by_hand import context, placed

from tidegate import ExtractOperator
from tidegate.data.manifest import Manifest
from tidegate.data.staging import Staging
from tidegate.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

DAY = {"interval_start": "2026-03-02T00:00:00+00:00", "interval_end": "2026-03-03T00:00:00+00:00"}
NEXT = {"interval_start": "2026-03-03T00:00:00+00:00", "interval_end": "2026-03-04T00:00:00+00:00"}


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What an extract of one shop returns for a conf."""
    path = tmp_path / "anna.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sales (cents INTEGER)")
        connection.execute("INSERT INTO sales VALUES (7)")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_ANNA", f'{{"conn_type": "sqlite", "host": "{path}"}}')
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    arguments = {"source_conn_id": "shop_anna", "query": "SELECT cents FROM sales", "branch": "anna", "dimension": "shop"}

    def work(changed: Mapping[str, Any] | None = None, **conf: Any) -> dict[str, Any]:
        task = placed(ExtractOperator, tmp_path, step="extract", **{**arguments, **(changed or {})})
        done: dict[str, Any] = task.execute(context(task, conf=conf))
        return done

    return work


def test_the_newest_attempt_is_adopted_with_its_fence_and_its_times(read: Callable[..., Any], tmp_path: Path) -> None:
    """The source is gone, and nobody asks it."""
    read(**DAY)
    second = read(**DAY)
    (tmp_path / "anna.db").unlink()
    adopted = read(**DAY, adopt=True)
    assert adopted["manifest"] == second["manifest"]
    manifest = Manifest.from_dict(second["manifest"])
    assert (adopted["branch"]["started"], adopted["branch"]["ended"]) == (manifest.read_at, manifest.written_at)
    with pytest.raises(Unreachable):
        read(**DAY)


def test_where_nothing_was_staged_the_source_is_read(read: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    """Of another interval, and of one whose attempt was withdrawn; the log says so."""
    first = read(**DAY)
    with caplog.at_level(logging.INFO):
        assert read(**NEXT, adopt=True)["manifest"]["attempt"] != first["manifest"]["attempt"]
    assert "anna has staged nothing to adopt, so its source is read" in caplog.text


def test_a_withdrawn_attempt_is_not_adopted(read: Callable[..., Any], tmp_path: Path) -> None:
    """Its branch failed behind it."""
    first = read(**DAY)
    Staging(tmp_path / "staging").withdraw(Manifest.from_dict(first["manifest"]))
    assert read(**DAY, adopt=True)["manifest"]["attempt"] != first["manifest"]["attempt"]


def test_a_damaged_file_is_not_adopted(read: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is read anew, and a person may see why."""
    first = read(**DAY)
    (tmp_path / "staging" / first["manifest"]["path"]).write_bytes(b"cut off")
    assert read(**DAY, adopt=True)["manifest"]["attempt"] != first["manifest"]["attempt"]
    assert "anna cannot adopt what was staged, so its source is read: The staged file of extract for anna is damaged" in caplog.text


@pytest.mark.parametrize(
    "changed",
    [
        {"query": "SELECT cents FROM sales WHERE cents > 6"},
        {"parameters": {"least": 6}},
        {"accept": {"min_rows": 0}},
        {"accept": {"columns": {"cents": {"min": 1}}}},
        {"timezone": "Europe/Berlin"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_rows_of_another_question_are_not_adopted(
    read: Callable[..., Any], changed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The file was mended since: old rows and new ones must not be loaded side by side. What is read then is adopted."""
    first = read(**DAY)
    with caplog.at_level(logging.INFO):
        second = read(changed, **DAY, adopt=True)
    assert second["manifest"]["attempt"] != first["manifest"]["attempt"]
    assert "anna has staged rows of another query, or of other settings, than it has now, so its source is read" in caplog.text
    assert read(changed, **DAY, adopt=True)["manifest"] == second["manifest"]


def test_a_mended_file_is_another_question(read: Callable[..., Any], tmp_path: Path) -> None:
    """Though the config names the same one."""
    file, named = tmp_path / "sales.sql", {"query": "sales.sql"}
    file.write_text("SELECT cents FROM sales")
    first = read(named, **DAY)
    assert read(named, **DAY, adopt=True)["manifest"] == first["manifest"]
    file.write_text("SELECT cents FROM sales WHERE cents > 6")
    assert read(named, **DAY, adopt=True)["manifest"]["attempt"] != first["manifest"]["attempt"]
