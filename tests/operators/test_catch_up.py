"""What the hourly look does, by Airflow's own ``dag.test()`` of the shipped DAG: expire, probe, start, wait, and tell of all of it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from gapped import STEPS, Place, gap

from tidegate.data.instants import stamp
from tidegate.data.manifest import StageKey
from tidegate.data.staging import Staging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.resilience.gap import Gap

SHIPPED = Path(__file__).parents[2] / "dags" / "tidegate_catch_up.py"
LATER = {"opened_at": datetime.now(UTC) - timedelta(days=1)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A project whose DAGs Airflow knows, all of them paused at first."""
    place = Place(tmp_path_factory.mktemp("project"))
    place.write("nightly")
    place.write("lost", connection="nowhere")
    (place.folder / "dags").mkdir()
    shutil.copy(SHIPPED, place.folder / "dags")
    code = 'from tidegate import build_dags  # airflow dag\n\nglobals().update(build_dags("FOLDER"))\n'
    (place.folder / "dags" / "pipelines.py").write_text(code.replace("FOLDER", f"{place.folder}/include/pipelines"))
    place.airflow("db", "migrate")
    place.airflow("dags", "reserialize")
    yield place
    place.close()


@pytest.fixture
def place(project: Place) -> Place:
    """The same without runs on their way; ``nightly`` is switched on, and all its sources answer."""
    pause(project, nightly=False, lost=True)
    with closing(sqlite3.connect(project.folder / "airflow.db")) as connection, connection:
        connection.execute("UPDATE dag_run SET state = 'failed' WHERE dag_id = 'nightly'")
    for name in ("texas", "plains", "ohio"):
        sqlite3.connect(project.folder / f"{name}.db").close()
        (project.folder / f"{name}.db").touch()
    shutil.rmtree(project.folder / "staging", ignore_errors=True)
    return project


def pause(place: Place, **pipelines: bool) -> None:
    """Switch pipelines off and on."""
    with closing(sqlite3.connect(place.folder / "airflow.db")) as connection, connection:
        for name, paused in pipelines.items():
            connection.execute("UPDATE dag SET is_paused = ? WHERE dag_id = ?", [paused, name])


def stage(place: Place, late: Gap) -> None:
    """Commit rows of a branch, which came too late."""
    bounds = {"interval_start": late.interval.start, "interval_end": late.interval.end}
    key = StageKey(pipeline="nightly", step="extract", branch=late.branch, **bounds)
    rows = pa.table({"x": [1]})
    with Staging(place.folder / "staging").writer(key, rows.schema, attempt="a-1", correlation_id="c", read_at=stamp()) as writer:
        writer.write(rows.to_batches()[0])


def told(place: Place, *, state: str = "success") -> list[tuple[str, str, str, str]]:
    """What a look did: the day on which the night ended, the branches, the deed, and why or as which run."""
    ended, report = place.look()
    assert ended == state
    return [(row["interval_end"][:10], ",".join(row["branches"]), row["did"], row["why"]) for row in report or []]


def test_one_run_for_each_night_and_two_at_once(place: Place) -> None:
    """The third waits for the next hour; a run that is still on its way takes its place, and is not started again."""
    place.put(gap(5), gap(5, "plains"), gap(6, **LATER), gap(7, **LATER))
    first, second, third = told(place)
    assert [row[:3] for row in (first, second)] == [("2026-01-05", "plains,texas", "started"), ("2026-01-06", "texas", "started")]
    assert third == ("2026-01-07", "texas", "waits", "there are enough catch-up runs for now")
    assert {run_id: conf["region"] for run_id, conf in place.runs()} == {first[3]: ["plains", "texas"], second[3]: ["texas"]}
    assert place.seen()["2026-01-05", "plains"][:3] == ("open", 1, first[3])
    assert place.seen()["2026-01-07", "texas"][1] == 0

    assert told(place) == [("2026-01-07", "texas", "waits", "2 catch-up run(s) are on their way")]
    with closing(sqlite3.connect(place.folder / "airflow.db")) as connection, connection:
        connection.execute("UPDATE dag_run SET state = 'failed' WHERE run_id = ?", [first[3]])
    ((day, _, did, _),) = told(place)
    assert (day, did) == ("2026-01-07", "started")


def test_a_source_that_is_down_costs_no_run(place: Place) -> None:
    """Its tries are counted for every night, and say why; the others come without it."""
    (place.folder / "texas.db").unlink()
    place.put(gap(5), gap(5, "ohio"), gap(6))
    done = told(place)
    assert [row[:3] for row in done] == [
        ("2026-01-05", "texas", "down"), ("2026-01-05", "ohio", "started"), ("2026-01-06", "texas", "down"),
    ]  # fmt: skip
    assert done[0][3].startswith("sales_texas finds no database file at")
    assert {key: row[:2] for key, row in place.seen().items()} == {
        ("2026-01-05", "texas"): ("open", 1), ("2026-01-05", "ohio"): ("open", 1), ("2026-01-06", "texas"): ("open", 1),
    }  # fmt: skip
    assert told(place) == []

    (place.folder / "plains.db").unlink()
    place.put(gap(7), gap(7, "plains"))
    ((_, branches, did, why),) = told(place)
    assert (branches, did) == ("plains,texas", "down")
    assert why.startswith("sales_plains finds no database file at")
    assert "; sales_texas finds" in why


