"""Rows of all branches dealt out, by a hash or by value: each row in one share, the same everywhere and for ever."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from dealing import (
    APAC,
    EMEA,
    KEYS,
    all_of,
    by_frame,
    by_frames,
    by_value,
    computed,
    each_value,
    number,
    order,
    receipts,
    table,
    totals,
    warehouse,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nights import DAY, START, Night

from tidegate.data.manifest import share_from
from tidegate.data.shares import chosen, dealt_of, rebased, share_of
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Callable


# -- Which row is in which share --------------------------------------------------------------------------------------------------


VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "decimal": (pa.decimal128(20, 4), st.decimals(-(10**15), 10**15, places=4)),
    "narrow": (pa.decimal128(2, 2), st.decimals("-0.99", "0.99", places=2)),
    "text": (pa.string(), st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)),
    "bool": (pa.bool_(), st.booleans()),
    "date": (pa.date32(), st.dates(date(1000, 1, 1))),
    "timestamp": (pa.timestamp("us"), st.datetimes(datetime(1000, 1, 1))),  # noqa: DTZ001  a clock's reading
    "timestamptz": (pa.timestamp("us", "UTC"), st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
}


@st.composite
def dealt(draw: st.DrawFn) -> tuple[pa.Table, list[str], int]:
    """Rows of any types and NULLs, the columns by which they are dealt out, into how many shares."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True))
    rows = draw(st.lists(st.tuples(*(st.none() | VALUES[name][1] for name in names)), max_size=20))
    columns = {name: pa.array([row[index] for row in rows], VALUES[name][0]) for index, name in enumerate(names)}
    return pa.table({**columns, "row": pa.array(range(len(rows)), pa.int64())}), names, draw(st.integers(2, 5))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=dealt())
def test_every_row_is_in_exactly_the_share_that_the_page_tells(night: Night, rows: tuple[pa.Table, list[str], int]) -> None:
    """Whatever its types, and NULL too; for a function and for SQL alike, and as computed in another language."""
    given_rows, by, of = rows
    part = night.stage(given_rows)
    expected = {row["row"]: number([row[name] for name in by], of) for row in given_rows.to_pylist()}
    found: dict[int, int] = {}
    for only in range(of):
        with chosen(share_of([part], by, number=only, of=of), given_rows.schema) as pick:
            mine = [row for batch in pick(given_rows.to_batches(max_chunksize=7)) for row in batch.column("row").to_pylist()]
        assert not found.keys() & mine
        found |= dict.fromkeys(mine, only)
    assert found == expected
    only = of - 1
    by_sql = computed(night, [part], only, of, by=by, sql='SELECT "row" FROM input', dimension=None)
    assert sorted(row["row"] for row in table(night, by_sql)) == sorted(row for row, share in expected.items() if share == only)


def test_shares_do_not_move() -> None:
    """Not from one version to the next, nor where a number becomes a text or a decimal: these are for ever."""
    known = {
        (1,): 3,
        (42,): 0,
        (None,): 4,
        ("",): 5,
        ("anna",): 1,
        ("ä",): 4,
        (False,): 3,
        (date(2026, 1, 31),): 3,
        (1, None): 4,
        (2, 1): 0,
    }
    schema_of = {int: pa.int64(), str: pa.string(), bool: pa.bool_(), date: pa.date32(), type(None): pa.int64()}
    for values, expected in known.items():
        schema = pa.schema([(f"c{index}", schema_of[type(value)]) for index, value in enumerate(values)])
        batch = pa.record_batch([pa.array([value], field.type) for value, field in zip(values, schema, strict=True)], schema=schema)
        for only in range(8):
            with chosen(share_of([], schema.names, number=only, of=8), schema) as pick:
                assert sum(found.num_rows for found in pick([batch])) == (only == expected), (values, only)
    for same in (pa.array([42], pa.int64()), pa.array([Decimal("42.00")], pa.decimal128(9, 2)), pa.array(["42"], pa.string())):
        batch = pa.record_batch({"c": same})
        with chosen(share_of([], ["c"], number=0, of=8), batch.schema) as pick:
            assert sum(found.num_rows for found in pick([batch])) == 1


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_moments_are_dealt_out_alike_whatever_the_clock(night: Night, zone: str) -> None:
    """The pipeline's zone is none of theirs."""
    moments = [{"seen": datetime(2026, 1, 1, hour, tzinfo=UTC)} for hour in range(24)]
    part = night.stage(moments)
    mine = computed(night, [part], 2, by=["seen"], sql="SELECT seen FROM input", timezone=zone, dimension=None)
    assert table(night, mine) == [row for row in moments if number([row["seen"]], 4) == 2]


