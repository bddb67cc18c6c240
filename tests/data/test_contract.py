"""Contracts: the same verdict in batches of any size, and for each row that is set aside the reason."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import END, Night
from test_extract import rows, run
from upath import UPath

from tidegate.data import keys
from tidegate.data.contract import WHY, Accept, Contract
from tidegate.data.keys import Keys
from tidegate.data.staging import Staging
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

SCHEMA = pa.schema(
    [
        ("i", pa.int64()), ("f", pa.float64()), ("d", pa.decimal128(6, 2)), ("s", pa.string()), ("b", pa.binary()),
        ("day", pa.date32()), ("at", pa.timestamp("us")), ("moment", pa.timestamp("us", tz="UTC")), ("yes", pa.bool_()),
    ]
)  # fmt: skip
DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 4))
CLOCKS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 3))  # noqa: DTZ001
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "i": st.integers(-3, 3) | st.sampled_from([2**53, 2**53 + 1, -(2**63)]),
    "f": st.sampled_from([0.0, -0.0, 1.0, 1.5, math.nan, math.inf, -math.inf]),
    "d": st.decimals(-2, 2, places=2, allow_nan=False),
    "s": st.sampled_from(["", "a", "ab", "ä", "new", "paid", "a\n", "\0", "a\0"]),
    "b": st.sampled_from([b"", b"a", b"\xff", b"\0"]),
    "day": DAYS,
    "at": CLOCKS,
    "moment": CLOCKS.map(lambda clock: clock.replace(tzinfo=UTC)),
    "yes": st.booleans(),
}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()}), max_size=30)
RULES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "i": st.fixed_dictionaries(
        {}, optional={"min": st.integers(-3, 0), "max": st.sampled_from([0, 1.5, 2**53]), "values": st.just([1, 2, 3])}
    ),
    "f": st.fixed_dictionaries(
        {}, optional={"min": st.sampled_from([0, 0.5]), "max": st.sampled_from([1, 1.25]), "values": st.just([1, 1.5])}
    ),
    "d": st.fixed_dictionaries({}, optional={"min": st.sampled_from(["-1.005", -1]), "max": st.sampled_from(["1.005", 1.01])}),
    "s": st.fixed_dictionaries({}, optional={"values": st.just(["new", "paid", ""]), "pattern": st.sampled_from(["a", "^a", "^.$"])}),
    "b": st.just({}),
    "day": st.fixed_dictionaries(
        {}, optional={"min": st.just("2026-01-02"), "max": st.just("2026-01-03"), "values": st.just(["2026-01-02"])}
    ),
    "at": st.fixed_dictionaries({}, optional={"min": st.just("2026-01-01T00:00:01")}),
    "moment": st.fixed_dictionaries({}, optional={"max": st.just("2026-01-01T01:00:02+01:00")}),
    "yes": st.fixed_dictionaries({}, optional={"values": st.just([True])}),
}
COLUMNS = st.fixed_dictionaries(
    {
        name: st.builds(
            lambda said, more: said | more, said, st.fixed_dictionaries({}, optional={"null": st.just(False), "unique": st.booleans()})
        )
        for name, said in RULES.items()
    }
)
UNIQUE = st.lists(st.lists(st.sampled_from(SCHEMA.names), min_size=1, max_size=4, unique=True), max_size=2)


def taken(
    rows: Sequence[dict[str, Any]], accept: Accept, sizes: Sequence[int]
) -> tuple[Contract, list[dict[str, Any]], list[dict[str, Any]]]:
    """Give the contract behind all batches, what arrived, and what was set aside."""
    contract = Contract(accept, where="here,", interval_end=END)
    contract.staged(SCHEMA)
    table, good, aside, at = pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA), [], [], 0
    for size in [*sizes, len(rows)]:
        found = contract.take(table.slice(at, size))
        at += len(table.slice(at, size))
        good += found.good.to_pylist()
        aside += found.aside.to_pylist() if found.aside is not None else []
    contract.close()
    return contract, good, aside


def told(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Give rows as texts: NaN is then what it is."""
    return [repr([str(row[name]) for name in SCHEMA.names]) for row in rows]


def same(one: Any) -> Any:
    """Give a value as equal ones have it."""
    return "NaN" if isinstance(one, float) and math.isnan(one) else (type(one).__name__, one)


