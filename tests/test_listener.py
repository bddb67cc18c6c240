"""The scheduler's listener: it may fail to set a note, never to let the scheduler go on."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from records import NIGHT

from tidegate.listeners import run_note
from tidegate.resilience.verdict import Failure, Verdict

if TYPE_CHECKING:
    from tidegate.resilience.interval import Interval


def test_a_run_that_cannot_be_noted_is_logged_and_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever Airflow hands over, no exception leaves the listener."""
    with caplog.at_level(logging.ERROR):
        run_note.on_dag_run_success(SimpleNamespace(run_id="r1"), "")
        run_note.on_dag_run_failed(SimpleNamespace(run_id="r2"), "")
    assert [record.message for record in caplog.records] == ["The note of run r1 could not be set", "The note of run r2 could not be set"]


@pytest.mark.parametrize("interval", [None, NIGHT])
@pytest.mark.parametrize("failures", [(), (Failure(task="load", reason="disk full"),)])
def test_a_note_is_known_as_ours_with_an_interval_and_without(interval: Interval | None, failures: tuple[Failure, ...]) -> None:
    """It may be written over by a later verdict; what a person wrote may not."""
    told = Verdict(pipeline="sales", interval=interval, run_id="r1", correlation_id="tg-1", completeness=None, failures=failures)
    assert run_note.is_ours("sales", told.sentence)
    assert not run_note.is_ours("sales", "sales looks odd today")