def test_columns_that_cannot_say(night: Night) -> None:
    """A column that is not there, and values that cannot be compared surely."""
    part = night.stage([{"customer": 1, "share": 0.5, "raw": b"x"}])
    with pytest.raises(DataRefused) as caught:
        computed(night, [part], 0, by=["custmer"])
    assert str(caught.value) == (
        'The rows have no column "custmer", which by names; they have customer, share, raw, region. '
        'Did you mean "customer"? Select it in the extract, or name another column under by.'
    )
    for name, kind in (("share", "float"), ("raw", "bytes")):
        with pytest.raises(DataRefused, match=f'by names the column "{name}", and values of type {kind} cannot be compared surely'):
            computed(night, [part], 0, by=[name])


def test_columns_that_differ_in_case_alone(night: Night) -> None:
    """Of two that DuckDB takes for one, rows would be dealt out by the other: SQL is refused, and so is who names both; a function gets the right ones."""
    part = night.stage([{"id": place, "ID": place % 3} for place in range(30)])
    with pytest.raises(DataRefused, match='columns "id" and "ID", and SQL takes them for one'):
        all_of(night, part, by=("ID",), sql="SELECT * FROM input")
    for deal in (each_value, all_of):
        with pytest.raises(DataRefused, match='by names the columns "ID" and "id", and DuckDB takes them for one'):
            deal(night, part, by=("ID", "id"), function=lambda frame: frame)
        found = deal(night, part, by=("ID",), function=lambda frame: frame)
        values = [{row["ID"] for row in table(night, share)} for share in found]
        assert sorted(value for several in values for value in several) == [0, 1, 2]
        assert sum(share.rows for share in found) == 30


def test_quoted_columns_and_the_branch_itself(night: Night) -> None:
    """Any name is a name, and the branch is a column like others."""
    emea, apac = night.stage([{"a \"b' c": 1}]), night.stage([{"a \"b' c": 2}], "apac")
    for by in (["a \"b' c"], ["region"], ["region", "a \"b' c"]):
        shares = all_of(night, emea, apac, by=by, sql="SELECT region FROM input")
        assert sorted(row["region"] for share in shares for row in table(night, share)) == ["apac", "emea"]


# -- One for each value -----------------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=dealt())
def test_every_row_is_in_the_share_of_its_values(night: Night, rows: tuple[pa.Table, list[str], int]) -> None:
    """Rows of equal values together, and no others; for a function and for SQL alike."""
    given_rows, by, _ = rows
    part = night.stage(given_rows)
    expected: dict[tuple[Any, ...], list[int]] = {}
    for row in given_rows.to_pylist():
        expected.setdefault(tuple(row[name] for name in by), []).append(row["row"])
    found, last = [], None
    for share in by_value(night, part, by=by):
        with chosen(share, given_rows.schema) as pick:
            found.append([row for batch in pick(given_rows.to_batches(max_chunksize=7)) for row in batch.column("row").to_pylist()])
        last = share
    assert sorted(found) == sorted(expected.values() if expected else [[]])
    by_sql = computed(night, [part], 0, share=last, sql='SELECT "row" FROM input', dimension=None)
    assert sorted(row["row"] for row in table(night, by_sql)) == found[-1]


