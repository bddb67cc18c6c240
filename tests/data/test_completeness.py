"""The view that readers join, and what is read by it, on each kind of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from nights import DAY, END, START, Night, on_duckdb
from servers import emptied

from tidegate.data import ledger
from tidegate.data.completeness import nights
from tidegate.data.engines import reading, writing
from tidegate.data.gaps import write_gaps
from tidegate.data.instants import instant, stamp
from tidegate.data.ledger import IntervalRow, LoadRow
from tidegate.resilience.gap import Gap, Status
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from pathlib import Path

LOAD = LoadRow(
    pipeline="nightly", target="sales", interval_start=instant(START), interval_end=instant(END), branch="emea", attempt="a-1", fence="f",
    run_id="run-1", correlation_id="c-1", rows=3, partitions=(), loaded_at=stamp(END),
)  # fmt: skip
ROW = IntervalRow(
    pipeline="nightly", interval_start=instant(START), interval_end=instant(END), outcome="partial", sentence="It is partial.", expected=6,
    arrived=2, missing=("apac", "latam"), record={}, run_id="run-1", correlation_id="c-1", decided_at=stamp(END),
)  # fmt: skip
GAP = Gap(
    pipeline="nightly", interval=Interval(START, END), branch="apac", dimension="region", state="failed", reason="down", owner="analytics",
    opened_at=END, expires_at=END + timedelta(days=30),
)  # fmt: skip
COLUMNS = "branch, outcome, state, attempt, loaded_at, stale_from, reason, owner, missing_since, gap"


@pytest.fixture(params=["sqlite", "duckdb", "postgres_url", "mariadb_url"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    """A warehouse with a ledger."""
    files = {"sqlite": None, "duckdb": on_duckdb(tmp_path)}
    url = files[request.param] if request.param in files else emptied(request.getfixturevalue(request.param))
    night = Night(tmp_path, url)
    with writing(night.url) as connection:
        ledger.ensure(connection)
    return night


def test_the_view_tells_of_each_branch_once(night: Night) -> None:
    """Loaded by the newest load; standing in, missing, waived or given up, with the reason; and not of gaps that were filled."""
    with writing(night.url) as connection:
        ledger.write_interval(connection, ROW)
        for load in (
            LOAD,
            replace(LOAD, branch="apac_2", attempt="old"),
            replace(LOAD, branch="apac_2", target="another", attempt="new", loaded_at=stamp(END + DAY)),
            replace(LOAD, branch="latam", stale_from=instant(START - DAY)),
        ):
            ledger.write_load(connection, load)
        filled = replace(GAP, branch="emea", status=Status.CLOSED)
        waived = replace(GAP, branch="africa", status=Status.WAIVED)
        write_gaps(connection, [GAP, filled, waived, replace(GAP, branch="latam"), replace(GAP, branch="arctic", status=Status.EXPIRED)])
    lacking = ("down", "analytics", stamp(END))
    at, later, before = stamp(END), stamp(END + DAY), instant(START - DAY)
    assert night.query(f"SELECT {COLUMNS} FROM tidegate_completeness WHERE pipeline = 'nightly' ORDER BY branch") == [
        ("africa", "partial", "waived", None, None, None, *lacking, "waived"),
        ("apac", "partial", "missing", None, None, None, *lacking, "open"),
        ("apac_2", "partial", "loaded", "new", later, None, None, None, None, None),
        ("arctic", "partial", "missing", None, None, None, *lacking, "expired"),
        ("emea", "partial", "loaded", "a-1", at, None, None, None, None, None),
        ("latam", "partial", "stale", "a-1", at, before, *lacking, "open"),
    ]


def test_an_interval_that_was_overtaken_lacks_nothing(night: Night) -> None:
    """Whatever became of its gaps; what a person waived stays so, and rows that are there are told as such."""
    with writing(night.url) as connection:
        ledger.write_interval(connection, replace(ROW, outcome="overtaken", arrived=1, missing=()))
        ledger.write_load(connection, LOAD)
        statuses = {"apac": Status.CLOSED, "africa": Status.WAIVED, "arctic": Status.EXPIRED, "emea": Status.CLOSED}
        write_gaps(connection, [replace(GAP, branch=branch, status=status) for branch, status in statuses.items()])
    assert night.query("SELECT branch, outcome, state, gap FROM tidegate_completeness ORDER BY branch") == [
        ("africa", "overtaken", "waived", "waived"),
        ("apac", "overtaken", "overtaken", "closed"),
        ("arctic", "overtaken", "overtaken", "expired"),
        ("emea", "overtaken", "loaded", None),
    ]


def test_branches_are_told_apart_by_their_letters(night: Night) -> None:
    """Also where a database's own order would take ``eu`` and ``EU`` for one."""
    with writing(night.url) as connection:
        ledger.write_load(connection, replace(LOAD, branch="eu"))
        write_gaps(connection, [replace(GAP, branch="EU")])
    assert sorted(night.query("SELECT branch, state, outcome FROM tidegate_completeness")) == [
        ("EU", "missing", None),
        ("eu", "loaded", None),
    ]


