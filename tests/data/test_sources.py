"""What comes out of each kind of database, type by type: exactly what is in it, or a refusal that names the column."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from tidegate.data.contract import Accept
from tidegate.data.engines import database_url
from tidegate.data.extract import extract
from tidegate.data.kinds import word
from tidegate.data.sources import sqlite
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from nights import Night

    from tidegate.data.manifest import Manifest

BIG = 9007199254740993
"""The first whole number that a float cannot hold."""
NAUGHTY = 'Größe 🌊 , "quoted" it\'s \\ \\N \t\r\n;'


def clock(*parts: int) -> datetime:
    """A reading of a clock."""
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


@dataclass(frozen=True)
class Case:
    """One column: what is selected, what it must be read as, and its values; or whose refusal must be read."""

    sql: tuple[str, ...]
    """One expression for each row."""
    kind: str
    values: tuple[Any, ...] = ()
    declared: str = ""
    refused: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


POSTGRES = {
    "booleans": Case(("true", "NULL", "false"), "bool", (True, None, False)),
    "64-bit integers with NULL": Case((f"{BIG}::bigint", "NULL", "-9223372036854775808"), "int", (BIG, None, -(2**63))),
    "small integers": Case(("1::smallint", "NULL", "-32768"), "int", (1, None, -32768)),
    "decimals": Case(("1.10::numeric(12,2)", "NULL::numeric(12,2)", "(-9999999999.99)::numeric(12,2)"), "decimal(12,2)", (Decimal("1.10"), None, Decimal("-9999999999.99"))),
    "decimals without a size": Case(("1.123456789::numeric", "1e20"), "decimal", (Decimal("1.123456789"), Decimal(10**20))),
    "decimals with more digits than the usual": Case(("0.1234567891::numeric",), "", refused='"v", row 1, .+, which decimal cannot'),
    "decimals with more digits, declared": Case(("0.1234567891::numeric",), "decimal(38,10)", (Decimal("0.1234567891"),), "decimal(38,10)"),
    "decimals of 38 digits": Case(("12345678901234567890123456789012345.678::numeric(38,3)",), "decimal(38,3)", (Decimal("12345678901234567890123456789012345.678"),)),
    "decimals that are no number": Case(("1::numeric", "'NaN'::numeric"), "", refused='"v", row 2, .+, which decimal cannot'),
    "decimals wider than Arrow's": Case((f"{'9' * 40}::numeric(50,0)",), "", refused=r'"v", row 1, .+, which decimal\(38,0\) cannot'),
    "decimals with a negative scale": Case(("12300::numeric(3,-2)",), "decimal(5,0)", (Decimal(12300),)),
    "floats": Case(("0.1::float8", "NULL", "'NaN'", "'-Infinity'", "5e-324", "1.7976931348623157e308"), "float", (0.1, None, float("nan"), float("-inf"), 5e-324, 1.7976931348623157e308)),
    "single floats": Case(("0.1::float4", "16777216"), "float", (0.1, 16777216.0)),
    "texts": Case((f"$t${NAUGHTY}$t$", "NULL", "''", "'NULL'", "'null'", "' '"), "text", (NAUGHTY, None, "", "NULL", "null", " ")),
    "padded texts": Case(("'a'::char(3)",), "text", ("a  ",)),
    "bytes": Case((r"'\x00ff275c'::bytea", "NULL", "''::bytea"), "bytes", (b"\x00\xff'\\", None, b"")),
    "dates": Case(("date '0001-01-01'", "NULL", "'9999-12-31'"), "date", (date(1, 1, 1), None, date(9999, 12, 31))),
    "dates without end": Case(("date '2026-01-01'", "'infinity'"), "", refused='"v", row 2, .+, which date cannot'),
    "dates before Christ": Case(("date '0044-03-15 BC'",), "", refused='"v", row 1, .+, which date cannot'),
    "clocks": Case(("timestamp '2026-01-01 12:00:00.000001'", "NULL", "'9999-12-31 23:59:59.999999'"), "timestamp", (clock(2026, 1, 1, 12, 0, 0, 1), None, clock(9999, 12, 31, 23, 59, 59, 999999))),
    "clocks without end": Case(("timestamp '-infinity'",), "", refused='"v", row 1, .+, which timestamp cannot'),
    "moments": Case(("timestamptz '2026-01-01 12:00+05:45'", "NULL", "'1890-01-01 00:00+00'"), "timestamptz", (datetime(2026, 1, 1, 6, 15, tzinfo=UTC), None, datetime(1890, 1, 1, tzinfo=UTC)), settings={"timezone": "Europe/Berlin"}),
    "moments without end": Case(("timestamptz '2026-01-01'", "'infinity'"), "", refused='"v", row 2, .+, which timestamptz cannot'),
    "clocks in a zone": Case(("timestamp '2026-07-01 12:00'",), "timestamptz", (datetime(2026, 7, 1, 10, tzinfo=UTC),), "timestamptz", settings={"timezone": "Europe/Berlin"}),
    "clocks that come twice": Case(("timestamp '2026-10-25 02:30'",), "", declared="timestamptz", refused='"v", row 1, .+, which timestamptz cannot', settings={"timezone": "Europe/Berlin"}),
    "times of day": Case(("time '23:59:59.999999'", "'24:00'"), "text", ("23:59:59.999999", "24:00:00")),
    "intervals": Case(("interval '1 year 2 months 3 days 4:05:06.7'",), "text", ("P1Y2M3DT4H5M6.7S",)),
    "UUIDs": Case(("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",), "text", ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",)),
    "JSON": Case(("""'{"b": 1.10, "a": [null, "ü"]}'::json""",), "text", ('{"b": 1.10, "a": [null, "ü"]}',)),
    "binary JSON": Case(("""'{"b":1.10}'::jsonb""",), "text", ('{"b": 1.10}',)),
    "arrays": Case(("ARRAY[1,NULL,3]", "'{}'", "NULL"), "text", ("[1,null,3]", "[]", None)),
    "arrays of texts": Case(("""ARRAY['a,b', 'c"d', NULL]""",), "text", ("""["a,b","c\\"d",null]""",)),
    "composites": Case(("ROW(1, 'a')",), "text", ('{"f1":1,"f2":"a"}',)),
    "ranges": Case(("int4range(1, 5)",), "text", ("[1,5)",)),
    "addresses": Case(("'10.0.0.1/8'::inet",), "text", ("10.0.0.1/8",)),
    "money": Case(("12345.67::money",), "decimal", (Decimal("12345.67"),)),
    "nothing at all": Case(("NULL", "NULL"), "text", (None, None)),
    "whole decimals as integers": Case(("3.00::numeric(5,2)",), "int", (3,), "int"),
    "broken decimals as integers": Case(("3.50::numeric(5,2)",), "", declared="int", refused='"v", row 1, .+, which int cannot'),
    "integers as texts": Case(("42", "NULL"), "text", ("42", None), "text"),
    "decimals as texts": Case(("1.10::numeric(5,2)", "'NaN'"), "text", ("1.10", "NaN"), "text"),
    "texts as integers": Case(("'42'",), "int", (42,), "int"),
    "texts as decimals": Case(("'1.5'",), "decimal(5,2)", (Decimal("1.50"),), "decimal(5,2)"),
    "integers as booleans": Case(("1", "0", "NULL"), "bool", (True, False, None), "bool"),
    "dates as clocks": Case(("date '2026-01-01'",), "timestamp", (clock(2026, 1, 1),), "timestamp"),
}  # fmt: skip
MARIADB = {
    "booleans": Case(("true", "NULL", "false"), "bool", (True, None, False), "bool"),
    "64-bit integers with NULL": Case((str(BIG), "NULL", "-9223372036854775808"), "int", (BIG, None, -(2**63))),
    "unsigned integers": Case(("CAST(18446744073709551615 AS UNSIGNED)",), "", refused='"v", row 1, .+, which int cannot'),
    "unsigned integers, declared": Case(("CAST(18446744073709551615 AS UNSIGNED)",), "decimal(20,0)", (Decimal(2**64 - 1),), "decimal(20,0)"),
    "decimals": Case(("CAST(1.10 AS DECIMAL(12,2))", "NULL", "-9999999999.99"), "decimal(12,2)", (Decimal("1.10"), None, Decimal("-9999999999.99"))),
    "decimals of 38 digits": Case(("CAST('12345678901234567890123456789012345.678' AS DECIMAL(38,3))",), "decimal(38,3)", (Decimal("12345678901234567890123456789012345.678"),)),
    "decimals wider than Arrow's": Case((f"CAST('{'9' * 40}' AS DECIMAL(50,0))",), "", refused=r'"v", row 1, .+, which decimal\(38,0\) cannot'),
    "floats": Case(("CAST('0.1' AS DOUBLE)", "NULL", "1.7976931348623157e308"), "float", (0.1, None, 1.7976931348623157e308)),
    "single floats": Case(("CAST(16777216 AS FLOAT)",), "", refused='"v" of type FLOAT, of which the server sends no more than six digits'),
    "texts": Case(("'" + NAUGHTY.replace("\\", "\\\\").replace("'", "''") + "'", "NULL", "''", "'NULL'", "' '"), "text", (NAUGHTY, None, "", "NULL", " ")),
    "long texts": Case(("REPEAT('ü', 200)", "REPEAT('ü', 40000)", "'x'"), "text", ("ü" * 200, "ü" * 40000, "x")),
    "bytes": Case((r"X'00ff275c'", "NULL", "X''"), "bytes", (b"\x00\xff'\\", None, b"")),
    "dates": Case(("DATE '1000-01-01'", "NULL", "DATE '9999-12-31'"), "date", (date(1000, 1, 1), None, date(9999, 12, 31))),
    "dates of nothing": Case(("DATE('2026-01-01')", "CAST('0000-00-00' AS DATE)"), "", refused='"v", row 2, .+, which date cannot'),
    "clocks": Case(("CAST('2026-01-01 12:00:00.000001' AS DATETIME(6))", "NULL"), "timestamp", (clock(2026, 1, 1, 12, 0, 0, 1), None)),
    "clocks in a zone": Case(("CAST('2026-07-01 12:00' AS DATETIME)",), "timestamptz", (datetime(2026, 7, 1, 10, tzinfo=UTC),), "timestamptz", settings={"timezone": "Europe/Berlin"}),
    "times of day": Case(("CAST('-838:59:58.9' AS TIME(1))",), "text", ("-838:59:58.9",)),
    "JSON": Case(("""JSON_OBJECT('b', 1.10, 'a', 'ü')""",), "text", ('{"b": 1.10, "a": "ü"}',)),
    "nothing at all": Case(("NULL", "NULL"), "text", (None, None)),
    "whole decimals as integers": Case(("CAST(3 AS DECIMAL(5,2))",), "int", (3,), "int"),
    "integers as texts": Case(("42", "NULL"), "text", ("42", None), "text"),
    "texts as integers": Case(("'42'",), "int", (42,), "int"),
    "bits": Case(("b'101'",), "bytes", (b"\x05",)),
}  # fmt: skip

