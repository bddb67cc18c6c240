"""Values that their declared type cannot hold, where rows may be set aside: of each kind of database the others arrive, exactly."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from nights import on_duckdb

from tidegate.data.contract import UNFIT, WHY, Accept
from tidegate.data.extract import extract
from tidegate.data.sources import sqlite
from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from nights import Night


@dataclass(frozen=True)
class Case:
    """One column: what is selected, what it is declared as, and of each row the text of a value that does not fit."""

    sql: tuple[str, ...]
    declared: str
    unfit: tuple[str | None, ...]


POSTGRES = {
    "texts as integers": Case(("'1'", "'x'", "NULL", "'2'", "''"), "int", (None, "x", None, None, "")),
    "decimals too fine": Case(("1.5::numeric", "1.501", "NULL", "2", "'NaN'"), "decimal(6,2)", (None, "1.501", None, None, "NaN")),
    "decimals too long": Case(("1::numeric(9,2)", "1234567.25", "2"), "decimal(6,2)", (None, "1234567.25", None)),
    "floats as integers": Case(("1::float8", "1.5", "'NaN'", "2"), "int", (None, "1.5", "nan", None)),
    "days beyond all days": Case(("date '2026-01-01'", "'infinity'", "'0044-03-15 BC'"), "date", (None, "infinity", "0044-03-15 BC")),
    "clocks beyond all clocks": Case(("timestamp '2026-01-01 12:00'", "'-infinity'"), "timestamp", (None, "-infinity")),
    "texts as moments": Case(("'2026-01-01 12:00+01'", "'noon'"), "timestamptz", (None, "noon")),
    "texts as texts": Case(("'a'", "'b'"), "text", (None, None)),
}
MARIADB = {
    "texts as integers": Case(("'1'", "'x'", "NULL", "'2'"), "int", (None, "x", None, None)),
    "decimals too long": Case(("CAST(1 AS DECIMAL(12,2))", "1234567.25", "2"), "decimal(6,2)", (None, "1234567.25", None)),
    "days of nothing": Case(("DATE '2026-01-01'", "CAST('0000-00-00' AS DATE)", "NULL"), "date", (None, "0000-00-00", None)),
    "large integers": Case(("CAST(1 AS UNSIGNED)", "CAST(18446744073709551615 AS UNSIGNED)"), "int", (None, str(2**64 - 1))),
    "texts as days": Case(("'2026-01-01'", "'31.01.2026'"), "date", (None, "31.01.2026")),
}
DUCKDB = {
    "texts as integers": Case(("'1'", "'x'", "NULL", "'2'", "''"), "int", (None, "x", None, None, "")),
    "decimals too long": Case(("1::DECIMAL(12,2)", "1234567.25", "2"), "decimal(6,2)", (None, "1234567.25", None)),
    "large integers": Case(("1::UBIGINT", "18446744073709551615::UBIGINT", "NULL"), "int", (None, str(2**64 - 1), None)),
    "128-bit integers": Case(("1::HUGEINT", f"{2**100}", "NULL"), "int", (None, str(2**100), None)),
    "floats as integers": Case(("1::DOUBLE", "1.5", "'NaN'::DOUBLE", "2"), "int", (None, "1.5", "nan", None)),
    "days beyond all days": Case(("DATE '2026-01-01'", "DATE 'infinity'", "NULL"), "date", (None, "infinity", None)),
    "clocks beyond all clocks": Case(("TIMESTAMP '2026-01-01 12:00'", "TIMESTAMP '-infinity'"), "timestamp", (None, "-infinity")),
    "clocks too fine": Case(
        ("TIMESTAMP_NS '2026-01-01'", "TIMESTAMP_NS '1970-01-01 00:00:00.000000007'"), "timestamp", (None, "1970-01-01T00:00:00.000000007")
    ),
    "texts as moments": Case(("'2026-01-01 12:00+01'", "'noon'"), "timestamptz", (None, "noon")),
    "NaN in lists": Case(("[1.5]", "['NaN'::DOUBLE]", "NULL"), "text", (None, "[NaN]", None)),
}
SQLITE = {
    "texts as integers": Case(("'1'", "'x'", "NULL", "2", "''", "2.5", "x'31'"), "int", (None, "x", None, None, "", "2.5", "b'1'")),
    "texts as decimals": Case(("'1.5'", "'1.501'", "'NaN'"), "decimal(6,2)", (None, "1.501", "NaN")),
    "texts as days": Case(("'2026-01-01'", "'31.01.2026'"), "date", (None, "31.01.2026")),
    "all of them": Case(("'a'", "'b'", "'c'"), "int", ("a", "b", "c")),
}


def is_set_aside(night: Night, url: sa.URL, case: Case, batch_rows: int) -> None:
    """The rows that have a value which does not fit, with it; the others arrive, as without them."""
    rows = " UNION ALL ".join(f"SELECT {number} AS n, {value} AS v, 'text' AS t" for number, value in enumerate(case.sql))
    given: dict[str, Any] = {
        "key": night.key(), "staging": night.staging, "correlation_id": "c", "connection_name": "sales", "source_name": "x.sql", "batch_rows": batch_rows,
    }  # fmt: skip
    sql = f"SELECT n, v, t FROM ({rows}) AS q ORDER BY n"
    accept = Accept(min_rows=0, columns={"v": case.declared}, quarantine=True)  # type: ignore[dict-item,arg-type]
    manifest = extract(url, sql, accept=accept, attempt=f"a{batch_rows}", **given)
    fitting = [number for number, text in enumerate(case.unfit) if text is None]
    unfit = {number: text for number, text in enumerate(case.unfit) if text is not None}
    with night.staging.local_file(manifest) as path:
        arrived = pq.read_table(path)
    assert arrived.column("n").to_pylist() == fitting
    assert manifest.quarantined == len(unfit)
    if fitting:
        alone = sql.replace("ORDER BY", f"WHERE n IN ({', '.join(map(str, fitting))}) ORDER BY")
        strict = Accept(columns={"v": case.declared})  # type: ignore[dict-item]
        with night.staging.local_file(extract(url, alone, accept=strict, attempt=f"b{batch_rows}", **given)) as path:
            assert pq.read_table(path).equals(arrived)
    if unfit:
        aside = pq.read_table(night.staging.root / manifest.aside).to_pylist()
        assert {row["n"]: json.loads(row[UNFIT]) for row in aside} == {number: {"v": text} for number, text in unfit.items()}
        assert {row[WHY] for row in aside} == {f'"v" is nothing that {case.declared} can hold exactly'}
        assert {(row["v"], row["t"]) for row in aside} == {(None, "text")}


@pytest.mark.server
@pytest.mark.parametrize("batch_rows", [1, 2, 50])
@pytest.mark.parametrize("name", POSTGRES)
def test_postgres(night: Night, postgres_url: sa.URL, name: str, batch_rows: int) -> None:
    """By COPY."""
    is_set_aside(night, postgres_url, POSTGRES[name], batch_rows)


@pytest.mark.server
@pytest.mark.parametrize("batch_rows", [1, 2, 50])
@pytest.mark.parametrize("name", MARIADB)
def test_mariadb(night: Night, mariadb_url: sa.URL, name: str, batch_rows: int) -> None:
    """By the server's packets."""
    is_set_aside(night, mariadb_url, MARIADB[name], batch_rows)


