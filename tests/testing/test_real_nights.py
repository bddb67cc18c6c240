"""Nights that are played, held to the same nights run by Airflow with real operators and real databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from comparing import SHOPS, is_played_as_it_ran, run_by_airflow

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # one fixture runs all nights


def _night(pipeline: str, day: int, *, said: dict[str, Any] | None = None, **real: Any) -> dict[str, Any]:
    """One night for both: what Airflow's run meets, and what the play is told."""
    closed = real.get("closed", [])
    because = {f"extract.{shop}": f"shop_{shop} refused sql/sales.sql: no such table: sales." for shop in closed}
    told = {"fails": list(because), "because": because, **(said or {})}
    return {"real": {"pipeline": pipeline, "day": f"2026-01-{day:02}", **real}, "told": told}


def _way(day: int, ways: list[str], **told: Any) -> dict[str, Any]:
    conf = {
        "ways": ways,
        "full": told.get("conditions", {}).get("second", True),
        "fails": told.get("fails", []),
        "skips": told.get("skips", []),
    }
    conditions = {"conditions": {f"long.{name}": holds for name, holds in told.pop("conditions", {}).items()}}
    return _night("ways", day, conf=conf, said={"choices": {"route": ways}, **conditions, **told})


def _notices(*fails: str, **real: Any) -> dict[str, Any]:
    return _night("notices", 1, conf={"fails": fails}, said={"fails": fails}, **real)


def _covered(day: int, rows: dict[str, int], closed: Sequence[str] = (), *, known: bool = True) -> dict[str, Any]:
    """A night of a barrier that counts rows; the usual is what the first three nights brought."""
    failing = [f"extract.{shop}" for shop in closed]
    told = {"fails": failing, "rows": rows, **({"usual": dict.fromkeys(SHOPS, 10)} if known else {})}
    return _night("covered", day, closed=list(closed), rows=rows, said=told)


TEN = dict.fromkeys(SHOPS, 10)
HELD = {"anna": 1, "ben": 1}
DARK = {"carl": 3}
NIGHTS = [
    _night("takings", 1),
    _night("takings", 2, closed=["carl"], rows={"dora": 0}, said={"fails": ["extract.carl"], "rows": {"dora": 0}}),
    # what lacked on the second day is brought in two runs
    _night("takings", 2, conf={"shop": ["carl"]}, said={"chosen": {"shop": "carl"}, "held": HELD}),
    _night("takings", 2, conf={"shop": ["dora"]}, rows={"dora": 3}, said={"chosen": {"shop": ["dora"]}, "held": {**HELD, "carl": 1}, "rows": {"dora": 3}}),
    _night("takings", 3, closed=["anna"]),
    _night("takings", 4, closed=["carl", "dora"]),
    _night("takings", 4, closed=["carl"], conf={"shop": ["carl"]}, said={"chosen": {"shop": ["carl"]}, "held": HELD}),
    _night("takings", 5, conf={"shop": ["ben"]}, said={"chosen": {"shop": ["ben"]}}),
    _night("takings", 6, closed=["ben"], conf={"fails": ["report"]}, said={"fails": ["extract.ben", "report"]}),
    _night("takings", 7, closed=list(SHOPS)),
    _night("takings", 8, conf={"skips": ["report"]}, said={"skips": "report"}),
    _night("tills", 1, conf={"fails": ["shops.anna.check"]}, said={"fails": "shops.anna.check"}),
    _night("tills", 2, conf={"fails": ["shops.ben.seal"]}, said={"fails": ["shops.ben.seal"]}),
    _night("tills", 3, conf={"fails": ["shops.carl.tidy"]}, rows={"anna": 0}, said={"fails": ["shops.carl.tidy"], "rows": {"anna": 0}}),
    _night("tills", 4, conf={"skips": ["shops.anna.check"]}, said={"skips": ["shops.anna.check"]}),
    _night("tills", 5, conf={"fails": ["shops.anna.check", "shops.carl.seal"]}, said={"fails": ["shops.anna.check", "shops.carl.seal"]}),
    _night("tills", 6, conf={"shop": ["anna"]}, said={"chosen": {"shop": "anna"}}),
    _night("tills", 7, conf={"fails": ["shops.ben.check"], "skips": ["shops.ben.tidy"]}, said={"fails": "shops.ben.check", "skips": "shops.ben.tidy"}),
    _covered(1, TEN, known=False),
    _covered(2, {**TEN, "anna": 1, "ben": 30}, known=False),
    _covered(3, {**TEN, "anna": 30, "ben": 1}, known=False),
    # what one brings beyond its usual makes up for nothing
    _covered(4, {**TEN, "anna": 500}, ["dora"]),
    _covered(5, {**TEN, "carl": 4}, ["dora"]),
    _covered(6, TEN, ["anna"]),
    _covered(7, TEN, ["anna", "ben"]),
    _covered(8, {**TEN, "dora": 1}),
    # no night is the first one here: Airflow knows of breakers once it has run something of the folder
    _night("dark", 1, away=["carl"], breakers=DARK, said={"breakers": DARK}),
    _night("dark", 2, breakers=DARK, said={"breakers": DARK, "carl": "arrived"}),
    _night("dark", 3, breakers={"carl": 1}, said={"breakers": {"carl": 1}}),
    _night("dark", 4, away=["carl"], breakers=DARK, conf={"shop": ["anna", "carl"]}, said={"breakers": DARK, "chosen": {"shop": ["anna", "carl"]}}),
    _way(1, ["quick"]),
    _way(2, ["long"]),
    _way(3, ["quick", "long"], conditions={"second": False}),
    _way(4, []),
    _way(5, ["quick"], fails=["open"]),
    _way(6, ["quick"], fails=["quick"]),
    _way(7, ["quick", "long"], fails=["long.first"]),
    _way(8, ["quick"], fails=["close"]),
    _way(9, ["quick", "long"], skips=["open"]),
    _way(10, ["long"], fails=["each", "long.third"]),
    _way(11, ["quick"], fails=["route"]),
    _night("counts", 1),
    _night("counts", 2, conf={"fails": ["shops.anna.check[0]"]}, said={"fails": "shops.anna.check"}),
    _night("counts", 3, conf={"fails": ["shops.ben.count[0]", "shops.anna.count[1]"]}, said={"fails": ["shops.ben.count", "shops.anna.count"]}),
    _night("counts", 4, conf={"fails": ["shops.ben.count[0]"]}, said={"fails": ["shops.ben.count"]}),
    _notices(),
    _notices(interval=False),
    _notices("write", interval=False),
    _notices("close"),
    _notices("close", "write"),
    _notices("close", "shut", interval=False),
    _notices("open"),
]  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All of them, run by Airflow."""
    return run_by_airflow(NIGHTS, tmp_path_factory.mktemp("airflow"))


@pytest.mark.parametrize("number", range(len(NIGHTS)), ids=lambda number: f"{NIGHTS[number]['real']['pipeline']}-{number}")
def test_a_night_is_played_as_airflow_runs_it(ran: list[dict[str, Any]], number: int) -> None:
    """Every task's state, the run's, the record and its sentence to the letter."""
    is_played_as_it_ran(NIGHTS[number], ran[number])


def test_the_nights_hold_every_outcome(ran: list[dict[str, Any]]) -> None:
    """What is compared above is not one kind of night only."""
    records = [night["record"] for night in ran if night["record"]]
    assert {record["outcome"] for record in records} == {"complete", "partial", "short", "failed"}
    assert {record["recovered"] for record in records} == {True, False}
    assert {state for night in ran for state in night["states"].values()} >= {"success", "failed", "skipped", "upstream_failed"}
