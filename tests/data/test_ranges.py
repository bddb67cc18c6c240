"""A table read in ranges: each row once, whatever its column holds; one state of the data; and what cannot be split is refused by name."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from tidegate.data import ranges
from tidegate.data.contract import Accept
from tidegate.data.cuts import Split, cuts
from tidegate.data.extract import extract
from tidegate.data.stopping import Stop
from tidegate.data.table_query import TableQuery
from tidegate.errors import DataRefused, QueryRefused, Stopped, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nights import Night

    from tidegate.data.manifest import Manifest

DAY = datetime(2026, 1, 1, 12)  # noqa: DTZ001  a clock's reading


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def server(request: pytest.FixtureRequest) -> sa.URL:
    """Give a database on a server."""
    url: sa.URL = request.getfixturevalue(request.param)
    return url


@contextmanager
def session(url: sa.URL) -> Iterator[sa.Connection]:
    """Give a connection that has nothing to do with the read."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def make(url: sa.URL, kind: str, values: Sequence[Any], *, key: str = "") -> None:
    """Make the table: a number for each row, and a column of some kind."""
    with session(url) as connection:
        if url.get_backend_name() == "postgresql":
            connection.exec_driver_sql("DROP VIEW IF EXISTS slow")
        connection.exec_driver_sql("DROP TABLE IF EXISTS wide")
        connection.exec_driver_sql(f"CREATE TABLE wide (n INTEGER, v {kind}, sold_at TIMESTAMP NULL{key})")
        rows = [{"n": number, "v": value, "at": DAY} for number, value in enumerate(values)]
        if rows:
            connection.execute(sa.text("INSERT INTO wide (n, v, sold_at) VALUES (:n, :v, :at)"), rows)


def read(night: Night, url: sa.URL, *, into: int = 3, by: str = "v", **more: Any) -> Manifest:
    """Stage the table."""
    query = more.pop("query", TableQuery(table="wide"))
    return extract(
        url, query,
        **{
            "split": Split(by=by, into=into), "key": night.key(), "staging": night.staging, "accept": Accept(min_rows=0),
            "attempt": f"a{len(list(night.folder.rglob('*.json')))}", "correlation_id": "c-1", "connection_name": "sales_emea",
            "source_name": "wide", **more,
        },
    )  # fmt: skip


def staged(night: Night, manifest: Manifest) -> list[dict[str, Any]]:
    """Give what was staged."""
    with night.staging.local_file(manifest) as path:
        found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def numbers(night: Night, manifest: Manifest) -> list[int]:
    """Give the rows' numbers in order."""
    return sorted(row["n"] for row in staged(night, manifest))


VALUES: dict[str, tuple[str, list[Any]]] = {
    "whole numbers": ("BIGINT", [*range(-5, 300, 7), None, 2**63 - 1, -(2**63), None]),
    "skew": ("INTEGER", [0, *[1_000_000] * 50, *range(999_000, 999_100), None]),
    "one value": ("INTEGER", [7] * 20),
    "two values": ("INTEGER", [7, 8] * 20),
    "NULL alone": ("INTEGER", [None] * 3),
    "no rows": ("INTEGER", []),
    "decimals": ("DECIMAL(30,9)", [Decimal(part) / 7 for part in range(-20, 80)] + [Decimal("123456789012345678901.123456789"), None]),
    "fractions": ("DOUBLE PRECISION", [part / 7 for part in range(-20, 80)] + [1e308, -1e308, None]),
    "days": ("DATE", [date(2025, 1, 1) + timedelta(days=part * 3) for part in range(100)] + [date(1, 1, 1), date(9999, 12, 31), None]),
    "clocks": ("TIMESTAMP NULL", [DAY + timedelta(seconds=part * 977) for part in range(100)] + [None]),
}


@pytest.mark.parametrize("case", VALUES)
def test_each_row_comes_once_on_postgresql(night: Night, postgres_url: sa.URL, case: str) -> None:
    """Whatever the column holds, and into however many ranges."""
    kind, values = VALUES[case]
    make(postgres_url, kind.replace(" NULL", ""), values)
    for into in (2, 3, 16):
        assert numbers(night, read(night, postgres_url, into=into)) == list(range(len(values)))


@pytest.mark.parametrize("case", VALUES)
def test_each_row_comes_once_on_mariadb(night: Night, mariadb_url: sa.URL, case: str) -> None:
    """Of a primary key, which has no NULL; other values stand in the key once more."""
    kind, values = VALUES[case]
    values = [value for value in values if value is not None and value not in {1e308, -1e308}]
    make(mariadb_url, kind.replace(" PRECISION", "").replace(" NULL", ""), values, key=", PRIMARY KEY (v, n)")
    for into in (2, 3, 16):
        assert numbers(night, read(night, mariadb_url, into=into)) == list(range(len(values)))


