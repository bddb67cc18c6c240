"""What a load does with the rows that are there: append, merge; and the tables that every mode makes or widens."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from nights import DAY, END, START, amounts, held, sale, swap

from tidegate.data.engines import writing
from tidegate.errors import LoadRefused

if TYPE_CHECKING:
    from nights import Night

    from tidegate.data.load import LoadReport
    from tidegate.data.manifest import Manifest

JAN_1, JAN_2 = "2026-01-01", "2026-01-02"


def append(night: Night, *parts: Manifest, **more: Any) -> LoadReport:
    """Add rows."""
    return night.load(*parts, replace=(), mode="append", **more)


def merge(night: Night, *parts: Manifest, by: str = "day,region", **more: Any) -> LoadReport:
    """Change and add rows by key."""
    return night.load(*parts, replace=(), mode="merge", merge=by.split(","), **more)


# -- append -----------------------------------------------------------------------------------------------------------------------


def test_appended_rows_stand_beside_those_that_are_there(anywhere: Night) -> None:
    """Each branch of each interval is added, whatever keys its rows have."""
    append(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]), anywhere.stage([sale(JAN_1, "emea", 2)], "apac"))
    append(anywhere, anywhere.stage([sale(JAN_1, "emea", 3)], start=START + DAY), start=START + DAY)
    assert amounts(anywhere) == [1, 2, 3]
    assert held(anywhere) == [(JAN_1, "apac", 1), (JAN_1, "emea", 1), (JAN_2, "emea", 1)]


def test_the_same_attempt_is_appended_once(anywhere: Night) -> None:
    """A try after one that had committed changes nothing and succeeds; a branch that comes with it is added."""
    part = anywhere.stage([sale(JAN_1, "emea", 1)])
    append(anywhere, part)
    report = append(anywhere, part, anywhere.stage([sale(JAN_1, "apac", 2)], "apac"))
    assert (report.rows, report.loaded, report.superseded) == (1, ("apac", "emea"), ())
    assert amounts(anywhere) == [2, 1]


def test_another_attempt_is_not_appended_beside_the_first(night: Night) -> None:
    """Nobody could take the first one's rows back; an older one is left out as ever."""
    old, part = night.stage([sale(JAN_1, "emea", 0)]), night.stage([sale(JAN_1, "emea", 1)])
    append(night, part)
    newer = night.stage([sale(JAN_1, "emea", 2)])
    with pytest.raises(LoadRefused) as refused:
        append(night, newer)
    assert str(refused.value) == (
        f"sales holds rows of emea for 2026-01-01T00:00:00+00:00 to 2026-01-02T00:00:00+00:00 by attempt {part.attempt}, and append would add "
        f"those of attempt {newer.attempt} beside them. Delete them, and their row in tidegate_load, by hand; or load by replace: or merge:."
    )
    assert append(night, old).superseded == ("emea",)
    assert amounts(night) == [1]


def test_a_part_of_the_same_time_is_not_appended_twice(night: Night) -> None:
    """Neither the month after its day, nor a branch within a combination."""
    append(night, night.stage([sale(JAN_1, "emea", 1)]))
    with pytest.raises(LoadRefused, match="append would add"):
        append(night, night.stage([sale(JAN_1, "emea", 2)], end=START + 31 * DAY), end=START + 31 * DAY)
    with pytest.raises(LoadRefused, match="append would add"):
        append(night, night.stage([sale(JAN_1, "all", 2)], "all", branches=["apac", "emea"]))
    append(night, night.stage([sale(JAN_1, "apac", 3)], "apac", end=START + 31 * DAY), end=START + 31 * DAY)
    assert amounts(night) == [3, 1]


def test_a_branch_that_had_no_rows_may_be_appended(night: Night) -> None:
    """There is nothing that could count twice."""
    append(night, night.stage([], schema=pa.schema([("day", pa.string())])))
    append(night, night.stage([sale(JAN_1, "emea", 1)]))
    assert held(night) == [(JAN_1, "emea", 1)]


