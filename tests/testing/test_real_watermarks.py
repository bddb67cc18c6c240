"""Nights by watermark that Airflow runs: a partial one, the one after it, the first one's missing branch, and a night that is run anew."""

from __future__ import annotations

from typing import Any

import pytest
from comparing import SHOPS, run_by_airflow

pytestmark = pytest.mark.slow

FIRST, SECOND = "2026-01-01", "2026-01-02"
ALL = dict.fromkeys(SHOPS, 2)
ASKS = {
    "rows": "SELECT substr(sold_at, 1, 10), shop, count(*) FROM watched GROUP BY 1, 2 ORDER BY 1, 2",
    "ledger": "SELECT substr(interval_start, 1, 10), branch, \"rows\" FROM tidegate_load WHERE pipeline = 'watched' ORDER BY 1, 2",
}
NIGHTS = [
    {"day": FIRST, "rows": {**ALL, "anna": 3}, "away": ["ben"]},
    {"day": SECOND, "rows": {**ALL, "anna": 1}},
    {"day": FIRST, "rows": ALL, "conf": {"shop": ["ben"], "adopt": True}},
    {"day": SECOND, "rows": {**ALL, "carl": 3}},
]
"""Of each night all rows of the shops' sources, which have last changed on that day."""

BAD_NIGHTS = [
    {"day": FIRST, "rows": ALL},
    {"day": SECOND, "rows": {**ALL, "anna": 3}},
    {"day": "2026-01-03", "sells": False},
]
"""In the second of them the transform fails, and in the third nothing changes."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All of them, run by Airflow."""
    real = [{"real": {"pipeline": "watched", "asks": ASKS, **night}} for night in NIGHTS]
    real += [
        {"real": {"pipeline": "unnamed", "asks": {"rows": ASKS["rows"].replace("watched", "unnamed")}, **night}} for night in BAD_NIGHTS
    ]
    return run_by_airflow(real, tmp_path_factory.mktemp("airflow"))


def _rows(night: dict[str, Any], day: str) -> dict[str, int]:
    return {shop: count for found, shop, count in night["warehouse"]["rows"] if found == day}


def _read(night: dict[str, Any], day: str) -> dict[str, int]:
    return {shop: rows for found, shop, rows in night["warehouse"]["ledger"] if found == day}


def test_a_night_brings_what_has_changed_and_a_branch_that_was_missing_all(ran: list[dict[str, Any]]) -> None:
    """Each branch goes on from its own mark."""
    first, second = ran[:2]
    assert (_rows(first, FIRST), _read(first, FIRST)) == ({"anna": 3, "carl": 2, "dora": 2}, {"anna": 3, "carl": 2, "dora": 2})
    assert (_rows(second, FIRST), _rows(second, SECOND)) == ({"anna": 2}, {**ALL, "anna": 1})
    assert _read(second, SECOND) == {**ALL, "anna": 1}


def test_the_branch_that_was_missing_is_caught_up_without_rows(ran: list[dict[str, Any]]) -> None:
    """The night after has read them; its row in the ledger closes the gap."""
    _, second, caught_up = ran[:3]
    assert (caught_up["state"], caught_up["record"]["recovered"]) == ("success", True)
    assert _read(caught_up, FIRST) == {"anna": 3, "ben": 0, "carl": 2, "dora": 2}
    assert caught_up["warehouse"]["rows"] == second["warehouse"]["rows"]


def test_the_last_night_anew_reads_on(ran: list[dict[str, Any]]) -> None:
    """From where it began, to what is newest now."""
    anew = ran[len(NIGHTS) - 1]
    assert anew["state"] == "success"
    assert _read(anew, SECOND) == {**ALL, "carl": 3}
    assert (_rows(anew, FIRST), _rows(anew, SECOND)) == ({"anna": 1}, {**ALL, "carl": 3})


def test_a_night_that_fails_behind_its_extracts_is_brought_by_the_next(ran: list[dict[str, Any]]) -> None:
    """Whether anybody clears it or not."""
    first, failed, third = ran[len(NIGHTS) :]
    assert (first["state"], _rows(first, FIRST)) == ("success", ALL)
    assert (failed["state"], failed["states"]["named"], failed["warehouse"]) == ("failed", "failed", first["warehouse"])
    assert (third["state"], _rows(third, FIRST), _rows(third, SECOND)) == ("success", {}, {**ALL, "anna": 3})
