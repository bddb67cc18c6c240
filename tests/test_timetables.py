"""Nights begin by themselves between two bounds, and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.timetables.base import DataInterval, TimeRestriction
from pendulum import instance

from tidegate.operators.night import Night
from tidegate.timetables import EveryTimetable, NightTimetable

START, END = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)
FREE = TimeRestriction(earliest=None, latest=None, catchup=True)


def starts(timetable: NightTimetable, restriction: TimeRestriction = FREE) -> list[str]:
    """The days on which intervals begin, as the scheduler asks for them one by one."""
    found: list[str] = []
    last: DataInterval | None = None
    while len(found) < 10 and (info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)):
        last = info.data_interval
        found.append(last.start.to_date_string())
    return found


def test_nights_begin_between_the_bounds() -> None:
    """The first on the start, the last on the end."""
    assert starts(NightTimetable("@daily", timezone="UTC", start=START, end=END)) == ["2026-01-10", "2026-01-11", "2026-01-12"]


def test_a_backfills_narrower_bounds_hold_too() -> None:
    """Airflow passes the dates that a person gave."""
    asked = TimeRestriction(
        earliest=instance(datetime(2026, 1, 11, tzinfo=UTC)), latest=instance(datetime(2026, 1, 11, tzinfo=UTC)), catchup=True
    )
    assert starts(NightTimetable("@daily", timezone="UTC", start=START, end=END), asked) == ["2026-01-11"]


def test_without_catchup_a_timetable_that_ended_starts_nothing() -> None:
    """Its last interval is over."""
    past = NightTimetable("@daily", timezone="UTC", start=START, end=END)
    assert starts(past, TimeRestriction(earliest=None, latest=None, catchup=False)) == []


@pytest.mark.parametrize("end", [END, None])
def test_a_timetable_survives_serialization(end: datetime | None) -> None:
    """The scheduler reads it from the metadata database."""
    made = NightTimetable("0 2 * * *", timezone="Europe/Berlin", start=START, end=end)
    again = NightTimetable.deserialize(made.serialize())
    assert again.serialize() == made.serialize()
    assert again.expression == "0 2 * * *"


def test_the_day_of_the_spring_change_has_23_hours() -> None:
    """Wall clocks count, not hours."""
    made = NightTimetable("0 0 * * *", timezone="Europe/Berlin", start=datetime(2026, 3, 28, 23, tzinfo=UTC))
    info = made.next_dagrun_info(last_automated_data_interval=None, restriction=FREE)
    assert info is not None
    assert (info.data_interval.end - info.data_interval.start).total_hours() == 23


@pytest.mark.parametrize(
    ("moment", "begins"),
    [
        ("2026-01-11T10:00", "2026-01-10"),
        ("2026-01-12T00:00", "2026-01-11"),
        ("2026-01-11T23:59", "2026-01-10"),
        ("2026-11-22T10:00", "2026-01-12"),
    ],
)
def test_a_run_by_hand_is_about_the_last_interval_that_had_ended_and_never_one_after_the_end(moment: str, begins: str) -> None:
    """A tick ends an interval; a timetable that is over keeps its last one."""
    made = NightTimetable("@daily", timezone="UTC", start=START, end=END)
    found = made.infer_manual_data_interval(run_after=instance(datetime.fromisoformat(moment).replace(tzinfo=UTC)))
    assert found.start.to_date_string() == begins


@pytest.mark.parametrize(("moment", "begins"), [("2026-01-11T07:00", "2026-01-11T00:00"), ("2026-11-22T10:00", "2026-01-12T00:00")])
def test_so_is_a_run_of_intervals_of_a_fixed_length(moment: str, begins: str) -> None:
    """A task of a run that says no interval asks the timetable, whichever of the two it is."""
    made = EveryTimetable(timedelta(hours=6), start=START, end=END)
    due = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    run = SimpleNamespace(conf={}, data_interval_start=None, data_interval_end=None, run_after=due, run_id="by_hand", dag_id="p")
    ti = SimpleNamespace(dag_id="p", run_id="by_hand", task_id="t", try_number=1)
    night = Night.of({"ti": ti, "dag_run": run, "params": {}, "dag": SimpleNamespace(timetable=made)})  # type: ignore[typeddict-item]
    assert night.interval.start.isoformat()[:16] == begins
    assert night.interval.end - night.interval.start == timedelta(hours=6)


@pytest.mark.parametrize("catchup", [True, False])
def test_intervals_of_a_fixed_length_are_counted_from_the_start(catchup: bool) -> None:
    """Also where the scheduler begins with the latest."""
    made = EveryTimetable.deserialize(EveryTimetable(timedelta(hours=7), start=START).serialize())
    info = made.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(earliest=None, latest=None, catchup=catchup)
    )
    assert info is not None
    assert (info.data_interval.start - instance(START)).total_seconds() % (7 * 3600) == 0
    assert (info.data_interval.start == START) == catchup
