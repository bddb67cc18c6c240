"""Played nights of barriers that watch their branches: who is waited for until when, what is skipped, what is stopped."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.schedule import Schedule
from tidegate.resilience.interval import Interval
from tidegate.testing import Night, Unplayable
from tidegate.testing.clock import Clock, tick

if TYPE_CHECKING:
    from pathlib import Path

EXTRACT = "for_each: {region: [emea, apac, texas]}\n    uses: extract\n    with: {connection: c, query: SELECT 1}\n"
GROUP = (
    "for_each: {region: [emea, apac, texas]}\n    steps:\n"
    "      check: {uses: airflow.providers.standard.operators.empty.EmptyOperator}\n"
    "      read: {needs: check, uses: extract, with: {connection: c, query: SELECT 1}}\n"
    "      seal: {needs: read, uses: airflow.providers.standard.operators.empty.EmptyOperator, when: 'jobs:full'}\n"
)


@pytest.fixture
def night(tmp_path: Path) -> Any:
    """Makes the night of a barrier with some settings."""

    def made(settings: str, *, steps: str = EXTRACT, defaults: str = "{retries: 0}", more: str = "", **options: Any) -> Night:
        (tmp_path / "jobs.py").write_text("def full():\n    return True\n")
        include = tmp_path / "include"
        (include / "pipelines").mkdir(parents=True, exist_ok=True)
        (include / "jobs.py").write_text("def full():\n    return True\n")
        path = include / "pipelines" / "watched.yaml"
        path.write_text(
            'pipeline: watched\nschedule: {cron: "0 2 * * *", timezone: Europe/Berlin, start: 2026-01-01}\n'
            f"defaults: {defaults}\nsteps:\n  extract:\n    {steps}"
            f"  arrived: {{needs: extract, uses: barrier, with: {{{settings}}}}}\n"
            "  load: {needs: arrived, uses: load, with: {connection: w, table: t, replace: [day, region]}}\n" + more
        )
        return Night.of(path, **options)

    return made


def test_it_decides_when_all_have_ended_though_its_time_is_far(night: Any) -> None:
    """And says until when it would have waited: half past four in Berlin, behind the tick of that night."""
    result = night("decide_by: '04:30'").play()
    assert (result.outcome, result.state, result.run.seconds) == ("complete", "success", 180)
    assert (result.record.decided_by, result.record.deadline) == ("all had ended", "2026-01-02T03:30:00+00:00")
    assert result.record.decided_at == "2026-01-02T01:01:00+00:00"


def test_a_time_of_day_follows_the_clocks_of_its_zone(night: Any) -> None:
    """On the night of a spring day the tick of two o'clock is an hour late, and half past four comes an hour and a half after it."""
    result = night("at_least: 2, decide_by: '04:30'", day=date(2026, 3, 28)).when(emea="hangs").play()
    assert (result.record.deadline, result.record.decided_at) == ("2026-03-29T02:30:00+00:00",) * 2
    assert "emea (still at work at 04:30 Europe/Berlin)" in result.sentence


def test_a_late_branch_ends_and_the_night_does_not_wait(night: Any) -> None:
    """It is at work when the time comes, and no load waits for it."""
    result = night("at_least: 2, decide_by: 2h").when(apac="late").play()
    assert (result.outcome, result.state, result.late, result.missing) == ("partial", "success", ("apac",), ("apac",))
    assert (result.record.decided_by, result.states["extract.apac"]) == ("its time had come", "success")
    assert list(result.states).index("arrived") < list(result.states).index("extract.apac")
    assert result.sentence.endswith("Missing: apac (still at work 2h after the run began).")
    slow = night("at_least: 2, decide_by: 2h").when(takes={"extract.apac": "3h"}).play()
    assert (slow.late, list(slow.states)[-1]) == (("apac",), "extract.apac")
    assert night("at_least: 2, decide_by: 2h").when(takes={"extract.apac": "119m"}).play().late == ()


def test_late_branches_may_be_stopped(night: Any) -> None:
    """At the time, as its task ends itself; a decision before it stops the extracts alone."""
    result = night("at_least: 2, decide_by: 2h, late: stop").when(apac="late").play()
    assert (result.outcome, result.late, result.states["extract.apac"]) == ("partial", ("apac",), "failed")
    assert result.run.seconds == 2 * 3600 + 120
    early = night("at_least: 2, decide_by: 2h, late: stop, early: true").when(takes={"extract.apac": "1h"}).play()
    assert (early.record.decided_by, early.states["extract.apac"], early.run.seconds) == ("enough had arrived", "failed", 180)


