"""Loading: all or nothing, by key, and the newest attempt wins."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nights import DAY, END, START, Night, sale

from tidegate.data import ledger
from tidegate.data.engines import writing
from tidegate.errors import DataRefused, LoadRefused, TidegateError, TimedOut

if TYPE_CHECKING:
    from tidegate.data.ledger import LoadRow

FIRST = [sale("2026-01-01", "emea", 1), sale("2026-01-01", "emea", 2)]
SECOND = [sale("2026-01-01", "emea", 30)]


def test_rows_arrive(night: Night) -> None:
    """What was staged is what the table holds, and the report counts it."""
    report = night.load(night.stage(FIRST), night.stage([sale("2026-01-01", "apac", 5)], "apac"))
    assert night.rows() == [("2026-01-01", "apac", 5), ("2026-01-01", "emea", 1), ("2026-01-01", "emea", 2)]
    assert (report.rows, report.loaded, report.superseded, report.partitions) == (3, ("apac", "emea"), (), 2)


def test_the_ledger_tells_it(night: Night) -> None:
    """The ledger's row says which attempt brought which partitions."""
    part = night.stage(FIRST)
    night.load(part)
    with writing(night.url) as connection:
        row = ledger.held(connection, "nightly", START, END, "sales")["emea"]
    assert (row.attempt, row.fence, row.rows, row.run_id) == (part.attempt, part.fence, 2, "run-1")
    assert row.partitions == ('["2026-01-01", "emea"]',)
    assert (row.interval_start, row.interval_end) == ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00")


def test_loading_again_replaces(night: Night) -> None:
    """A second attempt's rows stand in place of the first's."""
    night.load(night.stage(FIRST))
    night.load(night.stage(SECOND))
    assert night.rows() == [("2026-01-01", "emea", 30)]


def test_an_older_attempt_is_left_out(night: Night) -> None:
    """A zombie's late load changes nothing, and is no error."""
    old, new = night.stage(FIRST), night.stage(SECOND)
    night.load(new)
    report = night.load(old)
    assert night.rows() == [("2026-01-01", "emea", 30)]
    assert (report.rows, report.loaded, report.superseded) == (0, (), ("emea",))


def test_of_two_attempts_the_newer_is_taken(night: Night) -> None:
    """Both attempts of a branch in one load: the newer one is written."""
    report = night.load(night.stage(FIRST), night.stage(SECOND))
    assert night.rows() == [("2026-01-01", "emea", 30)]
    assert (report.loaded, report.superseded) == (("emea",), ())


def test_vanished_keys_vanish(night: Night) -> None:
    """A key that the source no longer brings leaves the warehouse too, as do all rows of a branch that is empty now."""
    night.load(night.stage([*FIRST, sale("2025-12-31", "emea", 9)]), night.stage([sale("2026-01-01", "apac", 5)], "apac"))
    night.load(night.stage(SECOND))
    assert night.rows() == [("2026-01-01", "apac", 5), ("2026-01-01", "emea", 30)]
    report = night.load(night.stage([], schema=pa.schema([("day", pa.string()), ("region", pa.string()), ("amount", pa.int64())])))
    assert night.rows() == [("2026-01-01", "apac", 5)]
    assert (report.rows, report.loaded, report.partitions) == (0, ("emea",), 1)


def test_rows_of_others_stay(night: Night) -> None:
    """Rows that no load brought are touched only when their key is."""
    night.load(night.stage(FIRST))
    with writing(night.url) as connection:
        connection.execute(sa.text("INSERT INTO sales VALUES ('2024-01-01', 'emea', 7)"))
    night.load(night.stage(SECOND))
    assert night.rows() == [("2024-01-01", "emea", 7), ("2026-01-01", "emea", 30)]


def test_null_keys_are_replaced(night: Night) -> None:
    """NULL is a key like others."""
    rows = [{"day": None, "region": "emea", "amount": 1}, {"day": None, "region": None, "amount": 2}]
    schema = pa.schema([("day", pa.string()), ("region", pa.string()), ("amount", pa.int64())])
    night.load(night.stage(rows, schema=schema))
    night.load(night.stage(rows, schema=schema))
    assert night.query("SELECT count(*), sum(amount) FROM sales") == [(2, 3)]


def test_many_partitions(night: Night) -> None:
    """Partitions are deleted in chunks, and every one of them is."""
    rows = [sale(str(date(2020, 1, 1) + timedelta(days=number)), "emea", number) for number in range(1234)]
    night.load(night.stage(rows))
    night.load(night.stage(rows))
    assert night.query("SELECT count(*), count(DISTINCT day) FROM sales") == [(1234, 1234)]