SQLITE = {
    "integers": Case((str(BIG), "NULL", "-9223372036854775808", "0"), "int", (BIG, None, -(2**63), 0)),
    "floats": Case(("0.1", "NULL", "0.1+0.2", "5e-324", "1.7976931348623157e308", "9e999", "3"), "float", (0.1, None, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, float("inf"), 3.0)),
    "texts": Case(("'" + NAUGHTY.replace("'", "''") + "'", "NULL", "''", "'NULL'", "'null'", "' '", "'[1,2]'", "'\\u0041'", "char(92)", "char(1, 8, 12, 27, 31, 127)", "'\\\\\"\\'"), "text", (NAUGHTY, None, "", "NULL", "null", " ", "[1,2]", "\\u0041", "\\", "\x01\x08\x0c\x1b\x1f\x7f", '\\\\"\\')),
    "texts with line ends": Case(("'a'", "'b' || char(10) || 'c'", "char(13, 10)", "char(13)", "char(10) || '\"]' || char(10) || '[0,'"), "text", ("a", "b\nc", "\r\n", "\r", '\n"]\n[0,')),
    "texts with a zero": Case(("'a'", "'b' || char(0) || 'c'"), "text", ("a", "b\0c")),
    "texts of JSON": Case(("json('[1, 2]')", "json('null')", "json('5')"), "text", ("[1,2]", "null", "5")),
    "integers, then a text": Case(("1", "'42'", "NULL"), "int", (1, 42, None)),
    "integers, then a text that is none": Case(("1", "' 42'"), "", refused='"v", row 2, .+, which int cannot'),
    "integers, then a float that is whole": Case(("1", "2.0"), "int", (1, 2)),
    "integers, then a float": Case(("1", "2.5"), "", refused='"v", row 2, .+, which int cannot'),
    "integers, then bytes": Case(("1", "x'31'"), "", refused='"v", row 2, .+, which int cannot'),
    "texts, then an integer": Case(("'a'", "5"), "text", ("a", "5")),
    "texts, then a float": Case(("'a'", "0.1+0.2"), "text", ("a", "0.30000000000000004")),
    "texts, then bytes": Case(("'a'", "x'62'"), "", refused='"v", row 2, .+, which text cannot'),
    "nothing, then an integer": Case(("NULL", "5"), "text", (None, "5")),
    "nothing, then bytes": Case(("NULL", "x'00'"), "", refused='"v", row 2, .+, which text cannot'),
    "bytes": Case(("x'00ff275c'", "NULL", "x''"), "bytes", (b"\x00\xff'\\", None, b"")),
    "bytes, then a text": Case(("x'00'", "'a'"), "", refused='"v", row 2, .+, which bytes cannot'),
    "integers as decimals": Case(("1", "NULL", "-2"), "decimal(12,2)", (Decimal("1.00"), None, Decimal("-2.00")), "decimal(12,2)"),
    "integers, then fractions, as decimals": Case(("1", "2.5", "0.1"), "decimal(12,2)", (Decimal("1.00"), Decimal("2.50"), Decimal("0.10")), "decimal(12,2)"),
    "integers, then too fine a fraction, as decimals": Case(("1", "2.125"), "", declared="decimal(12,2)", refused='"v", row 2, .+, which decimal'),
    "texts as decimals": Case(("'1.10'", "NULL", "'99999999999999999999999999999.123456789'", "'1e3'"), "decimal", (Decimal("1.10"), None, Decimal("99999999999999999999999999999.123456789"), Decimal(1000)), "decimal"),
    "texts as decimals, too fine": Case(("'1.10'", "'1.101'"), "", declared="decimal(12,2)", refused='"v", row 2, .+, which decimal'),
    "texts as decimals in quotes": Case(("'1.10'", "'\"1.10\"'"), "", declared="decimal(12,2)", refused='"v", row 2, .+, which decimal'),
    "texts as integers": Case(("'42'", "'-7'"), "int", (42, -7), "int"),
    "integers as texts": Case((str(BIG), "NULL", "-1"), "text", (str(BIG), None, "-1"), "text"),
    "integers as booleans": Case(("1", "0", "NULL"), "bool", (True, False, None), "bool"),
    "integers as booleans, wrong": Case(("1", "2"), "", declared="bool", refused='"v", row 2, .+, which bool'),
    "integers as floats": Case(("1", "NULL", "-5"), "float", (1.0, None, -5.0), "float"),
    "integers as floats, too long": Case(("1", str(BIG)), "", declared="float", refused='"v", row 2, .+, which float'),
    "dates": Case(("'0001-01-01'", "NULL", "'9999-12-31'", "'2026-01-01 00:00:00'"), "date", (date(1, 1, 1), None, date(9999, 12, 31), date(2026, 1, 1)), "date"),
    "clocks": Case(("'2026-01-01 12:00:00.000001'", "NULL", "'2026-01-01'", "'2026-01-01T12:00'"), "timestamp", (clock(2026, 1, 1, 12, 0, 0, 1), None, clock(2026, 1, 1), clock(2026, 1, 1, 12)), "timestamp"),
    "clocks, too fine": Case(("'2026-01-01'", "'2026-01-01 12:00:00.0000001'"), "", declared="timestamp", refused='"v", row 2, .+, which timestamp'),
    "moments": Case(("'2026-07-01 12:00:00.5'", "NULL", "'2026-01-01 12:00:00+05:45'"), "timestamptz", (datetime(2026, 7, 1, 10, 0, 0, 500000, tzinfo=UTC), None, datetime(2026, 1, 1, 6, 15, tzinfo=UTC)), "timestamptz", settings={"timezone": "Europe/Berlin"}),
    "moments in an hour that comes twice": Case(("'2026-07-01 12:00'", "'2026-10-25 02:30'"), "", declared="timestamptz", refused='"v", row 2, .+, which timestamptz', settings={"timezone": "Europe/Berlin"}),
    "nothing at all": Case(("NULL", "NULL"), "text", (None, None)),
}  # fmt: skip

