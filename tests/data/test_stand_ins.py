"""Rows that stand in for a missing branch's: found in staging, marked in transforms, loaded under the interval, replaced by its own and never the other way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import DAY, END, START, Night, sale
from servers import emptied

from tidegate.data.manifest import Manifest
from tidegate.data.transform import transform_python, transform_sql
from tidegate.errors import LoadRefused
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

BEFORE = START - DAY
YESTERDAY = "2025-12-31T00:00:00+00:00"


@pytest.fixture(params=["sqlite", "postgres_url", "mariadb_url"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    """A night whose warehouse is empty, on each kind of database."""
    if request.param == "sqlite":
        return Night(tmp_path)
    return Night(tmp_path, emptied(request.getfixturevalue(request.param)))


def stands_in(night: Night, rows: list[dict[str, Any]], branch: str = "emea") -> Manifest:
    """Rows that were staged for the day before, as they are handed on."""
    manifest = night.stage(rows, branch, start=BEFORE)
    return replace(manifest, interval_start=START.isoformat(), interval_end=END.isoformat(), stale={branch: manifest.interval_start})


def combined(night: Night, amount: int, *branches: str, stale: tuple[str, ...] = ()) -> Manifest:
    """A total of all branches."""
    made = night.stage([{"day": "2026-01-01", "amount": amount}], "all", step="total", branches=branches)
    return replace(made, stale=dict.fromkeys(stale, YESTERDAY))


def ledger(night: Night) -> list[tuple[Any, ...]]:
    """Whose rows the warehouse holds: day, branch, and of which day they are where they stand in."""
    return night.query("SELECT interval_start, branch, stale_from FROM tidegate_load ORDER BY 1, 2")


TODAY, OF_TODAY = "2026-01-01", "2026-01-01T00:00:00+00:00"


# -- In staging ---------------------------------------------------------------------------------------------------------


def test_the_newest_attempt_that_counts_is_found(night: Night) -> None:
    """Of one branch of one interval; what was withdrawn does not count, and other folders are none of an interval."""
    first, second = (night.stage([sale("2025-12-31", "emea", amount)], start=BEFORE) for amount in (1, 2))
    night.stage([sale("2025-12-31", "apac", 3)], "apac", start=BEFORE)
    (night.staging.root / "nightly" / "notes").mkdir()
    (night.staging.root / "nightly" / "20260101T000000Z--20250101T000000Z").mkdir()
    (yesterday,) = night.staging.intervals("nightly")
    assert yesterday == Interval(BEFORE, START)
    assert night.staging.newest("nightly", "extract", yesterday, "emea") == second
    night.staging.withdraw(second)
    assert night.staging.newest("nightly", "extract", yesterday, "emea") == first
    assert night.staging.newest("nightly", "extract", yesterday, "amer") is None
    assert night.staging.intervals("unknown") == []


def test_a_manifest_keeps_what_stands_in_on_its_way_through_json(night: Night) -> None:
    """And what is to be taken instead."""
    made = replace(combined(night, 1, "a", "b", stale=("b",)), instead=combined(night, 1, "a"))
    assert Manifest.from_dict(made.as_dict()) == made
    assert (made.fresh, made.stale_from, made.fence_of("a") > made.fence_of("b")) == (True, YESTERDAY, True)


# -- In a transform -----------------------------------------------------------------------------------------------------


def by_sql(night: Night, sql: str, *inputs: Manifest, **more: Any) -> tuple[Manifest, pa.Table]:
    """What a SELECT makes."""
    given = {"key": night.key("all", step="made"), "staging": night.staging, "attempt": sql[:9], "correlation_id": "c-1", **more}
    made = transform_sql(inputs, sql, **given)
    with night.staging.local_file(made) as path:
        return made, pq.read_table(path)


def test_sql_marks_rows_that_stand_in(night: Night) -> None:
    """By the start of the interval that they are of, in the transform's zone; a fresh row has NULL there, of the same type."""
    sql = "SELECT region, $stale_from AS stale_from, '$stale_from' AS said /* $stale_from */ FROM input -- $stale_from"
    told = []
    for part in (night.stage([sale(TODAY, "emea", 1)]), stands_in(night, [sale(TODAY, "emea", 1)])):
        made, table = by_sql(night, sql, part, timezone="Europe/Berlin")
        assert (made.stale, made.read_at) == (part.stale, part.read_at)
        assert pa.types.is_timestamp(table.schema.field("stale_from").type)
        told += table.to_pylist()
    assert [row["stale_from"] for row in told] == [None, datetime(2025, 12, 31, 1)]  # noqa: DTZ001  a clock's reading
    assert {row["said"] for row in told} == {"$stale_from"}