@pytest.mark.parametrize("load", [append, merge])
def test_rows_that_stand_in_are_left_out(night: Night, load: Any) -> None:
    """Nobody could take them back when the branch's own rows come."""
    stale = replace(night.stage([sale(JAN_1, "apac", 9)], "apac"), stale={"apac": "2025-12-31T00:00:00+00:00"})
    report = load(night, night.stage([sale(JAN_1, "emea", 1)]), stale)
    assert report.unfit.startswith(f"Rows of an earlier interval stand in for apac, and {load.__name__} could not take them back.")
    assert amounts(night) == [1]


@pytest.mark.parametrize("load", [append, merge, swap])
def test_what_came_without_keys_is_not_replaced_by_key(night: Night, load: Any) -> None:
    """The ledger does not know which rows to delete; of another interval it may not matter."""
    load(night, night.stage([sale(JAN_1, "emea", 1)]))
    with pytest.raises(
        LoadRefused, match=r"The rows of emea for .* came into sales by append, merge or swap, so nobody knows under which keys"
    ):
        night.load(night.stage([sale(JAN_1, "emea", 2)]))
    with pytest.raises(LoadRefused, match="nobody knows under which keys"):
        night.load(night.stage([sale(JAN_1, "emea", 2)], end=END + DAY), end=END + DAY)
    night.load(night.stage([sale(JAN_2, "emea", 3)], start=END), start=END)
    assert amounts(night) == [1, 3]


def test_rows_that_went_with_their_table_are_not_taken_for_loaded(anywhere: Night) -> None:
    """A try again after somebody dropped the table is refused, and makes no empty one; whoever writes all rows again makes it anew."""
    part = anywhere.stage([sale(JAN_1, "emea", 1)])
    append(anywhere, part)
    anywhere.run("DROP TABLE sales")
    for more in ((), (anywhere.stage([sale(JAN_1, "apac", 2)], "apac"),)):
        with pytest.raises(
            LoadRefused, match=r"The ledger has the rows of emea for .* in sales, and there is no such table. Restore it; or"
        ):
            append(anywhere, part, *more)
    with writing(anywhere.url) as connection:
        assert not sa.inspect(connection).has_table("sales")
    for load in (merge, swap):
        load(anywhere, part, target_table="again")
        anywhere.run("DROP TABLE again", "DELETE FROM tidegate_load WHERE target = 'sales'")
        load(anywhere, part, target_table="again")
        assert anywhere.query("SELECT amount FROM again") == [(1,)]


# -- merge ------------------------------------------------------------------------------------------------------------------------


def test_merged_rows_change_what_has_their_key(anywhere: Night) -> None:
    """And are added where nothing has it. What does not come stays, in rows and in columns."""
    anywhere.run(
        "CREATE TABLE sales (day VARCHAR(20), region VARCHAR(20), amount DECIMAL(9,2), note VARCHAR(20) DEFAULT 'new', PRIMARY KEY (region, day))",
        "INSERT INTO sales VALUES ('2026-01-01', 'emea', 1, 'by hand'), ('2026-01-01', 'apac', 2, 'by hand')",
    )
    rows = [{"day": day, "region": "emea", "amount": Decimal(amount)} for day, amount in ((JAN_1, "10.50"), (JAN_2, "20.00"))]
    report = merge(anywhere, anywhere.stage(rows))
    found = anywhere.query("SELECT day, region, CAST(amount AS CHAR(9)), note FROM sales ORDER BY 1, 2")
    assert [(day, region, Decimal(amount), note) for day, region, amount, note in found] == [
        (JAN_1, "apac", Decimal(2), "by hand"),
        (JAN_1, "emea", Decimal("10.5"), "by hand"),
        (JAN_2, "emea", Decimal(20), "new"),
    ]
    assert (report.rows, report.loaded) == (2, ("emea",))
    assert held(anywhere) == [(JAN_1, "emea", 2)]


def test_merging_makes_a_table_with_a_unique_index(anywhere: Night) -> None:
    """And merging again what is there, or what has nothing but a key, changes nothing; names of a case differ."""
    for _ in range(2):
        parts = anywhere.stage([sale(JAN_1, "emea", 1)]), anywhere.stage([sale(JAN_1, "EMEA", 2)], "apac")
        merge(anywhere, *parts)
        merge(anywhere, anywhere.stage([{"n": 1}, {"n": 2}]), by="n", target_table="numbers")
    assert sorted(amounts(anywhere)) == [1, 2]
    assert anywhere.query("SELECT n FROM numbers ORDER BY 1") == [(1,), (2,)]
    with pytest.raises(sa.exc.IntegrityError):
        anywhere.run("INSERT INTO sales VALUES ('2026-01-01', 'emea', 5)")