def test_the_dimension_becomes_a_column(night: Night) -> None:
    """Rows that do not say their region get the branch as region."""
    night.load(
        night.stage([{"day": "2026-01-01", "amount": 1}]), night.stage([{"day": "2026-01-01", "amount": 2}], "apac"), dimension="region"
    )
    assert night.rows() == [("2026-01-01", "apac", 2), ("2026-01-01", "emea", 1)]


def test_in_transaction_sees_and_writes(night: Night) -> None:
    """The caller's own writes are committed with the rows, and it sees what the ledger holds by then."""
    seen: dict[str, LoadRow] = {}

    def record(connection: sa.Connection, held: dict[str, LoadRow], _overtaken_by: None) -> None:
        seen.update(held)
        connection.execute(sa.text("CREATE TABLE note (text TEXT)"))

    night.load(night.stage([sale("2026-01-01", "apac", 5)], "apac"))
    night.load(night.stage(FIRST), in_transaction=record)
    assert sorted(seen) == ["apac", "emea"]
    assert night.query("SELECT * FROM note") == []


def test_what_in_transaction_raises_rolls_back(night: Night) -> None:
    """Neither rows nor ledger are written when the record cannot be."""

    def record(_connection: sa.Connection, _held: dict[str, LoadRow], _overtaken_by: None) -> None:
        raise TidegateError("no")

    night.load(night.stage(FIRST))
    with pytest.raises(TidegateError, match=r"^no$"):
        night.load(night.stage(SECOND), in_transaction=record)
    assert [row[2] for row in night.rows()] == [1, 2]
    assert night.query("SELECT rows FROM tidegate_load") == [(2,)]


def test_no_parts_at_all(night: Night) -> None:
    """Nothing arrived: nothing is loaded, and the record can still be written."""
    called = []
    report = night.load(in_transaction=lambda _connection, held, _overtaken_by: called.append(held))
    assert (report.rows, called) == (0, [{}])


# -- refusals ---------------------------------------------------------------------------------------------------------------------


def refusal(night: Night, *parts: Any, **more: Any) -> str:
    """Give the message of a load that is refused, and make sure that it changed nothing."""
    dump = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%tidegate%' ORDER BY 1"
    before = night.query(dump), night.rows() if night.query(dump) else []
    with pytest.raises(LoadRefused) as caught:
        night.load(*parts, **more)
    assert (night.query(dump), night.rows() if night.query(dump) else []) == before
    return str(caught.value)


def test_a_key_that_the_rows_lack(night: Night) -> None:
    """A replace column must be in the rows; a near name is suggested."""
    assert refusal(night, night.stage(FIRST), replace=["dya"]) == (
        'The rows have no column "dya", which replace: names; they have day, region, amount. '
        'Did you mean "day"? Select it in the transform, or name another column under replace:.'
    )


def test_no_key(night: Night) -> None:
    """A load without a key would only ever add."""
    assert refusal(night, night.stage(FIRST), replace=[]).startswith("The load names no replace columns.")


def test_a_key_of_floats(night: Night) -> None:
    """Floats are no keys."""
    part = night.stage([{"day": 1.5, "region": "emea", "amount": 1}])
    assert "values of type float cannot be compared surely" in refusal(night, part)


def test_branches_that_share_a_partition(night: Night) -> None:
    """Two branches in one load that bring the same key would delete each other's rows."""
    parts = night.stage([sale("2017-12-22", "x", 1)], "texas"), night.stage([sale("2017-12-22", "y", 1)], "florida")
    assert refusal(night, *parts, replace=["day"]) == (
        "replace: [day] does not tell the branches apart: florida and texas both bring day=2017-12-22, so one would delete the other's rows; "
        "add the branch's column to replace:."
    )


def test_branches_that_share_a_partition_one_after_the_other(night: Night) -> None:
    """The ledger remembers whose rows they are."""
    night.load(night.stage([sale("2017-12-22", "x", 1)], "texas"), replace=["day"])
    message = refusal(night, night.stage([sale("2017-12-22", "y", 1)], "florida"), replace=["day"])
    assert "does not tell the branches apart: florida and texas both bring day=2017-12-22" in message


def test_branches_of_a_combined_part_may_share(night: Night) -> None:
    """A combining transform's rows belong to all its branches, and can be loaded again."""
    rows = [sale("2026-01-01", "all", 1)]
    for _ in range(2):
        report = night.load(night.stage(rows, "all", branches=["emea", "apac"]), replace=["day"])
        assert report.loaded == ("apac", "emea")
    assert night.rows() == [("2026-01-01", "all", 1)]
    assert night.query("SELECT branch FROM tidegate_load ORDER BY 1") == [("apac",), ("emea",)]