def test_a_combination_is_as_old_as_its_own_rows_and_says_which_are_not(night: Night) -> None:
    """A view has the branches; what is made names them, and its fence is not that of yesterday's reading."""
    old = stands_in(night, [sale(TODAY, "it's", 1)], "it's")
    fresh = night.stage([sale(TODAY, "apac", 2)], "apac")
    sql = "SELECT region, s.stale_from FROM input LEFT JOIN stale s USING (region) ORDER BY region"
    made, table = by_sql(night, sql, old, fresh, dimension="region")
    assert (made.branches, made.stale, made.read_at) == (("it's", "apac"), {"it's": YESTERDAY}, fresh.read_at)
    assert table.to_pylist() == [
        {"region": "apac", "stale_from": None},
        {"region": "it's", "stale_from": datetime(2025, 12, 31)},  # noqa: DTZ001  a clock's reading
    ]
    assert by_sql(night, "SELECT count(*) AS n FROM stale", fresh)[1].to_pylist() == [{"n": 0}]


def test_a_function_is_told_what_stands_in(night: Night) -> None:
    """The oldest start, and each branch's."""
    seen: list[Any] = []

    def marked(frame: pd.DataFrame, stale_from: datetime | None, stale: dict[str, datetime]) -> pd.DataFrame:
        seen.append((stale_from, stale))
        return frame

    for part in (night.stage([sale(TODAY, "emea", 1)]), stands_in(night, [sale(TODAY, "emea", 1)])):
        given = {"key": night.key(step="made"), "staging": night.staging, "attempt": str(len(seen)), "correlation_id": "c-1"}
        assert transform_python([part], marked, **given).stale == part.stale
    assert seen == [(None, {}), (BEFORE, {"emea": BEFORE})]


# -- In the warehouse ---------------------------------------------------------------------------------------------------


def test_they_are_loaded_under_the_interval_and_its_own_rows_replace_exactly_them(house: Night) -> None:
    """Marked in the ledger until then; the other branch's rows stay."""
    house.load(house.stage([sale(TODAY, "apac", 5)], "apac"), stands_in(house, [sale(TODAY, "emea", 1), sale("2026-01-01x", "emea", 2)]))
    assert ledger(house) == [(OF_TODAY, "apac", None), (OF_TODAY, "emea", YESTERDAY)]
    assert len(house.rows()) == 3
    report = house.load(house.stage([sale(TODAY, "emea", 7)]))
    assert report.loaded == ("emea",)
    assert house.rows() == [(TODAY, "apac", 5), (TODAY, "emea", 7)]
    assert ledger(house) == [(OF_TODAY, "apac", None), (OF_TODAY, "emea", None)]


def test_they_never_replace_the_intervals_own_rows_though_they_were_read_later(house: Night) -> None:
    """Yesterday was caught up after today had been loaded: its reading is the newer one, and still stands in for nothing."""
    house.load(house.stage([sale(TODAY, "emea", 7)]))
    later = stands_in(house, [sale(TODAY, "emea", 1)])
    report = house.load(later)
    assert (report.loaded, report.superseded, report.unfit) == ((), ("emea",), "")
    assert (house.rows(), ledger(house)) == ([(TODAY, "emea", 7)], [(OF_TODAY, "emea", None)])


def test_a_combination_with_them_never_replaces_one_without(house: Night) -> None:
    """In whichever order both come; a newer one of the same kind does."""
    early, late = combined(house, 3, "a", "b", stale=("b",)), combined(house, 4, "a", "b", stale=("b",))
    house.load(early, replace=["day"])
    house.load(late, replace=["day"])
    assert house.load(early, replace=["day"]).superseded == ("a", "b")
    assert house.query("SELECT amount FROM sales") == [(4,)]
    house.load(combined(house, 9, "a", "b"), replace=["day"])
    assert house.load(combined(house, 5, "a", "b", stale=("b",)), replace=["day"]).superseded == ("a", "b")
    assert (house.query("SELECT amount FROM sales"), ledger(house)) == ([(9,)], [(OF_TODAY, "a", None), (OF_TODAY, "b", None)])


