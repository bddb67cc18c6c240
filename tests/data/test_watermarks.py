"""What has changed since the interval before: no change is lost, whatever is read again, late or backwards."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from changing import HOUR, NOON, Source
from nights import START

from tidegate.data.cuts import Split
from tidegate.data.retention import tidy
from tidegate.data.table_query import TableQuery
from tidegate.data.watermarks import Changes
from tidegate.errors import DataRefused, LoadRefused, QueryRefused

if TYPE_CHECKING:
    from nights import Night

    from tidegate.data.manifest import Manifest


def test_each_interval_reads_what_has_changed_since_the_one_before(anywhere: Night) -> None:
    """The first one all there is; each other begins at the mark itself, so one without changes has the rows of that moment."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.change(2, NOON + HOUR)
    assert source.found(0) == [1, 2]
    assert source.found(1) == [2]
    source.change(1, NOON + 2 * HOUR)
    source.change(3, NOON + timedelta(hours=2, microseconds=1))
    assert source.found(2) == [1, 2, 3]
    assert source.found(3) == [3]


def test_the_manifest_tells_the_marks(anywhere: Night) -> None:
    """Above which value, and up to which."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.read(0)
    source.change(1, NOON + HOUR)
    told = source.read(1).watermark
    kind, sep = ("text", " ") if source.backend == "sqlite" else ("moment", "T")
    assert told == {"above": {kind: NOON.isoformat(sep=sep)}, "upto": {kind: (NOON + HOUR).isoformat(sep=sep)}}


def test_an_interval_that_is_read_again_keeps_what_is_its_own(anywhere: Night) -> None:
    """What has changed since belongs to those behind it; only the last one reads on."""
    source = Source(anywhere)
    for day in range(3):
        source.change(day, NOON + day * HOUR)
        assert source.found(day) == [day - 1, day][day == 0 :]
    source.change(7, NOON + 7 * HOUR)
    assert source.found(1) == [0, 1]
    assert source.found(1) == [0, 1]
    source.change(1, NOON + 8 * HOUR)
    assert source.found(1) == [0]
    assert source.found(2) == [1, 2, 7]
    assert source.found(3) == [1]


def test_intervals_that_come_backwards_or_late(anywhere: Night) -> None:
    """What was read by a later one is not read again by one that is caught up, and nothing is lost."""
    source = Source(anywhere)
    source.change(1, NOON)
    assert source.found(5) == [1]
    assert source.found(4) == []
    assert source.found(3) == []
    source.change(2, NOON + HOUR)
    assert source.found(4) == []
    assert source.found(7) == [1, 2]
    assert source.found(6) == []
    source.change(3, NOON + 2 * HOUR)
    assert source.found(6) == []
    assert source.found(5) == [1]
    assert source.found(8) == [2, 3]


def test_a_column_without_a_value(anywhere: Night) -> None:
    """Nobody knows when such a row has changed, so each new interval reads it again, and an old one leaves it."""
    source = Source(anywhere)
    source.change(1, None)
    assert source.found(0) == [1]
    source.change(2, NOON)
    assert source.found(1) == [1, 2]
    source.change(3, NOON + HOUR)
    assert source.found(2) == [1, 2, 3]
    assert source.found(3) == [1, 3]
    assert source.found(1) == [2]


def test_rows_that_come_after_others_of_the_same_moment(anywhere: Night) -> None:
    """They are read; those with an earlier one, from a transaction that took long, are found by looking back, as often as it looks."""
    plain, back = Source(anywhere), TableQuery(table="things", watermark="changed_at", look_back=2 * HOUR)
    plain.change(1, NOON + HOUR)
    assert plain.found(0) == [1]
    plain.change(2, NOON + HOUR)
    plain.change(3, NOON)
    plain.change(4, NOON - 2 * HOUR)
    assert plain.found(1) == [1, 2]
    plain.query = back
    assert plain.found(2) == [1, 2, 3]


def test_a_moment_of_the_future_moves_no_mark(anywhere: Night) -> None:
    """One clock that is wrong must not hide what changes until then; its row comes each time."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.change(2, datetime(2999, 1, 1))  # noqa: DTZ001
    assert source.found(0) == [1, 2]
    source.change(3, NOON + HOUR)
    assert source.found(1) == [1, 2, 3]
    assert source.found(2) == [2, 3]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
@pytest.mark.parametrize("kind", ["TIMESTAMP(6)", "DATETIME(6)"])
def test_the_present_of_another_clock(on_mariadb: Night, kind: str, zone: str) -> None:
    """A column of moments has the moments of UTC, whatever clock the other columns show: nothing of the future is taken, and nothing of the past left."""
    source = Source(on_mariadb, kind)
    shown = datetime.now(UTC if kind.startswith("TIMESTAMP") else ZoneInfo(zone)).replace(tzinfo=None)
    for number, hours in enumerate((-20, -1, 1, 20)):
        source.change(number, shown + hours * HOUR)
    told = source.read(0, timezone=zone).watermark
    assert told == {"above": None, "upto": {"moment": (shown - HOUR).isoformat()}}


