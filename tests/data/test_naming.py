"""One table under several spellings is one table: loads of all of them take turns, fence each other off and share the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from nights import Night, sale

from tidegate.data.engines import writing
from tidegate.data.naming import resolved
from tidegate.data.tables import Target
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from tidegate.data.load import LoadReport

JAN_1 = "2026-01-01"


def load(night: Night, amount: int, spelled: str, branch: str = "emea", **more: Any) -> LoadReport:
    """Bring one row into a table that is called so."""
    schema, _, name = spelled.rpartition(".")
    return night.load(night.stage([sale(JAN_1, branch, amount)], branch), target_table=name, schema=schema or None, **more)


def spellings(night: Night) -> list[str]:
    """Give what means the table ``sales``."""
    match night.url.get_backend_name():
        case "sqlite":
            return ["Sales", "main.sales", "MAIN.SALES"]
        case "duckdb":
            return ["Sales", "main.sales", "Main.SALES", "warehouse.sales", "Warehouse.Sales"]
        case "postgresql":
            return ["public.sales"]
    return [f"{night.url.database}.sales"]


def test_another_spelling_finds_the_same_rows(anywhere: Night) -> None:
    """A branch that is loaded again under it is replaced, its older attempt is left out, and another mode is refused: whoever came first."""
    for spelled in ["sales", *spellings(anywhere)]:
        for first, second in (("sales", spelled), (spelled, "sales")):
            anywhere.run("DROP TABLE IF EXISTS sales")
            if first == "sales":
                anywhere.run("CREATE TABLE sales (day VARCHAR(20), region VARCHAR(20), amount INT)")
            late = anywhere.stage([sale(JAN_1, "emea", 0)])
            load(anywhere, 1, first)
            load(anywhere, 2, second)
            load(anywhere, 3, second, "apac")
            assert [row[2] for row in anywhere.rows()] == [3, 2]
            assert anywhere.load(late, target_table=second.rpartition(".")[2], schema=second.rpartition(".")[0] or None).superseded == (
                "emea",
            )
            with pytest.raises(LoadRefused, match="was loaded by the pipeline nightly"):
                load(anywhere, 4, first, pipeline="hourly")
            with pytest.raises(LoadRefused, match="append would add"):
                load(anywhere, 5, first, mode="append")
            assert anywhere.query("SELECT DISTINCT target FROM tidegate_load") == [("sales",)]
            assert [row[2] for row in anywhere.rows()] == [3, 2]


def test_a_table_that_a_person_made_in_another_case(anywhere: Night) -> None:
    """Is found where cases mean nothing, and is another table elsewhere."""
    other = "Sales" if anywhere.url.get_backend_name() in {"sqlite", "duckdb"} else "sales"
    anywhere.run(f"CREATE TABLE {other} (day VARCHAR(20), region VARCHAR(20), amount INT, UNIQUE (day, region))")
    load(anywhere, 1, "sales", mode="merge", merge=["day", "region"])
    load(anywhere, 2, "SALES" if other == "Sales" else "sales", mode="merge", merge=["day", "region"])
    assert [row[2] for row in anywhere.rows()] == [2]


def test_names_that_differ_stay_apart(anywhere: Night) -> None:
    """By a schema; and by a case, on servers that see one."""
    apart = {"sales"}
    if anywhere.url.get_backend_name() in {"postgresql", "mysql"}:
        apart |= {"Sales"}
    if anywhere.url.get_backend_name() in {"postgresql", "duckdb"}:
        anywhere.run("CREATE SCHEMA IF NOT EXISTS mart")
        apart |= {"mart.sales"}
    for number, spelled in enumerate(sorted(apart)):
        load(anywhere, number, spelled)
    assert anywhere.query("SELECT count(*) FROM tidegate_load") == [(len(apart),)]
    assert {row[0] for row in anywhere.query("SELECT DISTINCT target FROM tidegate_load")} == apart
    if "mart.sales" in apart:
        anywhere.run("DROP SCHEMA mart CASCADE")


def test_search_path_says_which_table_is_meant(on_postgres: Night) -> None:
    """Whichever path a connection has: the table is what it is."""
    on_postgres.run("DROP SCHEMA IF EXISTS mart CASCADE", "CREATE SCHEMA mart")
    load(on_postgres, 1, "mart.sales")
    by_path = Night(on_postgres.folder, on_postgres.url.update_query_dict({"options": "-c search_path=mart,public"}))
    by_path.clock = 10
    load(by_path, 2, "sales")
    load(by_path, 3, "public.sales")
    assert on_postgres.query("SELECT target, run_id FROM tidegate_load ORDER BY 1") == [("mart.sales", "run-1"), ("sales", "run-1")]
    assert on_postgres.query("SELECT amount FROM mart.sales UNION ALL SELECT amount FROM public.sales") == [(2,), (3,)]
    on_postgres.run("DROP SCHEMA mart CASCADE")


@pytest.mark.parametrize(
    ("cases", "keys"), [(0, ["sales", "Sales", "Shop.Sales", "shop.sales"]), (1, ["sales", "sales", "sales", "sales"])]
)
def test_a_server_that_sees_no_case(on_mariadb: Night, cases: int, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``lower_case_table_names`` has it, which is settled when a server is set up."""
    from tidegate.data import naming

    database = on_mariadb.url.database
    monkeypatch.setattr(naming, "_MYSQL", naming._MYSQL.replace("@@lower_case_table_names", str(cases)).replace("DATABASE()", "'Shop'"))
    with writing(on_mariadb.url) as connection:
        found = [
            resolved(connection, Target(name=name, schema=schema)).known_as
            for schema, name in ((None, "sales"), (None, "Sales"), ("Shop", "Sales"), ("shop", "sales"))
        ]
    assert database
    assert found == (["sales", "Sales", "Sales", "shop.sales"] if cases == 0 else keys)


def test_a_name_that_postgresql_cuts(on_postgres: Night) -> None:
    """After 63 bytes it looks no further."""
    name = "s" * 63
    for more in ("", "x", "yz"):
        with writing(on_postgres.url) as connection:
            assert resolved(connection, Target(name=name + more)).known_as == name


def test_a_database_of_another_kind(tmp_path: Any) -> None:
    """Has a schema of its own, which may be left out."""
    from tidegate.data import naming

    with sa.create_engine(f"sqlite:///{tmp_path / 'x.db'}").connect() as connection:
        assert naming._elsewhere(connection, Target(name="sales", schema="main")).known_as == "sales"
        assert naming._elsewhere(connection, Target(name="sales", schema="mart")).known_as == "mart.sales"
