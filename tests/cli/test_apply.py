"""Pools as pipelines declare them, in a metadata database of Airflow's own making."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from command_line import TIDEGATE, called

if TYPE_CHECKING:
    from pathlib import Path

STEPS = "steps: {run: {uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home whose database is there."""
    home = tmp_path_factory.mktemp("home")
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=of(home), check=True, capture_output=True, timeout=120)
    return home


def of(home: Path) -> dict[str, str]:
    """The environment of an Airflow home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {**kept, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


def pipelines(folder: Path, **resources: str) -> Path:
    """A folder of pipelines, each with its resources."""
    place = folder / "include" / "pipelines"
    place.mkdir(parents=True, exist_ok=True)
    for name, said in resources.items():
        (place / f"{name}.yaml").write_text(f"pipeline: {name}\nresources: {said}\n{STEPS}")
    return place


def applied(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``tidegate apply`` in an Airflow home."""
    command = [str(TIDEGATE), "apply", *arguments]
    return subprocess.run(command, env=of(home), capture_output=True, text=True, check=False, timeout=60)


def pools(home: Path) -> dict[str, tuple[int, str, bool]]:
    """Pool → slots, description, whether deferred tasks count."""
    with closing(sqlite3.connect(home / "airflow.db")) as connection:
        rows = connection.execute("SELECT pool, slots, description, include_deferred FROM slot_pool ORDER BY 1").fetchall()
    return {name: (slots, description, bool(deferred)) for name, slots, description, deferred in rows}


def test_declared_pools_are_made_and_changed_and_all_others_are_left_alone(home: Path, tmp_path: Path) -> None:
    """What is not declared of a pool stays as a person set it."""
    with closing(sqlite3.connect(home / "airflow.db")) as connection, connection:
        told = "INSERT INTO slot_pool (pool, slots, description, include_deferred) VALUES (?, ?, ?, ?)"
        connection.executemany(told, [("mail", 9, "by hand", True), ("others", 3, "by hand", False)])
    before = pools(home)
    place = str(pipelines(tmp_path, one="{erp: {limit: 4, description: The old one.}, mail: {limit: 1}}", two="{erp: {limit: 4}}"))

    dry = applied(home, "--dry-run", place)
    assert (dry.returncode, dry.stderr) == (0, "")
    assert (
        dry.stdout == "erp: would be created with 4 slots\nmail: would be changed from 9 slots to 1 slot\n2 pool(s), 2 would be changed.\n"
    )
    assert pools(home) == before

    done = applied(home, place)
    assert done.stdout == "erp: created with 4 slots\nmail: changed from 9 slots to 1 slot\n2 pool(s), 2 changed.\n"
    assert pools(home) == {**before, "erp": (4, "The old one.", False), "mail": (1, "by hand", True)}

    again = applied(home, place)
    assert again.stdout == "erp: has 4 slots, as declared\nmail: has 1 slot, as declared\n2 pool(s), 0 changed.\n"

    pipelines(tmp_path, one="{erp: {limit: 4, description: The new one.}}")
    assert applied(home, place).stdout == "erp: description changed\n1 pool(s), 1 changed.\n"
    assert pools(home)["erp"] == (4, "The new one.", False)


def test_two_limits_of_one_resource_are_refused_and_nothing_is_done(home: Path, tmp_path: Path) -> None:
    """Whichever won would be wrong for the other."""
    place = pipelines(tmp_path, one="{db: {limit: 4}, fine: {limit: 1}}", three="{db: {limit: 2}}", two="{db: {limit: 4}}")
    before = pools(home)
    done = applied(home, str(place))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "'db' is declared with different limits: 2 in three; 4 in one, two.\n"
        "A resource is one thing: declare it alike everywhere. Nothing was done.\n"
    )
    assert pools(home) == before


def test_a_wrong_file_stops_it(home: Path, tmp_path: Path) -> None:
    """Its findings are told; the right ones' pools are not made."""
    place = pipelines(tmp_path, right="{fine: {limit: 1}}", wrong="{db: {limit: 0}}")
    before = pools(home)
    done = applied(home, str(place))
    assert (done.returncode, done.stdout) == (1, "")
    assert "resources.db.limit" in done.stderr
    assert pools(home) == before


def test_a_database_without_airflow_is_told(tmp_path: Path) -> None:
    """With what to do."""
    done = applied(tmp_path / "nowhere", str(pipelines(tmp_path, one="{db: {limit: 4}}")))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Airflow's metadata database does not take this: no such table: slot_pool. Run it where, and as whom, Airflow's own command runs.\n"
    )


def test_where_nothing_is_declared_no_database_is_asked(tmp_path: Path) -> None:
    """Nor is Airflow needed."""
    done = called("apply", str(pipelines(tmp_path, one="{}")))
    assert (done.exit_code, done.stdout) == (0, "1 file(s), which declare no resource.\n")