def _breaks(value: Any, key: str, said: Any) -> bool:
    """Whether one value breaks one rule: what the vectorised rules must say too."""
    if key == "null":
        return value is None
    if value is None:
        return False
    if key == "pattern":
        return re.search(said.replace("$", r"\Z"), value) is None
    if key == "values":
        return value not in [date.fromisoformat(other) if isinstance(value, date) else other for other in said]
    if isinstance(value, datetime):
        bound: Any = datetime.fromisoformat(said)
    elif isinstance(value, date):
        bound = date.fromisoformat(said)
    else:
        bound = Decimal(str(said)) if isinstance(value, int | Decimal) else float(said)
    return not (value >= bound if key == "min" else value <= bound)


def by_hand(
    rows: Sequence[dict[str, Any]], columns: dict[str, dict[str, Any]], unique: Sequence[Sequence[str]]
) -> list[set[tuple[str, str]]]:
    """Of each row the rules that it breaks, one value after another in plain Python. What is set aside has no key that another could repeat."""
    seen: dict[tuple[str, ...], set[Any]] = {}
    keys = dict.fromkeys([*((name,) for name, said in columns.items() if said.get("unique")), *map(tuple, unique)])
    found = []
    for row in rows:
        broken = {
            (name, key)
            for name, said in columns.items()
            for key, rule in said.items()
            if key != "unique" and not (key == "null" and rule) and _breaks(row[name], key, rule)
        }
        if not broken:
            own = {names: tuple(same(row[name]) for name in names) for names in keys if all(row[name] is not None for name in names)}
            broken = {(", ".join(names), "unique") for names, values in own.items() if values in seen.setdefault(names, set())}
            for names, values in own.items() if not broken else ():
                seen[names].add(values)
        found.append(broken)
    return found


WORDS = {
    "null": "is missing", "min": "is below", "max": "is above", "values": "is none of its values", "pattern": "does not match its pattern",
    "unique": "an earlier row",
}  # fmt: skip


@settings(deadline=None)
@given(ROWS, COLUMNS, UNIQUE, st.lists(st.integers(0, 7), max_size=8))
def test_batches_of_any_size_have_the_verdict_of_the_whole(
    rows: list[dict[str, Any]], columns: dict[str, dict[str, Any]], unique: list[list[str]], sizes: list[int]
) -> None:
    """Which rows arrive, why others do not, the counts and the first row of each rule: as plain Python says, and as one batch says."""
    accept = Accept(columns=columns, unique=unique, quarantine=True)  # type: ignore[arg-type]
    contract, good, aside = taken(rows, accept, sizes)
    expected = by_hand(rows, columns, unique)
    assert told(good) == told([row for row, broken in zip(rows, expected, strict=True) if not broken])
    assert [len(row[WHY].split("; ")) for row in aside] == [len(broken) for broken in expected if broken]
    for row, broken in zip(aside, [broken for broken in expected if broken], strict=True):
        for _, key in broken:
            assert WORDS[key] in row[WHY]
    assert told(aside) == told([row for row, broken in zip(rows, expected, strict=True) if broken])
    assert sum(count.rows for count in contract.broken.values()) == sum(map(len, expected))
    assert (contract.rows, contract.set_aside) == (len(good), len(aside))
    whole, _, _ = taken(rows, accept, [])
    assert {rule: (count.rows, count.first) for rule, count in whole.broken.items()} == {
        rule: (count.rows, count.first) for rule, count in contract.broken.items()
    }


@settings(deadline=None)
@given(ROWS, COLUMNS, UNIQUE, st.lists(st.integers(0, 7), max_size=8))
def test_without_quarantine_the_first_bad_row_refuses_them_all(
    rows: list[dict[str, Any]], columns: dict[str, dict[str, Any]], unique: list[list[str]], sizes: list[int]
) -> None:
    """Whatever the batches: refused if and only if plain Python finds a row that breaks a rule."""
    accept = Accept(columns=columns, unique=unique)  # type: ignore[arg-type]
    if any(by_hand(rows, columns, unique)):
        with pytest.raises(DataRefused, match=r"^here, has rows that accept: does not take: "):
            taken(rows, accept, sizes)
    else:
        assert taken(rows, accept, sizes)[0].rows == len(rows)


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 9), st.integers(1, 20))
def test_keys_in_files_are_keys_still(numbers: list[int], size: int, run_keys: int) -> None:
    """Runs that were put into files are searched as those in memory."""
    seen: Counter[int] = Counter()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keys, "RUN_KEYS", run_keys)
        one, two = Keys(["n"]), Keys(["n", "t"])
        for at in range(0, len(numbers), size):
            part = numbers[at : at + size]
            batch = pa.record_batch({"n": part, "t": [f"text of {number}" for number in part]})
            expected = []
            for number in part:
                expected.append(seen[number] > 0)
                seen[number] += 1
            for known in (one, two):
                assert [mask.tolist() for mask in keys.repeated([known], batch, np.ones(len(part), bool))] == [expected]
        one.close()
        two.close()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=40), st.integers(1, 9), st.integers(1, 20))
