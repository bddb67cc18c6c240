"""Values become expressions that mean the same, names that do not clash, and JSON."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planned import plan, task

from tidegate.model.spans import human
from tidegate.plan.calls import Call, Imported, Included, Output, Zipped
from tidegate.render import to_python
from tidegate.render.expressions import expression
from tidegate.render.names import Names
from tidegate.render.plain import plain, words
from tidegate.render.source import flat, write

ZONES = st.sampled_from([UTC, ZoneInfo("Europe/Berlin"), timezone(timedelta(hours=-3, minutes=-30)), None])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(max_size=5),
    st.dates(),
    st.times(),
    st.datetimes(timezones=ZONES),
    st.timedeltas(),
    st.decimals(allow_nan=False),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3), st.tuples(inner)),
    max_leaves=8,
)


def evaluated(source: str, names: Names) -> Any:
    """Evaluate an expression with what it imports."""
    imports, _ = names.import_lines()
    scope: dict[str, Any] = {}
    exec("\n".join(imports), scope)  # noqa: S102  our own imports
    return eval(source, scope)  # noqa: S307


@given(VALUES)
def test_plain_values_keep_their_meaning(value: Any) -> None:
    """On one line, and broken at every bracket."""
    names = Names()
    node = expression(value, names)
    assert evaluated(flat(node), names) == value
    assert evaluated(write(node, before="(", after=" " * 200 + ")"), names) == value


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (timedelta(minutes=90), "timedelta(hours=1, minutes=30)"),
        (timedelta(0), "timedelta(0)"),
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime(2026, 1, 1, tzinfo=UTC)"),
        (datetime(2026, 1, 1, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), 'datetime(2026, 1, 1, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))'),
        (date(2026, 1, 1), "date(2026, 1, 1)"),
        (time(4, 30), "time(4, 30)"),
        (Decimal("1.50"), 'Decimal("1.50")'),
        (float("nan"), 'float("nan")'),
        ({"b", "a"}, '{"a", "b"}'),
        (set(), "set()"),
        (frozenset({1}), "frozenset({1})"),
        ((1,), "(1,)"),
        ('it\'s "so"', "'it\\'s \"so\"'"),
        ("it's", '"it\'s"'),
        ("select 1\n  from a", '"""select 1\n  from a"""'),
        ("two\rlines\n", '"two\\rlines\\n"'),
        (Call("airflow.sdk.Param", {"title": "x", "if": 1}, (None,)), 'Param(None, title="x", **{"if": 1})'),
        (Imported("airflow.sdk:DeadlineReference.DAGRUN_QUEUED_AT"), "DeadlineReference.DAGRUN_QUEUED_AT"),
        (Imported("airflow.sdk.DeadlineReference.DAGRUN_QUEUED_AT"), "DeadlineReference.DAGRUN_QUEUED_AT"),
        (Included("jobs.sales:clean"), "clean"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_are_written_as_people_write_them(value: Any, source: str) -> None:
    """The largest units, double quotes unless single ones spare escapes, names without their modules."""
    assert flat(expression(value, Names())) == source


def test_what_a_plan_may_not_hold_is_refused() -> None:
    """Rather than printed as something else."""
    with pytest.raises(TypeError, match="cannot hold object"):
        expression(object(), Names())


def test_names_that_clash_get_another() -> None:
    """Imports before variables; nothing of Python's is hidden."""
    source = to_python(
        plan(
            task("Asset", arguments={"inlets": [Call("airflow.sdk.Asset", {}, ("a",)), Call("our.own_assets.Asset", {}, ("b",))]}),
            task("list"),
            task("a-b"),
            task("a_b"),
            task("a.b"),
            task("1st"),
            task("dag", arguments={"on_failure_callback": Imported("jobs.filter")}),
        )
    )
    assert "from airflow.sdk import DAG, Asset\n" in source
    assert "from jobs import filter as jobs_filter\n" in source
    assert "from our.own_assets import Asset as OwnAssetsAsset\n" in source
    variables = [line.split(" = ")[0].strip() for line in source.splitlines() if " = EmptyOperator(" in line]
    assert variables == ["Asset_task", "list_task", "a_b", "a_b_task", "a_b_task_2", "_1st", "dag_task"]
    compile(source, "night.py", "exec")


@given(VALUES)
def test_plain_values_fit_into_json(value: Any) -> None:
    """Whatever a plan holds."""
    json.dumps(plain(value))
    words(value)


def test_objects_of_a_plan_are_told_apart_in_json() -> None:
    """Each has a key of its own."""
    value = [Call("a.B", {"c": timedelta(minutes=5)}, (1,)), Imported("a.b"), Included("a:b"), Output("t", "k"), Zipped({"x": Output("t")})]
    assert plain(value) == [
        {"call": "a.B", "arguments": {"c": "5m"}, "positional": [1]},
        {"import": "a.b"},
        {"function": "a:b"},
        {"from": "t", "key": "k"},
        {"zip": {"x": {"from": "t"}}},
    ]
    assert words(value) == "[B(1, c=5m), a.b, a:b, result of t [k], zip(x=result of t)]"
    assert words("a\nb  c", most=4) == "a b…"


@pytest.mark.parametrize(
    ("span", "text"),
    [(timedelta(hours=25, minutes=30), "1d1h30m"), (timedelta(seconds=1.5), "1.5s"), (timedelta(0), "0s"), (-timedelta(minutes=1), "-1m")],
)
def test_durations_are_told_as_files_write_them(span: timedelta, text: str) -> None:
    """So that they can be copied."""
    assert human(span) == text
