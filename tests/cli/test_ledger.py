"""``tidegate ledger`` in an Airflow home of its own, over a warehouse with a ledger."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from gapped import Place, gap

from tidegate.data import ledger
from tidegate.data.engines import writing
from tidegate.data.gaps import write_gaps
from tidegate.data.ledger import VERSION, IntervalRow, LoadRow

if TYPE_CHECKING:
    from collections.abc import Iterator

LATE = datetime(2026, 1, 6, 1, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A project with two nights in its ledger: the fifth is complete, and the sixth lacks texas."""
    place = Place(tmp_path_factory.mktemp("project"))
    place.write("nightly")
    place.write("new", connection="empty")
    place.write("lost", connection="nowhere")
    place.airflow("db", "migrate")
    fill(place)
    yield place
    place.close()


def fill(place: Place) -> None:
    """Make the ledger anew."""
    place.put()
    with writing(sa.URL.create("sqlite", database=str(place.folder / "warehouse.db"))) as connection:
        for day, branches in ((5, ("ohio", "plains", "texas")), (6, ("ohio", "plains"))):
            bounds = {"interval_start": f"2026-01-0{day - 1}T23:00:00+00:00", "interval_end": f"2026-01-0{day}T23:00:00+00:00"}
            missing = tuple({"ohio", "plains", "texas"} - set(branches))
            ledger.write_interval(connection, IntervalRow(
                pipeline="nightly", **bounds, outcome="partial" if missing else "complete", sentence=f"nightly of the {day}th.", expected=3,
                arrived=len(branches), missing=missing, record={}, run_id=f"run-{day}", correlation_id="c", decided_at=LATE.isoformat(),
            ))  # fmt: skip
            for branch in branches:
                ledger.write_load(connection, LoadRow(
                    pipeline="nightly", target="sales", **bounds, branch=branch, attempt=f"{branch}-{day}", fence="f", run_id=f"run-{day}",
                    correlation_id="c", rows=1000, partitions=(), loaded_at=LATE.isoformat(),
                ))  # fmt: skip
        write_gaps(connection, [gap(6, opened_at=LATE)])


def cells(text: str) -> list[list[str]]:
    """A table's cells, as far as they hold something."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


def test_the_list_says_how_complete_each_night_is(place: Place) -> None:
    """In order of time, with a last line that counts."""
    done = place.say("ledger", "nightly")
    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout) == [
        ["interval", "outcome", "arrived", "rows", "run", "decided", "missing"],
        ["2026-01-04 23:00 to 2026-01-05 23:00 UTC", "complete", "3 of 3", "3,000", "run-5", "2026-01-06 01:31"],
        ["2026-01-05 23:00 to 2026-01-06 23:00 UTC", "partial", "2 of 3", "2,000", "run-6", "2026-01-06 01:31", "texas"],
        ["2 interval(s): 1 complete, 1 partial."],
    ]
    assert place.say("ledger", "list", "nightly").stdout == done.stdout
    everything = place.say("ledger")
    assert everything.returncode == 0
    assert "There is no Airflow connection 'nowhere'." in everything.stderr
    assert cells(everything.stdout)[1][0] == "nightly"


def test_days_and_branches_are_chosen_as_with_gaps(place: Place) -> None:
    """A day is one of the pipeline's zone; a branch alone is told night by night."""
    done = place.say("ledger", "nightly", "--since", "2026-01-06")
    assert cells(done.stdout)[1:] == [
        ["2026-01-05 23:00 to 2026-01-06 23:00 UTC", "partial", "2 of 3", "2,000", "run-6", "2026-01-06 01:31", "texas"],
        ["1 interval(s): 1 partial."],
    ]
    assert place.say("ledger", "nightly", "--until", "2026-01-01").stdout == "No interval is known.\n"
    done = place.say("ledger", "nightly", "--branch", "texas")
    assert cells(done.stdout)[:3] == [
        ["interval", "branch", "state", "rows", "loaded", "attempt", "run", "missing since", "owner", "reason"],
        ["2026-01-04 23:00 to 2026-01-05 23:00 UTC", "texas", "loaded", "1,000", "2026-01-06 01:31", "texas-5", "run-5"],
        ["2026-01-05 23:00 to 2026-01-06 23:00 UTC", "texas", "missing", "2026-01-06 01:31", "analytics", "no route to host"],
    ]
    done = place.say("ledger", "nightly", "--region", "texsa")
    assert (done.returncode, done.stderr) == (2, "There is no branch 'texsa'. Did you mean 'texas'?\n")