def test_keys_that_share_a_word_are_told_apart(words: list[tuple[int, int]], size: int, run_keys: int) -> None:
    """The word by which keys are sorted is seldom the same, and proves nothing then."""
    seen: set[tuple[int, int]] = set()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keys, "RUN_KEYS", run_keys)
        known = Keys(["n"])
        for at in range(0, len(words), size):
            part = words[at : at + size]
            high, low = (np.array(column, np.uint64) for column in zip(*part, strict=True))
            expected = []
            for word in part:
                expected.append(word in seen)
                seen.add(word)
            run_of = keys._Run(high, low)
            patched.setattr(keys, "_keys", lambda _, run=run_of: run)
            batch = pa.record_batch({"n": list(range(len(part)))})
            assert [mask.tolist() for mask in keys.repeated([known], batch, np.ones(len(part), bool))] == [expected]
        known.close()


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1)), max_size=9))
def test_two_numbers_are_one_key(numbers: list[tuple[int, int]]) -> None:
    """Exactly: no two pairs become one."""
    batch = pa.RecordBatch.from_pylist([{"a": one, "b": two} for one, two in numbers], pa.schema([("a", pa.int64()), ("b", pa.int64())]))
    found = keys._keys(batch.columns) if numbers else None
    assert len({*zip(found.high.tolist(), found.low.tolist(), strict=True)} if found else ()) == len(set(numbers))  # type: ignore[union-attr]


def test_what_is_set_aside_takes_no_key_with_it() -> None:
    """Of two rows with one key the one that breaks no rule arrives, in whichever batch it comes."""
    columns = {"id": {"type": "int", "unique": True}, "x": {"type": "int", "min": 0}}
    for size in (1, 2, 3):
        contract = Contract(Accept.model_validate({"columns": columns, "quarantine": True}), where="here,", interval_end=END)
        batch = pa.record_batch({"id": [1, 1, 1], "x": [-1, 7, 8]})
        contract.staged(batch.schema)
        found = [contract.take(batch.slice(at, size)) for at in range(0, 3, size)]
        assert [row["x"] for one in found for row in one.good.to_pylist()] == [7]
        assert contract.broken.keys() == {'"x" is below 0', '"id" repeats an earlier row'}


@pytest.mark.parametrize("quarantine", [True, False])
@pytest.mark.parametrize("bounds", [{"max": 500}, {"min": 5, "max": 500}, {"min": "2026-01-01"}])
def test_texts_have_no_bounds(bounds: dict[str, Any], quarantine: bool) -> None:
    """A number of CSV is one when it is declared as one: as text 4000 would be below 500."""
    accept = {"columns": {"amount": bounds}, **({"quarantine": True} if quarantine else {})}
    contract = Contract(Accept.model_validate(accept), where="here,", interval_end=END)
    said = (
        rf'accept: has {" and ".join(bounds)} for column "amount" that do not go with its type, which is text. Declare the column\'s type'
    )
    with pytest.raises(DataRefused, match=said):
        contract.staged(pa.schema([("amount", pa.string())]))


def test_all_broken_rules_of_a_batch_are_told(night: Night, source: sa.URL) -> None:
    """Which rule, in which column, how often, in which row first; and nothing of the values."""
    columns = {"id": {"type": "int", "max": 3}, "amount": {"type": "decimal", "min": "30", "unique": True}, "placed": {"pattern": "^2026"}}
    with pytest.raises(DataRefused) as caught:
        run(night, source, "SELECT * FROM orders ORDER BY id", accept=Accept(columns=columns))  # type: ignore[arg-type]
    assert str(caught.value) == (
        'sales_emea, sql/orders.sql, has rows that accept: does not take: "id" is above 3 in 1 row, first in row 4; "amount" is below 30 in 2 rows, '
        'first in row 1; "placed" does not match its pattern in 1 row, first in row 1 (of 4 rows read so far). '
        "Correct the source, change the rules, or set such rows aside: quarantine: {at_most: 1%}."
    )
    assert not [path for path in (night.folder / "staging").rglob("*") if path.is_file()]


