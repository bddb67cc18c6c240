"""From a load's settings in the file to the rows in the table: each mode as a task does it."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from operators.by_hand import context

from tidegate.data.instants import stamp
from tidegate.data.manifest import StageKey
from tidegate.data.staging import Staging
from tidegate.errors import LoadRefused
from tidegate.factory import build_dag
from tidegate.factory.durations import with_durations
from tidegate.model import Project, load_pipeline
from tidegate.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

NIGHTS = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]


class Loads:
    """The load of a pipeline with one source, and a warehouse."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.staging = Staging(folder / "staging")
        self.warehouse = folder / "warehouse.db"
        file = folder / "night.yaml"
        extract = "{uses: extract, with: {connection: c, query: SELECT 1}}"
        load = f"{{needs: extract, uses: load, with: {{connection: warehouse, table: shops, {settings}}}}}"
        file.write_text(f"pipeline: night\nsteps:\n  extract: {extract}\n  load: {load}\n")
        self.task: Any = build_dag(with_durations(plan(load_pipeline(file, Project(folder)).require())), folder).get_task("load")

    def load(self, number: int, *rows: dict[str, Any], attempt: str = "a", **more: Any) -> dict[str, Any]:
        """Stage rows for a night and load them."""
        start, end = NIGHTS[number : number + 2]
        key = StageKey(pipeline="night", step="extract", interval_start=start, interval_end=end, branch="all")
        table = pa.Table.from_pylist(list(rows))
        with self.staging.writer(key, table.schema, attempt=f"{attempt}{number}", correlation_id="c", read_at=stamp(), **more) as writer:
            writer.write(table.to_batches()[0])
        self.task.parts = writer.manifest.as_dict()
        asked = {"interval_start": start.isoformat(), "interval_end": end.isoformat()}
        done: dict[str, Any] = self.task.execute(context(self.task, conf=asked))
        return done

    def rows(self) -> list[tuple[Any, ...]]:
        """What the table holds, in order."""
        with sqlite3.connect(self.warehouse) as connection:
            found = connection.execute("SELECT * FROM shops ORDER BY 1, 2").fetchall()
        connection.close()
        return found


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a warehouse and room for what is staged."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}))
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "held"),
    [
        ("replace: shop", [("anna", 1), ("ben", 2), ("carl", 3)]),
        ("merge: shop", [("anna", 1), ("ben", 2), ("carl", 3)]),
        ("mode: append", [("anna", 1), ("ben", 2), ("carl", 3)]),
        ("mode: swap", [("carl", 3)]),
    ],
)
def test_the_next_night(project: Path, settings: str, held: list[tuple[str, int]]) -> None:
    """What the night before brought stays, but for a swap."""
    loads = Loads(project, settings)
    loads.load(0, {"shop": "anna", "n": 1}, {"shop": "ben", "n": 2})
    done = loads.load(1, {"shop": "carl", "n": 3})
    assert loads.rows() == held
    assert done == {"rows": 1, "branches": ["all"], "superseded": []}


@pytest.mark.parametrize(
    ("settings", "held"),
    [
        ("replace: shop", [("ben", 9)]),
        ("merge: shop", [("anna", 1), ("ben", 9)]),
        ("mode: append", None),
        ("mode: swap", [("ben", 9)]),
    ],
)
def test_the_same_night_read_anew(project: Path, settings: str, held: list[tuple[str, int]] | None) -> None:
    """It takes the place of what it had brought, changes it, or is refused."""
    loads = Loads(project, settings)
    before = [("anna", 1), ("ben", 2)]
    loads.load(0, *({"shop": shop, "n": n} for shop, n in before))
    if held is None:
        with pytest.raises(LoadRefused, match="append would add"):
            loads.load(0, {"shop": "ben", "n": 9}, attempt="b")
    else:
        loads.load(0, {"shop": "ben", "n": 9}, attempt="b")
    assert loads.rows() == (before if held is None else held)


def test_a_night_behind_a_later_swap(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says which, for the outcome to tell."""
    loads = Loads(project, "mode: swap")
    loads.load(1, {"shop": "ben", "n": 2})
    done = loads.load(0, {"shop": "anna", "n": 1})
    assert done == {"rows": 0, "branches": [], "superseded": ["all"], "overtaken_by": "2026-01-02"}
    assert "Not loaded, because the table already holds 2026-01-02, which is newer" in capsys.readouterr().out
    assert loads.rows() == [("ben", 2)]


def test_what_was_read_by_a_watermark_is_marked_as_loaded(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the load's name and its table's, beside its mark. Where that cannot be written, the load is done all the same, and says so."""
    loads = Loads(project, "merge: shop")
    place = project / "staging" / "night" / "~watermarks" / "extract" / "all" / "shops n"
    loads.load(0, {"shop": "anna", "n": 1}, marks=("night/~watermarks/extract/all/shops n/first~a-1",))
    assert [path.name for path in place.iterdir()] == ["first~a-1~load%20warehouse%20shops.loaded"]
    (place / "second").write_text("a file in the way")
    done = loads.load(1, {"shop": "ben", "n": 2}, marks=("night/~watermarks/extract/all/shops n/second/first~a-1",))
    assert done["rows"] == 1
    assert (
        "The rows are loaded, and the next interval reads them once more, for it could not be told: Staging cannot write"
        in capsys.readouterr().out
    )


def test_tables_and_columns_are_made_as_the_file_says(project: Path) -> None:
    """No table by ``create: false``, a column by ``add_columns: true``."""
    with pytest.raises(LoadRefused, match="There is no table shops"):
        Loads(project, "replace: shop, create: false").load(0, {"shop": "anna"})
    Loads(project, "replace: shop").load(0, {"shop": "anna"})
    with pytest.raises(LoadRefused, match='no column "n"'):
        Loads(project, "replace: shop").load(1, {"shop": "ben", "n": 2})
    Loads(project, "replace: shop, add_columns: true").load(1, {"shop": "ben", "n": 2}, attempt="b")
    assert Loads(project, "replace: shop").rows() == [("anna", None), ("ben", 2)]
