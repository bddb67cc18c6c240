"""The bad nights, each from what befalls the village to what must be true of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import URL

from demo.nights.village import DAY, REGIONS, Village, bounds
from tidegate.data.engines import writing
from tidegate.data.instants import instant, stamp
from tidegate.data.ledger import LoadRow, ensure
from tidegate.operators.records import write_record
from tidegate.resilience.completeness import Branch, BranchState, Completeness
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date


def _a_day(village: Village) -> None:
    village.sell(*bounds(DAY))


def _nothing_from_isles(village: Village) -> None:
    village.sell(*bounds(DAY), REGIONS[:-1])


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the table."""

    pipeline: str
    title: str
    play: Callable[[Village], None]
    sold: Callable[[Village], None] = _a_day
    """What the village sells before Airflow starts."""


def calm(village: Village) -> None:
    """All arrive."""
    seen = village.night()
    village.expect(seen, "success", "complete")
    village.check("decided by", seen.record["decided_by"], "all had ended")
    village.expect_warehouse(REGIONS)
    village.expect_gaps()


def enough(village: Village) -> None:
    """Three of five, and three are needed."""
    with village.gone("south", "isles"):
        seen = village.night()
    village.expect(seen, "success", "partial", failed="south isles")
    village.expect_warehouse(["north", "east", "west"])
    village.expect_gaps(isles="open", south="open")


def too_few(village: Village) -> None:
    """Two of five: nothing is loaded, and it is decided when the third has failed."""
    with village.gone("south", "isles", "west"):
        seen = village.night()
    village.expect(seen, "failed", "short", failed="south isles west")
    village.expect_warehouse([])
    village.expect_gaps(**dict.fromkeys(REGIONS, "open"))


def without_north(village: Village) -> None:
    """Four of five are enough, but not without the one that is required."""
    with village.gone("north"):
        seen = village.night()
    # decided the moment north has failed for good; who had not ended by then is told as what it was
    village.check("state", (seen.state, seen.record["outcome"]), ("failed", "short"))
    village.check("required", seen.record["required_missing"], ["north"])
    village.check("decided by", seen.record["decided_by"] in {"all had ended", "it could not be enough any more"}, True)
    village.expect_warehouse([])


def hang(village: Village) -> None:
    """One hangs past the deadline; when it ends at last, a run of its own takes its rows."""
    with village.hanging("isles") as release:
        run_id = village.begin()
        village.until(run_id, "outcome", "success", "failed")
        village.expect_warehouse([region for region in REGIONS if region != "isles"])
        village.expect_gaps(isles="open")
        release()
        seen = village.end(run_id)
    village.expect(seen, "success", "partial", late="isles")
    village.check("decided by", seen.record["decided_by"], "its time had come")
    _taken_by_a_run_of_its_own(village, "isles")


def two_hangs(village: Village) -> None:
    """Two hang, three are enough."""
    with village.hanging("isles", "west") as release:
        run_id = village.begin()
        village.until(run_id, "outcome", "success", "failed")
        village.expect_warehouse(["north", "east", "south"])
        village.expect_gaps(isles="open", west="open")
        release()
        seen = village.end(run_id)
    village.expect(seen, "success", "partial", late="west isles")
    for late in village.catch_ups():
        village.end(late)
    village.expect_warehouse(REGIONS)


def no_slot(village: Village) -> None:
    """One reader at a time: south hangs on the only slot, so west and isles never begin, and are skipped and told by name."""
    with village.hanging("south") as release:
        run_id = village.begin()
        village.until(run_id, "outcome", "success", "failed")
        states = {region: village.tasks(run_id)[f"extract.{region}"]["state"] for region in REGIONS[2:]}
        village.check("states", states, {"south": "running", "west": "skipped", "isles": "skipped"})
        release()
        seen = village.end(run_id)
    village.expect(seen, "success", "partial", late="south", not_started="west isles")
    for late in village.catch_ups():
        village.end(late)
    village.expect_warehouse(["north", "east", "south"])
    village.expect_gaps(isles="open", south="closed", west="open")


def during_publish(village: Village) -> None:
    """One ends while the others are being loaded."""
    with village.hanging("isles") as release:
        run_id = village.begin()
        village.until(run_id, "load", "queued", "running", "success")
        release()
        seen = village.end(run_id)
    village.expect(seen, "success", "partial", late="isles")
    _taken_by_a_run_of_its_own(village, "isles")


def after_publish(village: Village) -> None:
    """One ends when everything else is over."""
    with village.hanging("isles") as release:
        run_id = village.begin()
        village.until(run_id, "outcome", "success")
        release()
        seen = village.end(run_id)
    village.expect(seen, "success", "partial", late="isles")
    _taken_by_a_run_of_its_own(village, "isles")


