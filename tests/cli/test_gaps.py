"""The commands that look after gaps, in an Airflow home of their own: a ledger, its pipelines, and runs that are really asked for."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from getpass import getuser
from typing import TYPE_CHECKING

import pytest
from gapped import Place, gap

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A project whose DAGs Airflow knows."""
    place = Place(tmp_path_factory.mktemp("project"))
    place.write("nightly")
    place.write("new", connection="empty")
    place.write("lost", connection="nowhere")
    (place.folder / "dags").mkdir()
    code = 'from tidegate import build_dags  # airflow dag\n\nglobals().update(build_dags("include/pipelines"))\n'
    (place.folder / "dags" / "pipelines.py").write_text(code.replace('"include', f'"{place.folder}/include'))
    with closing(sqlite3.connect(place.folder / "empty.db")) as connection, connection:
        connection.execute("CREATE TABLE other (x INTEGER)")
    place.airflow("db", "migrate")
    place.airflow("dags", "reserialize")
    yield place
    place.close()


def test_the_list_says_who_is_missing_since_when_and_why(place: Place) -> None:
    """In order of time, with a last line that counts; closed ones only where they are asked for."""
    now = datetime.now(UTC)
    waived = gap(7, "ohio").waived(now, by="ada", because="closed for good")
    place.put(gap(5), gap(6, "plains", attempts=3, last_attempt_at=now), waived)
    done = place.say("gaps", "nightly")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split("  ") for line in done.stdout.splitlines()]
    told = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert told == [
        ["interval", "branch", "state", "age", "attempts", "next", "owner", "reason"],
        ["2026-01-04 23:00 to 2026-01-05 23:00 UTC", "texas", "failed", "2 d", "0", "due", "analytics", "no route to host"],
        ["2026-01-05 23:00 to 2026-01-06 23:00 UTC", "plains", "failed", "2 d", "3", "in 7 h", "analytics", "no route to host"],
        ["2 gap(s) open in 2 interval(s), the oldest for 2 d."],
    ]
    everything = place.say("gaps", "nightly", "--all").stdout
    assert "closed for good (ada)" in everything
    assert "waived" in everything


def test_days_are_those_of_the_pipelines_zone(place: Place) -> None:
    """The night of the fifth begins on the fourth at 23:00 UTC; both bounds are inclusive."""
    place.put(gap(4), gap(5), gap(6), gap(6, "plains"))

    def listed(*arguments: str) -> list[tuple[str, str]]:
        found = json.loads(place.say("gaps", "nightly", "--format", "json", *arguments).stdout)
        assert found["version"] == 1
        return [(each["interval_start"], each["branch"]) for each in found["gaps"]]

    assert listed("--since", "2026-01-05", "--until", "2026-01-05") == [("2026-01-04T23:00:00+00:00", "texas")]
    assert listed("--since", "2026-01-05T00:01") == [("2026-01-05T23:00:00+00:00", "plains"), ("2026-01-05T23:00:00+00:00", "texas")]
    assert listed("--until", "2026-01-04T00:00") == [("2026-01-03T23:00:00+00:00", "texas")]
    assert listed("--region", "plains") == listed("--branch", "plains") == [("2026-01-05T23:00:00+00:00", "plains")]


def test_catching_up_starts_one_run_for_each_interval_and_says_so(place: Place) -> None:
    """A rehearsal first; then the runs, pinned to their intervals; and once more finds them on their way."""
    place.put(gap(5), gap(5, "plains"), gap(6))
    before = place.runs()
    dry = place.say("catch-up", "nightly", "--since", "2026-01-05", "--dry-run")
    assert dry.stdout.splitlines() == [
        "nightly for 2026-01-04 23:00 to 2026-01-05 23:00 UTC: plains, texas: would be started",
        "nightly for 2026-01-05 23:00 to 2026-01-06 23:00 UTC: texas: would be started",
        "2 run(s), none started.",
    ]
    assert place.runs() == before

    done = place.say("catch-up", "nightly", "--until", "2026-01-05")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 run(s)."), done.stderr
    ((run_id, conf),) = [run for run in place.runs() if run not in before]
    assert f"nightly for 2026-01-04 23:00 to 2026-01-05 23:00 UTC: plains, texas: started as {run_id}; it waits" in done.stdout
    assert run_id.startswith("catch_up__2026-01-04T23:00:00+00:00__")
    assert conf == {
        "region": ["plains", "texas"], "interval_start": "2026-01-04T23:00:00+00:00", "interval_end": "2026-01-05T23:00:00+00:00",
        "adopt": True, "catch_up": True,
    }  # fmt: skip
    assert place.seen()["2026-01-05", "texas"][1:3] == (1, run_id)
    assert place.seen()["2026-01-06", "texas"][1] == 0

    again = place.say("catch-up", "nightly", "--until", "2026-01-05")
    assert f"left to {run_id}, which is on its way" in again.stdout
    assert place.seen()["2026-01-05", "texas"][1] == 1