def test_values_in_order_with_null_among_them(night: Night) -> None:
    """So the list is the same whenever the same rows are there, and people read what each task is about."""
    rows = [{"a": a, "b": b} for a, b in (("tea", 2), (None, 1), ("", None), ("it's, 1:x", 1), ("tea", 2), ("-", None), (" long" * 40, 1))]
    shares = by_value(night, night.stage(rows), by=("a", "b"))
    assert [share.name for share in shares] == [
        "a=NULL, b=1", "a=, b=NULL", "a=-, b=NULL", f"a={('long ' * 40)[:77]}…", "a=tea, b=2", "a=it's, 1:x, b=1",
    ]  # fmt: skip
    assert [(share.number, share.of) for share in shares] == [(number, 6) for number in range(6)]


def test_too_many_values(night: Night) -> None:
    """Airflow would refuse them in words of its own, after the work."""
    part = night.stage([order(number, 1) for number in range(11)])
    assert len(by_value(night, part, most=11)) == 11
    with pytest.raises(DataRefused) as caught:
        by_value(night, part, most=10)
    assert str(caught.value) == (
        "There are more than 10 values of customer among the rows, and Airflow maps over so many at most. "
        "Deal the rows out by a hash: into: 16. Or raise core.max_map_length."
    )
    with pytest.raises(DataRefused, match='The rows have no column "custmer", which by names; they have customer, cents, region'):
        by_value(night, part, by=["custmer"])


def test_no_rows_are_one_share_of_none(night: Night) -> None:
    """A night without rows is loaded as one, and takes away what was there."""
    night.load(*each_value(night, night.stage(EMEA)), replace=KEYS)
    schema = pa.schema([("customer", pa.int64()), ("cents", pa.int64())])
    made = each_value(night, night.stage([], schema=schema))
    assert [(part.branch, part.rows) for part in made] == [("customer=NULL", 0)]
    night.load(*made, replace=KEYS)
    assert warehouse(night) == {}


@pytest.mark.parametrize("function", [None, by_frame, by_frames])
def test_a_task_for_each_value_of_all_branches(anywhere: Night, function: Callable[..., Any] | None) -> None:
    """By SQL, by a frame, by a generator; loaded as one part, or not at all."""
    emea, apac = anywhere.stage(EMEA), anywhere.stage(APAC, "apac")
    made = each_value(anywhere, emea, apac, function=function)
    assert sorted(part.branch for part in made) == sorted([*(f"customer={number}" for number in range(9)), "customer=NULL"])
    assert [part.rows for part in made] == [1] * 10
    with pytest.raises(DataRefused, match="Of the 10 parts of by_customer that were made of the same rows part 10 is missing"):
        anywhere.load(*made[:9], replace=KEYS)
    anywhere.load(*made, replace=KEYS)
    assert warehouse(anywhere) == totals(EMEA, APAC)
    assert receipts(anywhere)["emea"][0] == 10


def test_what_airflow_kept_of_more_values_does_not_matter(night: Night) -> None:
    """The results of mapped tasks that are no more stand beside those of the values that there are now."""
    old, new = each_value(night, night.stage(EMEA)), each_value(night, night.stage(EMEA[:4]))
    night.load(*new, *old[len(new) :], replace=KEYS)
    assert warehouse(night) == totals(EMEA[:4])


def test_values_of_other_rows(night: Night) -> None:
    """A branch was read anew and the values were not found anew: a new one would be in no share."""
    emea, apac = night.stage(EMEA), replace(night.stage(APAC, "apac"), stale={"apac": (START - DAY).isoformat()})
    share = asdict(by_value(night, emea, apac)[0])
    assert dealt_of(share, [emea, apac]) == [emea, apac]
    with_stand_ins, without = rebased(share, [emea, apac]), rebased(share, [emea])
    assert with_stand_ins == share_from(share)
    assert (with_stand_ins.value, with_stand_ins.whole) != (without.value, without.whole)
    assert dealt_of(asdict(by_value(night, emea)[0]), [emea, apac]) == [emea]
    with pytest.raises(DataRefused, match="The values of customer were found among other rows than those that there are now"):
        dealt_of(share, [night.stage(EMEA), apac])
