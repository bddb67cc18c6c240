"""Keys in columns of every type: a rerun of a replace load finds the rows that were written, and no others, or the first load is refused; and merging by such keys."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from tests.data.nights import Night, by_name
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.slow

_NUMBER = count()
_AT = datetime(2026, 1, 1, 2, 3, 4, 500000, tzinfo=UTC)
_CLOCK = _AT.replace(tzinfo=None)
_WHOLE = datetime(2026, 1, 1, 2, tzinfo=UTC)
_DATE = date(2026, 1, 1)
_TS, _TZ = pa.timestamp("us"), pa.timestamp("us", "UTC")
_UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

KEPT: dict[str, list[tuple[str, list[Any], pa.DataType | None]]] = {
    "sqlite": [
        ("BOOLEAN", [True, False, None], None),
        ("INTEGER", [True, False], None),
        ("NUMERIC", [5, 6, None], None),
        ("NUMERIC(10,2)", [Decimal("1.10"), Decimal(2)], None),
        ("TEXT", [Decimal("1.10"), Decimal(2)], None),
        ("REAL", [Decimal("1.10"), Decimal(2)], None),
        ("VARCHAR(5)", ["a'b", "é", "", None], None),
        ("TEXT COLLATE NOCASE", ["a", "A"], None),
        ("TEXT COLLATE RTRIM", ["a", "a "], None),
        ("", ["a", "5"], None),
        ("", [5, None], None),
        *(
            (declared, [value, None], kind)
            for declared in ("DATE", "DATETIME", "TIMESTAMP", "TEXT", "VARCHAR(40)", "")
            for value, kind in ((_CLOCK, _TS), (_AT, _TZ), (_WHOLE, _TZ), (_DATE, None))
        ),
    ],
    "duckdb": [
        ("BOOLEAN", [True, False, None], None),
        ("BIGINT", [1, 2, None], None),
        ("DECIMAL(10,2)", [Decimal("1.10"), Decimal(2)], None),
        ("VARCHAR", ["a", "A", "a ", "", None], None),
        ("VARCHAR COLLATE NOCASE", ["a", "A"], None),
        ("DATE", [_DATE, None], None),
        ("TIMESTAMP", [_CLOCK, None], _TS),
        ("TIMESTAMPTZ", [_AT, None], _TZ),
        ("UUID", [_UUID], None),
        ("ENUM('sad', 'ok')", ["sad", "ok"], None),
        ("TIME", ["12:00:00"], None),
    ],
    "postgres_url": [
        ("boolean", [True, False, None], None),
        ("smallint", [1, None], None),
        ("numeric", [5, None], None),
        ("numeric", [Decimal("1.10"), Decimal(2)], None),
        ("numeric(10,2)", [Decimal("1.10"), Decimal(2)], None),
        ("dn", [Decimal("1.10")], None),
        ("dt", ["x", "X", "x "], None),
        ("text", ["a", "A", "a ", "a'b%s", "é", "", None], None),
        ('text COLLATE "nocase"', ["a", "A", "a "], None),
        ("citext", ["a", "A"], None),
        ("mood", ["sad", "ok", None], None),
        ("uuid", [_UUID, None], None),
        ("time", ["12:00:00"], None),
        ("date", [_DATE, None], None),
        ("timestamp(3)", [_CLOCK], _TS),
        ("timestamp", [_CLOCK, None], _TS),
        ("timestamp", [_DATE, None], None),
        ("timestamptz", [_AT, None], _TZ),
        ("jsonb", ['{"a": 1}'], None),
        ("json", ['{"a":1}'], None),
        ("oid", ["5"], None),
        ("interval", ["P1D"], None),
    ],
    "mariadb_url": [
        ("VARCHAR(9)", ["x", "X", "x ", "", None], None),
        ("VARCHAR(9) CHARACTER SET latin1", ["é", "e"], None),
        ("VARCHAR(9) CHARACTER SET utf8mb3", ["é", "É"], None),
        ("TEXT", ["x" * 300], None),
        ("CHAR(5)", ["ab", "AB"], None),
        ("ENUM('A','b')", ["A", "b"], None),
        ("SET('a','b')", ["a,b", "b"], None),
        ("BIT(3)", [5, 6], None),
        ("TINYINT(1)", [True, False, None], None),
        ("BIGINT UNSIGNED", [5], None),
        ("INT(5) ZEROFILL", [5], None),
        ("DECIMAL(5,2)", [Decimal("1.1"), Decimal(2)], None),
        ("DATE", [_DATE, None], None),
        ("DATETIME", [_DATE, None], None),
        ("DATETIME(3)", [_CLOCK], _TS),
        ("DATETIME(6)", [_AT, None], _TZ),
        ("TIMESTAMP(6)", [_AT], _TZ),
        ("TIME", ["12:00:00"], None),
        ("YEAR", [2026], None),
        ("UUID", [_UUID], None),
        ("JSON", ['{"a":1}'], None),
    ],
}
REFUSED: dict[str, list[tuple[str, list[Any]]]] = {
    "sqlite": [("DATE", ["007"]), ("DATE", ["1e5"])],
    "duckdb": [("UUID", [_UUID.upper()]), ("INTERVAL", ["1 hour"])],
    "postgres_url": [
        ("varchar(2)", ["a   "]),
        ("char(5)", ["ab "]),
        ("interval", ["1 day"]),
        ("name", ["x"]),
        ("money", [Decimal(5)]),
        ("text[]", ["{ a}"]),
        ("numeric(5,-2)", [123]),
        ("uuid", [_UUID.upper()]),
        ("jsonb", ['{"a":1}']),
    ],
    "mariadb_url": [
        ("ENUM('A','b')", ["a"]),
        ("SET('a','b')", ["b,a"]),
        ("VARCHAR(2)", ["a   "]),
        ("CHAR(5)", ["ab "]),
        ("YEAR", [26]),
        ("TIME", ["12:00:00.9"]),
        ("UUID", [_UUID.upper()]),
    ],
}
"""A column that would keep the key otherwise than it was given."""


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    """Give a warehouse on a database of its name, with a table of its own."""
    night = Night(tmp_path)
    night.url, night.table = by_name(request, night), f"keyed_{next(_NUMBER)}"
    if request.param == "postgres_url":
        night.run(
            "CREATE EXTENSION IF NOT EXISTS citext",
            "DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN dn AS numeric(5,2); CREATE DOMAIN dt AS text CHECK (value <> '');"
            " CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
            " EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        )
    return night


def _made(place: Night, declared: str) -> None:
    place.run(f"CREATE TABLE {place.table} (k {declared}, v INTEGER)")


def _keyed(values: Sequence[Any], kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"k": pa.array(values, kind), "v": pa.array(range(len(values)), pa.int64())})


def _of(cases: dict[str, list[Any]]) -> list[Any]:
    return [pytest.param(database, *case, id=f"{database}-{case[0]}-{case[1]}") for database, given in cases.items() for case in given]


@pytest.mark.parametrize(("place", "declared", "values", "kind"), _of(KEPT), indirect=["place"])
def test_a_rerun_finds_its_rows(place: Night, declared: str, values: list[Any], kind: pa.DataType | None) -> None:
    """Three loads of one branch leave its rows once, whatever column holds the key; and what it no longer brings is gone."""
    _made(place, declared)
    for _ in range(3):
        place.load(place.stage(_keyed(values, kind)), replace=["k"])
    assert place.query(f"SELECT count(*) FROM {place.table}") == [(len(values),)]
    place.load(place.stage(_keyed(values[:1], kind)), replace=["k"])
    assert place.query(f"SELECT count(*) FROM {place.table}") == [(1,)]


@pytest.mark.parametrize(("place", "declared", "values"), _of(REFUSED), indirect=["place"])
def test_a_key_that_is_not_kept(place: Night, declared: str, values: list[Any]) -> None:
    """The first load is refused, and nothing is written."""
    _made(place, declared)
    with pytest.raises(LoadRefused):
        place.load(place.stage(_keyed(values)), replace=["k"])
    assert place.query(f"SELECT count(*) FROM {place.table}") == [(0,)]


ALIKE = {
    "sqlite": [("TEXT COLLATE NOCASE", ("eu", "EU")), ("TEXT COLLATE RTRIM", ("x", "x "))],
    "duckdb": [("VARCHAR COLLATE NOCASE", ("eu", "EU"))],
    "postgres_url": [("citext", ("eu", "EU")), ('text COLLATE "nocase"', ("eu", "EU")), ("text", ("x", "x "))],
    "mariadb_url": [
        ("VARCHAR(9) COLLATE utf8mb4_general_ci", ("eu", "EU")),
        ("VARCHAR(9) COLLATE utf8mb4_bin", ("x", "x ")),
        ("VARCHAR(9) CHARACTER SET latin1", ("x", "x ")),
    ],
}
"""Keys that a column's collation takes for equal."""