def test_a_night_without_a_quorum_is_brought_whole_or_not_at_all(place: Place) -> None:
    """Else the quorum would be asked about a part, and what it refused would be loaded. Who names all that is missing has it whole."""
    place.put(gap(9), gap(9, "plains", state="arrived"), gap(9, "ohio", state="arrived"), short=True)
    assert "ohio, plains, texas: would be started" in place.say("catch-up", "nightly", "--dry-run").stdout
    before = place.runs()
    done = place.say("catch-up", "nightly", "--region", "texas", "--region", "ohio")
    assert (done.returncode, place.runs()) == (0, before)
    assert done.stdout.splitlines() == [
        "nightly for 2026-01-08 23:00 to 2026-01-09 23:00 UTC: left out, for nothing of it was loaded yet. Bring it whole: without --region.",
        "Nothing is missing that could be brought.",
    ]
    named = [option for name in ("texas", "plains", "ohio") for option in ("--region", name)]
    assert "ohio, plains, texas: would be started" in place.say("catch-up", "nightly", *named, "--dry-run").stdout


def test_what_airflow_refuses_is_told_and_fails_the_command(place: Place) -> None:
    """A branch that the pipeline does not have any more; the attempt is not counted."""
    place.put(gap(5, "utah"))
    done = place.say("catch-up", "nightly")
    assert done.returncode == 1
    assert "utah: not started. Airflow says: " in done.stderr
    assert place.seen()["2026-01-05", "utah"][1] == 0


def test_a_branch_that_there_is_not_and_days_that_end_before_they_begin_are_refused(place: Place) -> None:
    """Nothing open would read as if all were well."""
    place.put(gap(5))
    done = place.say("gaps", "nightly", "--region", "texsa")
    assert (done.returncode, done.stderr) == (2, "There is no branch 'texsa'. Did you mean 'texas'?\n")
    done = place.say("catch-up", "nightly", "--since", "2026-01-09", "--until", "2026-01-05")
    assert (done.returncode, done.stderr) == (2, "--since 2026-01-09 lies after --until 2026-01-05, and no interval between them.\n")


def test_nothing_open_is_no_failure_of_a_list_and_of_a_catch_up(place: Place) -> None:
    """Waiving nothing is one, for a person meant something."""
    place.put(gap(5, opened_at=datetime.now(UTC) - timedelta(days=40), expires_at=datetime.now(UTC) - timedelta(days=10)))
    assert place.say("gaps", "nightly", "--since", "2026-02-01").stdout == "No gap is open.\n"
    done = place.say("catch-up", "nightly")
    assert (done.returncode, done.stdout) == (0, "Nothing is missing that could be brought.\n")
    done = place.say("waive", "nightly", "--since", "2026-02-01", "--because", "no")
    assert (done.returncode, done.stderr) == (1, "No open gap is meant. `tidegate gaps` lists those that are open.\n")


def test_waiving_asks_for_a_reason_and_keeps_it_with_the_name(place: Place) -> None:
    """Of the chosen gaps only; and never of all by mistake."""
    place.put(gap(5), gap(5, "plains"), gap(6))
    done = place.say("waive", "nightly", "--until", "2026-01-05", "--region", "texas", typed="the shop burnt down\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"UTC: texas waived\n1 gap(s) waived by {getuser()}.\n")
    seen = place.seen()
    assert seen["2026-01-05", "texas"] == ("waived", 0, "", getuser(), "the shop burnt down")
    assert {seen[key][0] for key in (("2026-01-05", "plains"), ("2026-01-06", "texas"))} == {"open"}

    done = place.say("waive", "nightly", "--because", "all of it")
    assert (done.returncode, done.stderr) == (2, "Say which: --since, --until or --region.\n")
    done = place.say("waive", "nightly", "--region", "texas", "--because", " ")
    assert (done.returncode, done.stderr) == (2, "Say why: --because takes a reason that others will read.\n")


def test_what_cannot_be_asked_is_told(place: Place) -> None:
    """No ledger yet, no such connection, no such pipeline, no such day; others are listed all the same."""
    place.put(gap(5))
    assert place.say("gaps", "new").stderr == "There is no ledger behind 'empty' yet. The first load into it makes one.\n"
    lost = place.say("gaps", "lost")
    assert (lost.returncode, lost.stderr) == (
        1,
        "There is no Airflow connection 'nowhere'. Add it under Admin → Connections, or set AIRFLOW_CONN_NOWHERE.\n",
    )
    everything = place.say("gaps")
    assert everything.returncode == 0
    assert "nightly" in everything.stdout
    assert "There is no Airflow connection 'nowhere'." in everything.stderr
    assert "There is no ledger behind 'empty' yet." in everything.stderr
    unknown = place.say("gaps", "nightli")
    assert (unknown.returncode, unknown.stderr) == (2, "There is no pipeline 'nightli' under include/pipelines. Did you mean 'nightly'?\n")
    wrong = place.say("gaps", "nightly", "--since", "yesterday")
    assert wrong.returncode == 2
    assert wrong.stderr == "--since is 'yesterday', which is no day. Write it as 2026-01-31, or with a time as 2026-01-31T02:00.\n"
    nothing = place.say("gaps", "--folder", "dags")
    assert nothing.returncode == 1
    assert "there is no pipeline file in this folder" in nothing.stderr


def test_gaps_of_a_pipeline_without_a_file_are_listed_too(place: Place) -> None:
    """A DAG written in Python may load into the same warehouse."""
    place.put(replace(gap(5), pipeline="by_hand"))
    assert "by_hand" in place.say("gaps").stdout