def test_an_older_attempt_is_not_merged(anywhere: Night) -> None:
    """Of an interval's branch the newest attempt's values stay, whichever comes last."""
    old = anywhere.stage([sale(JAN_1, "emea", 1)])
    merge(anywhere, anywhere.stage([sale(JAN_1, "emea", 2)]))
    assert merge(anywhere, old).superseded == ("emea",)
    assert amounts(anywhere) == [2]


def test_an_older_reading_does_not_set_back_a_later_interval(night: Night) -> None:
    """A night that hung must not undo what the next one changed; read anew, it may come."""
    hung = night.stage([sale("key", "emea", 1)])
    merge(night, night.stage([sale("key", "emea", 2)], start=END), start=END)
    with pytest.raises(LoadRefused, match=r"from a later reading than this load .* Clear the extract of emea"):
        merge(night, hung)
    merge(night, night.stage([sale("other", "emea", 3)]))
    assert amounts(night) == [2, 3]


def test_keys_that_cannot_tell_rows_apart(anywhere: Night) -> None:
    """Twice the same key, no key at all, no unique index: nothing is written."""
    merge(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]))
    for rows, told in (
        (
            [sale(JAN_1, "x", 1), sale(JAN_1, "x", 2)],
            "The rows for table sales have 2 with day=2026-01-01, region=x, and merge: cannot tell which",
        ),
        ([sale(JAN_1, None, 1)], 'A row for table sales has NULL in "region", which merge: names.'),  # type: ignore[arg-type]
    ):
        schema = pa.schema([("day", pa.string()), ("region", pa.string()), ("amount", pa.int64())])
        with pytest.raises(LoadRefused) as refused:
            merge(anywhere, anywhere.stage(rows, schema=schema))
        assert str(refused.value).startswith(told)
    with pytest.raises(LoadRefused, match="Table sales has no unique index over day, so merge: cannot tell which row a row changes"):
        merge(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]), by="day")
    with pytest.raises(LoadRefused, match=r'no column "dya", which merge: names.* Did you mean "day"'):
        merge(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]), by="dya")
    with pytest.raises(LoadRefused, match="values of type float cannot be compared surely"):
        merge(anywhere, anywhere.stage([{"day": 1.5}]), by="day")
    assert amounts(anywhere) == [1]


def test_an_index_over_some_of_the_rows_is_none(on_postgres: Night) -> None:
    """Beyond it a key may stand twice."""
    on_postgres.run("CREATE TABLE sales (day text, region text, amount int)", "CREATE UNIQUE INDEX partly ON sales (day) WHERE amount > 5")
    with pytest.raises(LoadRefused, match="no unique index over day"):
        merge(on_postgres, on_postgres.stage([sale(JAN_1, "emea", 1)]), by="day")
    on_postgres.run("CREATE UNIQUE INDEX whole ON sales (day)")
    merge(on_postgres, on_postgres.stage([sale(JAN_1, "emea", 1)]), by="day,region")
    assert amounts(on_postgres) == [1]


# -- tables and columns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", [append, merge, swap])
def test_a_table_that_is_not_there_is_made_only_where_it_may(night: Night, load: Any) -> None:
    """Else it is refused."""
    part = night.stage([sale(JAN_1, "emea", 1)])
    with pytest.raises(LoadRefused, match=r"There is no table sales, and the load does not make it. Make it, or write create: true."):
        load(night, part, create=False)
    load(night, part)
    load(night, part, create=False)
    assert amounts(night) == [1]