@pytest.mark.parametrize(("place", "declared", "keys"), _of(ALIKE), indirect=["place"])
def test_keys_that_a_collation_takes_for_equal(place: Night, declared: str, keys: tuple[str, str]) -> None:
    """A branch's rows stay when another branch comes with a key that only looks like theirs to the column."""
    _made(place, declared)
    for _ in range(2):
        for branch, key in zip(("emea", "apac"), keys, strict=True):
            place.load(place.stage(_keyed([key]), branch), replace=["k"])
    assert place.query(f"SELECT count(*) FROM {place.table}") == [(2,)]
    assert sorted(key for key, _ in place.query(f"SELECT k, v FROM {place.table}")) == sorted(keys)


_MIDNIGHT = datetime.combine(_DATE, time())
EQUAL: dict[str, list[tuple[str, pa.Array, pa.Array]]] = {
    "sqlite": [
        ("NUMERIC", pa.array([Decimal(5)]), pa.array([5])),
        ("TEXT", pa.array([_DATE]), pa.array(["2026-01-01"])),
        ("TEXT", pa.array([Decimal("1.10")]), pa.array(["1.1"])),
        ("", pa.array([5]), pa.array(["5"])),
    ],
    "duckdb": [("TIMESTAMP", pa.array([_DATE]), pa.array([_MIDNIGHT], _TS)), ("DECIMAL(10,0)", pa.array([Decimal(5)]), pa.array([5]))],
    "postgres_url": [
        ("timestamp", pa.array([_DATE]), pa.array([_MIDNIGHT], _TS)),
        ("numeric(10,0)", pa.array([Decimal(5)]), pa.array([5])),
        ("numeric", pa.array([Decimal("1.10")]), pa.array([Decimal("1.1")])),
    ],
    "mariadb_url": [
        ("DATETIME(6)", pa.array([_DATE]), pa.array([_MIDNIGHT], _TS)),
        ("DATETIME(6)", pa.array([_MIDNIGHT], _TS), pa.array([_MIDNIGHT], _TZ)),
        ("DECIMAL(10,0)", pa.array([Decimal(5)]), pa.array([5])),
        ("INT", pa.array([True]), pa.array([1])),
    ],
}
"""Keys of two types that a column holds as one."""