def test_a_combined_part_must_not_lose_a_branch(night: Night) -> None:
    """A rerun in which one region is down must not delete that region's share of the combined rows."""
    night.load(night.stage([sale("2026-01-01", "all", 6)], "all", branches=["amer", "apac", "emea"]), replace=["day"])
    message = refusal(night, night.stage([sale("2026-01-01", "all", 3)], "all", branches=["amer", "apac"]), replace=["day"])
    assert message == (
        "The table holds rows of emea in day=2026-01-01, and the combined rows of amer and apac would delete them. "
        "Combine emea too, or add the branch's column to replace:."
    )


def test_intervals_that_share_a_partition(night: Night) -> None:
    """A nightly run at 02:00 with the calendar day as key would delete the night before."""
    two = START + timedelta(hours=2)
    night.load(night.stage([sale("2026-01-01", "emea", 1), sale("2026-01-02", "emea", 2)], start=two), start=two)
    part = night.stage([sale("2026-01-02", "emea", 3)], start=two + DAY)
    assert refusal(night, part, start=two + DAY) == (
        "replace: [day, region] does not tell the intervals apart: day=2026-01-02, region=emea was loaded for 2026-01-01T02:00:00+00:00 to "
        "2026-01-02T02:00:00+00:00, and this load for 2026-01-02T02:00:00+00:00 to 2026-01-03T02:00:00+00:00 would delete those rows. "
        "A run at 02:00 spans two calendar days. Derive the key from the interval's start instead, "
        "for example CAST($interval_start AS DATE) AS day in the transform."
    )


def test_an_interval_within_another_may_share(night: Night) -> None:
    """A month's backfill replaces its days, and a day within it can be loaded again."""
    night.load(night.stage(FIRST))
    month = [sale("2026-01-01", "emea", 10), sale("2026-01-02", "emea", 20)]
    night.load(night.stage(month, end=START + 31 * DAY), end=START + 31 * DAY)
    night.load(night.stage(SECOND))
    assert [row[2] for row in night.rows()] == [30, 20]


def test_a_key_of_the_rows(night: Night) -> None:
    """More than 10 000 partitions mean that the key was misunderstood."""
    part = night.stage(pa.table({"day": range(10_001), "region": ["emea"] * 10_001, "amount": [1] * 10_001}))
    assert refusal(night, part) == (
        "replace: [day, region] makes more than 10,000 partitions of the rows of emea. "
        "Name columns that many rows share, such as the day, and not the rows' own key."
    )


def test_a_column_that_the_table_lacks(night: Night) -> None:
    """A new column in the rows is named, with the nearest of the table's."""
    night.load(night.stage(FIRST))
    part = night.stage([{"day": "2026-01-01", "region": "emea", "ammount": 1}])
    assert refusal(night, part) == (
        'Table sales has no column "ammount"; it has day, region, amount. '
        'Did you mean "amount"? Add the column to the table, or leave it out of the rows.'
    )


def make_sales(night: Night, columns: str) -> None:
    """Create the target by hand."""
    with writing(night.url) as connection:
        connection.execute(sa.text(f"CREATE TABLE sales ({columns})"))


def test_a_column_that_the_rows_lack(night: Night) -> None:
    """It becomes NULL or its default, or is refused where the table allows neither."""
    make_sales(night, "id INTEGER PRIMARY KEY, day TEXT, region TEXT, amount INTEGER, note TEXT, kind TEXT NOT NULL DEFAULT 'x'")
    night.load(night.stage(FIRST))
    assert night.query("SELECT note, kind FROM sales") == [(None, "x")] * 2
    with writing(night.url) as connection:
        connection.execute(sa.text("DROP TABLE sales"))
    make_sales(night, "day TEXT, region TEXT, amount INTEGER, currency TEXT NOT NULL")
    assert refusal(night, night.stage(FIRST)) == (
        'Column "currency" of table sales must not be NULL, and the rows do not bring it. '
        "Select it in the query or the transform, or let the table allow NULL."
    )


def test_a_column_that_would_lose_something(night: Night) -> None:
    """Text does not go into a column of integers, where SQLite would turn 007 into 7."""
    make_sales(night, "day TEXT, region TEXT, amount INTEGER")
    part = night.stage([{"day": "2026-01-01", "region": "emea", "amount": "007"}])
    assert 'Column "amount" of table sales is INTEGER, which cannot hold every text exactly.' in refusal(night, part)


def test_the_database_says_no(night: Night) -> None:
    """A broken constraint is told in the database's words, and nothing is written."""
    make_sales(night, "day TEXT, region TEXT, amount INTEGER CHECK (amount < 2)")
    assert refusal(night, night.stage(FIRST)) == (
        "warehouse refused the load into sales: CHECK constraint failed: amount < 2. "
        "No row was written. Correct the rows in the query or the transform, or alter the table."
    )


