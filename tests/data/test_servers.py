"""The same promises on real servers: PostgreSQL and MariaDB."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from nights import DAY, END, START, Night, sale
from servers import emptied

from tidegate.data import ledger
from tidegate.data.contract import Accept
from tidegate.data.engines import probe, reading, writing
from tidegate.data.extract import extract
from tidegate.errors import AuthRefused, LoadRefused, QueryRefused, Unreachable

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.data.manifest import Manifest

pytestmark = pytest.mark.server


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    """Give a night whose warehouse is an empty database on a server."""
    return Night(tmp_path, emptied(request.getfixturevalue(request.param)))


def read(night: Night, sql: str, **more: Any) -> list[dict[str, Any]]:
    """Extract and give what was staged."""
    manifest = extract(
        night.url,
        sql,
        **{
            "key": night.key(step="again"),
            "staging": night.staging,
            "accept": Accept(),
            "attempt": str(len(list(night.folder.rglob("*.json")))),
            "correlation_id": "c-1",
            "connection_name": "sales_emea",
            "source_name": "sql/x.sql",
            **more,
        },
    )
    with night.staging.local_file(manifest) as path:
        return pq.read_table(path).to_pylist()


TRICKY = pa.table(
    {
        "day": pa.array([date(2026, 1, 1), None, date(9999, 12, 31)]),
        "region": pa.array(["emea", None, ""]),
        "big": pa.array([9007199254740993, None, -(2**63)]),
        "amount": pa.array([Decimal("1.100000000"), None, Decimal("-99999999999999999999999999999.123456789")], pa.decimal128(38, 9)),
        "text": pa.array(["Größe 🌊 100% :x %(y)s", None, 'it\'s \\ "quoted"\n']),
        "bytes": pa.array([b"\x00\xff'", None, b""]),
        "flag": pa.array([True, None, False]),
        "ratio": pa.array([0.1, None, 1e300]),
        "clock": pa.array([datetime(2026, 1, 1, 12, 0, 0, 1), None, datetime(1970, 1, 1)]),  # noqa: DTZ001 -- a clock's reading
        "moment": pa.array([datetime(2026, 1, 1, 12, tzinfo=UTC), None, datetime(2026, 7, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        'odd "name" :x %(y)s': pa.array([1, None, 3]),
    }
)
DECLARED = {"flag": "bool", "moment": "timestamptz", "amount": "decimal"}


def test_tricky_values(night: Night) -> None:
    """From staging into a server and back, not a digit changes, also when it is loaded again."""
    for _ in range(2):
        night.load(night.stage(TRICKY))
    assert sorted(read(night, "SELECT * FROM sales", accept=Accept(columns=DECLARED)), key=str) == sorted(TRICKY.to_pylist(), key=str)


def test_attempts(night: Night) -> None:
    """The newest attempt's rows stay, vanished keys vanish, and other branches' rows are left alone."""
    night.load(night.stage([sale("2026-01-01", "apac", 5)], "apac"))
    night.load(night.stage([sale("2026-01-01", "APAC", 6), sale("2025-12-31", "APAC", 7)], "APAC"))
    old = night.stage([sale("2026-01-01", "APAC", 0)], "APAC")
    night.load(night.stage([sale("2026-01-01", "APAC", 8)], "APAC"))
    assert night.load(old).superseded == ("APAC",)
    assert sorted(row[1:] for row in night.rows()) == [("APAC", 8), ("apac", 5)]
    with reading(night.url) as connection:
        assert sorted(ledger.held(connection, "nightly", START, END, "sales")) == ["APAC", "apac"]


def test_refusals_leave_nothing(night: Night) -> None:
    """Clashes and values that do not fit are refused; neither rows nor ledger change."""
    night.load(night.stage([sale("2026-01-01", "x", 1)], "texas"), replace=["day"])
    with pytest.raises(LoadRefused, match="florida and texas both bring day=2026-01-01"):
        night.load(night.stage([sale("2026-01-01", "y", 1)], "florida"), replace=["day"])
    with writing(night.url) as connection:
        connection.execute(sa.text("CREATE TABLE small (day VARCHAR(20), region VARCHAR(2), amount DECIMAL(5,1))"))
    for bad in (Decimal("1.25"), Decimal("123456.1")):
        part = night.stage(pa.table({"day": ["d"], "region": ["x"], "amount": pa.array([bad], pa.decimal128(12, 2))}))
        with pytest.raises(LoadRefused):
            night.load(part, target_table="small")
    with pytest.raises(LoadRefused, match="warehouse refused the load into small"):
        night.load(night.stage([{"day": "d", "region": "long"}]), target_table="small")
    assert night.query("SELECT count(*) FROM small") == [(0,)]
    assert night.query("SELECT target, branch FROM tidegate_load") == [("sales", "texas")]


def test_two_at_once(night: Night) -> None:
    """Loads that begin at once, on a warehouse with neither ledger nor table, all end right."""
    parts = [night.stage([sale("2026-01-01", branch, amount)], branch) for amount in range(4) for branch in ("emea", "apac")]
    failed: list[BaseException] = []
    barrier = threading.Barrier(len(parts))

    def run(part: Manifest) -> None:
        barrier.wait()
        try:
            night.load(part)
        except BaseException as error:  # noqa: BLE001 -- the test shows it
            failed.append(error)

    threads = [threading.Thread(target=run, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(row[1:] for row in night.rows()) == [("apac", 3), ("emea", 3)]


def test_reading_a_server(night: Night) -> None:
    """The interval is half-open, readers cannot write, and refusals name what is close."""
    rows = [{"placed": START + n * DAY / 2, "n": n} for n in range(-1, 3)]
    table = pa.Table.from_pylist(rows, schema=pa.schema([("placed", pa.timestamp("us", "UTC")), ("n", pa.int64())]))
    night.load(night.stage(table), replace=["n"])
    sql = "SELECT n, ':x' AS x FROM sales WHERE placed >= :interval_start AND placed < :interval_end ORDER BY n"
    assert read(night, sql) == [{"n": 0, "x": ":x"}, {"n": 1, "x": ":x"}]
    assert read(night, "SELECT n FROM sales WHERE CAST(n AS CHAR(9)) LIKE '1%' AND 10 % 3 = 1") == [{"n": 1}]
    with pytest.raises(QueryRefused, match=r'sales_emea refused sql/x.sql: .*salse.*Did you mean "sales"'):
        read(night, "SELECT * FROM salse")
    with pytest.raises(QueryRefused, match='Did you mean "placed"'):
        read(night, "SELECT plaecd FROM sales")
    with pytest.raises(QueryRefused), reading(night.url, connection_name="sales_emea") as connection:
        connection.execute(sa.text("DELETE FROM sales"))
    assert night.query("SELECT count(*) FROM sales") == [(4,)]


def test_a_wrong_password(night: Night) -> None:
    """The connection is refused: the message shows where, and no password."""
    with pytest.raises(AuthRefused) as caught:
        extract(
            night.url.set(password="hush-hush"),
            "SELECT 1",
            key=night.key(),
            staging=night.staging,
            accept=Accept(),
            attempt="a",
            correlation_id="c",
            connection_name="sales_emea",
            source_name="sql/x.sql",
        )
    assert f"(127.0.0.1:{night.url.port}/" in str(caught.value)
    assert "hush-hush" not in str(caught.value)


def test_the_session_shows_the_correlation_id(postgres_url: sa.URL) -> None:
    """Who looks at the server's sessions finds the run."""
    with reading(postgres_url, correlation_id="c-77") as connection:
        assert (
            connection.execute(sa.text("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")).scalar()
            == "tidegate c-77"
        )


