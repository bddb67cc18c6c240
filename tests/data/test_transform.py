"""Transforms: staged rows into staged rows, by SQL or by Python."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import DAY, END, START, Night

from tidegate.data.transform import transform_python, transform_sql
from tidegate.errors import DataRefused, QueryRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tidegate.data.manifest import Manifest

ORDERS = [{"product": "a", "amount": Decimal("1.10")}, {"product": "a", "amount": Decimal("2.20")}, {"product": "b", "amount": None}]


def by_sql(night: Night, sql: str, *inputs: Manifest, **more: Any) -> Manifest:
    """Transform under the name of emea."""
    key = night.key(step="by_product")
    return transform_sql(
        inputs, sql, **{"key": key, "staging": night.staging, "attempt": "t1", "correlation_id": "c-1", "source_name": "sql/by.sql", **more}
    )


def by_python(night: Night, function: Callable[..., Any], *inputs: Manifest, **more: Any) -> Manifest:
    """Transform under the name of emea."""
    key = night.key(step="by_product")
    return transform_python(inputs, function, **{"key": key, "staging": night.staging, "attempt": "t1", "correlation_id": "c-1", **more})


def table(night: Night, manifest: Manifest) -> pa.Table:
    """Give what was staged."""
    with night.staging.local_file(manifest) as path:
        return pq.read_table(path)


def test_sql(night: Night) -> None:
    """Sums are exact, and integers stay integers."""
    sql = "SELECT product, sum(amount) AS amount, count(*) AS n, sum(1) AS h FROM input GROUP BY product ORDER BY product"
    result = table(night, by_sql(night, sql, night.stage(ORDERS)))
    assert result.to_pylist() == [
        {"product": "a", "amount": Decimal("3.30"), "n": 2, "h": 2},
        {"product": "b", "amount": None, "n": 1, "h": 1},
    ]
    assert result.schema.field("h").type == pa.int64()


def test_several_inputs(night: Night) -> None:
    """Inputs are read as one, with a column for the branch; the result remembers them all and the oldest reading."""
    one, other = night.stage(ORDERS), night.stage(ORDERS[:1], "apac'; --")
    manifest = by_sql(night, 'SELECT "the region" AS r, count(*) AS n FROM input GROUP BY 1 ORDER BY 1', one, other, dimension="the region")
    assert table(night, manifest).to_pylist() == [{"r": "apac'; --", "n": 1}, {"r": "emea", "n": 3}]
    assert (manifest.branches, manifest.read_at) == (("emea", "apac'; --"), one.read_at)
    again = by_sql(night, "SELECT * FROM input", manifest, night.stage([{"r": "x", "n": 1}], "amer"), attempt="t2")
    assert again.branches == ("emea", "apac'; --", "amer")


def test_sql_values(night: Night) -> None:
    """The interval, the branch and given values are bound; the clock is the pipeline's."""
    sql = "SELECT CAST($interval_start AS DATE) AS d, $interval_end AS e, $branch AS b, $x + 1 AS x FROM input LIMIT 1"
    result = table(night, by_sql(night, sql, night.stage(ORDERS), params={"x": 1, "unused": 2}, timezone="America/New_York"))
    assert result.to_pylist() == [{"d": date(2025, 12, 31), "e": datetime(2026, 1, 1, 19), "b": "emea", "x": 2}]  # noqa: DTZ001 -- a clock's reading


def test_moments_stay_moments(night: Night) -> None:
    """A time zone changes how moments are cut into days, not the moments."""
    moment = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    sql = "SELECT seen, CAST(date_trunc('day', seen) AS DATE) AS day FROM input"
    result = table(night, by_sql(night, sql, night.stage([{"seen": moment}]), timezone="Europe/Berlin"))
    assert result.to_pylist() == [{"seen": moment, "day": date(2026, 1, 2)}]
    assert result.schema.field("seen").type == pa.timestamp("us", "UTC")


def test_no_rows_are_a_result(night: Night) -> None:
    """A filter that leaves nothing is no error, and such a part can be loaded or transformed further."""
    nothing = by_sql(night, "SELECT product, 1 AS n FROM input WHERE false", night.stage(ORDERS))
    assert (nothing.rows, nothing.columns) == (0, ("product", "n"))
    assert by_sql(night, "SELECT * FROM input", nothing, night.stage([{"product": "x", "n": 1}], "apac"), attempt="t2").rows == 1