def test_one_night_is_shown_branch_by_branch(place: Place) -> None:
    """With its sentence; a day that the ledger does not know is no success."""
    done = place.say("ledger", "show", "nightly", "2026-01-06")
    assert (done.returncode, done.stderr) == (0, "")
    assert cells(done.stdout) == [
        ["nightly of the 6th."],
        ["branch", "state", "rows", "loaded", "attempt", "run", "missing since", "owner", "reason"],
        ["ohio", "loaded", "1,000", "2026-01-06 01:31", "ohio-6", "run-6"],
        ["plains", "loaded", "1,000", "2026-01-06 01:31", "plains-6", "run-6"],
        ["texas", "missing", "2026-01-06 01:31", "analytics", "no route to host"],
    ]
    done = place.say("ledger", "show", "nightly", "2026-01-07")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The ledger knows nothing of nightly on 2026-01-07. `tidegate ledger nightly` lists what it knows.\n"


def test_programs_read_json(place: Place) -> None:
    """Intervals without their branches, with some of them, or with all."""
    found = json.loads(place.say("ledger", "nightly", "--format", "json").stdout)
    assert (found["version"], [each["outcome"] for each in found["intervals"]]) == (1, ["complete", "partial"])
    assert found["intervals"][1] == {
        "pipeline": "nightly", "interval_start": "2026-01-05T23:00:00+00:00", "interval_end": "2026-01-06T23:00:00+00:00",
        "outcome": "partial", "sentence": "nightly of the 6th.", "expected": 3, "arrived": 2, "missing": ["texas"], "run_id": "run-6",
        "decided_at": LATE.isoformat(), "rows": 2000,
    }  # fmt: skip
    found = json.loads(place.say("ledger", "nightly", "--region", "texas", "--format", "json").stdout)
    assert [[line["state"] for line in each["branches"]] for each in found["intervals"]] == [["loaded"], ["missing"]]
    (night,) = json.loads(place.say("ledger", "show", "nightly", "2026-01-05", "--format", "json").stdout)["intervals"]
    assert [line["branch"] for line in night["branches"]] == ["ohio", "plains", "texas"]


def test_a_ledger_is_brought_to_this_version_by_hand(place: Place) -> None:
    """One that is older is not listed; one that is not there is made; one that is newer, or cannot be had, is a failure."""
    database = place.folder / "warehouse.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript("DROP TABLE tidegate_version; DROP VIEW tidegate_completeness")
    old = place.say("ledger", "nightly")
    assert (old.returncode, old.stderr) == (
        1,
        "The ledger behind 'warehouse' is older than this Tidegate. The next load into it brings it up; `tidegate ledger upgrade` does so now.\n",
    )
    assert place.say("gaps", "nightly").returncode == 0
    done = place.say("ledger", "upgrade")
    assert (done.returncode, done.stdout.splitlines()) == (
        1,
        [f"empty: made with version {VERSION}", f"warehouse: brought from before there were versions to version {VERSION}"],
    )
    assert done.stderr.startswith("nowhere: There is no Airflow connection 'nowhere'.")
    again = place.say("ledger", "upgrade", "nightly")
    assert (again.returncode, again.stdout) == (0, f"warehouse: has version {VERSION}\n")
    assert place.say("ledger", "nightly").stdout.endswith("2 interval(s): 1 complete, 1 partial.\n")
    (place.folder / "empty.db").unlink()

    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE tidegate_version SET version_num = '0999'")
    for command in (("ledger", "nightly"), ("ledger", "upgrade", "nightly"), ("gaps", "nightly"), ("catch-up", "nightly")):
        done = place.say(*command)
        assert done.returncode == 1
        assert "The ledger is of version 0999, and this Tidegate knows none after" in done.stderr
    fill(place)