@pytest.mark.parametrize("kind", ["TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "DATE", "NUMERIC", "DOUBLE PRECISION", "REAL"])
def test_what_no_clock_and_no_number_is(night: Night, postgres_url: sa.URL, kind: str) -> None:
    """Infinities and NaN are in a range as all else; the values are refused or taken as without a split."""
    sick = ["NaN", "Infinity", "-Infinity"] if kind in {"NUMERIC", "DOUBLE PRECISION", "REAL"} else ["infinity", "-infinity"]
    well = [str(part) for part in range(10)] if len(sick) == 3 else [f"2026-01-{part:02}" for part in range(1, 11)]
    make(postgres_url, kind, [*well, *sick, None])
    manifest = read(night, postgres_url, query=TableQuery(table="wide", columns=("n",)))
    assert numbers(night, manifest) == list(range(len(well) + len(sick) + 1))


def test_an_interval_in_ranges(night: Night, server: sa.URL) -> None:
    """The interval's rows and no others; the bounds are those of its rows."""
    make(server, "INTEGER", range(40), key=", PRIMARY KEY (v)")
    with session(server) as connection:
        connection.exec_driver_sql("UPDATE wide SET sold_at = '2026-01-02 00:00:00' WHERE v >= 20")
    query = TableQuery(table="wide", columns=("n", "v"), interval_column="sold_at")
    assert numbers(night, read(night, server, query=query)) == list(range(20))


def test_the_order_is_the_same_each_time(night: Night, server: sa.URL) -> None:
    """Batches come in turn, one of each range, so that two reads of the same rows are the same file."""
    make(server, "INTEGER", range(300), key=", PRIMARY KEY (v)")
    first, second = (read(night, server, batch_rows=30) for _ in range(2))
    assert first.sha256 == second.sha256
    assert [row["v"] for row in staged(night, first)][:30] == [*range(10), *range(100, 110), *range(200, 210)]


@pytest.mark.parametrize(("server", "changes"), [("postgres_url", "v = 99 - v"), ("mariadb_url", "n = n + 1000")], indirect=["server"])
def test_rows_that_move_while_they_are_read(night: Night, server: sa.URL, changes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All ranges see one state: what changes once all connections have begun is not seen by any, though none has read yet."""
    make(server, "INTEGER", range(100), key=", PRIMARY KEY (v)" if server.get_backend_name() == "mysql" else "")
    driver = server.get_dialect().driver
    begun = ranges._SESSIONS[driver]

    def begin(connections: Sequence[sa.Connection]) -> None:
        begun.begin(connections)
        with session(server) as connection:
            connection.exec_driver_sql(f"UPDATE wide SET {changes}")
            connection.exec_driver_sql("INSERT INTO wide (n, v) VALUES (1000, 500)")

    monkeypatch.setitem(ranges._SESSIONS, driver, replace(begun, begin=begin))
    manifest = read(night, server)
    assert {row["n"]: row["v"] for row in staged(night, manifest)} == {n: n for n in range(100)}
    assert manifest.rows == 100


def test_a_key_keeps_its_row_in_its_range(night: Night, mariadb_url: sa.URL) -> None:
    """While others write all the time, no row that stays is lost, and none comes twice."""
    make(mariadb_url, "INTEGER", range(2000), key=", PRIMARY KEY (v)")
    over = threading.Event()

    def write() -> None:
        with session(mariadb_url) as connection:
            number = 2000
            while not over.is_set():
                number += 1
                connection.exec_driver_sql(f"INSERT INTO wide VALUES ({number}, {(number * 7919) % 100_000 + 2000}, NULL)")
                connection.exec_driver_sql(f"UPDATE wide SET sold_at = '2026-01-02' WHERE v = {number % 2000}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            found = Counter(row["v"] for row in staged(night, read(night, mariadb_url, into=8)))
            assert set(range(2000)) <= found.keys()
            assert set(found.values()) == {1}
    finally:
        over.set()
        writer.join()


@pytest.mark.parametrize(("kind", "value"), [("TEXT", "a"), ("BOOLEAN", True), ("UUID", "7b0c8b38-0fb2-4bd3-8ee6-6f4a9e0f5a10")])
def test_what_cannot_be_split_on_postgresql(night: Night, postgres_url: sa.URL, kind: str, value: Any) -> None:
    """By its name and its type."""
    make(postgres_url, kind, [value])
    with pytest.raises(QueryRefused) as caught:
        read(night, postgres_url)
    assert str(caught.value) == (
        f'sales_emea, wide, cannot be split by "v" of type {kind.lower()}. '
        "Split by a column of whole numbers, decimals, dates or timestamps, or remove split."
    )


@pytest.mark.parametrize(
    ("kind", "key", "told"),
    [
        ("VARCHAR(20)", ", PRIMARY KEY (v)", 'sales_emea, wide, cannot be split by "v" of type varchar. '),
        ("FLOAT", ", PRIMARY KEY (v)", 'sales_emea, wide, cannot be split by "v" of type float. '),
        ("INTEGER", ", UNIQUE KEY (v)", 'sales_emea, wide, is split by "v", which is not of its primary key: '),
    ],
)
def test_what_cannot_be_split_on_mariadb(night: Night, mariadb_url: sa.URL, kind: str, key: str, told: str) -> None:
    """A column whose values may change would lose or double rows there."""
    make(mariadb_url, kind, ["1"], key=key)
    with pytest.raises(QueryRefused) as caught:
        read(night, mariadb_url)
    assert str(caught.value).startswith(told)


def test_a_column_that_is_not_there(night: Night, server: sa.URL) -> None:
    """With a name that is close."""
    make(server, "INTEGER", range(3))
    with pytest.raises(QueryRefused, match='Did you mean "sold_at"'):
        read(night, server, by="solt_at")


def test_other_databases(night: Night, source: sa.URL) -> None:
    """They are refused, for nobody knows whether two of their connections see the same."""
    with pytest.raises(QueryRefused) as caught:
        read(night, source, query=TableQuery(table="orders"), by="id")
    assert str(caught.value) == (
        "sales_emea is read by split, which is for PostgreSQL, MySQL and MariaDB, and is of type sqlite. "
        "Remove split: such a table is read over one connection."
    )


def test_rows_that_are_set_aside(night: Night, server: sa.URL) -> None:
    """With their own values, whichever range they are of."""
    make(server, "INTEGER", range(100), key=", w VARCHAR(20), PRIMARY KEY (v)")
    with session(server) as connection:
        connection.exec_driver_sql("UPDATE wide SET w = CASE WHEN v IN (3, 50, 99) THEN concat('no ', v) ELSE '1' END")
    accept = Accept(columns={"w": "int"}, quarantine=True)  # type: ignore[dict-item,arg-type]
    manifest = read(night, server, accept=accept, batch_rows=7)
    assert (manifest.rows, manifest.quarantined) == (97, 3)
    aside = pq.read_table(night.staging.root / manifest.aside)
    assert {(row["v"], row["tidegate_unfit"]) for row in aside.to_pylist()} == {(v, f'{{"w": "no {v}"}}') for v in (3, 50, 99)}


def test_a_value_that_is_refused(night: Night, server: sa.URL) -> None:
    """The message says of which range the row is; the other ranges end, and nothing is staged."""
    make(server, "INTEGER", range(100), key=", w VARCHAR(20), PRIMARY KEY (v)")
    with session(server) as connection:
        connection.exec_driver_sql("UPDATE wide SET w = CASE WHEN v = 98 THEN 'no' ELSE '1' END")
    with pytest.raises(DataRefused, match=r'sales_emea, wide, range 3 of 3, has in column "w", row 33'):
        read(night, server, accept=Accept(columns={"w": "int"}))  # type: ignore[dict-item]
    assert not list(night.folder.rglob("*.parquet"))
    assert not sessions(server)


def sessions(url: sa.URL, *, but: int = 0) -> list[Any]:
    """Give the sessions of reads that the server has; a moment after they have ended it has none, but those that go on."""
    asked = {
        "postgresql": "SELECT pid FROM pg_stat_activity WHERE application_name = 'tidegate c-1'",
        "mysql": "SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user <> 'system user' AND db IS NOT NULL",
    }[url.get_backend_name()]
    found: list[Any] = []
    for _ in range(100):
        with session(url) as connection:
            if len(found := list(connection.exec_driver_sql(asked).scalars())) <= but:
                break
        threading.Event().wait(0.05)
    return found


NAP = """CREATE OR REPLACE FUNCTION nap(seconds integer) RETURNS boolean {} LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(seconds); RETURN true; END $$"""


@pytest.fixture(params=["STABLE"])
def slow(request: pytest.FixtureRequest, postgres_url: sa.URL) -> Iterator[sa.URL]:
    """Give a view of which two ranges take ten minutes each for their last row; what is VOLATILE in a view also runs where only the bounds are asked."""
    make(postgres_url, "INTEGER", range(100))
    with session(postgres_url) as connection:
        connection.exec_driver_sql(NAP.format(request.param))
        connection.exec_driver_sql("CREATE VIEW slow AS SELECT n, v, nap(CASE WHEN mod(v, 50) = 49 THEN 600 ELSE 0 END) AS z FROM wide")
    yield postgres_url
    with session(postgres_url) as connection:
        connection.exec_driver_sql("DROP VIEW slow")
        connection.exec_driver_sql("DROP FUNCTION nap")


@pytest.mark.parametrize(("slow", "many"), [("STABLE", 2), ("VOLATILE", 1)], indirect=["slow"])
def test_a_read_that_is_stopped_ends_on_every_connection(night: Night, slow: sa.URL, many: int) -> None:
    """No statement of any range is left on the server, nor that which asks for the bounds."""
    stop = Stop(asked=asleep(slow, many), every=0.1)
    with pytest.raises(Stopped, match="sales_emea was stopped at noon"):
        read(night, slow, query=TableQuery(table="slow"), into=2, stop=stop)
    assert not sessions(slow)
    assert not list(night.folder.rglob("*.parquet*"))


@pytest.mark.parametrize("slow", ["VOLATILE"], indirect=True)
def test_nobody_waits_in_a_transaction_for_the_bounds(night: Night, slow: sa.URL) -> None:
    """They may take as long as a server lets a session do nothing in one."""
    waits: list[Any] = []
    ask = asleep(slow, 1)

    def look() -> str | None:
        if found := ask():
            with session(slow) as connection:
                asked = "SELECT state FROM pg_stat_activity WHERE application_name = 'tidegate c-1' ORDER BY 1"
                waits.append(connection.exec_driver_sql(asked).scalars().all())
        return found

    with pytest.raises(Stopped):
        read(night, slow, query=TableQuery(table="slow"), into=2, stop=Stop(asked=look, every=0.1))
    assert waits[0] == ["active", "idle"]


def asleep(url: sa.URL, many: int) -> Callable[[], str | None]:
    """Ask for the end as soon as so many of the ranges are being read."""

    def ask() -> str | None:
        with session(url) as connection:
            found = connection.exec_driver_sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").scalar()
        return "stopped at noon" if found is not None and found >= many else None

    return ask


def test_the_first_error_is_told_and_ends_all(night: Night, slow: sa.URL) -> None:
    """A range whose session dies takes the others with it at once, though one of them would take ten minutes for its next rows."""

    def kill() -> None:
        ask = asleep(slow, 2)
        while ask() is None:
            threading.Event().wait(0.05)
        with session(slow) as connection:
            last = "SELECT max(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            connection.exec_driver_sql(f"SELECT pg_terminate_backend(({last}))")

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(Unreachable, match="sales_emea stopped answering during wide"):
        read(night, slow, query=TableQuery(table="slow"), into=2)
    killer.join()
    assert not sessions(slow)


def test_a_range_that_is_through_lets_go_of_its_session(night: Night, server: sa.URL) -> None:
    """Others may take an hour more, and a server would end a session that does nothing in a transaction."""
    make(server, "INTEGER", [1, 2, *range(100_000, 105_000)], key=", PRIMARY KEY (v)")
    left: list[int] = []

    def look(rows: int) -> None:
        if rows == 102:  # a batch of each range; the other has many more
            left.append(len(sessions(server, but=1)))

    assert read(night, server, into=2, batch_rows=100, progress=look).rows == 5002
    assert left == [1]


def test_cuts_lie_between_the_values() -> None:
    """Evenly, ascending, exactly; none where there is nothing to cut."""
    assert cuts(1, 100, 4) == [26, 51, 76]
    assert cuts(0, 1, 16) == [1]
    assert cuts(3, 3, 4) == cuts(None, None, 4) == []
    assert cuts(Decimal("0.10"), Decimal("0.4"), 4) == [Decimal("0.17"), Decimal("0.25"), Decimal("0.33")]
    assert cuts(date(2026, 1, 1), date(2026, 1, 4), 2) == [date(2026, 1, 3)]
    low, high = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    assert cuts(low, high, 2) == [datetime(2026, 1, 2, tzinfo=UTC)]
    assert cuts(-1e308, 1e308, 2) == [0.0]
    assert cuts(1.0, 1.0000000000000002, 8) == [1.0000000000000002]
    big = Decimal(10**60)
    assert cuts(big.copy_negate(), big, 2) == [0]
    assert cuts(big.copy_negate(), big, 3)[1] == Decimal("3" * 59 + "4")
