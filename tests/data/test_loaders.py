"""The fast ways into each database lose nothing that the slow one keeps, and refuse by name what the database would change."""

from __future__ import annotations

import random
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from nights import Night, sale

from tidegate.data import loaders, tables
from tidegate.data.engines import reading, writing
from tidegate.data.loaders import bound
from tidegate.data.tables import Target, columns_of, new_table, sqlite_text
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ODD = [*"\0\n\r\t\x1a\"'\\`%_:;,(){}", "\\N", "\\.", "''", "\\'", "NULL", " ", "é", "🌊", "\u202e", "/*", "--", "$$", "%s", ":x"]


def odd_values(dialect: str) -> pa.Table:
    """Give some thousand rows of the nine types, at their edges and between, with NULL among them."""
    chance = random.Random(7)  # noqa: S311

    def text() -> str:
        made = "".join(chance.choices(ODD, k=chance.randrange(9)))
        return made.replace("\0", "") if dialect == "postgresql" else made  # which holds no such text

    def moment() -> datetime:
        made = datetime(1, 1, 1) + timedelta(days=chance.randrange(3_652_058), microseconds=chance.randrange(86_400_000_000))  # noqa: DTZ001
        return max(made, datetime(1000, 1, 1)).replace(microsecond=chance.choice([0, 1, 999_999, made.microsecond]))  # noqa: DTZ001

    def number(digits: int, scale: int) -> Decimal:
        whole = chance.choice(
            [0, 1, -1, 10**digits - 1, 1 - 10**digits, chance.randrange(-(10**digits), 10**digits), chance.randrange(999)]
        )
        return Decimal(f"{whole}E-{scale}")

    rows = [
        {
            "day": str(n % 7),
            "region": "emea",
            "big": chance.choice([2**63 - 1, -(2**63), 2**53 + 1, 0, chance.randrange(10**9)]),
            "amount": number(38, 9),
            "tiny": number(30, 30),
            "whole": number(20, 0),
            "text": text(),
            "bytes": bytes(chance.choices(range(256), k=chance.randrange(5))),
            "flag": chance.random() < 0.5,
            "ratio": chance.choice(
                [0.1, -0.0, 5e-324, 1.7976931348623157e308, chance.random(), chance.uniform(-1e20, 1e20), 1e23, 0.3 - 0.1]
            ),
            "date": moment().date(),
            "clock": moment(),
            "moment": moment().replace(tzinfo=UTC),
        }
        for n in range(3000)
    ]
    for row in rows:
        for name in list(row)[2:]:
            if chance.random() < 0.1:
                row[name] = None
    kinds = {
        "amount": pa.decimal128(38, 9),
        "tiny": pa.decimal128(30, 30),
        "whole": pa.decimal128(20, 0),
        "moment": pa.timestamp("us", "UTC"),
    }
    kinds |= {"day": pa.string(), "region": pa.string(), "big": pa.int64(), "text": pa.string(), "bytes": pa.binary(), "flag": pa.bool_()}
    kinds |= {"ratio": pa.float64(), "date": pa.date32(), "clock": pa.timestamp("us")}
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, kinds[name]) for name in rows[0]]))


def test_the_fast_way_and_the_slow_one_end_in_the_same(anywhere: Night) -> None:
    """Whatever the values are; in SQLite they are the texts that its functions read."""
    dialect = anywhere.url.get_backend_name()
    rows = odd_values(dialect)
    with writing(anywhere.url) as connection:
        for name in ("fast", "slow"):
            table = new_table(Target(name=name), rows.schema, keys=["day"], dialect=dialect)
            table.create(connection)
        known = columns_of(connection, Target(name="fast"))
        batches = rows.to_batches(max_chunksize=700)
        assert loaders.insert(connection, Target(name="fast"), rows.schema, known, iter(batches)) == 3000
        if dialect != "sqlite":
            with bound.inserting(connection, Target(name="slow"), rows.schema) as way:
                for payload in (payload for batch in batches for payload in way.make(batch)):
                    way.send(payload)
    fast = [repr(row) for row in anywhere.query("SELECT * FROM fast")]
    slow = [repr(row) for row in anywhere.query("SELECT * FROM slow")]
    if dialect == "sqlite":
        slow = [repr(tuple(int(v) if isinstance(v, bool) else sqlite_text(v) for v in row.values())) for row in rows.to_pylist()]
        slow = [row.replace("-0.0,", "0.0,") for row in slow]  # SQLite keeps no sign of it
    assert sorted(fast) == sorted(slow)
    assert len(fast) == 3000