def test_a_table_without_rows(anywhere: Night) -> None:
    """Leaves the mark where it was."""
    source = Source(anywhere)
    assert source.found(0) == []
    source.change(1, NOON)
    assert source.found(1) == [1]
    anywhere.run("DELETE FROM things")
    assert source.found(2) == []
    source.change(2, NOON + HOUR)
    assert source.found(3) == [2]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("BIGINT", [2**62, 2**62 + 1]),
        ("DECIMAL(38,9)", [Decimal("12345678901234567890123456789.000000001"), Decimal("12345678901234567890123456789.000000002")]),
        ("VARCHAR(30)", ["01JABC", "01JABD"]),
        ("TIMESTAMP(6) WITH TIME ZONE", [datetime(2026, 1, 1, microsecond=1, tzinfo=UTC), datetime(2026, 1, 1, microsecond=2, tzinfo=UTC)]),
    ],
)
def test_every_kind_of_mark_is_exact(served: Night, kind: str, values: list[Any]) -> None:
    """To the last digit."""
    if served.url.get_backend_name() == "mysql":
        kind = kind.removesuffix(" WITH TIME ZONE")
    goes_on_behind(Source(served, kind), values)


@pytest.mark.parametrize(("kind", "values"), [("INTEGER", [2**62, 2**62 + 1]), ("TEXT", ["01JABC", "01JABD"])])
def test_marks_of_sqlite(night: Night, kind: str, values: list[Any]) -> None:
    """Which has whole numbers and texts."""
    goes_on_behind(Source(night, kind), values)


def goes_on_behind(source: Source, values: list[Any]) -> None:
    """The second interval has the second value, the third that alone, and the first one still has the first."""
    source.change(1, values[0])
    assert source.found(0) == [1]
    source.change(2, values[1])
    assert source.found(1) == [1, 2]
    assert source.found(2) == [2]
    assert source.found(0) == [1]


def test_days(served: Night) -> None:
    """A day is not over when it is read, so it is read once more."""
    source = Source(served, "DATE")
    source.change(1, date(2026, 1, 1))
    assert source.found(0) == [1]
    source.change(2, date(2026, 1, 1))
    source.change(3, date(2025, 12, 31))
    assert source.found(1) == [1, 2]
    source.query = TableQuery(table="things", watermark="changed_at", look_back=timedelta(days=1))
    assert source.found(2) == [1, 2, 3]


def test_what_no_mark_can_be(anywhere: Night) -> None:
    """A number without exact digits; and none to look back from."""
    source = Source(anywhere, "DOUBLE PRECISION")
    source.change(1, 0.5)
    with pytest.raises(QueryRefused, match='shop, things, cannot be read by watermark "changed_at", which has values of float'):
        source.read(0)
    source = Source(anywhere, "BIGINT", look_back=HOUR)
    source.change(1, 5)
    with pytest.raises(QueryRefused, match='shop, things, looks back by 1:00:00, and watermark "changed_at" has no moments, but 5'):
        source.read(0)


def test_numbers_that_are_none(on_postgres: Night) -> None:
    """Nothing is greater than NaN, so nothing would ever be read again."""
    source = Source(on_postgres, "NUMERIC")
    source.change(1, Decimal("NaN"))
    with pytest.raises(QueryRefused, match="which has NaN"):
        source.read(0)


def test_a_moment_without_end(on_postgres: Night) -> None:
    """It is refused, and not taken for the newest of all."""
    source = Source(on_postgres)
    on_postgres.run("INSERT INTO things VALUES (1, 'infinity')")
    with pytest.raises(QueryRefused, match="infinity"):
        source.read(0)