def test_rows_are_set_aside(night: Night, source: sa.URL) -> None:
    """The others arrive; what was set aside lies beside, with the reason; the manifest has the counts."""
    columns = {"id": {"type": "int", "max": 3}, "amount": {"type": "decimal", "min": 20}}
    accept = Accept(columns=columns, quarantine=True)  # type: ignore[arg-type]
    manifest = run(night, source, "SELECT * FROM orders ORDER BY id", accept=accept, batch_rows=3)
    assert [row["id"] for row in rows(night, manifest)] == [2, 3]
    assert (manifest.rows, manifest.quarantined) == (2, 2)
    assert manifest.broken == {'"amount" is below 20': 1, '"id" is above 3': 1}
    aside = pq.read_table(night.staging.root / manifest.path.replace(".parquet", ".quarantine.parquet"))
    assert [(row["id"], row[WHY]) for row in aside.to_pylist()] == [(1, '"amount" is below 20'), (4, '"id" is above 3')]


def test_rows_are_set_aside_in_a_bucket(night: Night, source: sa.URL) -> None:
    """In an object store there is no renaming: what is not whole is not there, and of what is refused only what was set aside stays."""
    night.staging = Staging(UPath("memory://bucket/aside"))
    accept = Accept(columns={"id": {"max": 3}}, quarantine={"at_most": 1})  # type: ignore[dict-item,arg-type]
    manifest = run(night, source, "SELECT * FROM orders", accept=accept)
    with (night.staging.root / manifest.aside).open("rb") as file:
        assert [row["id"] for row in pq.read_table(file).to_pylist()] == [4]
    files = sorted(str(path) for path in night.staging.root.rglob("*"))
    with pytest.raises(DataRefused, match="has 2 of 5 rows"):
        run(night, source, "SELECT * FROM orders UNION ALL SELECT 5, '', ''", accept=accept, attempt="other")
    kept = [str(path) for path in night.staging.root.rglob("*") if str(path) not in files]
    assert kept == [str(night.staging.root / manifest.path).replace(f"{manifest.attempt}.parquet", "other.quarantine.parquet")]


def test_too_many_set_aside_refuse_the_branch(night: Night, source: sa.URL) -> None:
    """The message tells how many of how many, and what was wrong, and where to look at it."""
    accept = Accept(columns={"id": {"max": 2}}, quarantine={"at_most": "25%"})  # type: ignore[dict-item,arg-type]
    with pytest.raises(DataRefused) as caught:
        run(night, source, "SELECT * FROM orders ORDER BY id", accept=accept, batch_rows=1)
    (kept,) = [path for path in (night.folder / "staging").rglob("*") if path.is_file()]
    assert str(caught.value) == (
        "sales_emea, sql/orders.sql, has 2 of 4 rows that accept: does not take, and quarantine: takes at most 25% "
        '("id" is above 2 in 2 rows, first in row 3). Correct the source, change the rules, or let quarantine take more. '
        f"The rows that were set aside lie in {kept}."
    )
    assert pq.read_table(kept).column("id").to_pylist() == [3, 4]
    again = Accept(columns={"id": {"max": 2}}, quarantine={"at_most": 2})  # type: ignore[dict-item,arg-type]
    assert run(night, source, "SELECT * FROM orders ORDER BY id", accept=again).quarantined == 2


def test_a_share_of_the_usual_rows(night: Night, source: sa.URL) -> None:
    """Half of what is usual is no night; nor is twice as much. Where nobody knows what is usual, any number will do."""
    accept = Accept(rows={"at_least": "50%", "at_most": "200%"})  # type: ignore[arg-type]
    with pytest.raises(DataRefused, match=r"brought 2 rows, and accept: rows asks for at least 3, 50 % of its usual 5\. Check"):
        run(night, source, accept=accept, usual=5)
    with pytest.raises(DataRefused, match=r"brought 4 rows, and accept: rows asks for at most 2, 200 % of its usual 1\. Check"):
        run(night, source, "SELECT * FROM orders", accept=accept, usual=1)
    assert [run(night, source, accept=accept, usual=usual).rows for usual in (4, 1, None)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("newest", "zone", "age"),
    [
        ("'2026-01-01 17:59:59'", "UTC", "6h1s"),
        ("'2026-01-01 18:59:59'", "Europe/Berlin", "6h1s"),
        ("'2026-01-01'", "UTC", "1d"),
    ],
)
def test_the_newest_row_is_new_enough(night: Night, source: sa.URL, newest: str, zone: str, age: str) -> None:
    """A time is compared by the clock of the source, a date by its midnight; what is NULL is not the newest."""
    kind = "date" if age == "1d" else "timestamp"
    within = Accept(columns={"t": kind}, fresh={"column": "t", "within": "1d"})  # type: ignore[dict-item,arg-type]
    sql = f"SELECT {newest} AS t UNION ALL SELECT '2025-12-31' UNION ALL SELECT NULL"
    assert run(night, source, sql, accept=within, timezone=zone, batch_rows=1).rows == 3
    late = Accept(columns={"t": kind}, fresh={"column": "t", "within": "6h"})  # type: ignore[dict-item,arg-type]
    told = f'has nothing newer in column "t" than {age} before the interval ends, and accept: fresh takes 6h. Check that'
    with pytest.raises(DataRefused, match=told):
        run(night, source, sql, accept=late, timezone=zone)