def _taken_by_a_run_of_its_own(village: Village, region: str, day: date = DAY) -> None:
    runs = village.catch_ups()
    village.check("runs of its own", len(runs), 1)
    for run_id in runs:
        seen = village.end(run_id)
        others = " ".join(other for other in REGIONS if other != region)
        village.expect(seen, "success", "complete", arrived=region, held=others)
        village.check("recovered", seen.record["recovered"], True)
        village.check("times read", "its source is not read" in village.airflow.log(village.name, run_id, f"extract.{region}"), True)
    village.expect_warehouse(REGIONS, day=day)
    village.expect_gaps(**{region: "closed"})


NEXT = DAY + timedelta(days=1)


def _two_days(village: Village) -> None:
    """On the first of them isles sells twice as much as on the second."""
    for start, end in (bounds(DAY), bounds(NEXT)):
        village.sell(start, end)
    village.sell(*bounds(DAY), ["isles"])


def stands_in(village: Village) -> None:
    """One hangs, and what it brought on the night before stands in, marked, until its own rows come."""
    village.expect(village.night(), "success", "complete")
    with village.hanging("isles") as release:
        run_id = village.begin(NEXT)
        village.until(run_id, "outcome", "success", "failed")
        in_the_table = "SELECT region, count(*), stale_from FROM stands_in WHERE night LIKE ? AND stale_from IS NOT NULL GROUP BY 1, 3"
        village.check("stands in", village.query(in_the_table, f"{NEXT}%"), [("isles", 24, f"{DAY} 00:00:00")])
        village.expect_gaps(isles="open")
        release()
        seen = village.end(run_id)
    village.expect(seen, "success", "partial", late="isles")
    village.check("stale", (seen.record["stale"], seen.record["rows"]), (["isles"], 48))
    village.check("told", f"; the rows of {DAY} stand in)" in seen.note, True)
    village.expect_warehouse(REGIONS, day=DAY)
    _taken_by_a_run_of_its_own(village, "isles", day=NEXT)
    village.check("replaced", village.query(in_the_table, f"{NEXT}%"), [])


def slow_one(village: Village) -> None:
    """One takes far longer than it usually does: by its own history it is late, long before the deadline.

    Half of the usual rows are asked for; the late one's own run would be too little by itself, and counts what the others hold.
    """
    with village.hanging("isles") as release:
        run_id = village.begin()
        village.until(run_id, "outcome", "success", "failed")
        release()
        seen = village.end(run_id)
    village.expect(seen, "success", "partial", late="isles")
    village.check("decided by", seen.record["decided_by"], "enough had arrived, and the others had had their time")
    village.check("told", "times its usual 2s" in seen.note, True)
    village.check("coverage", seen.record["coverage"], 80.0)
    _taken_by_a_run_of_its_own(village, "isles")


def _five_nights_before(village: Village) -> None:
    """The ledger of five nights on which every region took two seconds."""
    _a_day(village)
    for number in range(1, 6):
        start, end = bounds(DAY - timedelta(days=number))
        branches = tuple(Branch(name=region, state=BranchState.ARRIVED, rows=12, seconds=2.0) for region in REGIONS)
        record = Completeness(
            pipeline=village.name, interval=Interval(start, end), dimension="region", branches=branches, needed=3, met=True, run_id="before"
        )
        row = LoadRow(
            pipeline=village.name, target=village.name, interval_start=instant(start), interval_end=instant(end), branch="", attempt="before",
            fence="", run_id="before", correlation_id="", rows=12, partitions=(), loaded_at=stamp(),
        )  # fmt: skip
        with writing(URL.create("sqlite", database=str(village.root / "warehouse.db"))) as ledger:
            ensure(ledger)
            held = {region: replace(row, branch=region) for region in REGIONS}
            write_record(ledger, record, held, owner="villages", expire=timedelta(days=30))


OLD = tuple(DAY + timedelta(days=number) for number in range(3))
TONIGHT = DAY + timedelta(days=3)


def _four_nights(village: Village) -> None:
    for day in (*OLD, TONIGHT):
        village.sell(*bounds(day))


def old_nights(village: Village) -> None:
    """Three old nights are caught up while tonight runs: two at once, and the third when there is room."""
    with village.gone("isles"):
        for run_id in [village.begin(day) for day in OLD]:
            village.expect(village.end(run_id), "success", "partial", failed="isles")
    village.let_hours_pass(25)
    tonight = village.begin(TONIGHT)
    village.check("first look", village.catch_up(), ["started", "started", "waits"])
    village.expect(village.end(tonight), "success", "complete")
    for run_id in village.catch_ups():
        village.end(run_id)
    village.check("second look", village.catch_up(), ["started"])
    village.end(village.catch_ups()[-1])
    for day in (*OLD, TONIGHT):
        village.expect_warehouse(REGIONS, day=day)
    statuses = village.query("SELECT DISTINCT status FROM tidegate_gap WHERE pipeline = ?", village.name)
    village.check("gaps", statuses, [("closed",)])