def test_columns_are_added_where_that_is_asked_for(anywhere: Night) -> None:
    """Rows that are there have no value in them; a load that is refused adds none, where the database can take it back."""
    anywhere.load(anywhere.stage([sale(JAN_1, "emea", 1)]))
    wide = pa.Table.from_pylist(
        [{**sale(JAN_2, "emea", 2), 'te`x"t %s': "é", "exact": Decimal("1.5")}],
        pa.schema(
            [
                ("day", pa.string()),
                ("region", pa.string()),
                ("amount", pa.int64()),
                ('te`x"t %s', pa.string()),
                ("exact", pa.decimal128(38, 9)),
            ]
        ),
    )
    part = anywhere.stage(wide, start=END)
    with pytest.raises(LoadRefused, match="has no column"):
        anywhere.load(part, start=END)
    for _ in range(2):
        anywhere.load(part, start=END, add_columns=True)
    found = anywhere.query("SELECT * FROM sales ORDER BY day")
    assert [(*row[:4], row[4] and Decimal(row[4])) for row in found] == [
        (JAN_1, "emea", 1, None, None),
        (JAN_2, "emea", 2, "é", Decimal("1.5")),
    ]


def test_a_swapped_table_is_widened_too(anywhere: Night) -> None:
    """And merged ones."""
    for load, table in ((swap, "swapped"), (merge, "merged")):
        load(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]), target_table=table)
        part = anywhere.stage([{**sale(JAN_1, "emea", 1), "more": 2}])
        load(anywhere, part, target_table=table, add_columns=True)
        assert anywhere.query(f"SELECT amount, more FROM {table}") == [(1, 2)]


@pytest.mark.parametrize("load", [append, merge, swap])
def test_names_mean_nothing_in_any_mode(anywhere: Night, load: Any) -> None:
    """Tables and columns may be called what they want."""
    table, key = 'sa`l"es; DROP TABLE victim; -- %(x)s :y', 'k`e"y) %s'
    anywhere.run("CREATE TABLE victim (n INT)")
    more = {"by": key} if load is merge else {}
    for amount in (1, 2):
        start = START + amount * DAY
        load(anywhere, anywhere.stage([{key: 1, "a": amount}], start=start), start=start, target_table=table, **more)
    with writing(anywhere.url) as connection:
        found = connection.execute(sa.select(sa.table(table, sa.column(key), sa.column("a")))).all()
    assert [tuple(row) for row in found] == ([(1, 1), (1, 2)] if load is append else [(1, 2)])
    assert anywhere.query("SELECT count(*) FROM victim") == [(0,)]


def test_a_schema_in_front_of_the_table(on_postgres: Night) -> None:
    """It is a name of its own, which is quoted too."""
    schema = 'sch"ema; --'
    on_postgres.run('DROP SCHEMA IF EXISTS "sch""ema; --" CASCADE', 'CREATE SCHEMA "sch""ema; --"')
    for load in (append, merge, swap):
        for amount in (1, 2):
            start = START + timedelta(days=amount)
            load(
                on_postgres,
                on_postgres.stage([sale(JAN_1, "emea", amount)], start=start),
                start=start,
                schema=schema,
                target_table=load.__name__,
            )
    found = on_postgres.query('SELECT count(*) FROM "sch""ema; --".append UNION ALL SELECT amount FROM "sch""ema; --".swap')
    assert found == [(2,), (2,)]
    on_postgres.run('DROP SCHEMA "sch""ema; --" CASCADE')


def test_long_names_of_tables_have_indexes_of_their_own(anywhere: Night) -> None:
    """However long what they begin with alike."""
    common = "mart_sales_by_product_and_region_and_channel_daily_snapsh_"
    for name in (f"{common}eu", f"{common}us", f"{'é' * 28}eu", f"{'é' * 28}us"):
        anywhere.load(anywhere.stage([sale(JAN_1, "emea", 1)]), target_table=name)
        merge(anywhere, anywhere.stage([sale(JAN_1, "emea", 1)]), target_table=f"{name[:-2]}m{name[-1]}")


@pytest.mark.parametrize("keys", [3, 4, 16])
def test_many_keys_of_text_go_into_one_index(anywhere: Night, keys: int) -> None:
    """Of MariaDB in shorter columns, beside keys of other types."""
    names = [f"k{number}" for number in range(keys)]
    row = {**dict.fromkeys(names, "é" * 30), "n": 1, "d": Decimal("1.5")}
    for by in (names, [*names[:14], "n", "d"]):
        for _ in range(2):
            anywhere.load(anywhere.stage([row]), replace=by, target_table=f"t{len(by)}{by[-1]}")
        assert anywhere.query(f"SELECT count(*) FROM t{len(by)}{by[-1]}") == [(1,)]