def test_a_column_without_values_follows_the_others(night: Night) -> None:
    """A branch where a column is NULL throughout does not turn it into text."""
    schema = pa.schema([("n", pa.string())])
    result = table(
        night, by_sql(night, "SELECT sum(n) AS n FROM input", night.stage([{"n": None}], schema=schema), night.stage([{"n": 2}], "apac"))
    )
    assert result.to_pylist() == [{"n": 2}]


def test_inputs_that_disagree(night: Night) -> None:
    """Types and columns must agree between branches; the message says who brought what."""
    with pytest.raises(DataRefused) as caught:
        by_sql(night, "SELECT 1", night.stage([{"n": "1"}]), night.stage([{"n": 2}], "apac"))
    assert (
        str(caught.value)
        == 'Step extract brought column "n" as text for emea and as int for apac. Declare its type under accept: columns: {n: …}.'
    )
    with pytest.raises(DataRefused) as caught:
        by_sql(night, "SELECT 1", night.stage([{"n": "1"}]), night.stage([{"n": "1", "m": 2}], "apac"))
    assert (
        str(caught.value)
        == "Step extract brought different columns for emea and for apac: m. List the columns in the query instead of using *."
    )


@pytest.mark.parametrize("dimension", [None, "ID"])
def test_columns_that_differ_in_case_alone(night: Night, dimension: str | None) -> None:
    """DuckDB would give the one's values for both, so SQL refuses them, the branch's column too; a function tells them apart, and so do letters beyond ASCII."""
    part = night.stage([{"id": 1} if dimension else {"id": 1, "ID": 2}])
    with pytest.raises(DataRefused, match='The rows of extract have the columns "id" and "ID", and SQL takes them for one') as caught:
        by_sql(night, "SELECT * FROM input", part, dimension=dimension)
    assert ('other than "ID", which says which branch' in str(caught.value)) is bool(dimension)
    found = table(night, by_python(night, lambda frame: frame, part, dimension=dimension)).to_pylist()
    assert found == [{"id": 1, "ID": "emea" if dimension else 2}]
    rows = [{"é": 1, "É": 2, "straße": 3, "strasse": 4, "k": 5, "\u212a": 6}]
    assert table(night, by_sql(night, "SELECT * FROM input", night.stage(rows))).to_pylist() == rows


def test_combined_rows_without_their_branch(night: Night) -> None:
    """Rows of several branches cannot be told apart afterwards."""
    with pytest.raises(DataRefused, match='holds rows of several branches and has no column "region"'):
        by_sql(night, "SELECT 1", night.stage(ORDERS, "all", branches=["a", "b"]), dimension="region")


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT nope FROM input", 'DuckDB refused sql/by.sql: Binder Error: Referenced column "nope" not found'),
        ("SELECT * FROM inputs", "Table with name inputs does not exist! Did you mean"),
        ("SELEC", "DuckDB refused sql/by.sql: Parser Error"),
        ("SELECT $brnch FROM input", 'sql/by.sql uses $brnch, which is not given. Did you mean "branch"?'),
        ("SELECT 1; SELECT 2", "sql/by.sql is not one SELECT. A transform is one SELECT over the view input."),
        ("CREATE TABLE x (y INT)", "sql/by.sql is not one SELECT."),
        ("SELECT CAST(product AS INT) FROM input", "DuckDB refused sql/by.sql: Conversion Error"),
        ("SELECT * FROM read_csv('/etc/passwd')", "Permission Error"),
        ("SELECT * FROM 'https://example.com/x.parquet'", "DuckDB refused sql/by.sql"),
    ],
)
def test_sql_that_is_refused(night: Night, sql: str, told: str) -> None:
    """DuckDB's own words, the SQL's name, and what to do; no file and no network beside the input."""
    with pytest.raises(QueryRefused) as caught:
        by_sql(night, sql, night.stage(ORDERS))
    assert told in str(caught.value)
    assert night.staging.committed("nightly", "by_product", START, END) == {}


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1 AS a, 2 AS a", 'Step by_product for emea has two columns named "a". Give each a name of its own, in a query by AS.'),
        ("SELECT [1] AS a", 'has a column "a" of type list'),
        (
            "SELECT sum(9223372036854775807) AS a FROM range(2)",
            'has in column "a", row 1, 18446744073709551614, which int cannot hold exactly: it is beyond 64 bits',
        ),
    ],
)
def test_results_that_cannot_be_staged(night: Night, sql: str, told: str) -> None:
    """Names that meet, lists, and sums beyond 64 bits."""
    with pytest.raises(DataRefused) as caught:
        by_sql(night, sql, night.stage(ORDERS))
    assert told in str(caught.value)


