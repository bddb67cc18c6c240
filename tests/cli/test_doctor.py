"""``tidegate doctor`` in an Airflow home of its own: what is wrong, where, and how to mend it; with real databases behind its connections."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gapped import SCHEDULE, Place

from tidegate.data import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

SHIPPED = Path(__file__).parents[2] / "dags" / "tidegate_catch_up.py"
STEPS = """
resources: {erp: {limit: 4}}
steps:
  extract:
    for_each: {region: [texas, plains, ohio]}
    uses: extract
    holds: {erp: 2}
    with: {connection: "sales_{region}", query: "SELECT 1 AS x"}
  arrived: {needs: extract, uses: barrier, with: {at_least: 2, decide_by: 2h}}
  load: {needs: arrived, uses: load, pool: writers, pool_slots: 2, with: {connection: warehouse, table: sales, replace: [day]}}
"""
BUILD = 'from tidegate import build_dags  # airflow dag\n\nglobals().update(build_dags("FOLDER/include/pipelines", allow=["acme."]))\n'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, postgres_url: sa.URL, mariadb_url: sa.URL) -> Iterator[Place]:
    """A project with all that it needs: two servers, a file, a warehouse with a ledger."""
    place = Place(tmp_path_factory.mktemp("project"))
    pipelines = place.folder / "include" / "pipelines"
    pipelines.mkdir(parents=True)
    (pipelines / "nightly.yaml").write_text(f"pipeline: nightly\n{SCHEDULE}\n{STEPS}")
    (place.folder / "dags").mkdir()
    shutil.copy(SHIPPED, place.folder / "dags")
    (place.folder / "dags" / "pipelines.py").write_text(BUILD.replace("FOLDER", str(place.folder)))
    sqlite3.connect(place.folder / "ohio.db").close()
    (place.folder / "ohio.db").touch()
    place.more = {"AIRFLOW_CONN_SALES_TEXAS": connection(postgres_url), "AIRFLOW_CONN_SALES_PLAINS": connection(mariadb_url)}
    place.airflow("db", "migrate")
    place.airflow("dags", "reserialize")
    yield place
    place.close()


@pytest.fixture
def place(project: Place) -> Place:
    """The same with nothing to mend: pools, a triggerer that is alive, DAGs that are switched on."""
    project.put()
    beat = datetime.now(UTC) + timedelta(hours=1)
    with closing(sqlite3.connect(project.folder / "airflow.db")) as airflow, airflow:
        airflow.execute("UPDATE dag SET is_paused = 0")
        airflow.execute("DELETE FROM job")
        airflow.execute("DELETE FROM slot_pool WHERE pool IN ('erp', 'writers')")
        pool = "INSERT INTO slot_pool (pool, slots, description, include_deferred) VALUES (?, ?, '', 0)"
        airflow.executemany(pool, [("erp", 4), ("writers", 2)])
        airflow.execute("INSERT INTO job (job_type, state, latest_heartbeat) VALUES ('TriggererJob', 'running', ?)", [beat.isoformat(" ")])
    return project


def connection(url: sa.URL, **more: Any) -> str:
    """A server as an Airflow connection."""
    kind = {"postgresql": "postgres"}.get(url.get_backend_name(), url.get_backend_name())
    given = {"conn_type": kind, "host": url.host, "port": url.port, "login": url.username, "password": url.password, "schema": url.database}
    return json.dumps({**given, **more})


def examined(place: Place, *options: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code; and of what is not fine, check → notes."""
    done = place.say("doctor", "--format", "json", *options)
    told = json.loads(done.stdout)
    found: dict[str, list[dict[str, str]]] = {}
    for note in told["notes"]:
        assert (note["standing"] == "fine") == (not note["mend"] and not note["where"]), note
        if note["standing"] != "fine":
            found.setdefault(note["check"], []).append(note)
    assert told["wrong"] == sum(note["standing"] == "wrong" for note in told["notes"])
    return done.returncode, found


def test_where_nothing_is_wrong_each_check_says_so(place: Place) -> None:
    """One line for each, the probes of three kinds of database among them; and the exit code is 0."""
    done = place.say("doctor")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert [line[1] for line in lines[:-1] if line[0] == "fine"] == [
        "files", "include", "dags", "dags", "pools", "triggerer", "catch-up", "connections", "ledgers", "staging",
    ]  # fmt: skip
    assert "fine   connections  4 databases answer" in done.stdout
    assert f"fine   ledgers      1 ledger has version {ledger.VERSION}" in done.stdout
    assert lines[-1] == ["Nothing", "to", "mend."]