@pytest.mark.parametrize(("place", "declared", "one", "other"), _of(EQUAL), indirect=["place"])
@pytest.mark.parametrize("pipeline", ["nightly", "weekly"])
def test_equal_keys_of_two_types(place: Night, declared: str, one: pa.Array, other: pa.Array, pipeline: str) -> None:
    """A key that another branch, or another pipeline, brought is theirs, in whatever type it comes."""
    _made(place, declared)
    place.load(place.stage(pa.table({"k": one, "v": [1]}), "emea"), replace=["k"])
    with pytest.raises(LoadRefused, match=r"tell the branches apart|would delete those rows"):
        place.load(place.stage(pa.table({"k": other, "v": [2]}), "apac"), replace=["k"], pipeline=pipeline)
    assert place.query(f"SELECT v FROM {place.table}") == [(1,)]
    place.load(place.stage(pa.table({"k": other, "v": [3]}), "emea"), replace=["k"])
    assert place.query(f"SELECT v FROM {place.table}") == [(3,)]


@pytest.mark.parametrize("place", ["sqlite", "duckdb", "postgres_url", "mariadb_url"], indirect=True)
def test_keys_in_a_table_that_the_load_makes(place: Night) -> None:
    """What the first load remembers of a table that it is to make is what later loads find in it."""
    table = pa.table(
        {
            "b": [True, False], "i": [1, 2], "d": [Decimal("1.10"), Decimal(2)], "t": ["a", "a "], "day": [_DATE, _DATE],
            "at": pa.array([_AT, _WHOLE], _TZ), "clock": pa.array([_CLOCK, None], _TS),
        }
    )  # fmt: skip
    for _ in range(3):
        place.load(place.stage(table), replace=table.column_names)
    assert place.query(f"SELECT count(*) FROM {place.table}") == [(2,)]
    with pytest.raises(LoadRefused, match="tell the branches apart"):
        place.load(place.stage(table, "apac"), replace=table.column_names)
    place.load(place.stage(table.slice(1)), replace=table.column_names)
    assert place.query(f"SELECT count(*) FROM {place.table}") == [(1,)]


