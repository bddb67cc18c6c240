"""The verdict of a run: what failed, what is told, to whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from records import EXCLUDED, FLORIDA, NIGHT, PLAINS, TEXAS, record

from tidegate.resilience.tasks import TaskEnd
from tidegate.resilience.verdict import Failure, Verdict, failures_of, failures_that_matter


def verdict(**changes: Any) -> Verdict:
    """A complete run, changed."""
    plain: dict[str, Any] = {
        "pipeline": "sales",
        "interval": NIGHT,
        "run_id": "manual__1",
        "correlation_id": "tg-1",
        "completeness": record(TEXAS, PLAINS),
    }
    return Verdict(**{**plain, **changes})


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({}, {"complete"}),
        ({"completeness": record(TEXAS, FLORIDA)}, {"partial"}),
        ({"completeness": record(TEXAS, FLORIDA, met=False)}, {"failed"}),
        ({"failures": (Failure(task="load", reason="disk full"),)}, {"failed"}),
        ({"before": "partial"}, {"complete", "recovered"}),
        ({"before": "short"}, {"complete", "recovered"}),
        ({"before": "complete"}, {"complete"}),
        ({"before": "partial", "completeness": record(TEXAS, FLORIDA)}, {"partial"}),
        ({"completeness": None}, {"complete"}),
        ({"completeness": None, "overtaken_by": "2017-12-24"}, {"overtaken"}),
        ({"completeness": replace(record(TEXAS, FLORIDA), overtaken_by="2017-12-24"), "before": "partial"}, {"overtaken"}),
    ],
)
def test_events_follow_from_what_happened(changes: dict[str, Any], events: set[str]) -> None:
    """Partial, failed, complete, and recovered where something was missing before."""
    assert verdict(**changes).events == events


def test_a_night_that_a_later_one_has_overtaken_says_so() -> None:
    """Also where no barrier keeps a record; a failure tells more."""
    told = verdict(completeness=None, overtaken_by="2017-12-24")
    assert told.sentence == "sales for 2017-12-23 was not loaded: the table already holds 2017-12-24, which is newer."
    assert told.as_dict()["outcome"] == "overtaken"
    assert verdict(completeness=record(TEXAS, FLORIDA, met=False)).as_dict()["outcome"] == "short"
    assert verdict(completeness=None, overtaken_by="2017-12-24", failures=(Failure(task="mail", reason="no"),)).word == "failed"


def test_a_failed_load_is_told_with_its_reason_though_enough_arrived() -> None:
    """The barrier's yes does not hide a failure behind it."""
    told = verdict(failures=(Failure(task="load", reason="disk full."),))
    assert told.failed
    assert told.sentence == "sales for 2017-12-23 failed: load (disk full)."


def test_the_digest_says_how_to_bring_what_is_missing() -> None:
    """A command to paste, with the missing branches and the interval pinned."""
    digest = verdict(completeness=record(TEXAS, FLORIDA)).digest
    assert digest.startswith("PARTIAL  sales for 2017-12-23 is partial: 1 of 2 regions")
    conf = '{"region": ["florida"], "interval_start": "2017-12-23T00:00:00+00:00", "interval_end": "2017-12-24T00:00:00+00:00"}'
    assert f"airflow dags trigger sales --conf '{conf}'" in digest
    assert "correlation id tg-1" in digest


def test_after_a_missed_quorum_all_that_was_asked_for_is_to_be_brought_again() -> None:
    """Nothing was loaded, so what arrived is missing too; what was excluded stays out."""
    digest = verdict(completeness=record(TEXAS, PLAINS, EXCLUDED, met=False)).digest
    assert '"region": ["texas", "plains"]' in digest


def test_a_failed_task_is_to_be_mended_and_cleared_not_caught_up() -> None:
    """What arrived was not loaded either, so bringing the missing alone would not do; and the record does not say partial."""
    told = verdict(completeness=record(TEXAS, FLORIDA), failures=(Failure(task="load", reason="disk full"),))
    assert "clear this run's failed tasks" in told.digest
    assert "airflow dags trigger" not in told.digest
    assert told.as_dict()["outcome"] == "failed"


def test_a_complete_night_asks_for_nothing() -> None:
    """No command where there is nothing to do."""
    assert "airflow dags trigger" not in verdict().digest


def test_tolerated_branches_do_not_matter_and_causes_hide_their_consequences() -> None:
    """A reader wants the task that broke, not the ten that waited for it."""
    ended = [TaskEnd("extract.a", "failed"), TaskEnd("clean", "failed"), TaskEnd("load", "upstream_failed"), TaskEnd("other", "success")]
    found = failures_that_matter(ended, frozenset({"extract.a"}), {"clean": "no column x"})
    assert found == (Failure(task="clean", reason="no column x"),)


def test_a_task_that_never_ran_is_named_when_nothing_else_explains_it() -> None:
    """An honest answer even where the cause is gone."""
    found = failures_that_matter([TaskEnd("load", "upstream_failed")], frozenset(), {})
    assert found == (Failure(task="load", reason="not run, because a task before it failed"),)


