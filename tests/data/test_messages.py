"""What is told when a database says no, whole: what, where, and what to do. No hint tells anybody to run a statement that writes."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from nights import Night, by_name

from tidegate.data.contract import Contract
from tidegate.data.cuts import Split
from tidegate.data.engines import probe
from tidegate.data.extract import extract
from tidegate.data.statements import run
from tidegate.data.table_query import TableQuery
from tidegate.data.transform import transform_sql
from tidegate.errors import DataRefused, LoadRefused, QueryRefused, TidegateError, Unreachable
from tidegate.model.accept import Accept

KINDS = ["sqlite", "duckdb", "postgres_url", "mariadb_url"]


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, night: Night) -> sa.URL:
    """Give a database of each kind, with a table of one row."""
    found = by_name(request, night)
    with sa.create_engine(found, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS odd")
        connection.exec_driver_sql("CREATE TABLE odd (id INTEGER)")
        connection.exec_driver_sql("INSERT INTO odd VALUES (1)")
    return found


def told(night: Night, url: sa.URL, sql: str, kind: type[TidegateError] = QueryRefused, **accept: Any) -> TidegateError:
    """What an extract says."""
    with pytest.raises(kind) as caught:
        extract(
            url, sql, key=night.key(), staging=night.staging, accept=Accept.model_validate(accept), attempt="a", correlation_id="c",
            connection_name="shop", source_name="sql/x.sql",
        )  # fmt: skip
    return caught.value


def test_a_query_that_writes_is_not_to_be_run_by_hand(night: Night, url: sa.URL) -> None:
    """Nor one that is wrong: who follows the hint changes nothing."""
    wrong = told(night, url, "SELEKT 1")
    assert wrong.hint == "Correct sql/x.sql by what the database says of it."
    if url.get_backend_name() != "duckdb":  # which brings no rows of it
        error = told(night, url, "DELETE FROM odd RETURNING id")
        assert error.hint == "An extract only reads: write sql/x.sql as one SELECT; what changes rows is for uses: sql."
    several = told(night, url, "SELECT 1; SELECT 2")
    assert (
        str(several) == "sql/x.sql holds 2 statements, and an extract runs one SELECT. Leave one there; what changes rows is for uses: sql."
    )


def test_the_statement_that_fails_is_told_by_its_number(url: sa.URL) -> None:
    """Of one there is no number."""

    def said(sql: str) -> str:
        with pytest.raises(QueryRefused) as caught:
            run(url, sql, interval=None, branch="all", correlation_id="c", connection_name="shop", source_name="sql/x.sql")
        return str(caught.value)

    assert said("DELETE FROM odd; SELEKT 1; DELETE FROM odd").startswith("Statement 2 of 3: shop refused sql/x.sql: ")
    assert said("SELEKT 1").startswith("shop refused sql/x.sql: ")


def test_what_a_session_of_duckdb_may_not_is_told(duck: Night) -> None:
    """Other files are read in another way; the line that DuckDB quotes is left out, whose caret would point nowhere."""
    error = told(duck, duck.url, "SELECT * FROM read_csv('/etc/passwd')")
    assert (
        error.hint
        == "A session sees its own file and nothing else: other files are read by files:, other databases by connections of their own."
    )
    assert "LINE 1" not in str(error)


def test_a_value_that_a_column_of_postgresql_does_not_take(night: Night, postgres_url: sa.URL) -> None:
    """Is told with the column."""
    night = Night(night.folder, postgres_url)
    with sa.create_engine(postgres_url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS sales")
        connection.exec_driver_sql("CREATE TABLE sales (day TEXT, region TEXT, amount NUMERIC(3, 0))")
    with pytest.raises(LoadRefused) as caught:
        night.load(
            night.stage([{"day": "2026-01-01", "region": "emea", "amount": 1}, {"day": "2026-01-01", "region": "emea", "amount": 1234}])
        )
    assert str(caught.value) == (
        'warehouse refused the load into sales: numeric field overflow, in column "amount". '
        "No row was written. Correct the rows in the query or the transform, or alter the table."
    )


def test_rows_that_were_all_set_aside(night: Night, url: sa.URL) -> None:
    """Are told as such: the source was filled."""
    error = told(night, url, "SELECT id FROM odd", DataRefused, columns={"id": {"type": "int", "min": 5}}, quarantine=True)
    assert str(error).partition(" The rows that were set aside lie in ")[0] == (
        'shop, sql/x.sql, brought 0 rows and 1 that were set aside, and accept: asks for at least 1 ("id" is below 5 in 1 row, first in row 1). '
        "Correct the rows that are set aside, or the rules, or lower min_rows, which is 1 by default."
    )


def test_nan_is_named_beside_a_bound(duck: Night) -> None:
    """It is neither above nor below."""
    error = told(duck, duck.url, "SELECT 'nan'::DOUBLE AS v", DataRefused, columns={"v": {"type": "float", "min": 0}})
    assert '"v" is below 0, or NaN in 1 row, first in row 1' in str(error)


@pytest.mark.parametrize("name", ["", "  "])
def test_a_column_without_a_name(name: str) -> None:
    """Such as a file's first line may have."""
    contract = Contract(where="landing, a.csv,", interval_end=pa.scalar(0, pa.timestamp("us", "UTC")).as_py())
    with pytest.raises(DataRefused) as caught:
        contract.types(["id", name])
    assert str(caught.value) == "landing, a.csv, has a column without a name, number 2. Give it one, in a query by AS."