def test_it_changes_nothing(place: Place) -> None:
    """Neither in Airflow's database, nor in the warehouse, nor in the folder."""

    def seen() -> list[Any]:
        with (
            closing(sqlite3.connect(place.folder / "airflow.db")) as airflow,
            closing(sqlite3.connect(place.folder / "warehouse.db")) as own,
        ):
            return [*airflow.iterdump(), *own.iterdump(), *sorted((place.folder / "staging").glob("*"))]

    place.say("doctor")
    before = seen()
    place.say("doctor")
    assert seen() == before


def test_connections_that_do_not_answer_are_told_with_who_needs_them(place: Place) -> None:
    """A file that is gone, a wrong password, an unknown id, a driver that is not installed; the others are probed all the same."""
    place.close()
    (place.folder / "ohio.db").unlink()
    known = dict(place.more)
    try:
        place.more["AIRFLOW_CONN_SALES_TEXAS"] = json.dumps(
            {**json.loads(known["AIRFLOW_CONN_SALES_TEXAS"]), "password": "s3cret-but-wrong"}
        )
        place.more["AIRFLOW_CONN_SALES_PLAINS"] = json.dumps({"conn_type": "mssql+pyodbc", "host": "db.plains"})
        code, found = examined(place)
    finally:
        place.close()
        place.more = known
        (place.folder / "ohio.db").touch()
    assert code == 1
    texas, plains, ohio = found["connections"]
    assert "sales_texas does not let this login in" in texas["what"]
    assert "s3cret" not in json.dumps(found)
    assert (texas["standing"], texas["where"]) == ("wrong", "nightly.extract")
    assert plains["what"] == 'Connection "sales_plains" needs the driver "pyodbc", which is not installed'
    assert plains["mend"] == "pip install 'pyodbc'."
    assert f"finds no database file at {place.folder}/ohio.db" in ohio["what"]


def test_pools_that_are_missing_or_too_small_are_told(place: Place) -> None:
    """Those that are declared, and those that a step names; one that is larger is a note."""
    with closing(sqlite3.connect(place.folder / "airflow.db")) as airflow, airflow:
        airflow.execute("DELETE FROM slot_pool WHERE pool = 'writers'")
        airflow.execute("UPDATE slot_pool SET slots = 1 WHERE pool = 'erp'")
    code, found = examined(place)
    assert code == 1
    assert [(note["what"], note["where"]) for note in found["pools"]] == [
        ("pool erp has 1 slot, and 4 are declared", "nightly"),
        ("a task takes 2 slots of pool erp, which has 1, so it would wait for ever", "nightly.extract"),
        ("there is no pool writers", "nightly.load"),
    ]
    assert place.say("apply", "include/pipelines").returncode == 0
    assert [note["what"] for note in examined(place)[1]["pools"]] == ["there is no pool writers"]
    with closing(sqlite3.connect(place.folder / "airflow.db")) as airflow, airflow:
        airflow.execute("UPDATE slot_pool SET slots = 9 WHERE pool = 'erp'")
        airflow.execute("INSERT INTO slot_pool (pool, slots, description, include_deferred) VALUES ('writers', 1, '', 0)")
    notes = examined(place)[1]["pools"]
    assert [(note["standing"], note["what"]) for note in notes] == [
        ("note", "pool erp has 9 slots, and 4 are declared"),
        ("wrong", "a task takes 2 slots of pool writers, which has 1, so it would wait for ever"),
    ]


def test_what_airflow_does_not_run_is_told(place: Place) -> None:
    """A triggerer that is dead or was never there, a catch-up that is switched off or gone, a pipeline that was not read."""
    with closing(sqlite3.connect(place.folder / "airflow.db")) as airflow, airflow:
        airflow.execute("UPDATE job SET latest_heartbeat = '2026-01-01 00:00:00'")
        airflow.execute("UPDATE dag SET is_paused = 1")
    code, found = examined(place)
    assert code == 1
    (triggerer,) = found["triggerer"]
    assert triggerer["what"] == "no triggerer is alive, the last one was seen at 2026-01-01 00:00 UTC"
    assert triggerer["where"] == "nightly.arrived"
    assert [note["what"] for note in found["catch-up"]] == ["tidegate_catch_up is switched off, so nothing brings what nights lacked"]
    assert [(note["standing"], note["what"]) for note in found["dags"][1:]] == [("note", "1 pipeline is switched off")]
    with closing(sqlite3.connect(place.folder / "airflow.db")) as airflow, airflow:
        airflow.execute("DELETE FROM job")
        airflow.execute("UPDATE dag SET is_stale = 1")
    try:
        _, found = examined(place)
    finally:
        with closing(sqlite3.connect(place.folder / "airflow.db")) as airflow, airflow:
            airflow.execute("UPDATE dag SET is_stale = 0")
    assert [note["what"] for note in found["triggerer"]] == ["no triggerer is alive"]
    assert [note["what"] for note in found["catch-up"]] == ["no DAG has a CatchUpOperator, so nothing brings what nights lacked"]
    assert [(note["what"], note["where"]) for note in found["dags"][1:]] == [("Airflow does not know 1 pipeline", "nightly")]


