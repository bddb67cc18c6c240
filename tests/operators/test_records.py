"""The record and its gaps in the ledger, on three databases, in the transaction that writes the data."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from records import EXCLUDED, FLORIDA, NIGHT, PLAINS, TEXAS, record
from servers import emptied

from tidegate.data import ledger
from tidegate.data.completeness import nights
from tidegate.data.engines import database_url, reading, writing
from tidegate.data.gaps import amend_gaps, read_gaps, there, write_gaps
from tidegate.data.instants import instant
from tidegate.data.ledger import LoadRow
from tidegate.errors import TidegateError, TimedOut
from tidegate.operators.records import held_rows, loaded_from, nights_before, write_record, write_short, write_unloaded
from tidegate.resilience.completeness import names
from tidegate.resilience.gap import TOO_LITTLE, Gap, Status
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from tidegate.resilience.completeness import Branch, Completeness

MONTH = timedelta(days=30)
NOW = datetime(2017, 12, 24, 4, tzinfo=UTC)
YESTERDAY = "2017-12-22T00:00:00+00:00"
TOMORROW = Interval(NIGHT.end, NIGHT.end + timedelta(days=1))


def warehouse(request: pytest.FixtureRequest, folder: Path) -> sa.URL:
    """A warehouse without a ledger, of the kind that a fixture's parameter names."""
    if request.param == "sqlite":
        return sa.URL.create("sqlite", database=str(folder / "warehouse.db"))
    if request.param == "duckdb":
        return database_url(conn_id="warehouse", conn_type="duckdb", host=str(folder / "warehouse.duckdb"))
    return emptied(request.getfixturevalue(request.param))