def test_a_missed_quorum_explains_why_later_tasks_did_not_run() -> None:
    """The record's sentence is enough; the tasks behind the barrier are not listed besides."""
    ended = [TaskEnd("arrived", "failed"), TaskEnd("load", "upstream_failed")]
    assert failures_that_matter(ended, frozenset({"arrived"}), {}, explained=True) == ()


def test_a_mapped_task_is_tolerated_with_all_its_indexes_and_else_named_by_each() -> None:
    """What a barrier has decided about names tasks, not indexes."""
    ended = [TaskEnd("pull", "failed", 0), TaskEnd("pull", "success", 1), TaskEnd("pull", "failed", 2)]
    assert failures_that_matter(ended, frozenset({"pull"}), {}) == ()
    found = failures_that_matter(ended, frozenset(), {"pull[2]": "disk full"})
    assert found == (Failure(task="pull[0]", reason="see its log"), Failure(task="pull[2]", reason="disk full"))


def test_what_was_not_taken_down_is_told_beside_any_verdict() -> None:
    """The run is as good as it was; somebody must look after what is left."""
    left = failures_of(frozenset({"close"}), [TaskEnd("close", "failed"), TaskEnd("work", "failed")], {})
    told = verdict(warnings=left)
    assert (told.word, told.failed, told.as_dict()["outcome"]) == ("complete", False, "complete")
    assert told.sentence == f"{verdict().sentence} Not taken down: close (see its log)."
    assert told.as_dict()["warnings"] == [{"task": "close", "reason": "see its log"}]
    failed = verdict(failures=(Failure(task="load", reason="disk full"),), warnings=left)
    assert failed.sentence == "sales for 2017-12-23 failed: load (disk full). Not taken down: close (see its log)."


def test_a_ledger_that_could_not_be_told_is_named_after_all_else() -> None:
    """Nothing else will ever say that the night is missing."""
    told = verdict(unrecorded=("warehouse", "archive"), warnings=(Failure(task="close", reason="see its log"),))
    assert told.sentence.endswith(
        "Not taken down: close (see its log). "
        "Not recorded in the ledger behind warehouse, archive, so nothing catches it up: clear outcome once that answers."
    )
    assert told.as_dict()["unrecorded"] == ["warehouse", "archive"]


def test_a_run_about_no_interval_is_told_without_one() -> None:
    """A pipeline by hand without rows has none, and nobody asked for it."""
    plain = verdict(interval=None, completeness=None)
    assert plain.sentence == "sales is complete."
    assert plain.as_dict()["interval"] is None
    assert "None" not in plain.digest
    assert (
        verdict(interval=None, completeness=None, failures=(Failure(task="load", reason="disk full"),)).sentence
        == "sales failed: load (disk full)."
    )


def test_the_digest_is_the_sentence_the_ids_and_what_to_do() -> None:
    """A line each."""
    mended = verdict(before="partial").digest
    assert mended == f"RECOVERED  {verdict().sentence}\n  run manual__1\n  correlation id tg-1"
    broken = verdict(failures=(Failure(task="load", reason="disk full"), Failure(task="seal", reason="no wax XX")))
    assert broken.sentence == "sales for 2017-12-23 failed: load (disk full); seal (no wax XX)."
    assert broken.digest.splitlines()[1:] == [
        "  run manual__1",
        "  correlation id tg-1",
        "  mend what failed, then clear this run's failed tasks",
    ]


def test_what_was_not_taken_down_is_told_one_by_one() -> None:
    """In the order of the tasks."""
    left = (Failure(task="close", reason="gone"), Failure(task="drop", reason="no"))
    assert verdict(warnings=left).sentence.endswith(" Not taken down: close (gone); drop (no).")


def test_the_record_in_xcom_is_the_barriers_with_the_verdict_over_it() -> None:
    """Every word of it is read by somebody: by alerts, assets, people."""
    told = verdict(before="short", failures=())
    assert told.as_dict() == {
        **record(TEXAS, PLAINS).as_dict(),
        "pipeline": "sales",
        "interval": {"start": "2017-12-23T00:00:00+00:00", "end": "2017-12-24T00:00:00+00:00"},
        "run_id": "manual__1",
        "correlation_id": "tg-1",
        "verdict": "complete",
        "recovered": True,
        "sentence": told.sentence,
        "outcome": "complete",
        "failures": [],
        "warnings": [],
        "unrecorded": [],
    }
    assert verdict(completeness=record(TEXAS, FLORIDA)).as_dict()["outcome"] == "partial"
    failed = verdict(completeness=None, failures=(Failure(task="load", reason="disk full"),)).as_dict()
    assert (failed["outcome"], failed["failures"]) == ("failed", [{"task": "load", "reason": "disk full"}])
    assert verdict(completeness=None).as_dict()["outcome"] == "complete"