@pytest.mark.parametrize("kind", ["postgres_url", "mariadb_url"])
def test_a_database_that_is_not_there(request: pytest.FixtureRequest, kind: str) -> None:
    """Is told as such: the server has answered."""
    url: sa.URL = request.getfixturevalue(kind).set(database="nowhere")
    with pytest.raises(Unreachable) as caught:
        probe(url, connection_name="shop")
    assert str(caught.value).startswith(f"shop has no such database ({url.host}:{url.port}/nowhere): ")
    assert caught.value.hint == "Check the database's name in the Airflow connection; it is tried again, for it may be restored just now."


def test_a_name_longer_than_postgresql_keeps(night: Night, postgres_url: sa.URL) -> None:
    """Is cut as the server cuts it, and the same table at the next load."""
    night = Night(night.folder, postgres_url)
    night.table = "g_" + "x" * 70
    part = night.stage([{"day": "2026-01-01", "region": "emea", "amount": 1}])
    assert night.load(part).rows == 1


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "mariadb_url"])
def test_columns_that_a_database_takes_for_one(request: pytest.FixtureRequest, night: Night, kind: str) -> None:
    """Are refused by its own words."""
    request.param = kind
    night = Night(night.folder, by_name(request, night))
    with pytest.raises(LoadRefused) as caught:
        night.load(night.stage([{"day": "2026-01-01", "region": "emea", "amount": 1, "AMOUNT": 2}]))
    assert caught.value.message.startswith("warehouse refused the load into sales: ")
    assert "AMOUNT" in caught.value.message
    assert caught.value.hint == "No row was written. Correct the rows in the query or the transform, or alter the table."


def test_what_duckdb_quotes_of_a_transform_is_left_out(night: Night) -> None:
    """Its caret would point nowhere."""
    part = night.stage([{"day": "2026-01-01", "region": "emea", "amount": 1}])
    with pytest.raises(QueryRefused) as caught:
        transform_sql(
            [part],
            "SELECT dey FROM input",
            key=night.key(step="t"),
            staging=night.staging,
            attempt="t",
            correlation_id="c",
            source_name="sql/t.sql",
        )
    assert str(caught.value) == (
        'DuckDB refused sql/t.sql: Binder Error: Referenced column "dey" not found in FROM clause! Candidate bindings: "day", "region". '
        "Check it against the columns that the previous step staged."
    )


def test_duckdb_is_called_as_the_connection_calls_it(duck: Night) -> None:
    """Where a table cannot be read in ranges."""
    with pytest.raises(QueryRefused) as caught:
        extract(
            duck.url, TableQuery(table="sales"), split=Split(by="amount", into=2), key=duck.key(), staging=duck.staging, accept=Accept(), attempt="a",
            correlation_id="c", connection_name="wh", source_name="sales",
        )  # fmt: skip
    assert str(caught.value) == (
        "wh is read by split, which is for PostgreSQL, MySQL and MariaDB, and is of type duckdb. "
        "Remove split: such a table is read over one connection."
    )