def test_a_hang_ends_by_its_timeout_try_for_try_until_the_time(night: Any) -> None:
    """No try begins after it; where all of them fit, the branch fails before."""
    hung = night("at_least: 2, decide_by: 2h", defaults="{retries: 5, timeout: 50m}").when(apac="hangs").play()
    assert (hung.late, hung.states["extract.apac"], hung.run.seconds) == (("apac",), "failed", 150 * 60)
    over = night("at_least: 2, decide_by: 2h", defaults="{retries: 1, timeout: 50m}").when(apac="hangs").play()
    assert (over.late, over.record.decided_by) == ((), "all had ended")
    assert "apac (timed out after 0:50:00)" in over.sentence
    stopped = night("at_least: 2, decide_by: 2h, late: stop", defaults="{retries: 5, timeout: 50m}").when(apac="hangs").play()
    assert (stopped.late, stopped.states["extract.apac"], stopped.run.seconds) == (("apac",), "failed", 2 * 3600 + 120)


def test_what_nothing_ends_is_at_work_when_the_night_is_told(night: Any) -> None:
    """The outcome is there, and the run goes on in Airflow; what would follow in the branch has no state."""
    result = night("at_least: 2, decide_by: 2h", steps=GROUP).when({"extract.apac.read": "hangs"}).play()
    assert (result.outcome, result.state, result.states["extract.apac.read"]) == ("partial", "running", "running")
    assert "extract.apac.seal" not in result.states
    assert result.of("extract.seal") == {"emea": "success", "texas": "success"}
    assert [alert.on for alert in result.alerts] == [("partial", "failed", "recovered")]


def test_what_has_not_begun_by_then_is_skipped(night: Any) -> None:
    """For want of a slot, or since the one before it in its branch ended too late; a condition that it has as well holds no less."""
    result = night("at_least: 1, decide_by: 2h", steps=GROUP).when({"extract.apac.check": "unstarted", "extract.texas.read": "late"}).play()
    assert (result.outcome, result.not_started, result.late) == ("partial", ("apac",), ("texas",))
    assert result.of("extract.check") == {"emea": "success", "apac": "skipped", "texas": "success"}
    assert result.of("extract.read") == {"emea": "success", "apac": "skipped", "texas": "success"}
    assert result.of("extract.seal") == {"emea": "success", "apac": "skipped", "texas": "skipped"}
    assert night("at_least: 2, decide_by: 2h", steps=GROUP).when(conditions={"extract.seal": False}).play().outcome == "short"


def test_early_goes_on_with_enough(night: Any) -> None:
    """At the second arrival; the third is at work, and may end."""
    said = {"extract.emea": "10m", "extract.texas": "20m", "extract.apac": "30m"}
    result = night("at_least: 2, early: true").when(takes=said).play()
    assert (result.record.decided_by, result.record.decided_at) == ("enough had arrived", "2026-01-02T01:20:00+00:00")
    assert (result.late, result.states["extract.apac"]) == (("apac",), "success")
    assert night("at_least: 2, early: true").when(apac="hangs").play().outcome == "partial"


def test_a_night_that_cannot_be_enough_is_decided_at_once(night: Any) -> None:
    """The others may finish, or are stopped: the extracts among them that are at work, and all that has not begun."""
    said = {"emea": "failed", "takes": {"extract.apac": "1h"}, "texas": "unstarted"}
    finish = night("required: [emea], at_least: 1, decide_by: 3h").when(**said).play()
    assert (finish.outcome, finish.record.decided_by) == ("short", "it could not be enough any more")
    assert finish.of("extract") == {"emea": "failed", "apac": "success", "texas": "success"}
    stop = night("required: [emea], at_least: 1, on_short: stop").when(**said).play()
    assert stop.of("extract") == {"emea": "failed", "apac": "failed", "texas": "skipped"}
    assert (stop.late, stop.not_started) == (("apac",), ("texas",))
    assert stop.given_up == {"load"}


def test_a_branch_that_must_not_fail_ends_the_night(night: Any) -> None:
    """Though the others are enough, and only those that are named."""
    said = {"takes": {"extract.texas": "1h"}}
    result = night("at_least: 1, on_failure: abort").when(apac="failed", **said).play()
    assert (result.outcome, result.states["extract.texas"]) == ("short", "failed")
    assert "apac failed, which ends the night" in result.sentence
    assert night("at_least: 1, on_failure: {emea: abort}").when(apac="failed", **said).play().outcome == "partial"


def test_an_extract_that_begins_after_the_word_to_stop_ends_at_once(night: Any) -> None:
    """Wherever in the pipeline it stands: the word holds for the run."""
    more = "  other: {uses: extract, needs: load, trigger_rule: all_done, with: {connection: o, query: SELECT 1}}\n"
    result = night("at_least: 1, on_failure: abort", more=more).when(apac="failed", takes={"emea": "5m"}).play()
    assert result.states["other"] == "failed"


