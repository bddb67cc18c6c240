"""The ledger's versions, on each kind of database: from nothing, from a ledger of before there were versions, and not back from a newer one."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nights import DAY, END, START, Night, on_duckdb, sale
from servers import emptied

from tidegate.data import ledger
from tidegate.data.engines import reading, writing
from tidegate.data.gaps import read_gaps
from tidegate.data.migrations import VERSION_TABLE, config_of, upgrade
from tidegate.errors import LedgerTooNew, LoadRefused, TidegateError
from tidegate.operators.records import write_short
from tidegate.resilience.completeness import Branch, BranchState, Completeness
from tidegate.resilience.gap import Status
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

OLD = Path(__file__).parent / "old_ledger"
"""Of three nights, as Tidegate 0.1.0 left it before there were versions: a complete one, a partial one, and one without a quorum."""


@pytest.fixture(params=["sqlite", "duckdb", "postgres_url", "mariadb_url"])
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Night:
    """Give a night whose warehouse is empty, on each kind of database."""
    if request.param in {"sqlite", "duckdb"}:
        return Night(tmp_path, on_duckdb(tmp_path) if request.param == "duckdb" else None)
    return Night(tmp_path, emptied(request.getfixturevalue(request.param)))


def bring_back(night: Night) -> None:
    """Put the old ledger into the warehouse; on DuckDB, which had none then, that of SQLite."""
    with writing(night.url) as connection:
        script = (OLD / f"{night.url.get_backend_name().replace('duckdb', 'sqlite')}.sql").read_text()
        for statement in script.split(";\n"):
            if statement.strip() and statement.strip() not in {"BEGIN TRANSACTION", "COMMIT"}:
                connection.exec_driver_sql(statement.replace("%", "%%"))


def tables(night: Night) -> dict[str, list[tuple[object, ...]]]:
    """Give all rows of the ledger's tables, and of the one that was loaded."""
    names = [*(table.name for table in ledger.metadata.sorted_tables if table is not ledger.keys_table), "sales"]
    columns = {"tidegate_lock": "target"}
    return {name: sorted(night.query(f"SELECT {columns.get(name, '*')} FROM {name}"), key=repr) for name in names}


def test_the_versions_make_what_the_code_expects(night: Night) -> None:
    """Column by column, key by key: the frozen versions and the tables that the code reads do not drift apart."""
    with writing(night.url) as connection:
        ledger.ensure(connection)
    with reading(night.url) as connection:
        sized = night.url.get_backend_name() != "duckdb"  # to which all texts are one type
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": sized})
        assert compare_metadata(context, ledger.metadata) == []
        assert ledger.version_of(connection) == ledger.VERSION


def test_versions_are_numbers_that_compare_as_text() -> None:
    """Which is newer is told without Alembic; the last one is that of the code."""
    found = [script.revision for script in ScriptDirectory.from_config(config_of()).walk_revisions()]
    assert found[0] == ledger.VERSION
    assert all(len(version) == 4 and version.isdecimal() for version in found)
    assert all(int(after) == int(before) + 1 for after, before in pairwise(found))


def test_a_current_ledger_is_asked_and_not_touched(night: Night) -> None:
    """By reading its version, which changes no table and takes no lock."""
    with writing(night.url) as connection:
        ledger.ensure(connection)
    with writing(night.url) as connection:
        said: list[str] = []
        sa.event.listen(connection, "before_cursor_execute", lambda _c, _cursor, statement, *_: said.append(statement.split()[0].upper()))
        ledger.ensure(connection)
    assert 0 < len(said) <= 2
    assert set(said) <= {"SELECT", "PRAGMA", "DESCRIBE"}


