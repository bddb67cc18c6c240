"""Contracts in nights that Airflow runs: what is usual comes from the ledger, and what was set aside is told in it."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from comparing import PROJECT, SHOPS, is_played_as_it_ran, run_by_airflow

from tidegate.testing import Night, Unplayable

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

TEN = dict.fromkeys(SHOPS, 10)
REFUSED = (
    "shop_ben, sql/sales.sql, has 3 of 12 rows that accept: does not take, and quarantine: takes at most 20% "
    '("id" is above 8 in 3 rows, first in row 10).'
)
RECORD = "SELECT record FROM tidegate_interval WHERE pipeline = 'set_aside'"


def _night(day: int, rows: Mapping[str, int], *, known: bool = True, **more: Any) -> dict[str, Any]:
    """One night for both: what Airflow's run meets, and what the play is told."""
    told = {"rows": dict(rows), **({"usual": TEN} if known else {})}
    return {"real": {"pipeline": "measured", "day": f"2026-01-{day:02}", "rows": dict(rows), **more}, "told": told}


NIGHTS = [
    _night(1, TEN, known=False),
    _night(2, TEN, known=False),
    _night(3, {**TEN, "anna": 3, "ben": 31}, known=False),
    _night(4, {**TEN, "anna": 4, "ben": 31}),
    _night(5, {**TEN, "anna": 30, "ben": 5, "dora": 1}),
    _night(6, {**TEN, "anna": 1, "ben": 1, "carl": 31}),
]
ASIDE = [
    {
        "real": {"pipeline": "set_aside", "day": "2026-01-01", "rows": {**TEN, "anna": 11, "ben": 12, "carl": 9}},
        "told": {
            "rows": dict.fromkeys(SHOPS, 9),
            "quarantined": {"anna": 2, "ben": 3, "dora": 1},
            "fails": ["extract.ben"],
            "because": {"extract.ben": REFUSED},
        },
    },
    {"real": {"pipeline": "set_aside", "day": "2026-01-01", "rows": {"ben": 10}, "conf": {"shop": ["ben"]}, "asks": {"record": RECORD}}},
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All of them, run by Airflow."""
    return run_by_airflow([*NIGHTS, *ASIDE], tmp_path_factory.mktemp("airflow"))


@pytest.mark.parametrize("number", range(len(NIGHTS)))
def test_amounts_are_judged_as_in_a_played_night(ran: list[dict[str, Any]], number: int) -> None:
    """By what is usual from the third night on: every state and every reason to the letter."""
    is_played_as_it_ran(NIGHTS[number], ran[number])


def test_what_is_wrong_with_an_amount(ran: list[dict[str, Any]]) -> None:
    """Of a branch that brought too few rows in two ways, and of one that brought too many."""
    reasons = {branch["name"]: branch["reason"] for branch in ran[5]["record"]["branches"]}
    assert reasons["anna"] == (
        "shop_anna, sql/sales.sql, brought 1 row, and accept: asks for at least 2; "
        "it brought 1 row, and accept: rows asks for at least 5, 50 % of its usual 10."
    )
    assert reasons["carl"] == "shop_carl, sql/sales.sql, brought 31 rows, and accept: rows asks for at most 30, 300 % of its usual 10."


def test_rows_in_quarantine_are_told(ran: list[dict[str, Any]]) -> None:
    """Beside those that arrived, which alone count. Too many refuse the branch."""
    assert ran[6]["record"]["sentence"] == (
        "set_aside for 2026-01-01 is partial: 3 of 4 shops, 27 rows and 3 in quarantine (anna 2, dora 1). "
        f"Missing: ben ({REFUSED.removesuffix('.')})."
    )
    is_played_as_it_ran(ASIDE[0], ran[6])


def test_a_play_judges_what_is_set_aside() -> None:
    """As the extract does, but for the rules, of which it is not told. What nothing sets aside cannot be."""
    pipelines = PROJECT / "include" / "pipelines"
    night = Night.of(pipelines / "set_aside.yaml", day=date(2026, 1, 1)).when(
        rows=dict.fromkeys(SHOPS, 9), quarantined={"ben": 3, "anna": 2}
    )
    played = night.play()
    assert played.missing == ("ben",)
    assert (
        "ben (shop_ben, sql/sales.sql, has 3 of 12 rows that accept: does not take, and quarantine: takes at most 20%)" in played.sentence
    )
    assert "27 rows and 2 in quarantine (anna 2)" in played.sentence
    with pytest.raises(Unplayable, match=r"extract\.ben sets no rows aside"):
        Night.of(pipelines / "measured.yaml", day=date(2026, 1, 1)).when(rows=TEN, quarantined={"ben": 3}).play()


def test_the_ledger_knows_of_rows_in_quarantine(ran: list[dict[str, Any]]) -> None:
    """Those of branches that an earlier run brought, too."""
    ((kept,),) = ran[7]["warehouse"]["record"]
    record = json.loads(kept)
    assert {branch["name"]: branch["quarantined"] for branch in record["branches"]} == {"anna": 2, "ben": 1, "carl": 0, "dora": 1}
    assert record["sentence"] == (
        "set_aside for 2026-01-01 is complete: 4 of 4 shops, 36 rows and 4 in quarantine (anna 2, ben 1, dora 1); ben caught up."
    )