def test_freshness_of_nothing(night: Night, source: sa.URL) -> None:
    """No rows are for min_rows to judge; rows without a time are refused, and so is a column that has none."""
    accept = Accept(min_rows=0, columns={"t": "timestamptz"}, fresh={"column": "t", "within": "6h"})  # type: ignore[dict-item,arg-type]
    assert run(night, source, "SELECT 1 AS t WHERE false", accept=accept).rows == 0
    with pytest.raises(DataRefused, match='has no value in column "t", by which accept: fresh judges'):
        run(night, source, "SELECT NULL AS t", accept=accept)
    undeclared = Accept(fresh={"column": "t", "within": "6h"})  # type: ignore[arg-type]
    with pytest.raises(DataRefused, match='has column "t" as int, and accept: fresh looks for a date or a time'):
        run(night, source, "SELECT 1 AS t", accept=undeclared)
    tomorrow = f"SELECT '{END + timedelta(days=1)}' AS t"
    assert run(night, source, tomorrow, accept=accept).rows == 1


def test_columns_that_nobody_named(night: Night, source: sa.URL) -> None:
    """They are taken as they come; or left out; or refused."""
    sql = "SELECT * FROM orders"
    assert run(night, source, sql, accept=Accept(columns={"id": "int"})).columns == ("id", "amount", "placed")  # type: ignore[dict-item]
    left_out = run(night, source, sql, accept=Accept(columns={"placed": "text", "id": "int"}, drift="ignore_extra"))  # type: ignore[dict-item]
    assert left_out.columns == ("id", "placed")
    assert rows(night, left_out)[0] == {"id": 1, "placed": "2025-12-31 23:59:59"}
    with pytest.raises(DataRefused) as caught:
        run(night, source, sql, accept=Accept(columns={"id": "int"}, drift="refuse"))  # type: ignore[dict-item]
    assert str(caught.value) == (
        "sales_emea, sql/orders.sql, has columns that accept: does not name: amount, placed. "
        "Name them under accept: columns, leave them out of what is read, or set drift: ignore_extra."
    )


def test_all_columns_that_are_asked_for(night: Night, source: sa.URL) -> None:
    """Those of keys and of freshness among them."""
    accept = Accept(columns={"id": "int"}, unique=[["id", "shop"]], fresh={"column": "at", "within": "1h"})  # type: ignore[dict-item,arg-type]
    with pytest.raises(DataRefused, match='has no column "shop" and neither at, which accept: asks for; it has id, amount, placed'):
        run(night, source, "SELECT * FROM orders", accept=accept)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"pattern": "a"}, 'accept: has pattern for column "id" that do not go with its type, which is int'),
        ({"min": "x"}, 'accept: has min for column "id" that do not go with its type, which is int'),
        ({"values": ["x"]}, 'accept: has values for column "id" that do not go with its type, which is int'),
    ],
)
def test_rules_that_do_not_go_with_the_type_that_came(night: Night, source: sa.URL, said: dict[str, Any], told: str) -> None:
    """Of a column whose type nobody declared."""
    with pytest.raises(DataRefused, match=told):
        run(night, source, "SELECT * FROM orders", accept=Accept(columns={"id": said}))  # type: ignore[dict-item]


def test_a_pattern_that_arrow_does_not_read(night: Night, source: sa.URL) -> None:
    """Such as one that repeats too often: it is refused before a row is staged."""
    with pytest.raises(DataRefused, match=r'The pattern that accept: has for column "amount" cannot be read: .*invalid repetition size'):
        run(night, source, "SELECT * FROM orders", accept=Accept(columns={"amount": {"pattern": "a{2000}"}}))  # type: ignore[dict-item]