def refused(night: Night, values: pa.Array, column: str) -> str:
    """Give the message of a load into a column that exists, which changed nothing."""
    night.run("DROP TABLE IF EXISTS narrow", f"CREATE TABLE narrow (day CHAR(1), v {column})")
    part = night.stage(pa.table({"day": ["d"] * len(values), "v": values}))
    with pytest.raises(LoadRefused) as caught:
        night.load(part, target_table="narrow", replace=["day"])
    assert night.query("SELECT count(*) FROM narrow") == [(0,)]
    assert night.query("SELECT count(*) FROM tidegate_load") == [(0,)]
    return str(caught.value).partition(". ")[0]


MOMENTS = pa.array([datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 1500)])  # noqa: DTZ001
CENTS = pa.array([Decimal("1.50"), Decimal("1.25")], pa.decimal128(12, 2))


def test_what_sqlite_would_change_is_refused(night: Night) -> None:
    """It makes NULL of what is no number, and 15 digits of a decimal that is not text."""
    assert (
        refused(night, pa.array([1.0, float("nan")]), "DOUBLE")
        == 'Column "v" of table narrow cannot hold nan: there is no such number in SQLite'
    )
    long = pa.array([Decimal("0.5"), Decimal("1234567890.123456")], pa.decimal128(20, 6))
    told = 'Column "v" of table narrow is NUMERIC, which SQLite keeps to 15 digits, and 1234567890.123456 has more'
    assert refused(night, long, "NUMERIC") == told
    part = night.stage(pa.table({"day": ["d"], "region": ["x"], "amount": [float("-inf")]}))
    night.load(part)
    assert night.rows() == [("d", "x", float("-inf"))]


@pytest.mark.server
def test_what_mariadb_would_change_is_refused(on_mariadb: Night) -> None:
    """It rounds fractions of a second and of a number, and knows no infinity."""
    where = 'Column "v" of table narrow'
    assert (
        refused(on_mariadb, pa.array([float("-inf")]), "DOUBLE")
        == f"{where} cannot hold -inf: there is no such number in MySQL and MariaDB"
    )
    assert refused(on_mariadb, CENTS, "DECIMAL(9,1)") == f"{where} keeps 1 digits behind the point, and 1.25 has more"
    assert refused(on_mariadb, MOMENTS, "DATETIME") == f"{where} keeps whole seconds, and 2026-01-01 00:00:00.001500 has a fraction"
    assert refused(on_mariadb, MOMENTS, "DATETIME(3)") == f"{where} keeps 3 digits of a second, and 2026-01-01 00:00:00.001500 has more"
    for values, column in (
        ([2**40], "INT"),
        ([-1], "BIGINT UNSIGNED"),
        (["long"], "VARCHAR(3)"),
        (["x"], "JSON"),
        (["é"], "VARCHAR(9) CHARACTER SET ascii"),
    ):
        assert refused(on_mariadb, pa.array(values), column).startswith("warehouse refused the load into narrow:")


@pytest.mark.server
def test_what_postgres_would_change_is_refused(on_postgres: Night) -> None:
    """It rounds fractions of a second and of a number, under the name of a domain too."""
    where = 'Column "v" of table narrow'
    assert refused(on_postgres, CENTS, "numeric(9,1)") == f"{where} keeps 1 digits behind the point, and 1.25 has more"
    assert refused(on_postgres, MOMENTS, "timestamp(0)") == f"{where} keeps whole seconds, and 2026-01-01 00:00:00.001500 has a fraction"
    assert refused(on_postgres, MOMENTS.cast(pa.timestamp("us", "UTC")), "timestamptz(3)").endswith("00:00:00.001500+00:00 has more")
    assert refused(on_postgres, pa.array([1, 40_000]), "smallint") == f"{where} is SMALLINT, and cannot hold all from 1 to 40000"
    on_postgres.run("DROP DOMAIN IF EXISTS dime CASCADE", "CREATE DOMAIN dime AS numeric(9,1)", "CREATE DOMAIN tip AS dime")
    assert refused(on_postgres, CENTS, "tip") == f"{where} keeps 1 digits behind the point, and 1.25 has more"
    on_postgres.run("DROP DOMAIN dime CASCADE")
    for values, column in ((["long"], "varchar(3)"), (["{"], "jsonb"), (["x"], "uuid"), (["a\0b"], "text"), ([2**40], "numeric(5,0)")):
        assert refused(on_postgres, pa.array(values), column).startswith("warehouse refused the load into narrow:")