def test_an_attempt_that_dies_before_its_mark_is_kept(anywhere: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows are read once more, by itself or by the next one."""
    source = Source(anywhere)
    source.change(1, NOON)
    with monkeypatch.context() as patched:
        patched.setattr(Changes, "keep", lambda *_args, **_more: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            source.read(0)
    assert source.found(1) == [1]
    assert source.found(0) == []


@pytest.mark.parametrize("text", ["", "{}", '{"read_at": "2026", "above": null, "upto": {"hour": "5"}}'])
def test_a_mark_that_cannot_be_read(night: Night, text: str) -> None:
    """By its path; nobody guesses where to go on."""
    source = Source(night)
    source.change(1, NOON)
    source.read(0)
    (kept,) = night.folder.rglob("~watermarks/*/*/*/*/*.json")
    kept.write_text(text)
    with pytest.raises(DataRefused) as caught:
        source.read(1)
    assert caught.value.message == f"A mark in staging cannot be read: {kept}."


def test_an_interval_ahead_of_time(anywhere: Night) -> None:
    """It would leave nothing for all that are still to come."""
    source = Source(anywhere)
    source.change(1, NOON)
    ahead = (datetime.now(UTC) - START).days + 2
    with pytest.raises(QueryRefused) as caught:
        source.read(ahead)
    assert str(caught.value) == (
        f"shop, things, is read by watermark, and {(START + timedelta(days=ahead)).date()} lies ahead: all intervals until then would find nothing. "
        "Run it when it has begun, or give the interval that is meant."
    )
    assert source.found(0) == [1]


def test_an_interval_inside_of_another(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    """An hour that was read by hand leaves nothing for its day, which is said aloud; the next day has it."""
    caplog.set_level("INFO", "tidegate.data.watermarks")
    source = Source(night)
    source.change(1, NOON)
    hour = night.key(start=START + 5 * HOUR, end=START + 6 * HOUR)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(night, "key", lambda **_: hour)
        assert source.found(0) == [1]
    source.change(2, NOON + HOUR)
    assert source.found(0) == []
    (said,) = caplog.records
    assert said.levelname == "WARNING"
    assert said.message == (
        "shop, things, Nothing is read for 2026-01-01: what has changed belongs to 2026-01-01 05:00 to 2026-01-01 06:00 UTC, which was begun before"
    )
    assert source.found(1) == [1, 2]
    assert source.found(-1) == []
    assert caplog.records[-1].levelname == "INFO"


def test_few_marks_are_kept(anywhere: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each interval, and of those not the oldest; without its mark an interval reads all rows up to the oldest that is left."""
    monkeypatch.setattr("tidegate.data.watermarks.KEPT", 3)
    source = Source(anywhere)
    for day in range(5):
        source.change(day, NOON + day * HOUR)
        source.read(day)
        source.read(day)
    kept = sorted(path.name.partition("--")[0] for path in anywhere.folder.rglob("~watermarks/*/*/*/*/*"))
    assert kept == ["20260103T000000Z", "20260104T000000Z", "20260105T000000Z"]
    assert source.found(0) == [0, 1]
    assert source.found(4) == [3, 4]


def test_marks_outlive_what_was_staged(anywhere: Night) -> None:
    """Retention deletes the rows of long ago, and the next interval still knows where to go on."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.read(0)
    gone = tidy(anywhere.staging, keep=timedelta(days=1), now=datetime.now(UTC) + timedelta(days=90))
    assert gone.intervals == 1
    assert not list(anywhere.folder.rglob("*.parquet"))
    source.change(2, NOON + HOUR)
    assert source.found(60) == [1, 2]
    assert source.found(0) == [1]


def test_another_table_column_branch_or_step_begins_anew(anywhere: Night) -> None:
    """Their marks say nothing of it."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.read(0)
    source.query = TableQuery(table="things", watermark="id")
    source.change(2, NOON)
    assert source.found(1) == [1, 2]
    assert source.found(2) == [2]
    kept = [json.loads(path.read_text())["upto"] for path in sorted(anywhere.folder.rglob("~watermarks/*/*/*/*/*.json"))]
    assert {"int": "2"} in kept


def test_ranges_of_what_has_changed(served: Night) -> None:
    """Split and watermark go together."""
    source = Source(served)
    for number in range(40):
        source.change(number, NOON + number * HOUR)
    split = Split(by="id", into=4)
    assert source.found(0, split=split) == list(range(40))
    source.change(50, NOON + 50 * HOUR)
    source.change(3, NOON + 51 * HOUR)
    assert source.found(1, split=split) == [3, 39, 50]


def test_merged_in_whatever_order(anywhere: Night) -> None:
    """An older interval that was read before a newer one is not loaded over it; read again, it brings nothing that is stale."""
    source = Source(anywhere)
    anywhere.table = "copy"
    days = [START + timedelta(days=day) for day in range(3)]

    def load(day: int, manifest: Manifest) -> None:
        anywhere.load(manifest, replace=(), mode="merge", merge=["id"], start=days[day])

    source.change(1, NOON)
    source.change(2, NOON)
    first = source.read(0)
    source.change(1, NOON + HOUR)
    load(1, source.read(1))
    with pytest.raises(LoadRefused, match="would be set back"):
        load(0, first)
    load(0, source.read(0))
    copied, there = (anywhere.query(f"SELECT id, changed_at FROM {table} ORDER BY id") for table in ("copy", "things"))
    assert [tuple(map(str, row)) for row in copied] == [tuple(map(str, row)) for row in there]