def test_rows_are_counted_as_they_come(night: Any) -> None:
    """A share of the usual rows that nobody can bring any more is missed at once."""
    usual = {"emea": 100, "apac": 100, "texas": 100}
    result = night("coverage: 90%, on_short: stop").when(rows={**usual, "emea": 10}, usual=usual, takes={"extract.apac": "1h"}).play()
    assert (result.outcome, result.record.decided_by) == ("short", "it could not be enough any more")
    early = night("coverage: 60%, early: true").when(rows=usual, usual=usual, takes={"extract.apac": "1h"}).play()
    assert (early.outcome, early.record.decided_by, round(early.record.coverage or 0)) == ("partial", "enough had arrived", 67)


def test_a_catch_up_waits_for_its_own_branches_alone(night: Any) -> None:
    """Those that are held count."""
    result = night("at_least: 3, decide_by: 2h").when(chosen={"region": "apac"}, held=["emea", "texas"]).play()
    assert (result.outcome, result.record.decided_by, result.arrived) == ("complete", "all had ended", ("apac",))


def test_what_would_last_for_ever_is_refused(night: Any) -> None:
    """When it is said where that can be known, else when it is played."""
    with pytest.raises(Unplayable, match=r"extract.emea has no timeout: if it hung"):
        night("at_least: 2").when(emea="hangs")
    with pytest.raises(Unplayable, match=r"Nothing goes on without extract.emea: if it found no slot"):
        night("at_least: 2").when(emea="unstarted")
    with pytest.raises(Unplayable, match=r"Nothing says by when extract.emea must have ended"):
        night("at_least: 3, early: true").when(emea="late")
    for word in ("hangs", "unstarted"):
        with pytest.raises(Unplayable, match=r"arrived would wait for ever for extract.emea"):
            night("at_least: 3, early: true").when(emea=word).play()
    with pytest.raises(Unplayable, match="arrived decides in no time"):
        night("at_least: 3, early: true").when(takes={"arrived": "1h"})


WORDS = st.dictionaries(
    st.sampled_from(["emea", "apac", "texas"]), st.sampled_from(["failed", "late", "hangs", "unstarted", "empty", "arrived"])
)
SETTINGS = [
    "at_least: 2, decide_by: 2h",
    "required: [emea], decide_by: 2h, early: true",
    "decide_by: 2h, late: stop, on_short: stop, on_failure: abort",
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_night_with_a_time_is_told_by_then(night: Any, settings: str) -> None:
    """Whatever becomes of its branches: nobody is forgotten, and the load runs when enough has arrived."""
    played = night(settings)

    @given(WORDS)
    def whatever(said: dict[str, str]) -> None:
        result = played.when(said).play()
        assert result.record is not None
        assert result.record.decided_at <= result.record.deadline
        assert set(result.arrived) | set(result.missing) == {"emea", "apac", "texas"}
        assert (result.states["load"] == "success") == result.record.met
        assert result.state in {"running", "success" if result.record.met else "failed"}

    whatever()


DAY = Interval(datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC))


@pytest.mark.parametrize(
    ("schedule", "begins"),
    [
        ({"cron": "0 0 * * *", "start": date(2026, 1, 1)}, "2026-10-25T00:00"),
        ({"cron": "@daily", "start": date(2026, 1, 1), "timezone": "America/New_York"}, "2026-10-25T04:00"),
        # shown twice that night: Airflow takes the second
        ({"cron": "30 2 * * *", "start": date(2026, 1, 1), "timezone": "Europe/Berlin"}, "2026-10-25T01:30"),
        ({"cron": ["0 6 * * *", "0 3 * * *"], "start": date(2026, 1, 1)}, "2026-10-25T03:00"),
        ({"every": timedelta(hours=7), "start": date(2026, 10, 24)}, "2026-10-25T04:00"),
        ({"every": timedelta(hours=7), "start": date(2026, 10, 26)}, "2026-10-26T00:00"),
    ],
)
def test_a_run_begins_with_the_tick_behind_its_day(schedule: dict[str, Any], begins: str) -> None:
    """By the clocks of the schedule's zone."""
    assert tick(Schedule(**schedule), DAY.end) == datetime.fromisoformat(f"{begins}+00:00")


def test_without_ticks_a_run_begins_when_its_day_is_over() -> None:
    """As one by hand, or of assets."""
    assert Clock(None, DAY).began == Clock(Schedule(assets="sales"), DAY).began == DAY.end