def test_little_memory(night: Night) -> None:
    """What does not fit into the limit is spilled, and what cannot be spilled is told."""
    part = night.stage(pa.table({"i": range(1_500_000), "s": [f"text of row {i}" for i in range(1_500_000)]}))
    assert by_sql(night, "SELECT * FROM input ORDER BY s", part, memory_limit="40MB").rows == 1_500_000
    with pytest.raises(QueryRefused, match=r"sql/by\.sql needs more memory than it may use"):
        by_sql(night, "SELECT list(s)::VARCHAR AS l FROM input", part, memory_limit="40MB", attempt="t2")


def frame_in(seen: list[pd.DataFrame]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Give a function that keeps the frame it gets."""

    def function(frame: pd.DataFrame) -> pd.DataFrame:
        seen.append(frame)
        return frame

    return function


def test_python(night: Night) -> None:
    """The frame is exact: integers with NULL, decimals; and so is what comes back."""
    rows = [{"id": 9007199254740993, "amount": Decimal("1.10")}, {"id": None, "amount": None}]
    seen: list[pd.DataFrame] = []
    manifest = by_python(night, frame_in(seen), night.stage(rows), dimension="region")
    assert [str(kind) for kind in seen[0].dtypes] == ["int64[pyarrow]", "decimal128(3, 2)[pyarrow]", "string[pyarrow]"]
    assert table(night, manifest).to_pylist() == [{**row, "region": "emea"} for row in rows]


def test_python_gets_what_it_names(night: Night) -> None:
    """Of the interval, the branch and the values, a function gets those in its signature."""
    got: dict[str, Any] = {}

    def some(frame: pd.DataFrame, *, interval_start: datetime, branch: str, factor: int) -> pd.DataFrame:
        got.update(interval_start=interval_start, branch=branch, factor=factor)
        return frame

    def everything(frame: pd.DataFrame, **more: Any) -> pd.DataFrame:
        got.update(more)
        return frame

    by_python(night, some, night.stage(ORDERS), params={"factor": 2, "unused": 3})
    assert got == {"interval_start": START, "branch": "emea", "factor": 2}
    by_python(night, everything, night.stage(ORDERS), attempt="t2")
    assert (got["interval_end"], got["branch"]) == (START + DAY, "emea")


def returning(value: Any) -> Callable[[pd.DataFrame], Any]:
    """Give a function with a given result."""

    def function(_frame: pd.DataFrame) -> Any:
        return value

    return function


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (None, "returned nothing, and a transform returns a DataFrame. End the function with return and the frame."),
        ([1], "returned a list, and a transform returns a DataFrame."),
        (pd.DataFrame({"a": [1], "b": [2]}).set_index("a"), "with the index a, which would be lost. Return frame.reset_index()."),
        (pd.DataFrame({0: [1]}), "a frame whose column 0 has no text for a name."),
        (pd.DataFrame({"a": [1, "x"]}, dtype=object), "a frame that cannot be staged: "),
    ],
)
def test_python_results_that_are_refused(night: Night, result: Any, told: str) -> None:
    """The message names the function and what to change."""
    with pytest.raises(DataRefused) as caught:
        by_python(night, returning(result), night.stage(ORDERS))
    assert str(caught.value).startswith(f"{__name__}:returning.<locals>.function returned")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "value", ["'infinity'::TIMESTAMP", "'-infinity'::TIMESTAMPTZ", "'infinity'::DATE", "'-infinity'::DATE", "TIMESTAMP '10000-01-01'"]
)
def test_days_and_moments_that_no_other_database_means_are_refused(night: Night, value: str) -> None:
    """What DuckDB calls infinity would be a moment of the year 294247 elsewhere."""
    source = night.stage(ORDERS)
    with pytest.raises(DataRefused, match=r'has a day or a moment in column "at" that is not of the years 1 to 9999'):
        by_sql(night, f"SELECT {value} AS at UNION ALL SELECT NULL", source)
    ends = by_sql(
        night, "SELECT TIMESTAMP '9999-12-31 23:59:59.999999' AS at, DATE '0001-01-01' AS day UNION ALL SELECT NULL, NULL", source
    )
    assert ends.rows == 2


def test_a_generator_sees_a_frame_at_a_time(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than memory holds: what it yields is staged before the next frame is read."""
    monkeypatch.setattr("tidegate.data.transform.BATCH_ROWS", 2)
    sizes: list[int] = []

    def doubled(frames: Iterator[pd.DataFrame], *, factor: int) -> Iterator[pd.DataFrame]:
        for frame in frames:
            sizes.append(len(frame))
            yield frame.assign(id=frame["id"] * factor)

    parts = [night.stage([{"id": number} for number in range(start, start + 5)], branch) for start, branch in ((0, "emea"), (10, "apac"))]
    manifest = by_python(night, doubled, *parts, params={"factor": 2}, dimension="region")
    assert sizes == [2, 2, 1, 2, 2, 1]
    rows = table(night, manifest).to_pylist()
    assert [row["id"] for row in rows] == [0, 2, 4, 6, 8, 20, 22, 24, 26, 28]
    assert [row["region"] for row in rows] == ["emea"] * 5 + ["apac"] * 5


def test_a_generator_without_rows(night: Night) -> None:
    """It sees one frame of none, with its columns; it must yield one."""
    seen: list[list[str]] = []

    def through(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            seen.append(list(frame.columns))
            yield frame

    def none(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        yield from (frame for frame in frames if len(frame))

    empty = night.stage([], schema=pa.schema([("id", pa.int64())]))
    assert by_python(night, through, empty).rows == 0
    assert seen == [["id"]]
    with pytest.raises(DataRefused, match=r"none yielded no frame. Yield one at the least"):
        by_python(night, none, empty)


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})], "yielded a frame with other columns than its first: a, b."),
        ([pd.DataFrame({"a": [1]}), None], "yielded nothing, and a transform yields a DataFrame. Yield frames."),
        ([pd.DataFrame({"a": [1]}), pd.DataFrame({"a": ["x"]})], 'has column "a" as text, and what came before has it as int.'),
        (
            [pd.DataFrame({"a": [1.5]}), pd.DataFrame({"a": [Decimal("12345678901234567890.5")]})],
            "which float cannot hold exactly",
        ),
        ([pd.DataFrame({"a": [True]}), pd.DataFrame({"a": [7]})], 'has column "a" as int, and what came before has it as bool.'),
        (
            [pd.DataFrame({"a": pd.to_datetime(["2026-01-01"], utc=True)}), pd.DataFrame({"a": pd.to_datetime(["2026-01-01"])})],
            'has column "a" as timestamp, and what came before has it as timestamptz.',
        ),
    ],
)
def test_frames_that_do_not_agree_are_refused(night: Night, frames: list[Any], told: str) -> None:
    """And nothing is staged."""

    def given(_frames: Iterator[pd.DataFrame]) -> Iterator[Any]:
        yield from frames

    source = night.stage(ORDERS)
    files = len(list(night.folder.rglob("*.parquet*")))
    with pytest.raises(DataRefused) as caught:
        by_python(night, given, source)
    assert told in str(caught.value)
    assert len(list(night.folder.rglob("*.parquet*"))) == files


