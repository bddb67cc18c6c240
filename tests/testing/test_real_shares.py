"""Transforms with a share of all rows in nights that Airflow runs: by a hash and by value; a branch that comes later, one for which rows stand in, a bad share."""

from __future__ import annotations

from typing import Any

import pytest
from comparing import SHOPS, is_played_as_it_ran, run_by_airflow

pytestmark = pytest.mark.slow

PIPELINES = ("dealt_by_hash", "dealt_by_value")
FIRST, SECOND = "2026-01-01", "2026-01-02"
ALL = dict.fromkeys(SHOPS, 2)
TOLD = {"held": {"anna": 3, "carl": 2, "dora": 2}}


def _nights(pipeline: str) -> list[dict[str, Any]]:
    """A partial night; its missing branch; the night after, for which rows of the first stand in; one of which nothing is there; and one of no rows."""
    asks = {
        "rows": f"SELECT substr(day, 1, 10), id, shops, stale FROM {pipeline} ORDER BY 1, 2",
        "ledger": f"SELECT branch, rows, substr(stale_from, 1, 10), count(*) OVER (PARTITION BY attempt) FROM tidegate_load "
        f"WHERE pipeline = '{pipeline}' AND interval_start LIKE '2026-01-0%' ORDER BY interval_start, branch",
    }
    told = {"pipeline": pipeline, "asks": asks}
    return [
        {**told, "day": FIRST, "rows": {**ALL, "anna": 3}, "away": ["ben"]},
        {**told, "day": FIRST, "rows": ALL, "conf": {"shop": ["ben"]}},
        {**told, "day": SECOND, "rows": dict.fromkeys(SHOPS, 1), "away": ["ben"]},
    ]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """All of them, run by Airflow."""
    done = iter(
        run_by_airflow([{"real": night} for pipeline in PIPELINES for night in _nights(pipeline)], tmp_path_factory.mktemp("airflow"))
    )
    return {pipeline: [next(done) for _ in _nights(pipeline)] for pipeline in PIPELINES}


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_nights_are_played_as_they_ran(ran: dict[str, list[dict[str, Any]]], pipeline: str) -> None:
    """Every state, the record and its sentence."""
    why = next(branch["reason"] for branch in ran[pipeline][0]["record"]["branches"] if branch["name"] == "ben")
    away = {"fails": ["extract.ben"], "because": {"extract.ben": why}}
    first, caught_up, second = _nights(pipeline)
    is_played_as_it_ran({"real": first, "told": {**away, "rows": {**ALL, "anna": 3}}}, ran[pipeline][0])
    is_played_as_it_ran({"real": caught_up, "told": {**TOLD, "chosen": {"shop": "ben"}, "rows": ALL}}, ran[pipeline][1])
    is_played_as_it_ran({"real": second, "told": {**away, "rows": dict.fromkeys(SHOPS, 1), "last_good": {"ben": 1}}}, ran[pipeline][2])


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_numbers_are_those_of_all_branches_together(ran: dict[str, list[dict[str, Any]]], pipeline: str) -> None:
    """In the warehouse and in its ledger, which has one receipt for each branch, of one attempt."""
    first, caught_up, second = ran[pipeline]
    assert [night["state"] for night in ran[pipeline]] == ["success"] * 3
    assert first["warehouse"]["rows"] == [[FIRST, 0, 3, 0], [FIRST, 1, 3, 0], [FIRST, 2, 1, 0]]
    assert first["warehouse"]["ledger"] == [[shop, 3, None, 3] for shop in ("anna", "carl", "dora")]
    # The others are not read again; what they staged is dealt out again.
    there = [[FIRST, 0, 4, 0], [FIRST, 1, 4, 0], [FIRST, 2, 1, 0]]
    assert caught_up["warehouse"]["rows"] == there
    assert caught_up["warehouse"]["ledger"] == [[shop, 3, None, 4] for shop in SHOPS]
    assert second["warehouse"]["rows"] == [*there, [SECOND, 0, 4, 1], [SECOND, 1, 1, 1]]
    assert second["warehouse"]["ledger"][4:] == [[shop, 2, FIRST if shop == "ben" else None, 4] for shop in SHOPS]