def test_killed_in_the_middle(night: Night) -> None:
    """SIGKILL between deletes and commit: the server rolls back, and the retry makes it right."""
    from test_load import loading, wait_for

    night.load(night.stage([sale("2026-01-01", "emea", 1)]))
    part = night.stage([sale("2026-01-01", "emea", amount) for amount in range(10, 20)])
    (night.folder / "url").write_text(night.url.render_as_string(hide_password=False))
    with loading(night, part, "hang") as process:
        wait_for(night.folder / "marker", process)
        process.kill()
    assert [row[2] for row in night.rows()] == [1]
    night.load(part)
    assert [row[2] for row in night.rows()] == list(range(10, 20))


def test_the_columns_of_a_new_table(night: Night) -> None:
    """Decimals are decimals and text is compared exactly."""
    night.load(night.stage(TRICKY))
    with reading(night.url) as connection:
        columns = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns("sales")}
        assert [index["column_names"] for index in sa.inspect(connection).get_indexes("sales")] == [["day", "region"]]
    assert (columns["amount"].precision, columns["amount"].scale) == (38, 9)
    assert isinstance(columns["big"], sa.BigInteger)


def test_a_result_that_is_not_wanted(night: Night) -> None:
    """An extract that stops early hangs up instead of reading millions of rows to the end."""
    night.load(night.stage([{"n": n} for n in range(1000)]), replace=["n"])
    many = "SELECT a.n FROM sales a CROSS JOIN sales b CROSS JOIN sales c"

    def stop(_done: int) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        read(night, many, progress=stop, batch_rows=100)
    assert time.monotonic() - began < 10
    assert night.staging.committed("nightly", "again", START, END) == {}


def test_a_session_that_ends_before_it_is_closed_takes_nothing_back(night: Night) -> None:
    """All rows are there: a server that ends idle sessions must not make a task fail that has done its work. An error within the block is told."""
    postgres = night.url.get_backend_name() == "postgresql"

    def ended(connection: sa.Connection) -> None:
        number = connection.exec_driver_sql("SELECT pg_backend_pid()" if postgres else "SELECT connection_id()").scalar_one()
        night.run(f"SELECT pg_terminate_backend({number}, 10000)" if postgres else f"KILL CONNECTION {number}")

    with reading(night.url) as connection:
        ended(connection)
    assert connection.closed
    with pytest.raises(ValueError, match="mine"), reading(night.url) as connection:  # noqa: PT012  the server ends it first
        ended(connection)
        raise ValueError("mine")
    with pytest.raises(Unreachable), reading(night.url) as connection:  # noqa: PT012
        ended(connection)
        connection.exec_driver_sql("SELECT 1")


def test_a_probe_passes_where_a_server_answers_and_lets_the_login_in(night: Night) -> None:
    """A wrong password is an answer, too: not that nobody is there."""
    probe(night.url, connection_name="sales_emea")
    with pytest.raises(AuthRefused, match="sales_emea"):
        probe(night.url.set(username="nobody", password="wrong"), connection_name="sales_emea")


def test_a_probe_does_not_wait_for_a_server_that_takes_the_connection_and_says_nothing(night: Night) -> None:
    """Without its bounds it would hang here."""
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(Unreachable, match="sales_emea does not answer"):
        probe(night.url.set(host="127.0.0.1", port=mute.getsockname()[1], query={}), connection_name="sales_emea")
