"""Rows that other loads wrote are replaced only by who brings them anew."""

from __future__ import annotations

import json
from dataclasses import replace as replaced
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from nights import DAY, START, sale

from tidegate.data import ledger
from tidegate.data.engines import writing
from tidegate.data.instants import instant
from tidegate.data.ledger import LoadRow, write_load
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from nights import Night

MONTH = START + 31 * DAY


def total(day: str, amount: int) -> dict[str, object]:
    """Give a total of all branches, which does not tell them apart."""
    return {"day": day, "amount": amount}


def test_a_wider_interval_with_fewer_branches_does_not_delete_the_totals_of_all(night: Night) -> None:
    """A month for one region must not replace the days' totals of three."""
    night.load(night.stage([total("2026-01-01", 6)], "all", branches=("a", "b", "c")), replace=["day"])
    wide = night.stage([total("2026-01-01", 1)], "all", branches=("a",), end=MONTH)
    with pytest.raises(LoadRefused) as refused:
        night.load(wide, replace=["day"], end=MONTH)
    told = "day=2026-01-01 was loaded for 2026-01-01T00:00:00+00:00 to 2026-01-02T00:00:00+00:00 with rows of b, which this load"
    assert told in str(refused.value)
    assert night.query("SELECT amount FROM sales") == [(6,)]


def test_an_older_reading_of_a_day_does_not_replace_a_newer_one_of_its_month(night: Night) -> None:
    """The fence holds across intervals that hold each other; a fresh reading may."""
    old = night.stage([sale("2026-01-01", "emea", 1)])
    night.load(night.stage([sale("2026-01-01", "emea", 2)], end=MONTH), end=MONTH)
    with pytest.raises(LoadRefused, match="from a later reading of emea than this load") as refused:
        night.load(old)
    assert "Clear the extract of emea too" in str(refused.value)
    assert [row[2] for row in night.rows()] == [2]
    night.load(night.stage([sale("2026-01-01", "emea", 3)]))
    assert [row[2] for row in night.rows()] == [3]


def test_another_pipelines_rows_in_the_same_partition_are_not_deleted(night: Night) -> None:
    """Whichever interval they are of."""
    night.load(night.stage([sale("2026-01-01", "emea", 1)]))
    for start in (START, START - timedelta(days=9)):
        part = night.stage([sale("2026-01-01", "emea", 2)], start=start)
        with pytest.raises(LoadRefused, match="was loaded by the pipeline nightly, and this load by hourly would delete those rows"):
            night.load(part, pipeline="hourly", start=start)
    assert [row[2] for row in night.rows()] == [1]


def test_a_wider_interval_under_other_keys_replaces_what_shorter_ones_within_it_brought(night: Night) -> None:
    """Two days loaded as one must not stand beside the second day's own rows."""
    second = START + DAY
    night.load(night.stage([sale("2026-01-01", "emea", 1)]))
    night.load(night.stage([sale("2026-01-02", "emea", 2)], start=second), start=second)
    both = second + DAY
    night.load(night.stage([sale("2026-01-01", "emea", 3)], end=both), end=both)
    assert night.rows() == [("2026-01-01", "emea", 3)]


def test_a_day_of_each_branch_replaces_its_part_of_a_wider_interval(night: Night) -> None:
    """Of several branches at once: the keys of each are held against what that one brought."""
    days = [str((START + number * DAY).date()) for number in range(3)]
    night.load(
        *(night.stage([sale(day, branch, 1) for day in days], branch, end=START + 3 * DAY) for branch in ("emea", "apac")),
        end=START + 3 * DAY,
    )
    night.load(*(night.stage([sale(days[0], branch, 2)], branch) for branch in ("emea", "apac")))
    assert night.rows() == [(day, branch, 2 if day == days[0] else 1) for day in days for branch in ("apac", "emea")]
    with pytest.raises(LoadRefused, match="under other keys, twice"):
        night.load(*(night.stage([sale(day, branch, 3)], branch) for branch, day in (("emea", days[0]), ("apac", "2026-01-09"))))


def test_a_part_of_a_wider_interval_under_another_key_is_refused(night: Night) -> None:
    """Its rows are in the wider one's already; so are those of an interval that overlaps."""
    second, both = START + DAY, START + 2 * DAY
    night.load(night.stage([sale("2026-01-01", "emea", 3)], end=both), end=both)
    for start, end, day in ((second, both, "2026-01-02"), (second, both + DAY, "2026-01-02")):
        part = night.stage([sale(day, "emea", 2)], start=start, end=end)
        with pytest.raises(LoadRefused, match="would bring a part of the same time under other keys, twice"):
            night.load(part, start=start, end=end)
    assert night.rows() == [("2026-01-01", "emea", 3)]