def test_what_is_staged_needs_no_source(place: Place) -> None:
    """A branch that came too late lies in staging, and its run adopts it though the source is down again."""
    late = gap(5, state="late")
    stage(place, late)
    (place.folder / "texas.db").unlink()
    place.put(late, gap(6, state="late"))
    assert [row[:3] for row in told(place)] == [("2026-01-05", "texas", "started"), ("2026-01-06", "texas", "down")]


def test_what_was_read_by_watermark_is_staged_in_vain(place: Place) -> None:
    """A run would read it anew, and so needs the source."""
    late = gap(5, state="late")
    stage(place, late)
    (place.folder / "texas.db").unlink()
    changes = STEPS.replace('query: "SELECT 1 AS x"', "table: sales, watermark: at").replace("replace: [day]", "merge: [region, id]")
    place.write("nightly", steps=changes)
    try:
        place.put(late)
        assert [row[:3] for row in told(place)] == [("2026-01-05", "texas", "down")]
    finally:
        place.write("nightly")


def test_what_is_still_being_read_is_not_read_a_second_time(place: Place) -> None:
    """Its night is still at work: no try is counted. Others of the interval come without it, and one whose rows are staged by now is adopted."""
    place.put(gap(9))
    ((*_, run_id),) = told(place)
    night = "scheduled__2026-01-05"
    with closing(sqlite3.connect(place.folder / "airflow.db")) as connection, connection:
        connection.execute("UPDATE dag_run SET run_id = ? WHERE run_id = ?", [night, run_id])
    late = gap(5, state="late", run_id=night)
    place.put(late, gap(5, "plains", run_id=night))
    assert [row[:3] for row in told(place)] == [("2026-01-05", "texas", "waits"), ("2026-01-05", "plains", "started")]
    assert {key[1]: row[1] for key, row in place.seen().items()} == {"texas": 0, "plains": 1}

    place.put(late, gap(5, "plains", run_id=night), short=True)
    assert told(place) == [("2026-01-05", "plains,texas", "waits", f"{night} is still at work")]

    stage(place, late)
    place.put(late)
    assert [row[:3] for row in told(place)] == [("2026-01-05", "texas", "started")]


def test_a_night_without_a_quorum_waits_for_one_that_had_failed(place: Place) -> None:
    """Then all go together; those that had arrived are no reason to try."""
    arrived = gap(5, "ohio", state="arrived")
    (place.folder / "texas.db").unlink()
    place.put(gap(5), arrived, short=True)
    assert [row[:3] for row in told(place)] == [("2026-01-05", "texas", "down")]
    place.put(gap(5), arrived, gap(5, "plains"), short=True)
    assert [row[:3] for row in told(place)][1:] == [("2026-01-05", "ohio,plains,texas", "started")]
    assert {row[1] for row in place.seen().values()} == {1}


def test_old_gaps_are_given_up(place: Place) -> None:
    """And nothing is started for them."""
    old = datetime.now(UTC) - timedelta(days=31)
    place.put(gap(5, opened_at=old, expires_at=old + timedelta(days=30)))
    assert told(place) == [("2026-01-05", "texas", "expired", "was open for too long")]
    assert place.seen()["2026-01-05", "texas"][0] == "expired"
    assert place.runs() == []


def test_what_cannot_be_started_waits_and_is_told(place: Place) -> None:
    """A branch that the file does not name any more, a DAG that Airflow does not know: no try is counted."""
    place.put(gap(5, "utah"), replace(gap(5), pipeline="by_hand"))
    assert sorted(row[3] for row in told(place)) == ["Airflow knows no such DAG", "the pipeline has no utah any more: waive it"]
    assert {row[1] for row in place.seen().values()} == {0}


def test_a_pipeline_that_is_switched_off_is_left_alone(place: Place) -> None:
    """Its ledger is not asked."""
    pause(place, nightly=True)
    place.put(gap(5))
    assert told(place) == []


def test_a_ledger_that_takes_no_change_fails_the_look_after_all_others(place: Place) -> None:
    """What was found out is told, and what is due is started."""
    old = datetime.now(UTC) - timedelta(days=31)
    place.put(gap(5, opened_at=old, expires_at=old + timedelta(days=30)), gap(6))
    with closing(sqlite3.connect(place.folder / "warehouse.db")) as connection, connection:
        connection.execute("CREATE TRIGGER frozen BEFORE UPDATE ON tidegate_gap BEGIN SELECT RAISE(ABORT, 'read only'); END")
    assert [row[:3] for row in told(place, state="failed")] == [("2026-01-06", "texas", "started")]
    assert {row[:2] for row in place.seen().values()} == {("open", 0)}


def test_a_ledger_that_cannot_be_asked_fails_the_look_after_all_others(place: Place) -> None:
    """The run is red, so that somebody is told; what could be done was done."""
    pause(place, lost=False)
    place.put(gap(5))
    assert [row[:3] for row in told(place, state="failed")] == [("2026-01-05", "texas", "started")]
