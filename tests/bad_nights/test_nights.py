"""The bad nights of ``make demo-nights``, each a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo.nights.scenarios import SCENARIOS
from demo.nights.stage import play, scenery

if TYPE_CHECKING:
    from demo.nights.scenarios import Scenario
    from demo.nights.stage import Played

pytestmark = [pytest.mark.nights, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    """All of them, on one Airflow."""
    root = tmp_path_factory.mktemp("nights") / "villages"
    with scenery(root) as airflow:
        return {one.scenario.pipeline: one for one in play(airflow, root, told=lambda _: None)}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.pipeline)
def test_a_bad_night_is_what_it_must_be(played: dict[str, Played], scenario: Scenario) -> None:
    """The run's state, its record and note, the gaps, and every number in the warehouse."""
    one = played[scenario.pipeline]
    assert one.village.seen
    assert one.village.wrong == []
