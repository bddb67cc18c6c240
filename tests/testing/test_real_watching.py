"""Played nights of barriers that watch their branches, held to the same nights run by Airflow.

``dag.test()`` runs one task at a time, and chance says when the barrier looks among those that may run. So in each of these nights what brings the
decision about is alone in its round: the others have ended, or find no slot. Deadlines take real time, and are held to a real scheduler elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from comparing import is_played_as_it_ran, run_by_airflow

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # one fixture runs all nights


def _night(pipeline: str, day: int, closed: Sequence[str] = (), unstarted: Sequence[str] = (), **said: Any) -> dict[str, Any]:
    """A night of a barrier that watches its branches; some of their tasks find no slot until it has decided."""
    conf = {"fails": said.get("fails", []), **said.get("chosen", {})}
    extract = "shops.{}.extract" if pipeline == "strict" else "extract.{}"
    because = {extract.format(shop): f"shop_{shop} refused sql/sales.sql: no such table: sales." for shop in closed}
    told = {**said, "fails": [*because, *said.get("fails", [])], "because": because}
    return {
        "real": {"pipeline": pipeline, "day": f"2026-01-{day:02}", "closed": list(closed), "unstarted": list(unstarted), "conf": conf},
        "told": told,
        "words": dict.fromkeys(unstarted, "unstarted"),
    }


OTHERS = ["extract.ben", "extract.carl", "extract.dora"]
NIGHTS = [
    # with early
    _night("eager", 1, unstarted=["extract.carl", "extract.dora"]),
    _night("eager", 2, ["anna"], OTHERS),
    _night("eager", 3, chosen={"shop": ["anna"]}),
    # decide_by, whose time is far
    _night("patient", 1),
    _night("patient", 2, ["dora"]),
    _night("patient", 3, ["anna"], OTHERS),
    _night("patient", 4, ["ben", "carl", "dora"], ["extract.anna"]),
    _night("patient", 5, ["carl"], chosen={"shop": ["anna", "carl"]}),
    # stopped when it cannot be enough, or when anna fails
    _night("strict", 1),
    _night("strict", 2, ["ben"]),
    _night("strict", 3, ["anna"], ["shops.ben.extract", "shops.carl.extract"]),
    _night("strict", 4, [], ["shops.ben.check", "shops.carl.extract"], fails=["shops.anna.check"]),
    _night("strict", 5, fails=["shops.carl.check"]),
    _night("strict", 6, ["ben", "carl"], ["shops.anna.extract"]),
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All of them, run by Airflow."""
    return run_by_airflow(NIGHTS, tmp_path_factory.mktemp("airflow"))


@pytest.mark.parametrize(
    "number", range(len(NIGHTS)), ids=lambda number: f"{NIGHTS[number]['real']['pipeline']}-{NIGHTS[number]['real']['day'][-1]}"
)
def test_a_night_is_played_as_airflow_runs_it(ran: list[dict[str, Any]], number: int) -> None:
    """Every task's state, the run's, the record and its sentence to the letter, and who decided."""
    is_played_as_it_ran(NIGHTS[number], ran[number])


def test_the_nights_hold_every_cause_of_a_decision_but_time(ran: list[dict[str, Any]]) -> None:
    """What is compared above is not one kind of night only."""
    assert {night["record"]["decided_by"] for night in ran} == {"all had ended", "enough had arrived", "it could not be enough any more"}