@pytest.mark.parametrize(
    ("place", "kind"), [("postgres_url", " (UUID)"), ("duckdb", " (UUID)"), ("mariadb_url", " (UUID)")], indirect=["place"]
)
def test_the_column_that_alters_a_key_is_named(place: Night, kind: str) -> None:
    """The refusal says which column it is, of which type, and by which key it was seen."""
    place.run(f"CREATE TABLE {place.table} (day DATE, k UUID, v INTEGER)")
    table = pa.table({"day": [_DATE, _DATE], "k": [_UUID, _UUID.replace("a", "B").upper()], "v": [1, 2]})
    with pytest.raises(LoadRefused) as refused:
        place.load(place.stage(table), replace=["day", "k"])
    assert str(refused.value) == (
        f"Column \"k\" of table {place.table}{kind} does not keep the key 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380B11' as it is: a rerun would not "
        "find its rows, and double them. Bring such a key as the database writes it, or name another column under replace:."
    )


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_rows_that_a_trigger_drops_or_adds(place: Night) -> None:
    """A table that keeps other rows than it is given is no place for a load that must count on its keys."""
    _made(place, "TEXT")
    place.run(f"CREATE TRIGGER fewer AFTER INSERT ON {place.table} WHEN new.v = 1 BEGIN DELETE FROM {place.table} WHERE v = 1; END")
    table = pa.table({"k": ["a", "a"], "v": [0, 1]})
    with pytest.raises(LoadRefused, match=r"Of 2 rows that were written into table \w+, 1 are found again by their keys, k\."):
        place.load(place.stage(table), replace=["k"])
    more = f"INSERT INTO {place.table} VALUES ('a', 2)"
    place.run("DROP TRIGGER fewer", f"CREATE TRIGGER more AFTER INSERT ON {place.table} WHEN new.v = 1 BEGIN {more}; END")
    with pytest.raises(LoadRefused, match=r"Of 2 rows that were written into table \w+, 3 are found"):
        place.load(place.stage(table), replace=["k"])
    assert place.query(f"SELECT count(*) FROM {place.table}") == [(0,)]