def test_an_old_ledger_is_taken_over_without_a_loss(night: Night) -> None:
    """Every row stays; the next load writes on, and the view tells of the old nights."""
    bring_back(night)
    before = tables(night)
    assert [len(before[name]) for name in ("tidegate_load", "tidegate_interval", "tidegate_gap", "sales")] == [3, 3, 3, 4]
    with writing(night.url) as connection:
        assert ledger.version_of(connection) is None
        ledger.ensure(connection)
    assert tables(night) == before
    with reading(night.url) as connection:
        assert ledger.version_of(connection) == ledger.VERSION
        assert [gap.status for gap in read_gaps(connection)] == [Status.OPEN, Status.WAIVED, Status.OPEN]
    seen = night.query("SELECT substr(interval_start, 1, 10), branch, outcome, state, reason FROM tidegate_completeness ORDER BY 1, 2")
    assert seen == [
        ("2026-01-01", "apac", "complete", "loaded", None),
        ("2026-01-01", "emea", "complete", "loaded", None),
        ("2026-01-02", "apac", "partial", "missing", "no route to host: größe"),
        ("2026-01-02", "emea", "partial", "loaded", None),
        ("2026-01-03", "apac", "short", "waived", "still reading"),
        ("2026-01-03", "emea", "short", "missing", "down"),
    ]
    keys = sum(
        len(json.loads(text))
        for (text,) in night.query(
            f"SELECT {'`partitions`' if night.url.get_backend_name() == 'mysql' else 'partitions'} FROM tidegate_load"
        )
    )
    assert night.query("SELECT count(*) FROM tidegate_key") == [(keys,)] != [(0,)]
    with pytest.raises(LoadRefused, match="was loaded by the pipeline"):
        night.load(night.stage([sale("2026-01-01", "emea", 9)]), pipeline="another", start=START + 9 * DAY)
    night.load(night.stage([sale("2026-01-02", "apac", 9)], "apac", start=START + DAY), start=START + DAY)
    assert night.query("SELECT amount FROM sales WHERE day = '2026-01-02' ORDER BY 1") == [(4,), (9,)]


def test_a_load_that_fails_leaves_a_migrated_ledger_and_no_rows(night: Night) -> None:
    """Changes of tables are not part of the load: where they commit by themselves, they would commit half of it."""
    bring_back(night)
    before = tables(night)

    def fail(connection: sa.Connection, held: dict[str, ledger.LoadRow], overtaken_by: None) -> None:
        raise TidegateError("no")

    part = night.stage([sale("2026-01-01", "emea", 70)], "emea")
    with pytest.raises(TidegateError, match="no"):
        night.load(part, in_transaction=fail)
    assert tables(night) == before
    with reading(night.url) as connection:
        assert ledger.version_of(connection) == ledger.VERSION


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(lambda connection: upgrade(connection, "0001"), id="between two versions"),
        pytest.param(ledger.metadata.tables["tidegate_gap"].create, id="a table alone"),
        pytest.param(ledger.metadata.create_all, id="all but the view"),
    ],
)
def test_what_was_cut_off_half_way_is_made_whole(night: Night, left: Callable[[sa.Connection], None]) -> None:
    """MySQL keeps the first statements of a change that was killed."""
    with writing(night.url) as connection:
        left(connection)
    with writing(night.url) as connection:
        ledger.ensure(connection)
        assert ledger.version_of(connection) == ledger.VERSION
    assert night.query("SELECT * FROM tidegate_completeness") == []


def test_several_at_once_make_one_ledger(night: Night) -> None:
    """Each waits for the first, and finds it done."""
    code = (
        "import sys, sqlalchemy as sa\nfrom tidegate.data import ledger, migrations\nfrom tidegate.data.engines import writing\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "with writing(sa.make_url(sys.argv[1])) as connection: ledger.ensure(connection)\n"
    )
    command = [sys.executable, "-c", code, night.url.render_as_string(hide_password=False)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, **pipes, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, said
    assert night.query("SELECT version_num FROM tidegate_version") == [(ledger.VERSION,)]


def test_a_newer_ledger_is_refused_and_left_alone(night: Night) -> None:
    """By a load, before it writes anything; and by the record of a missed quorum. The message says what to do."""
    with writing(night.url) as connection:
        ledger.ensure(connection)
        connection.exec_driver_sql("UPDATE tidegate_version SET version_num = '0999'")
    with pytest.raises(LedgerTooNew) as told:
        night.load(night.stage([sale("2026-01-01", "emea", 1)]))
    assert str(told.value) == (
        f"The ledger is of version 0999, and this Tidegate knows none after {ledger.VERSION}. "
        "Install the Tidegate that is elsewhere in use for this ledger, or a newer one."
    )
    record = Completeness(
        pipeline="nightly", interval=Interval(START, END), dimension="region", branches=(Branch(name="emea", state=BranchState.FAILED),),
        needed=1, met=False,
    )  # fmt: skip
    with pytest.raises(LedgerTooNew), writing(night.url) as connection:
        write_short(connection, record, owner="analytics", expire=timedelta(days=30))
    assert night.query("SELECT count(*) FROM tidegate_load") == night.query("SELECT count(*) FROM tidegate_interval") == [(0,)]
    with reading(night.url) as connection:
        assert not sa.inspect(connection).has_table("sales")