def test_a_damaged_part(night: Night) -> None:
    """A staged file that is not the committed one is not loaded."""
    part = night.stage(FIRST)
    (night.folder / "staging" / part.path).write_bytes(b"x")
    with pytest.raises(DataRefused, match="damaged"):
        night.load(part)


def test_a_locked_warehouse(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's lock is waited for, and then told as something to try again."""
    monkeypatch.setattr("tidegate.data.engines.BUSY_TIMEOUT", 0.1)
    night.load(night.stage(FIRST))
    part = night.stage(SECOND)
    with writing(night.url), pytest.raises(TimedOut, match="warehouse kept the data locked for too long"):
        night.load(part)
    night.load(part)
    assert [row[2] for row in night.rows()] == [30]


def test_names_are_quoted(night: Night) -> None:
    """Names of tables, columns and branches are names, whatever is in them."""
    table, column, branch = 'sales"; DROP TABLE victim; --', 'a"b:c %(d)s `x`); --', "emea'; DROP TABLE victim; --"
    with writing(night.url) as connection:
        connection.execute(sa.text("CREATE TABLE victim (x TEXT)"))
    rows = [{"day": branch, column: 1, "region; --": branch}]
    for _ in range(2):
        night.load(night.stage(rows, branch), target_table=table, replace=["day", "region; --", column])
    assert night.query("SELECT count(*) FROM victim") == [(0,)]
    with writing(night.url) as connection:
        assert [tuple(row) for row in connection.execute(sa.select(sa.table(table, sa.column("day"), sa.column(column))))] == [(branch, 1)]
        assert sorted(ledger.held(connection, "nightly", START, END)) == [branch]


# -- processes --------------------------------------------------------------------------------------------------------------------


def loading(night: Night, part: Any, what: str) -> subprocess.Popen[str]:
    """Start a load in a process of its own."""
    script = Path(__file__).with_name("loading.py")
    command = [sys.executable, str(script), str(night.folder), json.dumps(part.as_dict()), what]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a process has left its mark."""
    give_up = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_killed_in_the_middle(night: Night) -> None:
    """SIGKILL after the deletes and some inserts: the warehouse is as before, and the retry makes it right."""
    night.load(night.stage(FIRST))
    part = night.stage([sale("2026-01-01", "emea", amount) for amount in range(10, 20)])
    before = night.rows(), night.query("SELECT * FROM tidegate_load")
    with loading(night, part, "hang") as process:
        wait_for(night.folder / "marker", process)
        process.send_signal(signal.SIGKILL)
    assert (night.rows(), night.query("SELECT * FROM tidegate_load")) == before
    night.load(part)
    assert [row[2] for row in night.rows()] == list(range(10, 20))


def test_two_at_once(night: Night) -> None:
    """Whichever of two processes comes first, the newer attempt's rows stay."""
    old, new = night.stage(FIRST), night.stage(SECOND)
    with loading(night, old, "race") as one, loading(night, new, "race") as other:
        for process, part in ((one, old), (other, new)):
            wait_for(night.folder / f"ready-{part.attempt}", process)
        (night.folder / "go").touch()
        assert (one.wait(60), other.wait(60)) == (0, 0)
    assert night.rows() == [("2026-01-01", "emea", 30)]


# -- properties -------------------------------------------------------------------------------------------------------------------

sales = st.lists(st.tuples(st.sampled_from(["2026-01-01", "2026-01-02", None]), st.integers(-(2**63), 2**63 - 1)), max_size=6)
SALES = pa.schema([("day", pa.string()), ("region", pa.string()), ("amount", pa.int64())])


@given(st.lists(sales, min_size=1, max_size=3))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_loading_twice_is_loading_once(tmp_path_factory: pytest.TempPathFactory, attempts: list[list[tuple[str | None, int]]]) -> None:
    """Of any series of attempts, each loaded once or twice, the table holds exactly the last one's rows."""
    night = Night(tmp_path_factory.mktemp("night"))
    night.load(night.stage([sale("2026-01-01", "apac", 0)], "apac", schema=SALES))
    for attempt in attempts:
        part = night.stage([{"day": day, "region": "emea", "amount": amount} for day, amount in attempt], schema=SALES)
        for _ in range(2):
            night.load(part)
    held = night.query("SELECT day, amount FROM sales WHERE region = 'emea'")
    assert sorted(held, key=str) == sorted(attempts[-1], key=str)
    assert night.query("SELECT count(*) FROM sales WHERE region = 'apac'") == [(1,)]
