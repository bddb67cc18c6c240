"""What a swap does with the rows that are there, and what it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from nights import DAY, END, amounts, held, sale, swap

from tidegate.data.engines import reading
from tidegate.errors import LoadRefused, TimedOut
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from nights import Night

JAN_1, JAN_2 = "2026-01-01", "2026-01-02"


def test_a_swap_leaves_nothing_of_what_was_there(anywhere: Night) -> None:
    """Neither rows of earlier nights nor those that somebody wrote, nor the ledger's words about them."""
    swap(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]), anywhere.stage([sale(JAN_1, "apac", 2)], "apac"))
    anywhere.run("INSERT INTO sales VALUES ('2024-01-01', 'emea', 7)")
    report = swap(anywhere, anywhere.stage([sale(JAN_2, "emea", 3)], start=END), start=END)
    assert amounts(anywhere) == [3]
    assert held(anywhere) == [(JAN_2, "emea", 1)]
    assert (report.rows, report.loaded) == (1, ("emea",))
    swap(anywhere, anywhere.stage([], schema=pa.schema([("day", pa.string())]), start=END), start=END)
    assert amounts(anywhere) == []


def test_an_older_night_does_not_swap_a_later_ones_table(night: Night) -> None:
    """Whenever it was read; an older attempt of the same night neither."""
    old = night.stage([sale(JAN_2, "emea", 1)], start=END)
    swap(night, night.stage([sale(JAN_2, "emea", 2)], start=END), start=END)
    assert swap(night, old, start=END).superseded == ("emea",)
    report = swap(night, night.stage([sale(JAN_1, "emea", 3)]))
    assert (report.rows, report.superseded) == (0, ("emea",))
    assert amounts(night) == [2]


def test_a_night_that_a_later_one_has_overtaken_says_so(anywhere: Night) -> None:
    """Also to what is written in its transaction; an older attempt of the same night is overtaken by none, and another mode never is."""
    said: list[Any] = []

    def told(_connection: Any, _held: Any, overtaken_by: Any) -> None:
        said.append(overtaken_by)

    swap(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]), in_transaction=told)
    old = anywhere.stage([sale(JAN_2, "emea", 1)], start=END)
    last = END + DAY
    for start in (END, last):
        swap(anywhere, anywhere.stage([sale(JAN_2, "emea", 2)], start=start), start=start)
    assert swap(anywhere, old, start=END, in_transaction=told).overtaken_by == Interval(last, last + DAY)
    assert swap(anywhere, anywhere.stage([sale(JAN_2, "emea", 3)], start=last), start=last, in_transaction=told).overtaken_by is None
    assert said == [None, Interval(last, last + DAY), None]


def test_a_swap_loses_no_branch_and_no_other_pipeline(night: Night) -> None:
    """A catch-up of one branch would delete the others' rows."""
    swap(night, night.stage([sale(JAN_1, "emea", 1)]), night.stage([sale(JAN_1, "apac", 2)], "apac"))
    with pytest.raises(LoadRefused) as refused:
        swap(night, night.stage([sale(JAN_1, "emea", 3)]))
    assert (
        "holds rows of apac for 2026-01-01, and a swap for emea alone would lose them. Start a run for all branches, apac too; or load by replace:."
        in str(refused.value)
    )
    with pytest.raises(LoadRefused, match="holds rows of the pipeline nightly, and a swap by hourly would delete them"):
        swap(night, night.stage([sale(JAN_1, "emea", 3)], start=END), start=END, pipeline="hourly")
    assert amounts(night) == [2, 1]


def test_a_run_for_chosen_branches_swaps_no_table_of_others(anywhere: Night) -> None:
    """Of whatever interval; those that it was to bring and that are missing go, as in a night of all."""
    swap(anywhere, *(anywhere.stage([sale(JAN_1, region, 1)], region) for region in ("amer", "apac", "emea")))
    before = anywhere.rows(), held(anywhere)
    later = anywhere.stage([sale(JAN_2, "emea", 2)], start=END)
    with pytest.raises(LoadRefused) as refused:
        swap(anywhere, later, start=END, chosen=frozenset({"amer", "emea"}))
    assert str(refused.value) == (
        "sales holds rows of apac for 2026-01-01, and a swap for emea alone would lose them. "
        "Start a run for all branches, apac too; or load by replace:."
    )
    assert (anywhere.rows(), held(anywhere)) == before
    swap(anywhere, later, start=END)
    assert (amounts(anywhere), held(anywhere)) == ([2], [(JAN_2, "emea", 1)])
    swap(anywhere, anywhere.stage([sale(JAN_2, "apac", 3)], "apac", start=END + DAY), start=END + DAY, chosen=frozenset({"apac", "emea"}))
    assert (amounts(anywhere), held(anywhere)) == ([3], [("2026-01-03", "apac", 1)])


def test_a_swapped_table_is_the_same_table(on_postgres: Night) -> None:
    """With its names of constraints, its rights and whatever hangs on it; rights that new tables are given since are not its."""
    on_postgres.run(
        "DROP OWNED BY reader" if on_postgres.query("SELECT 1 FROM pg_roles WHERE rolname = 'reader'") else "CREATE ROLE reader",
        "CREATE TABLE sales (day text UNIQUE CHECK (day <> 'x'), region text, amount int DEFAULT 3)",
        "CREATE VIEW attached AS SELECT * FROM sales",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader",
    )
    about = "SELECT oid, relacl::text, (SELECT string_agg(conname, ' ' ORDER BY 1) FROM pg_constraint WHERE conrelid = c.oid) FROM pg_class c WHERE oid = 'sales'::regclass"
    before = on_postgres.query(about)
    swap(on_postgres, on_postgres.stage([sale(JAN_1, "emea", 1)]))
    assert on_postgres.query(about) == before
    assert on_postgres.query("SELECT amount FROM attached") == [(1,)]
    on_postgres.run("ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM reader", "DROP VIEW attached")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_reader_of_an_older_state_sees_the_old_rows(on_postgres: Night, level: str) -> None:
    """As a dump reads: what it has not looked at yet was swapped since."""
    swap(on_postgres, on_postgres.stage([sale(JAN_1, "emea", 1)]))
    with sa.create_engine(on_postgres.url, isolation_level=level, poolclass=sa.NullPool).connect() as reader:
        reader.execute(sa.text("SELECT 1"))
        swap(on_postgres, on_postgres.stage([sale(JAN_1, "emea", 2), sale(JAN_2, "emea", 3)]))
        assert reader.execute(sa.text("SELECT amount FROM sales")).all() == [(1,)]
    assert amounts(on_postgres) == [2, 3]


def test_readers_see_the_old_table_until_the_new_one_is_complete(anywhere: Night) -> None:
    """A reader beside the load never sees an empty table. DuckDB lets none in meanwhile."""
    if anywhere.url.get_backend_name() == "sqlite":
        anywhere.run("PRAGMA journal_mode = WAL")  # else a reader would wait
    swap(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]))
    seen: list[list[int]] = []

    def look(_rows: int) -> None:
        if anywhere.url.get_backend_name() == "duckdb":
            with pytest.raises(TimedOut), reading(anywhere.url, busy_timeout=0.1):
                pass
        seen.append(amounts(anywhere) if anywhere.url.get_backend_name() != "duckdb" else [1])

    part = anywhere.stage([sale(JAN_2, "emea", number) for number in range(5)], start=END)
    swap(anywhere, part, start=END, batch_rows=2, progress=look)
    assert seen == [[1]] * 3
    assert amounts(anywhere) == [0, 1, 2, 3, 4]