@pytest.mark.server
def test_columns_that_postgres_parses(on_postgres: Night) -> None:
    """JSON, UUIDs, enumerations, times, intervals, arrays, networks: text goes in by CSV, and all other values beside it as they are."""
    on_postgres.run(
        "DROP TYPE IF EXISTS mood CASCADE",
        "CREATE TYPE mood AS ENUM ('sad', 'it''s \"ok\", \\.')",
        "CREATE TABLE odd (day date, j jsonb, u uuid, m mood, t time, i interval, a int[], n inet, s text, b bytea, f float8, d numeric, z timestamptz, o bool)",
    )
    mood, uuid = 'it\'s "ok", \\.', "6f1ed002-ab59-4b5d-8a1f-1b7d7c0f2b11"
    row = {"day": date(2026, 1, 1), "j": '{"a": "é\\n\\"x\\""}', "u": uuid, "m": mood, "t": "12:34:56.789012", "i": "P1DT2H"}
    row |= {"a": "{1,NULL,3}", "n": "10.0.0.0/8", "s": "a\nb\r\n\\.\n\"q\" 'q' \\N", "b": b"\0\xff\"'", "f": float("inf")}
    row |= {"d": Decimal("-0.000000001"), "z": datetime(2026, 7, 1, 12, 0, 0, 1, UTC), "o": True}
    schema = pa.schema([(name, pa.array([value]).type) for name, value in row.items() if name != "d"])
    schema = schema.insert(11, pa.field("d", pa.decimal128(38, 9))).set(12, pa.field("z", pa.timestamp("us", "UTC")))
    rows = [row, dict.fromkeys(row) | {"s": ""}]
    on_postgres.load(on_postgres.stage(rows, schema=schema), target_table="odd", replace=["day"])
    found = on_postgres.query("SELECT day, j->>'a', u::text, m::text, t::text, i::text, a, n::text, s, b, f, d, z, o FROM odd ORDER BY 1")
    assert found[0] == (
        row["day"],
        'é\n"x"',
        uuid,
        mood,
        row["t"],
        "1 day 02:00:00",
        [1, None, 3],
        row["n"],
        row["s"],
        row["b"],
        row["f"],
        row["d"],
        row["z"],
        True,
    )
    assert found[1] == (None,) * 8 + ("",) + (None,) * 5


@pytest.mark.server
def test_columns_of_other_sizes(on_postgres: Night) -> None:
    """Whole numbers go into small columns and into decimals, dates into moments, booleans into numbers."""
    on_postgres.run(
        "CREATE TABLE sizes (day varchar(9), a smallint, b int, c numeric(30,5), d timestamp, e timestamptz, f smallint, g char(4))",
    )
    values = {
        "day": ["d"],
        "a": [-(2**15)],
        "b": [2**31 - 1],
        "c": [2**63 - 1],
        "d": [date(2026, 1, 1)],
        "e": [datetime(2026, 1, 1, 5, tzinfo=UTC)],
    }
    part = on_postgres.stage(pa.table({**values, "f": [True], "g": ["ab c"]}))
    on_postgres.load(part, target_table="sizes", replace=["day"])
    moment = datetime(2026, 1, 1, 5, tzinfo=UTC)
    expected = ("d", -(2**15), 2**31 - 1, Decimal(2**63 - 1), datetime(2026, 1, 1), moment, 1, "ab c")  # noqa: DTZ001
    assert on_postgres.query("SELECT * FROM sizes") == [expected]


@pytest.mark.server
def test_views_and_policies_keep_their_say(on_postgres: Night) -> None:
    """What COPY would go round is inserted row by row: a view's trigger, a rule."""
    on_postgres.run(
        "CREATE TABLE base (day text, region text, amount bigint)",
        "CREATE VIEW seen AS SELECT * FROM base",
        "CREATE TABLE ruled (day text, region text, amount bigint)",
        "CREATE RULE twice AS ON INSERT TO ruled DO ALSO INSERT INTO base VALUES (new.day, 'rule', new.amount)",
    )
    on_postgres.load(on_postgres.stage([sale("d", "emea", 1)]), target_table="seen")
    on_postgres.load(on_postgres.stage([sale("d", "emea", 2)]), target_table="ruled")
    assert on_postgres.query("SELECT * FROM base ORDER BY 3") == [("d", "emea", 1), ("d", "rule", 2)]
    on_postgres.run("DROP VIEW seen")


