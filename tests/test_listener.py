"""The scheduler's listener: it may fail to set a note, never to let the scheduler go on."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING

from tidegate.listeners import run_note

if TYPE_CHECKING:
    import pytest


def test_a_run_that_cannot_be_noted_is_logged_and_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever Airflow hands over, no exception leaves the listener."""
    with caplog.at_level(logging.ERROR):
        run_note.on_dag_run_success(SimpleNamespace(run_id="r1"), "")
        run_note.on_dag_run_failed(SimpleNamespace(run_id="r2"), "")
    assert [record.message for record in caplog.records] == ["The note of run r1 could not be set", "The note of run r2 could not be set"]