def silent(village: Village) -> None:
    """One answers with zero rows."""
    seen = village.night()
    village.expect(seen, "success", "partial", failed="isles")
    village.check("told", "brought 0 rows, and accept: asks for at least 1" in seen.note, True)
    village.expect_warehouse([region for region in REGIONS if region != "isles"])
    village.expect_gaps(isles="open")


def again(village: Village) -> None:
    """One region is cleared by hand after publish, with what is behind it; its source has more by then."""
    first = village.night()
    village.expect(first, "success", "complete")
    start, end = bounds(DAY)
    village.sell(start + timedelta(hours=1), end, ["isles"])
    village.airflow.clear(village.name, first.run_id, ["extract.isles"], include_downstream=True)
    second = village.end(first.run_id)
    village.expect(second, "success", "complete")
    village.check("tries of north", village.tasks(first.run_id)["extract.north"]["try_number"], 1)
    village.expect_warehouse(REGIONS)
    village.expect_gaps()


SPRING = (
    (datetime(2026, 3, 28, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC), timedelta(hours=1, minutes=30)),
    (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 30, 0, tzinfo=UTC), timedelta(hours=2, minutes=30)),
)
"""Two nights of Berlin: from, to, and how long it is from the tick at whose time a run begins to half past four."""


def _two_nights(village: Village) -> None:
    for start, end, _ in SPRING:
        village.sell(start, end)


def spring(village: Village) -> None:
    """The schedule's own runs over the night on which clocks are put forward, and the night of 23 hours behind it."""
    for start, end, patience in SPRING:
        run_id = f"scheduled__{end.isoformat()}"
        village.wait_for_run(run_id)
        seen = village.end(run_id)
        village.expect(seen, "success", "complete")
        began = datetime.fromisoformat(village.airflow.run(village.name, run_id)["start_date"])
        village.check("time to decide", datetime.fromisoformat(seen.record["deadline"]) - began, patience)
        village.check("rows", seen.record["rows"], 60)
        village.expect_warehouse(REGIONS, interval=(start, end))


WEEK = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 7)]
TRIED, DARK = 3, 5
"""How many nights of the week open the breaker, and on how many isles is dark."""


def _six_nights(village: Village) -> None:
    for start in WEEK:
        village.sell(start, start + timedelta(days=1))
    village.goes("isles")


def dark(village: Village) -> None:
    """Isles is dark for five nights: three are tried and counted, two begin with a probe that fails; on the sixth it passes, and all is read."""
    for number, start in enumerate(WEEK, 1):
        end = start + timedelta(days=1)
        run_id = f"scheduled__{end.isoformat()}"
        village.wait_for_run(run_id)
        if number == DARK:  # it is light before the next one begins
            village.until(run_id, "extract.isles", "failed")
            village.comes_back("isles")
        seen = village.end(run_id)
        missing = {"failed": "isles"} if number <= TRIED else {"open": "isles"} if number <= DARK else {}
        village.expect(seen, "success", "partial" if missing else "complete", **missing)
        village.check("tries", village.tasks(run_id)["extract.isles"]["try_number"], 2 if number <= TRIED else 1)
        village.check("told", f"isles (breaker open, night {number})" in seen.note, TRIED < number <= DARK)
        village.expect_warehouse(REGIONS[:-1] if missing else REGIONS, interval=(start, end))
    gaps = village.query("SELECT branch, status FROM tidegate_gap WHERE pipeline = ? ORDER BY interval_start", village.name)
    village.check("gaps", gaps, [("isles", "open")] * DARK)


SCENARIOS = (
    Scenario("dark", "one is dark for five nights: its breaker opens, probes, closes", dark, _six_nights),
    Scenario("hang", "one hangs past the deadline", hang),
    Scenario("two_hangs", "two hang", two_hangs),
    Scenario("no_slot", "one never starts for want of a slot", no_slot),
    Scenario("during_publish", "one is late, and ends during publish", during_publish),
    Scenario("after_publish", "one is late, and ends after publish", after_publish),
    Scenario("stands_in", "one hangs, and its rows of the night before stand in", stands_in, _two_days),
    Scenario("slow_one", "one takes far longer than it usually does", slow_one, _five_nights_before),
    Scenario("old_nights", "three old nights are caught up while tonight runs", old_nights, _four_nights),
    Scenario("spring", "clocks are put forward", spring, _two_nights),
    Scenario("again", "one is cleared by hand after publish", again),
    Scenario("calm", "all arrive", calm),
    Scenario("enough", "exactly the quorum", enough),
    Scenario("too_few", "the quorum minus one", too_few),
    Scenario("without_north", "a required one is missing", without_north),
    Scenario("silent", "one brings zero rows", silent, _nothing_from_isles),
)