def test_python_errors_pass_through(night: Night) -> None:
    """A function's own error is the author's to read."""

    def broken(_frame: pd.DataFrame) -> pd.DataFrame:
        raise KeyError("amuont")

    with pytest.raises(KeyError, match="amuont"):
        by_python(night, broken, night.stage(ORDERS))


def test_python_without_rows(night: Night) -> None:
    """An empty input is an empty frame with its columns, and an empty result is a result."""
    seen: list[pd.DataFrame] = []
    schema = pa.schema([("id", pa.int64())])
    assert by_python(night, frame_in(seen), night.stage([], schema=schema)).rows == 0
    assert list(seen[0].columns) == ["id"]


def test_the_whole_way(night: Night) -> None:
    """Two branches transformed and loaded hold the day's sums by region."""
    parts: Sequence[Manifest] = [night.stage(ORDERS), night.stage(ORDERS[:2], "apac")]
    sql = "SELECT CAST($interval_start AS DATE) AS day, region, sum(amount) AS amount FROM input GROUP BY ALL"
    done = [
        by_sql(night, sql, part, key=night.key(part.branch, step="by_product"), dimension="region", attempt=part.branch) for part in parts
    ]
    night.load(*done)
    assert night.rows() == [("2026-01-01", "apac", "3.3"), ("2026-01-01", "emea", "3.3")]