@pytest.mark.parametrize("batch_rows", [1, 2, 50])
@pytest.mark.parametrize("name", SQLITE)
def test_sqlite(night: Night, name: str, batch_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By texts of JSON, and value by value."""
    monkeypatch.setattr(sqlite, "REPEAT_SECONDS", 3600.0)
    path = night.folder / "source.db"
    sqlite3.connect(path).close()
    is_set_aside(night, sa.URL.create("sqlite", database=str(path)), SQLITE[name], batch_rows)


@pytest.mark.parametrize("batch_rows", [1, 50])
@pytest.mark.parametrize("name", DUCKDB)
def test_duckdb(night: Night, name: str, batch_rows: int) -> None:
    """By Arrow's columns."""
    sa.create_engine(on_duckdb(night.folder), poolclass=sa.NullPool).connect().close()
    is_set_aside(night, on_duckdb(night.folder), DUCKDB[name], batch_rows)


def test_other_rules_see_no_value_in_its_place(night: Night) -> None:
    """It is not missing, and no key; a row may break several rules, and have several such values."""
    path = night.folder / "source.db"
    sqlite3.connect(path).close()
    sql = "SELECT 'x' AS i, 'y' AS d, 0 AS n UNION ALL SELECT 'x', '2026-01-01', 7 UNION ALL SELECT NULL, '2026-01-01', 7 UNION ALL SELECT '1', NULL, 7"
    columns: Any = {"i": {"type": "int", "null": False, "unique": True}, "d": "date", "n": {"type": "int", "min": 1}}
    manifest = extract(
        sa.URL.create("sqlite", database=str(path)), sql, key=night.key(), staging=night.staging, correlation_id="c", connection_name="sales",
        source_name="x.sql", accept=Accept(columns=columns, quarantine=True), attempt="a", batch_rows=3,  # type: ignore[arg-type]
    )  # fmt: skip
    assert manifest.rows == 1
    aside = pq.read_table(night.staging.root / manifest.aside).to_pylist()
    assert [(row[WHY], row[UNFIT]) for row in aside] == [
        ('"i" is nothing that int can hold exactly; "d" is nothing that date can hold exactly; "n" is below 1', '{"i": "x", "d": "y"}'),
        ('"i" is nothing that int can hold exactly', '{"i": "x"}'),
        ('"i" is missing', None),
    ]


def test_a_type_that_nobody_declared_is_a_guess(night: Night) -> None:
    """Rows are not set aside for it: the column is refused, and the message says to declare it."""
    path = night.folder / "source.db"
    sqlite3.connect(path).close()
    accept = Accept(columns={"n": "int"}, quarantine=True)  # type: ignore[dict-item,arg-type]
    with pytest.raises(
        DataRefused, match=r'"v", row 2, .+, which int cannot hold exactly: it is no number. Its type is that of the first values'
    ):
        extract(
            sa.URL.create("sqlite", database=str(path)), "SELECT 1 AS n, 1 AS v UNION ALL SELECT 2, 'x'", key=night.key(), staging=night.staging,
            correlation_id="c", connection_name="sales", source_name="x.sql", accept=accept, attempt="a", batch_rows=1,
        )  # fmt: skip