@pytest.fixture(params=["sqlite", "postgres_url", "mariadb_url"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> sa.URL:
    """A warehouse that two may write at a time, or that waits by itself."""
    return warehouse(request, tmp_path)


@pytest.fixture(params=["sqlite", "duckdb", "postgres_url", "mariadb_url"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> sa.URL:
    """A warehouse of each kind."""
    return warehouse(request, tmp_path)


def load_of(name: str, run_id: str = "run") -> LoadRow:
    """The ledger's row of a branch."""
    return LoadRow(
        pipeline="sales", target="sales_by_day", interval_start=instant(NIGHT.start), interval_end=instant(NIGHT.end), branch=name,
        attempt="a-1", fence="f", run_id=run_id, correlation_id="tg-1", rows=3, partitions=(), loaded_at="2017-12-24",
    )  # fmt: skip


def loaded(
    url: sa.URL,
    *branches: Branch,
    brought: tuple[str, ...],
    run_id: str = "run",
    fail: bool = False,
    stale: tuple[str, ...] = (),
    overtaken_by: Interval | None = None,
) -> Completeness:
    """A load's transaction: the rows of what was brought, or stands in, the record, the gaps."""
    with writing(url) as connection:
        ledger.ensure(connection)
    with writing(url) as connection:
        for name in (*brought, *stale):
            ledger.write_load(connection, replace(load_of(name, run_id), stale_from=YESTERDAY if name in stale else None))
        held = ledger.held(connection, "sales", NIGHT.start, NIGHT.end)
        _, known = write_record(
            connection, replace(record(*branches), run_id=run_id), held, owner="analytics", expire=MONTH, overtaken_by=overtaken_by
        )
        if fail:
            raise TidegateError("killed here")
    return known


def short(url: sa.URL, *branches: Branch, run_id: str = "run") -> str:
    """An outcome's transaction after a missed quorum."""
    with writing(url) as connection:
        missed = replace(record(*branches, met=False), run_id=run_id)
        return write_short(connection, missed, owner="analytics", expire=MONTH)


def gaps(url: sa.URL) -> dict[str, Gap]:
    """Branch → gap."""
    with reading(url) as connection:
        return {gap.branch: gap for gap in read_gaps(connection, "sales", interval=NIGHT)}


def seen(url: sa.URL) -> dict[str, tuple[Any, ...]]:
    """Branch → what matters of its gap."""
    return {name: (gap.status, gap.state, gap.attempts, gap.closed_by) for name, gap in gaps(url).items()}


def test_a_partial_night_opens_and_its_catch_up_closes(url: sa.URL) -> None:
    """Two are missing; a run for one of them brings it, and says nothing of the other."""
    loaded(url, TEXAS, PLAINS, FLORIDA, brought=("texas",))
    assert seen(url) == {
        "plains": ("open", "failed", 0, ""),
        "florida": ("open", "failed", 0, ""),
    }
    gap = gaps(url)["florida"]
    assert (gap.reason, gap.owner, gap.dimension, gap.interval) == (FLORIDA.reason, "analytics", "region", NIGHT)
    assert gap.expires_at - gap.opened_at == MONTH

    loaded(url, replace(EXCLUDED, name="texas"), PLAINS, EXCLUDED, brought=("plains",), run_id="second")
    assert seen(url) == {"plains": ("closed", "failed", 0, "second"), "florida": ("open", "failed", 0, "")}
    assert gaps(url)["florida"] == gap


def test_a_night_that_a_later_one_has_overtaken_lacks_nothing(url: sa.URL) -> None:
    """It opens no gap and closes what was open, for nothing can be brought any more; its row says why."""
    loaded(url, TEXAS, PLAINS, FLORIDA, brought=("texas",))
    with writing(url) as connection:
        ledger.forget_load(connection, load_of("texas"))
    known = loaded(url, EXCLUDED, TEXAS, replace(FLORIDA, name="ohio"), brought=(), run_id="second", overtaken_by=TOMORROW)
    assert known.sentence == "sales for 2017-12-23 was not loaded: the table already holds 2017-12-24, which is newer."
    assert seen(url) == {"plains": ("closed", "failed", 0, "second"), "florida": ("closed", "failed", 0, "second")}
    assert gaps(url)["florida"].note == known.sentence
    with reading(url) as connection:
        row = ledger.read_interval(connection, "sales", NIGHT.start, NIGHT.end)
    assert row is not None
    assert (row.outcome, row.missing, row.sentence) == ("overtaken", (), known.sentence)


def test_the_ledger_of_a_night_that_was_overtaken_is_true(anywhere: sa.URL) -> None:
    """None of its rows arrived, whatever the run brought, and none is missing; it tells nothing of what is usual."""
    loaded(anywhere, TEXAS, PLAINS, FLORIDA, brought=("texas",))
    with writing(anywhere) as connection:
        ledger.forget_load(connection, load_of("texas"))
    caught_up = replace(PLAINS, state=TEXAS.state, rows=9)
    loaded(anywhere, replace(EXCLUDED, name="texas"), caught_up, EXCLUDED, brought=(), run_id="second", overtaken_by=TOMORROW)
    with reading(anywhere) as connection:
        row = ledger.read_interval(connection, "sales", NIGHT.start, NIGHT.end)
        assert row is not None
        assert (row.outcome, row.expected, row.arrived, row.missing) == ("overtaken", 3, 0, ())
        assert nights_before(connection, "sales", TOMORROW) == []
        assert held_rows(connection, "sales", NIGHT) == {}
        ((night,), _) = nights(connection, lambda _pipeline, _start: True)
    assert [(line.branch, line.state, line.rows, line.gap) for line in night.lines] == [
        ("florida", "overtaken", None, "closed"),
        ("plains", "overtaken", None, "closed"),
    ]
    assert (night.outcome, night.arrived, night.missing, night.rows) == ("overtaken", 0, (), 0)


def test_rows_that_stand_in_are_not_held(url: sa.URL) -> None:
    """The night stays partial and the gap open, whoever asks, until the branch's own rows are there."""
    known = loaded(url, TEXAS, FLORIDA, brought=("texas",), stale=("florida",))
    assert (known.outcome, names(known.stale), known.rows) == ("partial", ["florida"], TEXAS.rows)
    assert seen(url)["florida"] == ("open", "failed", 0, "")
    with reading(url) as connection:
        row = ledger.read_interval(connection, "sales", NIGHT.start, NIGHT.end)
        assert row is not None
        assert (row.arrived, row.missing, row.record["stale"], row.sentence) == (1, ("florida",), ["florida"], known.sentence)
        assert held_rows(connection, "sales", NIGHT) == {"texas": TEXAS.rows}
        assert nights_before(connection, "sales", TOMORROW) == [{"texas": TEXAS.rows}]
        assert loaded_from(connection, "sales", NIGHT) == {"florida": YESTERDAY, "texas": instant(NIGHT.start)}
    assert short(url, replace(EXCLUDED, name="texas"), FLORIDA, run_id="second") == "partial"
    assert seen(url)["florida"] == ("open", "failed", 1, "")

    known = loaded(url, replace(EXCLUDED, name="texas"), replace(FLORIDA, state=TEXAS.state), brought=("florida",), run_id="third")
    assert (known.outcome, known.stale) == ("complete", ())
    assert seen(url)["florida"] == ("closed", "failed", 1, "third")


def test_rows_and_gaps_are_there_together_or_not_at_all(url: sa.URL) -> None:
    """What ends the transaction before its commit leaves neither."""
    with pytest.raises(TidegateError, match="killed here"):
        loaded(url, TEXAS, FLORIDA, brought=("texas",), fail=True)
    with reading(url) as connection:
        assert ledger.held(connection, "sales", NIGHT.start, NIGHT.end) == {}
        assert there(connection)
        assert read_gaps(connection) == []


def test_a_killed_process_leaves_neither_rows_nor_gaps(url: sa.URL) -> None:
    """Killed the moment before its commit; the next try leaves both."""
    with writing(url) as connection:
        ledger.ensure(connection)
    command = [sys.executable, str(Path(__file__).with_name("dying.py")), url.render_as_string(hide_password=False)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "written\n"
        process.kill()
    with reading(url) as connection:
        assert (ledger.intervals(connection), read_gaps(connection)) == ([], [])
        assert ledger.held(connection, "sales", NIGHT.start, NIGHT.end) == {}
    loaded(url, TEXAS, FLORIDA, brought=("texas",))
    assert seen(url) == {"florida": ("open", "failed", 0, "")}


def test_a_missed_quorum_opens_all_that_the_warehouse_does_not_hold(url: sa.URL) -> None:
    """Those that arrived too; what is held stays out; and each run counts once."""
    assert short(url, TEXAS, FLORIDA) == ""
    assert seen(url) == {"texas": ("open", "arrived", 0, ""), "florida": ("open", "failed", 0, "")}
    assert gaps(url)["texas"].reason == TOO_LITTLE
    opened = gaps(url)["florida"].opened_at
    short(url, TEXAS, FLORIDA)
    assert seen(url)["florida"][2] == 0
    short(url, TEXAS, FLORIDA, run_id="second")
    assert (seen(url)["florida"][2], gaps(url)["florida"].opened_at) == (1, opened)


def test_a_catch_up_that_brings_nothing_counts_and_leaves_the_night_as_it_was(url: sa.URL) -> None:
    """The interval stays partial; the chosen branch has one attempt more, the other none."""
    loaded(url, TEXAS, PLAINS, FLORIDA, brought=("texas",))
    assert short(url, replace(EXCLUDED, name="texas"), replace(EXCLUDED, name="plains"), FLORIDA, run_id="second") == "partial"
    assert {name: gap.attempts for name, gap in gaps(url).items()} == {"plains": 0, "florida": 1}
    with reading(url) as connection:
        row = ledger.read_interval(connection, "sales", NIGHT.start, NIGHT.end)
    assert row is not None
    assert row.outcome == "partial"


def test_two_processes_write_one_gap(url: sa.URL) -> None:
    """The second finds it there though it had not been, and says the last word."""
    loaded(url, TEXAS, FLORIDA, brought=("texas",))
    (gap,) = gaps(url).values()
    with writing(url) as connection:
        write_gaps(connection, [replace(gap, branch="plains"), replace(gap, reason="newer")])
    assert {name: found.reason for name, found in gaps(url).items()} == {"plains": FLORIDA.reason, "florida": "newer"}
    with writing(url) as connection:
        assert amend_gaps(connection, [gap.waived(NOW, by="ada", because="closed for good")]) == 1
        assert amend_gaps(connection, [gap.tried(NOW)]) == 0
    assert (gaps(url)["florida"].status, gaps(url)["florida"].note) == (Status.WAIVED, "closed for good")


def test_a_race_for_a_new_gap_ends_with_one(postgres_url: sa.URL) -> None:
    """Neither of two transactions sees the other's row when it looks; the later one waits, and writes over it."""
    import threading

    with writing(emptied(postgres_url)) as connection:
        ledger.ensure(connection)
        write_gaps(connection, [])
    now = datetime.now(UTC)
    gap = Gap(
        pipeline="sales", interval=NIGHT, branch="texas", dimension="region", state="failed", reason="first", owner="", opened_at=now,
        expires_at=now,
    )  # fmt: skip

    def second() -> None:
        with writing(postgres_url) as connection:
            write_gaps(connection, [replace(gap, reason="second"), replace(gap, branch="florida", reason="second")])

    thread = threading.Thread(target=second)
    with writing(postgres_url) as connection:
        write_gaps(connection, [gap])
        thread.start()
        waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        while True:
            with reading(postgres_url) as other:
                if other.execute(waiting).scalar_one():
                    break
    thread.join()
    assert {name: found.reason for name, found in gaps(postgres_url).items()} == {"texas": "second", "florida": "second"}


def test_without_a_ledger_there_are_no_gaps(url: sa.URL) -> None:
    """Asking makes no table."""
    with writing(url) as connection:
        assert (there(connection), read_gaps(connection)) == (False, [])


Decided = Callable[[sa.Connection], object]


def as_short(connection: sa.Connection) -> None:
    """Decide that too little came."""
    write_short(connection, record(TEXAS, FLORIDA, met=False), owner="analytics", expire=MONTH)


def as_loaded(connection: sa.Connection) -> None:
    """Decide what a load has brought."""
    held = ledger.held(connection, "sales", NIGHT.start, NIGHT.end)
    write_record(connection, record(TEXAS, FLORIDA), held, owner="analytics", expire=MONTH)


def as_unloaded(connection: sa.Connection) -> None:
    """Decide where no load is."""
    write_unloaded(connection, record(TEXAS, FLORIDA), [], owner="analytics", expire=MONTH)


@pytest.mark.parametrize(
    ("first", "second"), [(as_short, as_loaded), (as_loaded, as_short), (as_loaded, as_loaded), (as_unloaded, as_unloaded)]
)
def test_two_runs_decide_about_one_interval_one_after_the_other(url: sa.URL, first: Decided, second: Decided) -> None:
    """The second waits for the first, and sees what it has written: neither is refused."""
    with writing(url) as connection:
        ledger.ensure(connection)
    decided, ended = threading.Event(), []

    def late() -> None:
        with writing(url) as connection:
            second(connection)
        ended.append(True)

    thread = threading.Thread(target=late)
    with writing(url) as connection:
        first(connection)
        thread.start()
        decided.wait(0.5)
        assert not ended
    thread.join()
    assert ended
    with reading(url) as connection:
        row = ledger.read_interval(connection, "sales", NIGHT.start, NIGHT.end)
    assert row is not None
    assert row.outcome == ("short" if first is as_short and second is as_short else "partial")
    if first is as_loaded is second:
        assert row.record["before"] == ""


def test_an_interval_whose_writer_hangs(url: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for it in vain is told so, and may try again."""
    monkeypatch.setattr(ledger, "_LOCK_SECONDS", 0)
    url = url.update_query_dict({"options": "-c lock_timeout=100"}) if url.get_backend_name() == "postgresql" else url
    with writing(url) as connection:
        ledger.turn(connection, "sales", NIGHT.start, NIGHT.end)
        with writing(url) if url.get_backend_name() != "sqlite" else nullcontext(connection) as other:
            ledger.turn(other, "sales", TOMORROW.start, TOMORROW.end)
            ledger.turn(other, "other", NIGHT.start, NIGHT.end)
        if url.get_backend_name() != "sqlite":
            with pytest.raises(TimedOut), writing(url) as other:
                ledger.turn(other, "sales", NIGHT.start, NIGHT.end)