def test_intervals_are_told_with_their_branches(night: Night) -> None:
    """In order; rows of a combination count once; where no barrier decides, the branches alone tell."""
    with writing(night.url) as connection:
        ledger.write_interval(connection, ROW)
        ledger.write_load(connection, LOAD)
        ledger.write_load(connection, replace(LOAD, branch="africa"))
        write_gaps(connection, [GAP])
        plain = replace(LOAD, pipeline="plain", branch="all", interval_start=instant(START - DAY), interval_end=instant(START), attempt="p")
        ledger.write_load(connection, plain)
    with reading(night.url) as connection:
        (first, second), more = nights(connection, lambda _pipeline, _start: True)
        assert not more
        assert (first.pipeline, first.outcome, first.expected, first.arrived, first.rows, first.run_id) == ("plain", None, 1, 1, 3, "run-1")
        assert (second.pipeline, second.outcome, second.expected, second.arrived, second.rows) == ("nightly", "partial", 6, 2, 3)
        assert (second.sentence, second.missing, second.decided_at) == ("It is partial.", ("apac", "latam"), stamp(END))
        assert [(line.branch, line.state, line.rows) for line in second.lines] == [
            ("africa", "loaded", 3),
            ("apac", "missing", None),
            ("emea", "loaded", 3),
        ]
        assert nights(connection, lambda pipeline, _start: pipeline == "plain") == ([first], False)
        assert nights(connection, lambda _pipeline, start: start < instant(START), pipeline="nightly") == ([], False)


def test_the_newest_of_each_pipeline(night: Night) -> None:
    """And whether there are more."""
    with writing(night.url) as connection:
        for number in range(4):
            bounds = {"interval_start": instant(START + number * DAY), "interval_end": instant(START + (number + 1) * DAY)}
            ledger.write_load(connection, replace(LOAD, **bounds))
        ledger.write_load(connection, replace(LOAD, pipeline="another"))
    with reading(night.url) as connection:
        found, more = nights(connection, lambda _pipeline, _start: True, newest=2)
        assert [(each.pipeline, each.interval_start[:10]) for each in found] == [
            ("another", "2026-01-01"),
            ("nightly", "2026-01-03"),
            ("nightly", "2026-01-04"),
        ]
        assert more
        assert not nights(connection, lambda _pipeline, _start: True, newest=4)[1]


def test_mariadb_finds_a_branch_by_its_index(on_mariadb: Night) -> None:
    """It knows nothing of a table that nobody has analysed, and would look through all of a pipeline's loads for each of them."""
    with writing(on_mariadb.url) as connection:
        ledger.ensure(connection)
        plan = connection.exec_driver_sql("EXPLAIN SELECT * FROM tidegate_completeness WHERE pipeline = 'nightly'").mappings().all()
    looked_up = [(step["table"], step["key"]) for step in plan if step["select_type"] == "DEPENDENT SUBQUERY"]
    assert looked_up == [("newer", "tidegate_load_branch"), ("tidegate_load", "tidegate_load_branch")]
