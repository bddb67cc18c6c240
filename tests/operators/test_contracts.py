"""Contracts of operators: their words are checked in the worker, and the log tells of rows that were set aside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from operators.by_hand import context, placed

from tidegate import ExtractOperator, TransformOperator
from tidegate.errors import DataRefused, Refused

if TYPE_CHECKING:
    from pathlib import Path

DAY = {"interval_start": "2026-03-02T00:00:00+00:00", "interval_end": "2026-03-03T00:00:00+00:00"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop of three sales, and a staging folder."""
    path = tmp_path / "anna.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sales (cents INTEGER, who TEXT)")
        connection.executemany("INSERT INTO sales VALUES (?, ?)", [(7, "secret@ada"), (8, "secret@ben"), (9, None)])
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_ANNA", f'{{"conn_type": "sqlite", "host": "{path}"}}')
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    return tmp_path


def done(operator: type[Any], include: Path, **arguments: Any) -> dict[str, Any]:
    """What a task returns."""
    task = placed(operator, include, step="asked", **arguments)
    found: dict[str, Any] = task.execute(context(task, conf=DAY))
    return found


def read(include: Path, accept: dict[str, Any]) -> dict[str, Any]:
    """What an extract returns."""
    return done(
        ExtractOperator, include, source_conn_id="shop_anna", query="SELECT * FROM sales", branch="anna", dimension="shop", accept=accept
    )


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ({"colums": {}}, "accept.colums: unknown key 'colums'. Did you mean 'columns'?"),
        (
            {"columns": {"cents": {"min": 9, "max": 1, "type": "int"}}},
            "accept.columns.cents: min is 9, more than max, which is 1. Nothing lies between.",
        ),
        ({"columns": {"cents": "itn"}}, "accept.columns.cents.type: 'itn' does not fit. Types are int"),
    ],
)
def test_words_that_no_file_could_say(shop: Path, accept: dict[str, Any], told: str) -> None:
    """They are refused as in a file, before anything is read."""
    with pytest.raises(Refused) as caught:
        read(shop, accept)
    assert str(caught.value).startswith(told)


def test_the_log_tells_what_was_set_aside(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many, by which rule, and where they lie; and none of what stands in them."""
    rules = {"cents": {"min": 8}, "who": {"null": False, "pattern": "ben"}}
    branch = read(shop, {"columns": rules, "quarantine": True})
    assert (branch["branch"]["rows"], branch["branch"]["quarantined"]) == (1, 2)
    said = capsys.readouterr().out
    path = branch["manifest"]["path"].replace(".parquet", ".quarantine.parquet")
    assert (
        f'anna: 2 rows set aside in {path}: "cents" is below 8 in 1; "who" is missing in 1; "who" does not match its pattern in 1' in said
    )
    assert "secret" not in said
    assert (shop / "staging" / path).is_file()


def test_a_transform_has_a_contract_too(shop: Path) -> None:
    """What is set aside before it is handed on with what it sets aside itself; what it may not make is refused, with its own name."""
    part = read(shop, {"columns": {"who": {"null": False}}, "quarantine": True})
    accept = {"columns": {"cents": {"type": "int", "min": 8}}, "quarantine": {"at_most": 1}}
    made = done(TransformOperator, shop, sql="SELECT cents FROM input", part=part, accept=accept)
    assert (made["rows"], made["quarantined"], made["broken"]) == (1, 2, {'"cents" is below 8': 1})
    with pytest.raises(
        DataRefused, match=r'^the query for anna has rows that accept: does not take: "cents" repeats an earlier row in 1 row'
    ):
        done(TransformOperator, shop, sql="SELECT 1 AS cents FROM input", part=part, accept={"unique": ["cents"]})
    (shop / "contract_jobs.py").write_text("def twice(frame):\n    return frame[['cents']] * 2\n")
    with pytest.raises(DataRefused, match=r'^contract_jobs:twice for anna has no column "who", which accept: asks for'):
        done(TransformOperator, shop, python="contract_jobs:twice", part=part, accept={"columns": {"who": "text"}})