HUGE = 2**127 - 1
DUCKDB = {
    "booleans": Case(("true", "NULL", "false"), "bool", (True, None, False)),
    "64-bit integers with NULL": Case((f"{BIG}::BIGINT", "NULL", "-9223372036854775808"), "int", (BIG, None, -(2**63))),
    "small integers": Case(("255::UTINYINT", "NULL", "0"), "int", (255, None, 0)),
    "unsigned integers": Case(("18446744073709551615::UBIGINT", "NULL"), "decimal(20,0)", (Decimal(2**64 - 1), None)),
    "unsigned integers as integers": Case(("1::UBIGINT", "18446744073709551615::UBIGINT"), "", declared="int", refused='"v", row 2, .+, which int cannot'),
    "sums of integers": Case((f"{BIG}::HUGEINT", "NULL", "-9223372036854775808"), "int", (BIG, None, -(2**63))),
    "128-bit integers": Case(("1::HUGEINT", f"{HUGE}"), "", refused='"v", row 2, .+, which int cannot'),
    "128-bit integers, declared": Case((f"{10**37}::HUGEINT", "NULL", "-1"), "decimal(38,0)", (Decimal(10**37), None, Decimal(-1)), "decimal(38,0)"),
    "128-bit integers wider than Arrow's": Case((f"{HUGE}::HUGEINT",), "", declared="decimal(38,0)", refused=r'"v", row 1, .+, which decimal\(38,0\) cannot'),
    "128-bit integers as text": Case((f"{HUGE}::HUGEINT", f"-{HUGE}"), "text", (str(HUGE), str(-HUGE)), "text"),
    "sums of integers as floats": Case(("4::HUGEINT", f"{BIG}::HUGEINT"), "", declared="float", refused='"v", row 2, .+, which float cannot'),
    "sums of integers as booleans": Case(("1::HUGEINT", "0"), "bool", (True, False), "bool"),
    "unsigned 128-bit integers": Case((f"{2**128 - 1}::UHUGEINT",), "", refused='"v", row 1, .+, which int cannot'),
    "unsigned 128-bit integers as text": Case((f"{2**128 - 1}::UHUGEINT",), "text", (str(2**128 - 1),), "text"),
    "integers of any size": Case((f"{10**50}::BIGNUM", "NULL"), "text", (str(10**50), None)),
    "decimals": Case(("1.10::DECIMAL(12,2)", "NULL", "-9999999999.99"), "decimal(12,2)", (Decimal("1.10"), None, Decimal("-9999999999.99"))),
    "decimals of 38 digits": Case(("12345678901234567890123456789012345.678::DECIMAL(38,3)",), "decimal(38,3)", (Decimal("12345678901234567890123456789012345.678"),)),
    "decimals, declared": Case(("1.10::DECIMAL(12,2)",), "decimal(38,10)", (Decimal("1.10"),), "decimal(38,10)"),
    "decimals, declared too short": Case(("1.10::DECIMAL(12,2)", "1.11"), "", declared="decimal(12,1)", refused=r'"v", row 2, .+, which decimal\(12,1\) cannot'),
    "floats": Case(("0.1::DOUBLE", "NULL", "'NaN'::DOUBLE", "'-Infinity'::DOUBLE", "5e-324", "1.7976931348623157e308"), "float", (0.1, None, float("nan"), float("-inf"), 5e-324, 1.7976931348623157e308)),
    "single floats": Case(("0.1::FLOAT", "16777216"), "float", (0.10000000149011612, 16777216.0)),
    "texts": Case((f"$t${NAUGHTY}$t$", "NULL", "''", "'NULL'", "'null'", "' '", "'a' || chr(0) || 'b'"), "text", (NAUGHTY, None, "", "NULL", "null", " ", "a\0b")),
    "enumerations": Case(("'b'::ENUM('a', 'b')", "NULL"), "text", ("b", None)),
    "bytes": Case((r"'\x00\xff''\x5c'::BLOB", "NULL", "''::BLOB"), "bytes", (b"\x00\xff'\\", None, b"")),
    "bits": Case(("'00101'::BIT",), "text", ("00101",)),
    "dates": Case(("DATE '0001-01-01'", "NULL", "DATE '9999-12-31'"), "date", (date(1, 1, 1), None, date(9999, 12, 31))),
    "dates without end": Case(("DATE '2026-01-01'", "DATE 'infinity'"), "", refused='"v", row 2, .+, which date cannot'),
    "dates before Christ": Case(("DATE '0044-03-15 (BC)'",), "", refused='"v", row 1, .+, which date cannot'),
    "dates beyond 9999": Case(("DATE '10000-01-01'",), "", refused='"v", row 1, .+, which date cannot'),
    "clocks": Case(("TIMESTAMP '2026-01-01 12:00:00.000001'", "NULL", "TIMESTAMP '9999-12-31 23:59:59.999999'"), "timestamp", (clock(2026, 1, 1, 12, 0, 0, 1), None, clock(9999, 12, 31, 23, 59, 59, 999999))),
    "clocks without end": Case(("TIMESTAMP '-infinity'",), "", refused='"v", row 1, .+, which timestamp cannot'),
    "clocks of whole seconds": Case(("'2026-01-01 12:00:01'::TIMESTAMP_S", "NULL"), "timestamp", (clock(2026, 1, 1, 12, 0, 1), None)),
    "clocks of whole seconds without end": Case(("'infinity'::TIMESTAMP_S",), "", refused='"v", row 1, .+, which timestamp cannot'),
    "clocks of thousandths": Case(("'2026-01-01 12:00:01.125'::TIMESTAMP_MS",), "timestamp", (clock(2026, 1, 1, 12, 0, 1, 125000),)),
    "clocks of thousand-millionths": Case(("TIMESTAMP_NS '2026-01-01 12:00:01.000001'",), "timestamp", (clock(2026, 1, 1, 12, 0, 1, 1),)),
    "clocks, too fine": Case(("TIMESTAMP_NS '2026-01-01 12:00:01'", "TIMESTAMP_NS '2026-01-01 12:00:01.000000001'"), "", refused='"v", row 2, .+, which timestamp cannot'),
    "fine clocks without end": Case(("'infinity'::TIMESTAMP_NS",), "", refused='"v", row 1, .+, which timestamp cannot'),
    "moments": Case(("TIMESTAMPTZ '2026-01-01 12:00+05:45'", "NULL", "TIMESTAMPTZ '1890-01-01 00:00+00'"), "timestamptz", (datetime(2026, 1, 1, 6, 15, tzinfo=UTC), None, datetime(1890, 1, 1, tzinfo=UTC)), settings={"timezone": "Europe/Berlin"}),
    "moments without end": Case(("TIMESTAMPTZ '2026-01-01'", "TIMESTAMPTZ 'infinity'"), "", refused='"v", row 2, .+, which timestamptz cannot'),
    "clocks in a zone": Case(("TIMESTAMP '2026-07-01 12:00'",), "timestamptz", (datetime(2026, 7, 1, 10, tzinfo=UTC),), "timestamptz", settings={"timezone": "Europe/Berlin"}),
    "clocks that come twice": Case(("TIMESTAMP '2026-10-25 02:30'",), "", declared="timestamptz", refused='"v", row 1, .+, which timestamptz cannot', settings={"timezone": "Europe/Berlin"}),
    "times of day": Case(("TIME '23:59:59.999999'", "TIME '24:00:00'"), "text", ("23:59:59.999999", "24:00:00")),
    "times of day in a zone": Case(("'01:02:03+02'::TIMETZ",), "text", ("01:02:03+02",)),
    "intervals": Case(("INTERVAL '1 year 2 months 3 days 4 hours'", "NULL"), "text", ("1 year 2 months 3 days 04:00:00", None)),
    "UUIDs": Case(("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID",), "text", ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",)),
    "JSON": Case(("""'{"b": 1.10, "a": [null, "ü"]}'::JSON""",), "text", ('{"b": 1.10, "a": [null, "ü"]}',)),
    "variants": Case(("{'b': [1.10]}::VARIANT",), "text", ('{"b":[1.1]}',)),
    "lists": Case(("[1, NULL, 3]", "[]", "NULL"), "text", ("[1,null,3]", "[]", None)),
    "lists of texts": Case(("""['a,b', 'c"d', NULL]""",), "text", ("""["a,b","c\\"d",null]""",)),
    "lists of decimals": Case(("[1.12345678901234567890123456789::DECIMAL(38,29)]",), "text", ("[1.12345678901234567890123456789]",)),
    "arrays": Case(("array_value(1, 2)",), "text", ("[1,2]",)),
    "structures": Case(("{'x': 1, 'y': 'a'}",), "text", ('{"x":1,"y":"a"}',)),
    "maps": Case(("MAP {'x': 1}",), "text", ('{"x":1}',)),
    "unions": Case(("union_value(k := 1)",), "text", ('{"k":1}',)),
    "floats in lists": Case(("[0.1::FLOAT]", "[1e300]", "NULL"), "text", ("[0.10000000149011612]", "[1e300]", None)),
    "NaN in lists": Case(("[1.5]", "NULL", "['NaN'::DOUBLE]"), "", refused='"v", row 3, NaN or an infinity within a value, which no JSON can hold'),
    "NaN in structures": Case(("""{'a "b': 1.5}""", """{'a "b': '-inf'::DOUBLE}"""), "", refused='"v", row 2, NaN or an infinity'),
    "NaN in variants": Case(("'NaN'::DOUBLE::VARIANT",), "", refused='"v", row 1, NaN or an infinity'),
    "the words for it": Case(("""['NaN', 'a" NaN', '-Infinity\\']""", "['NaN']"), "text", (r"""["NaN","a\" NaN","-Infinity\\"]""", '["NaN"]')),
    "geometries": Case(("'POINT(1 2)'::GEOMETRY",), "", refused='"v" of type GEOMETRY, which cannot be staged'),
    "nothing at all": Case(("NULL", "NULL"), "text", (None, None), "text"),
    "whole decimals as integers": Case(("3.00::DECIMAL(5,2)",), "int", (3,), "int"),
    "broken decimals as integers": Case(("3.50::DECIMAL(5,2)",), "", declared="int", refused='"v", row 1, .+, which int cannot'),
    "integers as texts": Case(("42", "NULL"), "text", ("42", None), "text"),
    "texts as integers": Case(("'42'",), "int", (42,), "int"),
    "texts as decimals": Case(("'1.5'",), "decimal(5,2)", (Decimal("1.50"),), "decimal(5,2)"),
    "integers as booleans": Case(("1", "0", "NULL"), "bool", (True, False, None), "bool"),
    "dates as clocks": Case(("DATE '2026-01-01'",), "timestamp", (clock(2026, 1, 1),), "timestamp"),
}  # fmt: skip


def plain(value: Any) -> tuple[type, Any]:
    """The value, of which NaN is like itself."""
    return type(value), "NaN" if value != value else value  # noqa: PLR0124


def read(night: Night, url: sa.URL, case: Case, **more: Any) -> tuple[Manifest, pa.Table]:
    """Stage the case's rows in their order, as the column v beside their numbers."""
    rows = " UNION ALL ".join(f"SELECT {number} AS n, {value} AS v" for number, value in enumerate(case.sql))
    manifest = extract(
        url,
        f"SELECT v, n FROM ({rows}) AS q ORDER BY n",
        key=night.key(),
        staging=night.staging,
        accept=Accept(columns={"v": case.declared} if case.declared else {}),
        attempt="a",
        correlation_id="c",
        connection_name="sales_emea",
        source_name="sql/x.sql",
        **case.settings,
        **more,
    )
    with night.staging.local_file(manifest) as path:
        return manifest, pq.read_table(path)


def hold(night: Night, url: sa.URL, case: Case, **more: Any) -> None:
    """Hold the case to what it says."""
    if case.refused:
        with pytest.raises(DataRefused, match=case.refused):
            read(night, url, case, **more)
        assert list(night.folder.rglob("*.parquet")) == []
        return
    manifest, table = read(night, url, case, **more)
    assert word(table.schema.field("v").type) == case.kind
    assert list(map(plain, table["v"].to_pylist())) == list(map(plain, case.values))
    assert manifest.rows == len(case.sql)


@pytest.mark.parametrize("name", POSTGRES)
def test_postgres(night: Night, postgres_url: sa.URL, name: str) -> None:
    """All types of PostgreSQL."""
    hold(night, postgres_url, POSTGRES[name])


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_postgres_of_another_encoding(night: Night, postgres_url: sa.URL, encoding: str) -> None:
    """A database of former days gives its texts and names as UTF-8."""
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE of_{encoding} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    url = postgres_url.set(database=f"of_{encoding}".lower())
    hold(night, url, Case(("'Größe'", "'ÿ'"), "text", ("Größe", "ÿ")))


@pytest.mark.parametrize("name", MARIADB)
def test_mariadb(night: Night, mariadb_url: sa.URL, name: str) -> None:
    """All types of MariaDB."""
    hold(night, mariadb_url, MARIADB[name])


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "streamed"])
@pytest.mark.parametrize("name", SQLITE)
def test_sqlite(night: Night, monkeypatch: pytest.MonkeyPatch, name: str, fast: bool) -> None:
    """All that a column of SQLite may hold, with what comes first settling the types; both ways of reading agree."""
    monkeypatch.setattr(sqlite, "REPEAT_SECONDS", 60 if fast else -1)
    path = night.folder / "source.db"
    sqlite3.connect(path).close()
    hold(night, sa.URL.create("sqlite", database=str(path)), SQLITE[name], batch_rows=1)


@pytest.mark.parametrize("name", DUCKDB)
def test_duckdb(night: Night, name: str) -> None:
    """All types of DuckDB."""
    path = night.folder / "source.duckdb"
    duckdb.connect(path).close()
    hold(night, database_url(conn_id="d", conn_type="duckdb", host=str(path)), DUCKDB[name], batch_rows=1)
