"""Nights begin by themselves between two bounds, and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from airflow.sdk import Asset, AssetOrTimeSchedule
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction
from pendulum import instance

from tidegate.operators.night import Night
from tidegate.timetables import Bounds, EveryTimetable, MomentsTimetable, NightTimetable

START, END = datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 1, 12, tzinfo=UTC)
FREE = TimeRestriction(earliest=None, latest=None, catchup=True)
LATEST = TimeRestriction(earliest=None, latest=None, catchup=False)
BERLIN = ZoneInfo("Europe/Berlin")
TWO = ("30 2 * * *", "0 14 * * *")


def starts(timetable: NightTimetable, restriction: TimeRestriction = FREE) -> list[str]:
    """The days on which intervals begin, as the scheduler asks for them one by one."""
    found: list[str] = []
    last: DataInterval | None = None
    while len(found) < 10 and (info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)):
        last = info.data_interval
        found.append(last.start.to_date_string())
    return found


def runs(timetable: Bounds) -> list[tuple[str, str, str]]:
    """Begin and end of each interval, and when its run is due, as the scheduler asks for them with catch-up; minutes in UTC."""
    found: list[tuple[str, str, str]] = []
    last: DataInterval | None = None
    while len(found) < 10 and (info := timetable.next_dagrun_info(last_automated_data_interval=last, restriction=FREE)):
        last = info.data_interval
        found.append(tuple(moment.in_tz("UTC").isoformat()[5:16] for moment in (last.start, last.end, info.run_after)))  # type: ignore[arg-type]
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


@pytest.mark.parametrize(
    "made",
    [
        NightTimetable("0 2 * * *", timezone="Europe/Berlin", start=START, end=END),
        EveryTimetable(timedelta(hours=6), start=START, end=END),
        EveryTimetable(timedelta(days=1, seconds=1), start=datetime(2026, 1, 1, tzinfo=BERLIN)),
        MomentsTimetable(*TWO, timezone="Europe/Berlin", start=START, end=END, interval=timedelta(hours=3)),
        MomentsTimetable("@hourly", timezone="UTC", start=START),
        AssetOrTimeSchedule(timetable=EveryTimetable(timedelta(hours=6), start=START), assets=Asset("sales")),
    ],
    ids=lambda made: type(made).__name__,
)
def test_airflow_stores_a_timetable_and_reads_it_again(made: Bounds) -> None:
    """By its own encoders, which ask the registered plugin; what is read gives the same answers, and is stored alike."""
    stored = encode_timetable(made)
    again = decode_timetable(stored)
    assert encode_timetable(again) == stored
    if isinstance(made, Bounds):
        assert type(again) is type(made)
        assert runs(again) == runs(made)


def test_intervals_of_a_fixed_length_count_hours_and_not_wall_clocks() -> None:
    """On the day of the spring change, midnight to noon in Berlin is eleven hours; six hours stay six."""
    made = EveryTimetable(timedelta(hours=6), start=datetime(2026, 3, 28, 18, tzinfo=BERLIN), end=datetime(2026, 3, 29, 12, tzinfo=BERLIN))
    assert runs(made) == [
        ("03-28T17:00", "03-28T23:00", "03-28T23:00"),
        ("03-28T23:00", "03-29T05:00", "03-29T05:00"),
        ("03-29T05:00", "03-29T11:00", "03-29T11:00"),
    ]


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (datetime(2026, 3, 28, tzinfo=BERLIN), ["03-28T01:30", "03-28T13:00", "03-29T01:30", "03-29T12:00", "03-30T00:30"]),
        (datetime(2026, 10, 24, tzinfo=BERLIN), ["10-24T00:30", "10-24T12:00", "10-25T01:30", "10-25T13:00", "10-26T01:30"]),
    ],
    ids=["spring", "autumn"],
)
def test_moments_follow_wall_clocks_and_come_once(day: datetime, due: list[str]) -> None:
    """Half past two does not exist on one day of spring, and exists twice on one day of autumn: one run all the same."""
    end = day + timedelta(days=2, hours=13)
    made = runs(MomentsTimetable(*TWO, timezone="Europe/Berlin", start=day, end=end))
    assert made == [(moment, moment, moment) for moment in due]


def test_moments_may_be_about_the_time_before_them() -> None:
    """As long as is said."""
    made = MomentsTimetable(*TWO, timezone="UTC", start=START, end=datetime(2026, 1, 10, 23, tzinfo=UTC), interval=timedelta(hours=3))
    assert runs(made) == [("01-09T23:30", "01-10T02:30", "01-10T02:30"), ("01-10T11:00", "01-10T14:00", "01-10T14:00")]


@pytest.mark.parametrize(
    ("made", "longest"),
    [
        (EveryTimetable(timedelta(hours=7), start=START), timedelta(hours=7)),
        (MomentsTimetable(*TWO, timezone="UTC", start=START), timedelta(hours=12, minutes=30)),
    ],
    ids=["every", "moments"],
)
def test_without_catchup_the_first_run_is_the_latest_that_is_due(made: Bounds, longest: timedelta) -> None:
    """Nothing of the time before; and nothing at all where the timetable has ended."""
    info = made.next_dagrun_info(last_automated_data_interval=None, restriction=LATEST)
    assert info is not None
    assert timedelta(0) <= datetime.now(UTC) - info.run_after < longest
    made.end = END
    assert made.next_dagrun_info(last_automated_data_interval=None, restriction=LATEST) is None


@pytest.mark.parametrize(
    "made", [EveryTimetable(timedelta(hours=7), start=START), MomentsTimetable(*TWO, timezone="UTC", start=START)], ids=["every", "moments"]
)
def test_a_timetable_that_begins_later_waits(made: Bounds) -> None:
    """With catch-up and without."""
    made.start = datetime.now(UTC) + timedelta(days=3)
    for restriction in (FREE, LATEST):
        info = made.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
        assert info is not None
        assert info.run_after > made.start


@pytest.mark.parametrize(
    ("interval", "moment", "about"),
    [
        (timedelta(hours=3), "2026-01-11T13:00", ("2026-01-10T23:30", "2026-01-11T02:30")),
        (timedelta(hours=3), "2026-01-11T14:00", ("2026-01-11T11:00", "2026-01-11T14:00")),
        (timedelta(hours=3), "2026-11-11T14:00", ("2026-01-11T11:00", "2026-01-11T14:00")),
        (timedelta(), "2026-01-11T13:00", ("2026-01-11T13:00", "2026-01-11T13:00")),
    ],
)
def test_a_run_by_hand_of_several_crons_is_about_what_the_last_tick_was_about(
    interval: timedelta, moment: str, about: tuple[str, str]
) -> None:
    """Whichever cron that was, and never a tick after the end; without an interval it is about its own moment."""
    made = MomentsTimetable(*TWO, timezone="UTC", start=START, end=END, interval=interval)
    found = made.infer_manual_data_interval(run_after=instance(datetime.fromisoformat(moment).replace(tzinfo=UTC)))
    assert (found.start.isoformat()[:16], found.end.isoformat()[:16]) == about


def test_a_run_that_an_asset_started_is_about_the_last_interval_of_the_time_beside_it() -> None:
    """A pipeline may be scheduled by assets or time."""
    timetable = AssetOrTimeSchedule(timetable=EveryTimetable(timedelta(hours=6), start=START), assets=Asset("sales"))
    due = datetime(2026, 1, 11, 7, tzinfo=UTC)
    run = SimpleNamespace(conf={}, data_interval_start=None, data_interval_end=None, run_after=due, run_id="by_asset", dag_id="p")
    ti = SimpleNamespace(dag_id="p", run_id="by_asset", task_id="t", try_number=1)
    night = Night.of({"ti": ti, "dag_run": run, "params": {}, "dag": SimpleNamespace(timetable=timetable)})  # type: ignore[typeddict-item]
    assert night.interval.start == datetime(2026, 1, 11, tzinfo=UTC)