def test_what_would_touch_another_intervals_rows_is_left_out(house: Night) -> None:
    """Its day was taken from the rows; the rest is loaded, and the report says why and what to do."""
    house.load(house.stage([sale("2025-12-31", "emea", 1)], start=BEFORE), start=BEFORE)
    report = house.load(house.stage([sale(TODAY, "apac", 5)], "apac"), stands_in(house, [sale("2025-12-31", "emea", 1)]))
    assert report.loaded == ("apac",)
    assert "does not tell the intervals apart: day=2025-12-31, region=emea was loaded for 2025-12-31" in report.unfit
    assert "CAST($interval_start AS DATE) AS day in the transform" in report.unfit
    assert house.rows() == [("2025-12-31", "emea", 1), (TODAY, "apac", 5)]
    assert ledger(house) == [(YESTERDAY, "emea", None), (OF_TODAY, "apac", None)]


def test_a_combination_that_cannot_be_loaded_with_them_is_loaded_without(house: Night) -> None:
    """The transform made both."""
    house.load(house.stage([{"day": "2025-12-31", "amount": 6}], "all", branches=("a", "b"), start=BEFORE), replace=["day"], start=BEFORE)
    rows = [{"day": "2025-12-31", "amount": 3}, {"day": TODAY, "amount": 4}]
    both = replace(house.stage(rows, "all", step="total", branches=("a", "b")), stale={"b": YESTERDAY}, instead=combined(house, 4, "a"))
    report = house.load(both, replace=["day"])
    assert (report.loaded, bool(report.unfit)) == (("a",), True)
    assert house.query("SELECT day, amount FROM sales ORDER BY 1") == [("2025-12-31", 6), (TODAY, 4)]


@pytest.mark.parametrize("trouble", ["gone", "damaged", "other columns"])
def test_files_that_are_not_what_they_were_are_left_out(night: Night, trouble: str) -> None:
    """They make no night worse."""
    old = stands_in(night, [{"day": TODAY, "region": "emea", "cents": 1} if trouble == "other columns" else sale(TODAY, "emea", 1)])
    path = night.staging.root / old.path
    if trouble == "gone":
        path.unlink()
    elif trouble == "damaged":
        path.write_bytes(b"what?")
    report = night.load(night.stage([sale(TODAY, "apac", 5)], "apac"), old)
    assert (report.loaded, night.rows()) == (("apac",), [(TODAY, "apac", 5)])
    assert {"gone": "is missing", "damaged": "is damaged", "other columns": "brought different columns"}[trouble] in report.unfit


def test_where_the_intervals_own_rows_are_refused_too_that_is_what_is_told(night: Night) -> None:
    """Leaving out what stands in does not help; where there is nothing else, nothing is left out."""
    old, odd = stands_in(night, [sale(TODAY, "emea", 1)]), night.stage([{"region": "apac", "amount": 5}], "apac")
    with pytest.raises(LoadRefused, match='no column "day", which replace: names'):
        night.load(odd, old)
    with pytest.raises(LoadRefused, match='no column "month"'):
        night.load(old, replace=["month"])


def test_they_make_way_for_rows_under_the_same_keys(house: Night) -> None:
    """A total without the branch replaces one that had it; yesterday's own rows come late, and find theirs in use for today."""
    house.load(combined(house, 3, "a", "b", stale=("b",)), replace=["day"])
    house.load(combined(house, 2, "a"), replace=["day"])
    assert (house.query("SELECT amount FROM sales"), ledger(house)) == ([(2,)], [(OF_TODAY, "a", None)])

    house.load(stands_in(house, [sale("2025-12-31", "emea", 1)]), target_table="days")
    house.load(house.stage([sale("2025-12-31", "emea", 8)], start=BEFORE), start=BEFORE, target_table="days")
    assert house.query("SELECT day, amount FROM days") == [("2025-12-31", 8)]
    assert ledger(house) == [(YESTERDAY, "emea", None), (OF_TODAY, "a", None)]
