"""Rows that other loads wrote are replaced only by who brings them anew."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from nights import DAY, START, sale

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


def test_a_part_of_a_wider_interval_under_another_key_is_refused(night: Night) -> None:
    """Its rows are in the wider one's already; so are those of an interval that overlaps."""
    second, both = START + DAY, START + 2 * DAY
    night.load(night.stage([sale("2026-01-01", "emea", 3)], end=both), end=both)
    for start, end, day in ((second, both, "2026-01-02"), (second, both + DAY, "2026-01-02")):
        part = night.stage([sale(day, "emea", 2)], start=start, end=end)
        with pytest.raises(LoadRefused, match="would bring a part of the same time under other keys, twice"):
            night.load(part, start=start, end=end)
    assert night.rows() == [("2026-01-01", "emea", 3)]