@pytest.mark.server
def test_a_database_of_another_encoding(on_postgres: Night) -> None:
    """Text arrives as text in a LATIN1 database, and what that cannot write is refused."""
    on_postgres.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        night = Night(on_postgres.folder, on_postgres.url.set(database="latin"))
        night.load(night.stage([sale("Größe", "emea", 1)]))
        with pytest.raises(LoadRefused, match="has no equivalent in encoding"):
            night.load(night.stage([sale("🌊", "emea", 1)]))
        with reading(night.url) as connection:
            assert connection.execute(sa.text("SELECT day, length(day) FROM sales")).all() == [("Größe", 5)]
    finally:
        on_postgres.run("DROP DATABASE latin")


@pytest.mark.server
@pytest.mark.parametrize(
    "query", [{"charset": "latin1"}, {"charset": "utf8mb4", "init_command": "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'"}]
)
def test_sessions_of_mariadb_that_read_text_in_another_way(on_mariadb: Night, query: dict[str, str]) -> None:
    """Another character set, or backslashes that mean themselves: the same text arrives."""
    odd = ["\\", "'", "\\'", "é", '"', "\\n", "ü\\"]
    night = Night(on_mariadb.folder, on_mariadb.url.set(query=query))
    night.load(night.stage([sale("d", text, number) for number, text in enumerate(odd)]))
    assert [row[0] for row in on_mariadb.query("SELECT region FROM sales ORDER BY amount")] == odd


@contextmanager
def packets_of(night: Night, size: int) -> Iterator[None]:
    """Let the server take packets of so many bytes."""
    before = night.query("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    night.run(f"SET GLOBAL max_allowed_packet = {size}")
    yield
    night.run(f"SET GLOBAL max_allowed_packet = {before}")


def long_texts(lengths: Sequence[int]) -> list[dict[str, Any]]:
    """Give rows of texts of these lengths."""
    return [{"day": "d", "region": "emea", "amount": number, "text": "'" * length} for number, length in enumerate(lengths)]


@pytest.mark.server
def test_no_statement_is_longer_than_mariadb_takes(on_mariadb: Night) -> None:
    """Rows are spread over statements; one that is too long alone is refused, and not told as a server that is gone."""
    with packets_of(on_mariadb, 64 << 10):
        on_mariadb.load(on_mariadb.stage(long_texts([20_000, 10_000, 32_000, 0, 1, 15_000, 31_000] * 20)))
        assert on_mariadb.query("SELECT count(*), sum(length(text)) FROM sales") == [(140, 20 * 108_001)]
        with pytest.raises(LoadRefused) as caught:
            on_mariadb.load(on_mariadb.stage(long_texts([33_000])))
    assert "takes 66,0" in str(caught.value)
    assert "bytes as a statement, and the server takes 65,535. Raise max_allowed_packet" in str(caught.value)


def test_long_rows_are_written_a_piece_at_a_time(anywhere: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few bytes that is, all rows arrive once."""
    monkeypatch.setattr(loaders, "PIECE_BYTES", 10)
    anywhere.load(anywhere.stage(long_texts(range(200))))
    assert anywhere.query("SELECT count(*), count(DISTINCT amount), sum(length(text)) FROM sales") == [(200, 200, 19_900)]


def test_tables_of_sqlalchemy_are_not_needed(anywhere: Night) -> None:
    """A name is a name on every database, whatever is in it."""
    table, column = 'sa`l"es; %(x)s :y', 'am`o"unt) VALUES (1); -- %s'
    rows = [{"day": "d", column: 1, "re?gion": None}]
    for _ in range(2):
        anywhere.load(
            anywhere.stage(pa.Table.from_pylist(rows, pa.schema([("day", pa.string()), (column, pa.int64()), ("re?gion", pa.string())]))),
            target_table=table,
            replace=["day"],
        )
    with writing(anywhere.url) as connection:
        found = connection.execute(sa.select(sa.table(table, sa.column("day"), sa.column(column), sa.column("re?gion")))).all()
        assert [tuple(row) for row in found] == [("d", 1, None)]
        tables.run(connection, f"DROP TABLE {tables.quoted(table, connection.dialect)}")