@pytest.mark.parametrize("place", ["postgres_url"], indirect=True)
def test_a_trigger_that_alters_keys(place: Night) -> None:
    """PostgreSQL keeps a text as it comes, unless somebody had it do otherwise."""
    _made(place, "text")
    place.run(
        "CREATE OR REPLACE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.k := upper(new.k); RETURN new; END $$",
        f"CREATE TRIGGER shout BEFORE INSERT ON {place.table} FOR EACH ROW EXECUTE FUNCTION shout()",
    )
    with pytest.raises(LoadRefused, match=r"\(TEXT\) does not keep the key 'a' as it is"):
        place.load(place.stage(_keyed(["a"])), replace=["k"])
    place.load(place.stage(_keyed(["A"])), replace=["k"])
    place.load(place.stage(_keyed(["A", "B"])), replace=["k"])
    assert place.query(f"SELECT k FROM {place.table} ORDER BY 1") == [("A",), ("B",)]


@pytest.mark.parametrize("place", ["postgres_url"], indirect=True)
def test_a_key_column_whose_type_changed(place: Night) -> None:
    """What the ledger says of a key is not taken for another value, nor for one of other columns."""
    _made(place, "date")
    place.load(place.stage(_keyed([_DATE])), replace=["k"])
    place.run(f"ALTER TABLE {place.table} ALTER k TYPE timestamp")
    with pytest.raises(LoadRefused, match="type was changed since"):
        place.load(place.stage(_keyed([_MIDNIGHT], _TS)), replace=["k"])
    place.run(f"ALTER TABLE {place.table} ALTER k TYPE date")
    with pytest.raises(LoadRefused, match=r"was loaded by replace: \[k\], and by replace: \[k, v\]"):
        place.load(place.stage(_keyed([_DATE])), replace=["k", "v"])
    place.run("UPDATE tidegate_lock SET replace_columns = NULL")  # as a ledger of before they were kept has it
    with pytest.raises(LoadRefused, match="Its columns were changed since"):
        place.load(place.stage(_keyed([_DATE])), replace=["k", "v"])
    assert json.loads(place.query(f"SELECT partitions FROM tidegate_load WHERE target = '{place.table}'")[0][0]) == ['["2026-01-01"]']


FOLDED = [
    ("sqlite", "TEXT COLLATE NOCASE"),
    ("duckdb", "VARCHAR COLLATE NOCASE"),
    ("postgres_url", "citext"),
    ("postgres_url", 'text COLLATE "nocase"'),
    ("mariadb_url", "VARCHAR(9) COLLATE utf8mb4_general_ci"),
]


@pytest.mark.parametrize(("place", "declared"), FOLDED, indirect=["place"])
def test_rows_merged_by_keys_that_the_column_takes_for_one(place: Night, declared: str) -> None:
    """Of two such rows nobody can tell which is meant; one changes the row that is there, whose key is then written as it came."""
    place.run(f"CREATE TABLE {place.table} (k {declared}, v INTEGER)", f"CREATE UNIQUE INDEX ux_{place.table} ON {place.table} (k)")
    merge: dict[str, Any] = {"mode": "merge", "replace": [], "merge": ["k"]}
    place.load(place.stage(_keyed(["eu", "us"])), **merge)
    with pytest.raises(
        LoadRefused, match=rf"The rows for table {place.table} have 2 with k=(eu|EU), and merge: cannot tell which is meant"
    ):
        place.load(place.stage(_keyed(["eu", "EU"])), **merge)
    place.load(place.stage(_keyed(["EU", "us", "apac"])), **merge)
    assert sorted(place.query(f"SELECT k, v FROM {place.table}")) == [("EU", 0), ("apac", 2), ("us", 1)]
    place.load(place.stage(_keyed(["us", "apac"])), **merge)
    assert sorted(place.query(f"SELECT k, v FROM {place.table}")) == [("EU", 0), ("apac", 1), ("us", 0)]