def test_ledgers_are_told_by_their_version(place: Place) -> None:
    """Newer is wrong; older, or none yet, is what the next night mends."""
    warehouse = place.folder / "warehouse.db"
    with closing(sqlite3.connect(warehouse)) as connection, connection:
        connection.execute("UPDATE tidegate_version SET version_num = '0999'")
    code, found = examined(place)
    assert (code, [note["standing"] for note in found["ledgers"]]) == (1, ["wrong"])
    assert found["ledgers"][0]["what"].startswith("warehouse: The ledger is of version 0999")
    for left, told in (
        ("UPDATE tidegate_version SET version_num = '0001'", "the ledger behind warehouse is older than this Tidegate"),
        ("DROP TABLE tidegate_version; DROP VIEW tidegate_completeness; DROP TABLE tidegate_gap", "warehouse has no ledger yet"),
    ):
        with closing(sqlite3.connect(warehouse)) as connection, connection:
            connection.executescript(left)
        code, found = examined(place)
        assert (code, [(note["standing"], note["what"]) for note in found["ledgers"]]) == (0, [("note", told)])
    warehouse.unlink()
    code, found = examined(place)
    assert (code, "connections" in found) == (0, False), found
    assert [(note["standing"], note["what"]) for note in found["ledgers"]] == [("note", "warehouse has no ledger yet")]


def test_staging_that_cannot_be_written_is_told(place: Place) -> None:
    """A file stands where the folder should be."""
    shutil.rmtree(place.folder / "staging", ignore_errors=True)
    (place.folder / "staging").write_text("")
    try:
        code, found = examined(place)
    finally:
        (place.folder / "staging").unlink()
    assert code == 1
    assert [note["what"] for note in found["staging"]] == [f"{place.folder}/staging cannot be written: File exists"]


def test_the_project_itself_is_looked_at(place: Place) -> None:
    """A wrong file, a folder that everybody may write into, DAG files that allow too much or build nothing."""
    wrong = place.folder / "include" / "pipelines" / "wrong.yaml"
    build = place.folder / "dags" / "pipelines.py"
    before = build.read_text()
    wrong.write_text("pipeline: wrong\n")
    wrong.chmod(0o666)
    build.write_text(before.replace('"acme."', '"os", "../acme"'))
    try:
        code, found = examined(place, "--allow", "house")
        build.write_text("# airflow dag\n")
        _, none = examined(place)
    finally:
        wrong.unlink()
        build.write_text(before)
    assert code == 1
    assert [(note["what"], note["where"]) for note in found["files"]] == [("1 file is wrong", "wrong")]
    assert [note["where"] for note in found["include"]] == ["include/pipelines/wrong.yaml"]
    assert [note["what"] for note in found["dags"]] == [
        "allow= has 'os', which is Python's own: a pipeline file may call whatever is in it",
        "allow= has '../acme', which is no prefix of an import path",
        "--allow house is said here, and no build_dags says it",
    ]
    assert [note["what"] for note in none["dags"]] == [f"no file under {place.folder}/dags calls build_dags, so Airflow sees no pipeline"]
    noted = [note["what"] for note in examined(place)[1]["dags"]]
    assert noted == ["allow= has 'acme.', and there is no package acme here"]


def test_a_database_without_airflow_is_told(tmp_path: Path) -> None:
    """And nothing more is looked at: whatever Airflow knows lies there."""
    place = Place(tmp_path)
    place.write("nightly")
    try:
        code, found = examined(place)
    finally:
        place.close()
    assert code == 1
    assert [note["what"] for note in found["airflow"]] == ["Airflow's metadata database does not take this: no such table: dag"]
