"""What a column would keep as something else is refused by name on every database, and what it keeps arrives as it was staged."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from nights import Night, on_duckdb

from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

CLOCK = pa.array([datetime(2026, 1, 1, 12)])  # noqa: DTZ001
MOMENT = pa.array([datetime(2026, 1, 1, 12, tzinfo=UTC)])
DAY = pa.array([date(2026, 1, 1)])
INTERVAL = "keeps 6 digits of a second, and fractions of nothing else"
TIME = "keeps the time of a day such as 12:34:56"
READING = "a moment, and the rows bring a timestamp, which is one only in some time zone"
ZONED = "a clock's reading, and the rows bring a timestamptz, which has one only in some time zone"

CHANGED: dict[str, list[tuple[str, Any, str]]] = {
    "postgres_url": [
        ("VARCHAR(3)", ["ab", "abc   "], "cuts off blanks at its end, and would change 'abc   '"),
        ("worded", ["abc   "], "cuts off blanks at its end"),
        ("CHAR(5)", ["abcde", "ab"], "pads to 5 characters, and would change 'ab'"),
        ("CHAR(2)", ["ab   "], "pads to 2 characters"),
        ("name", ["x" * 80], "which cannot hold every text exactly"),
        ('"char"', ["xy"], "which cannot hold every text exactly"),
        ("MONEY", ["1.239"], "which cannot hold every text exactly"),
        ("MONEY", pa.array([Decimal("1.239")]), "which cannot hold every decimal(4,3) exactly"),
        ("TIME(0)", ["12:00:00", "12:00:00.7"], f"{TIME}, and would change '12:00:00.7'"),
        ("TIME", ["12:00:00.1234567"], f"{TIME}.777777, and would change '12:00:00.1234567'"),
        ("TIME", ["2026-01-01 12:00:00"], TIME),
        ("TIME", ["12:00:00+02"], TIME),
        ("TIME", CLOCK, "which cannot hold every timestamp exactly"),
        ("TIMETZ", ["12:00:00"], f"{TIME}.777777+00:00"),
        ("hour", ["12:00:00.7"], TIME),
        ("INTERVAL", ["1 day", "PT0.0000001S"], f"{INTERVAL}, and would change 'PT0.0000001S'"),
        ("INTERVAL", ["1.23456789 days"], INTERVAL),
        ("INTERVAL(0)", ["00:00:00.7"], "keeps 0 digits of a second"),
        ("INTERVAL DAY TO HOUR", ["1 day 02:30"], "which cannot hold every text exactly"),
        ("INTERVAL", pa.array([5]), "which cannot hold every int exactly"),
        ("NUMERIC(5,-2)", pa.array([100, 123]), "rounds off the last 2 digits of a number, and 123 has them"),
        ("numeric(5,1)[]", ["{1.25}"], "which cannot hold every text exactly"),
        ("date[]", ["{2026-01-01 12:00}"], "which cannot hold every text exactly"),
        ("daterange", ["[2026-01-01 12:00,2026-01-03)"], "keeps whole days"),
        ("tsrange", ["[2026-01-01 12:00:00.1234567,)"], "keeps 6 digits of a second"),
        ("TIMESTAMPTZ", CLOCK, READING),
        ("TIMESTAMPTZ", DAY, "a moment, and the rows bring a date"),
        ("TIMESTAMP", MOMENT, ZONED),
        ("moment", CLOCK, READING),
        ("day", CLOCK, "which cannot hold every timestamp exactly"),
    ],
    "mariadb_url": [
        ("VARCHAR(3)", ["ab ", "abc   "], "cuts off blanks at its end, and would change 'abc   '"),
        ("TINYTEXT", ["x" * 255 + " "], "cuts off blanks at its end"),
        ("CHAR(5)", ["ab", "ab  "], "loses blanks at the end, and would change 'ab  '"),
        ("BINARY(4)", pa.array([b"abcd", b"ab"]), "pads to 4 bytes, and would change b'ab'"),
        ("TIME", ["12:00:00", "12:00:00.7"], f"{TIME}, and would change '12:00:00.7'"),
        ("TIME(3)", ["12:00:00.7", "12:00:00.7001"], f"{TIME}.777"),
        ("TIME", ["1200"], TIME),
        ("TIME", ["2026-01-01 12:00:00"], TIME),
        ("TIME", CLOCK, "which cannot hold every timestamp exactly"),
        ("DOUBLE(5,2)", pa.array([1.239]), "which cannot hold every float exactly"),
        ("FLOAT(5,2)", pa.array([1.239]), "which cannot hold every float exactly"),
        ("ENUM('A','b')", ["A", "a"], "has these words alone, in these letters, and would change 'a'"),
        ("ENUM('A','b')", ["2"], "has these words alone"),
        ("SET('a','b')", ["a", "b,a"], "each once and in this order, and would change 'b,a'"),
        ("YEAR", pa.array([1999, 26]), "would make another year of 26"),
        ("YEAR", ["26"], "which cannot hold every text exactly"),
        ("BIT(8)", ["1"], "which cannot hold every text exactly"),
        ("TIMESTAMP(6) NULL", CLOCK, READING),
        ("TIMESTAMP(6) NULL", DAY, "a moment, and the rows bring a date"),
    ],
    "duckdb": [
        ("TIME", ["12:00:00.1234567"], TIME),
        ("TIME", ["2026-01-01 12:00:00"], TIME),
        ("INTERVAL", ["0.0000001 seconds"], INTERVAL),
        ("DECIMAL(3,1)[]", ["[1.239]"], "which cannot hold every text exactly"),
        ("TIMESTAMPTZ", CLOCK, READING),
        ("TIMESTAMPTZ", DAY, "a moment, and the rows bring a date"),
        ("TIMESTAMP", MOMENT, ZONED),
        ("TIMESTAMP_S", MOMENT, ZONED),
    ],
    "sqlite": [
        ("DATE", ["2026-01-01", "00123"], "makes a number of a text that reads as one, and would change '00123'"),
        ("DATETIME", ["1e5"], "makes a number"),
        ("TIMESTAMP", [" .5 "], "makes a number"),
        ("TIME", ["7"], "makes a number"),
        ("NUMERIC", ["00123"], "which cannot hold every text exactly"),
        ("INTEGER", ["00123"], "which cannot hold every text exactly"),
    ],
}
KEPT: dict[str, list[tuple[str, Any]]] = {
    "postgres_url": [
        ("VARCHAR(3)", ["ab", "ab ", "", None]),
        ("worded", ["ab ", None]),
        ("CHAR(3)", ["EUR", "a  ", None]),
        ("TIME", ["12:00:00.123456", "00:00:00", None]),
        ("TIMETZ", ["12:00:00.5+02", None]),
        ("INTERVAL", ["1 day 02:00:00.5", "00:00:01.123456", "-1 days", None]),
        ("NUMERIC(5,-2)", pa.array([100, -12300, None])),
        ("int[]", ["{1,NULL,3}"]),
        ("text[]", ['{a,"b c"}']),
        ("daterange", ["[2026-01-01,2026-01-03)"]),
        ("TIMESTAMPTZ", MOMENT),
        ("TIMESTAMP", CLOCK),
        ("moment", MOMENT),
        ("day", DAY),
        ("hour", ["12:00:00"]),
    ],
    "mariadb_url": [
        ("VARCHAR(3)", ["ab", "ab ", "", None]),
        ("TINYTEXT", ["x" * 254 + " "]),
        ("VARBINARY(4)", pa.array([b"ab", b"a  ", None])),
        ("CHAR(5)", ["ab", "", None]),
        ("BINARY(4)", pa.array([b"abcd", None])),
        ("TIME(3)", ["12:00:00.700", "-838:59:59.000", None]),
        ("ENUM('A','b')", ["A", "b", None]),
        ("SET('a','b')", ["a", "a,b", "", None]),
        ("YEAR", pa.array([1999, 0, None])),
        ("DATETIME(6)", CLOCK),
        ("DATE", DAY),
    ],
    "duckdb": [
        ("TIME", ["12:00:00.123456", None]),
        ("INTERVAL", ["1 day", "00:00:01.5", None]),
        ("UUID", ["6f1ed002-ab59-4b5d-8a1f-1b7d7c0f2b11", None]),
        ("TIMESTAMPTZ", MOMENT),
        ("TIMESTAMP", CLOCK),
    ],
    "sqlite": [
        ("DATE", ["2026-01-01", "x", "0x1A", "", None]),
        ("TEXT", ["00123", "1e5", " 1 "]),
        ("VARCHAR(3)", ["00123", "ab   "]),
        ("", ["00123", None]),
    ],
}
READ = {"postgres_url": "v::text", "mariadb_url": "CONCAT(v)", "duckdb": "v::VARCHAR", "sqlite": "v"}
DOMAINS = {"worded": "varchar(3)", "hour": "time(0)", "moment": "timestamptz", "day": "date"}


@pytest.fixture(
    params=["sqlite", "duckdb", *(pytest.param(name, marks=pytest.mark.server) for name in ("postgres_url", "mariadb_url"))],
)
def there(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Night]:
    """Give a database by name, and a night on it."""
    if request.param in {"sqlite", "duckdb"}:
        return request.param, Night(tmp_path, on_duckdb(tmp_path) if request.param == "duckdb" else None)
    on: Night = request.getfixturevalue({"postgres_url": "on_postgres", "mariadb_url": "on_mariadb"}[request.param])
    if request.param == "postgres_url":
        for name, base in DOMAINS.items():
            on.run(f"DROP DOMAIN IF EXISTS {name} CASCADE", f"CREATE DOMAIN {name} AS {base}")
    return request.param, on


def rows_of(values: Any) -> pa.Table:
    """Give rows with these values."""
    values = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return pa.table({"id": pa.array(range(len(values)), pa.int64()), "v": values})


def test_what_would_become_another_value_is_refused(there: tuple[str, Night]) -> None:
    """By the name of the column and the value; nothing is written."""
    name, night = there
    for number, (column, values, told) in enumerate(CHANGED[name]):
        night.table = f"narrow{number}"
        night.run(f"CREATE TABLE {night.table} (id BIGINT, v {column})")
        with pytest.raises(LoadRefused) as caught:
            night.load(night.stage(rows_of(values)), mode="append", replace=[])
        assert f'Column "v" of table {night.table} ' in str(caught.value), column
        assert told in str(caught.value), column
        assert night.query(f"SELECT count(*) FROM {night.table}") == [(0,)], column
        night.run(f"DROP TABLE {night.table}")


def test_what_is_kept_arrives_as_it_was(there: tuple[str, Night]) -> None:
    """Texts read back as they were staged."""
    name, night = there
    for number, (column, values) in enumerate(KEPT[name]):
        night.table = f"wide{number}"
        night.run(f"CREATE TABLE {night.table} (id BIGINT, v {column})")
        rows = rows_of(values)
        night.load(night.stage(rows), mode="append", replace=[])
        read = READ[name] if pa.types.is_string(rows.schema.field("v").type) and not column.startswith("CHAR") else "v"
        found = [value for (value,) in night.query(f"SELECT {read} FROM {night.table} ORDER BY id")]
        expected = [int(value) if isinstance(value, Decimal) else value for value in rows["v"].to_pylist()]
        assert found == expected, column
        night.run(f"DROP TABLE {night.table}")