def history(night: Night, *, days: int, keys: int) -> None:
    """Let the ledger know loads of another time, of many keys each."""
    with writing(night.url) as connection:
        for number in range(days):
            start = START - timedelta(days=1000 - number)
            row = LoadRow(
                pipeline="nightly", target="sales", interval_start=instant(start), interval_end=instant(start + DAY), branch="emea",
                attempt="a", fence="f", run_id="r", correlation_id="c", rows=keys, loaded_at="l",
                partitions=tuple(f'["{start.date()}", "store-{store}"]' for store in range(keys)),
            )  # fmt: skip
            write_load(connection, row)


def test_a_load_reads_only_of_others_that_it_may_clash_with(anywhere: Night) -> None:
    """Of a ledger of many nights the keys of those that are about the same time or have the same keys."""
    anywhere.load(anywhere.stage([sale("2026-01-01", "emea", 1)]))
    history(anywhere, days=20, keys=700)
    read: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger.json, "loads", lambda text, real=json.loads: read.append(text) or real(text))
        anywhere.load(anywhere.stage([sale("2026-01-01", "emea", 2)]))
        assert sum(map(len, read)) < 1000
    start = START - timedelta(days=995)
    for part, pipeline in (
        (anywhere.stage([sale(str(start.date()), "store-699", 1)]), "hourly"),
        (anywhere.stage([sale(str(start.date()), "store-5", 1)]), "nightly"),
    ):
        with pytest.raises(LoadRefused, match="would delete those rows"):
            anywhere.load(part, pipeline=pipeline)
    anywhere.load(anywhere.stage([sale(str(start.date()), "store-700", 1)]))


def test_keys_that_a_load_has_no_more_are_free(anywhere: Night) -> None:
    """For another interval, or another pipeline; also when all its rows are gone, or were swapped away."""
    anywhere.load(anywhere.stage([sale("x", "emea", 1), sale("y", "emea", 1)]))
    with pytest.raises(LoadRefused, match="would delete those rows"):
        anywhere.load(anywhere.stage([sale("y", "emea", 1)]), pipeline="hourly")
    anywhere.load(anywhere.stage([sale("x", "emea", 1)]))
    anywhere.load(anywhere.stage([sale("y", "emea", 2)]), pipeline="hourly")
    assert anywhere.query("SELECT count(*) FROM tidegate_key") == [(2,)]
    anywhere.load(anywhere.stage([sale("x", "emea", 1), sale("z", "emea", 1)]))
    anywhere.load(anywhere.stage([sale("x", "emea", 1), sale("z", "emea", 1)]))
    assert anywhere.query("SELECT count(*) FROM tidegate_key") == [(3,)]
    anywhere.run("DELETE FROM tidegate_load WHERE pipeline = 'hourly'")
    anywhere.load(anywhere.stage([sale("y", "emea", 3)], start=START + DAY), start=START + DAY)
    anywhere.load(anywhere.stage([sale("v", "emea", 3)], start=START + 2 * DAY), start=START + 2 * DAY, replace=(), mode="swap")
    assert anywhere.query("SELECT count(*) FROM tidegate_load") == [(1,)]


def test_rows_that_stand_in_make_way_for_the_same_keys_of_any_interval(night: Night) -> None:
    """And the keys that go with them are looked for as well."""
    stale = replaced(night.stage([sale("x", "apac", 1), sale("y", "apac", 1)], "apac"), stale={"apac": "2025-12-31T00:00:00+00:00"})
    night.load(stale)
    night.load(night.stage([sale("x", "apac", 2)], "apac", start=START + 9 * DAY), start=START + 9 * DAY)
    assert [row[2] for row in night.rows()] == [2]
    assert night.query("SELECT interval_start FROM tidegate_load") == [("2026-01-10T00:00:00+00:00",)]


def test_other_replace_columns_are_refused(anywhere: Night) -> None:
    """Keys of other columns are not compared, so another branch's rows would go unseen, or another pipeline's."""
    anywhere.load(anywhere.stage([sale("x", "emea", 1)]), anywhere.stage([sale("x", "apac", 2)], "apac"))
    for replace, pipeline in ((["day"], "nightly"), (["region", "day"], "nightly"), (["day"], "hourly")):
        with pytest.raises(LoadRefused) as refused:
            anywhere.load(anywhere.stage([sale("x", "apac", 3)], "apac"), replace=replace, pipeline=pipeline)
        assert str(refused.value) == (
            f"What is in sales was loaded by replace: [day, region], and by replace: [{', '.join(replace)}] nobody knows whose rows go. "
            "Write it as before, in this order; or delete the table's rows, and theirs in tidegate_load, by hand."
        )
    assert [row[2] for row in anywhere.rows()] == [2, 1]
    anywhere.run("DELETE FROM sales", "DELETE FROM tidegate_load")
    anywhere.load(anywhere.stage([sale("x", "apac", 3)], "apac"), replace=["day"])
    with pytest.raises(LoadRefused, match=r"was loaded by replace: \[day\], and by replace: \[day, region\]"):
        anywhere.load(anywhere.stage([sale("x", "apac", 4)], "apac"))
    assert [row[2] for row in anywhere.rows()] == [3]
