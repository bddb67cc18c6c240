"""The tutorial does what it says: its own commands, SQL and YAML, taken from the page."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pages import DOCS, blocks, loaded, path_of, pipelines, project

from tidegate.model import Project, load_pipeline
from tidegate.model.extracts import ExtractSettings
from tidegate.model.kinds import TransformSettings

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.model import PipelineSpec

PAGE = DOCS / "tutorial.md"


def test_the_tutorial_ends_in_the_table_that_it_shows(tmp_path: Path) -> None:
    """Its databases, SQL and YAML, taken from the page, give its numbers: read, computed and loaded as the operators do it."""
    make, show = (block for block in blocks(PAGE, "bash") if "import sqlite3" in block)
    _typed(tmp_path, make)
    (block,) = pipelines(PAGE)
    spec = loaded(PAGE, block, tmp_path)
    for day in (5, 6):
        _night(tmp_path, spec, datetime(2026, 1, day, tzinfo=UTC), datetime(2026, 1, day + 1, tzinfo=UTC))
    shown = _typed(tmp_path, show)
    assert [line for line in shown.splitlines() if line.startswith("2026-01-05")] == blocks(PAGE, "text")[0].splitlines()
    with sqlite3.connect(tmp_path / ".tidegate" / "first" / "warehouse.db") as warehouse:
        assert warehouse.execute("SELECT sum(orders), sum(cents) FROM takings").fetchone() == (6, 2120)
    warehouse.close()


def _typed(folder: Path, commands: str) -> str:
    """Run what a reader would type in a clone, with this Python for the clone's."""
    typed = commands.replace(".venv/bin/python", sys.executable)
    return subprocess.run(["bash", "-e"], input=typed, cwd=folder, capture_output=True, text=True, check=True).stdout


def _night(folder: Path, spec: PipelineSpec, start: datetime, end: datetime) -> None:
    from tidegate.data.engines import database_url
    from tidegate.data.extract import extract
    from tidegate.data.load import load
    from tidegate.data.manifest import StageKey
    from tidegate.data.staging import Staging, new_attempt
    from tidegate.data.transform import transform_sql

    def url(name: str) -> Any:
        return database_url(conn_id=name, conn_type="sqlite", host=str(folder / ".tidegate" / "first" / f"{name}.db"))

    settings, takings = spec.settings["extract"], spec.settings["takings"]
    assert isinstance(settings, ExtractSettings)
    assert isinstance(takings, TransformSettings)
    staging, include = Staging(folder / "staging"), folder / "include"
    parts = []
    for shop in spec.pipeline.steps["extract"].branches:
        keys = [
            StageKey(pipeline=spec.name, step=step, interval_start=start, interval_end=end, branch=shop) for step in ("extract", "takings")
        ]
        manifest = extract(
            url(shop),
            (include / settings.query).read_text(),
            key=keys[0],
            staging=staging,
            accept=settings.accept,
            attempt=new_attempt("run", 1),
            correlation_id="c",
            connection_name=shop,
            source_name=settings.query,
        )
        sql = (include / str(takings.sql)).read_text()
        attempt = new_attempt("run", 1)
        parts.append(transform_sql([manifest], sql, key=keys[1], staging=staging, attempt=attempt, correlation_id="c", dimension="shop"))
    load(
        url("warehouse"),
        target_table="takings",
        replace=("day", "shop"),
        parts=parts,
        staging=staging,
        pipeline=spec.name,
        interval_start=start,
        interval_end=end,
        run_id="run",
        correlation_id="c",
        connection_name="first_warehouse",
    )


def test_the_misspelling_is_told_as_the_page_says(tmp_path: Path) -> None:
    """The finding on the page of the command line is the one that a reader sees."""
    (block,) = pipelines(PAGE)
    path = path_of(project(PAGE, tmp_path), block)
    path.write_text(block.replace("needs: extract", "need: extract"))
    (finding,) = load_pipeline(path, Project.around(path), name="include/pipelines/first_night.yaml").findings
    (shown,) = (text for text in blocks(DOCS / "reference" / "cli.md", "text") if "unknown key" in text)
    assert shown.startswith(finding.render())
