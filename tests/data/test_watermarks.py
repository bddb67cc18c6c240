"""What has changed since the interval before: no change is lost, whatever is read again, late, backwards or twice at once."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from nights import START

from tidegate.data import extract as extracting
from tidegate.data.contract import Accept
from tidegate.data.cuts import Split
from tidegate.data.extract import extract
from tidegate.data.retention import tidy
from tidegate.data.table_query import TableQuery
from tidegate.errors import DataRefused, LoadRefused, QueryRefused

if TYPE_CHECKING:
    from nights import Night

    from tidegate.data.manifest import Manifest

HOUR = timedelta(hours=1)
NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001  a clock's reading
KINDS = {"postgresql": "TIMESTAMP(6)", "duckdb": "TIMESTAMP", "mysql": "DATETIME(6)", "sqlite": "TEXT"}


@pytest.fixture(params=["on_postgres", "on_mariadb"])
def served(request: pytest.FixtureRequest) -> Night:
    """Give a night on each server."""
    night: Night = request.getfixturevalue(request.param)
    return night


class Source:
    """A table of things that change, and an extract that reads by the moment of their change."""

    def __init__(self, night: Night, kind: str = "", **query: Any) -> None:
        self.night = night
        self.backend = night.url.get_backend_name()
        self.query = TableQuery(table="things", watermark="changed_at", **query)
        night.run(
            "DROP TABLE IF EXISTS things", f"CREATE TABLE things (id INTEGER PRIMARY KEY, changed_at {kind or KINDS[self.backend]} NULL)"
        )

    def change(self, number: int, at: Any) -> None:
        """A thing is new, or has changed."""
        value = at.isoformat(sep=" ") if self.backend == "sqlite" and isinstance(at, datetime) else at
        with sa.create_engine(self.night.url, poolclass=sa.NullPool).begin() as connection:
            connection.execute(sa.text("DELETE FROM things WHERE id = :id"), {"id": number})
            connection.execute(sa.text("INSERT INTO things VALUES (:id, :at)"), {"id": number, "at": value})

    def read(self, day: int, **more: Any) -> Manifest:
        """Stage what the interval of a day reads."""
        attempts = len(list(self.night.folder.rglob("*.parquet")))
        return extract(
            self.night.url,
            self.query,
            key=self.night.key(start=START + timedelta(days=day)),
            staging=self.night.staging,
            accept=Accept(min_rows=0),
            **{"attempt": f"a-{attempts}", "correlation_id": "c-1", "connection_name": "shop", "source_name": "things", **more},
        )

    def found(self, day: int, **more: Any) -> list[int]:
        """Give the numbers that the interval of a day reads."""
        manifest = self.read(day, **more)
        with self.night.staging.local_file(manifest) as path:
            return sorted(pq.read_table(path).column("id").to_pylist())


def test_each_interval_reads_what_has_changed_since_the_one_before(anywhere: Night) -> None:
    """The first one all there is; one without changes nothing."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.change(2, NOON + HOUR)
    assert source.found(0) == [1, 2]
    assert source.found(1) == []
    source.change(1, NOON + 2 * HOUR)
    source.change(3, NOON + timedelta(hours=2, microseconds=1))
    assert source.found(2) == [1, 3]
    assert source.found(3) == []


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
        assert source.found(day) == [day]
    source.change(7, NOON + 7 * HOUR)
    assert source.found(1) == [1]
    assert source.found(1) == [1]
    source.change(1, NOON + 8 * HOUR)
    assert source.found(1) == []
    assert source.found(2) == [1, 2, 7]
    assert source.found(3) == []


def test_intervals_that_come_backwards_or_late(anywhere: Night) -> None:
    """What was read by a later one is not read again by one that is caught up, and nothing is lost."""
    source = Source(anywhere)
    source.change(1, NOON)
    assert source.found(5) == [1]
    assert source.found(4) == []
    assert source.found(3) == []
    source.change(2, NOON + HOUR)
    assert source.found(4) == []
    assert source.found(7) == [2]
    assert source.found(6) == []
    source.change(3, NOON + 2 * HOUR)
    assert source.found(6) == []
    assert source.found(5) == [1]
    assert source.found(8) == [3]


def test_a_column_without_a_value(anywhere: Night) -> None:
    """Nobody knows when such a row has changed, so each new interval reads it again, and an old one leaves it."""
    source = Source(anywhere)
    source.change(1, None)
    assert source.found(0) == [1]
    source.change(2, NOON)
    assert source.found(1) == [1, 2]
    assert source.found(2) == [1]
    assert source.found(1) == [2]


def test_rows_that_come_after_others_of_the_same_moment(anywhere: Night) -> None:
    """Or with an earlier one, from a transaction that took long: looking back finds them, as often as it looks."""
    plain, back = Source(anywhere), TableQuery(table="things", watermark="changed_at", look_back=2 * HOUR)
    plain.change(1, NOON + HOUR)
    assert plain.found(0) == [1]
    plain.change(2, NOON + HOUR)
    plain.change(3, NOON)
    plain.change(4, NOON - 2 * HOUR)
    assert plain.found(1) == []
    plain.query = back
    assert plain.found(2) == [1, 2, 3]


def test_a_moment_of_the_future_moves_no_mark(anywhere: Night) -> None:
    """One clock that is wrong must not hide what changes until then; its row comes each time."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.change(2, datetime(2999, 1, 1))  # noqa: DTZ001
    assert source.found(0) == [1, 2]
    source.change(3, NOON + HOUR)
    assert source.found(1) == [2, 3]


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
    """The second interval reads the second value alone, and the first one still has the first."""
    source.change(1, values[0])
    assert source.found(0) == [1]
    source.change(2, values[1])
    assert source.found(1) == [2]
    assert source.found(0) == [1]


def test_days_want_a_look_back(served: Night) -> None:
    """A day is not over when it is read."""
    source = Source(served, "DATE")
    source.change(1, date(2026, 1, 1))
    with pytest.raises(QueryRefused) as caught:
        source.read(0)
    assert str(caught.value) == (
        'shop, things, reads by watermark "changed_at" of days, and a day is not over when it is read. '
        "Give look_back: 1d, or name a column of moments."
    )
    source.query = TableQuery(table="things", watermark="changed_at", look_back=HOUR)
    assert source.found(0) == [1]
    source.change(2, date(2026, 1, 1))
    assert source.found(1) == [1, 2]


def test_what_no_mark_can_be(anywhere: Night) -> None:
    """A number without exact digits; and none to look back from."""
    source = Source(anywhere, "DOUBLE PRECISION")
    source.change(1, 0.5)
    with pytest.raises(QueryRefused, match='shop, things, cannot be read by watermark "changed_at", which has values of float'):
        source.read(0)
    source = Source(anywhere, "BIGINT", look_back=HOUR)
    source.change(1, 5)
    source.read(0)
    with pytest.raises(QueryRefused, match='shop, things, looks back by 1:00:00, and watermark "changed_at" has no moments, but 5'):
        source.read(1)


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
    from tidegate.data import watermarks

    source = Source(anywhere)
    source.change(1, NOON)
    with monkeypatch.context() as patched:
        patched.setattr(watermarks, "keep", lambda *_args, **_more: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            source.read(0)
    assert source.found(1) == [1]
    assert source.found(0) == []


def test_a_late_attempt_takes_no_mark_back(served: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first try that comes to its end behind the second has read less, and its mark does not count."""
    source = Source(served)
    source.change(1, NOON)
    staged = extracting._staged

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.undo()
        source.change(2, NOON + HOUR)
        assert source.found(0, attempt="b-second") == [1, 2]
        return staged(*args, **more)

    monkeypatch.setattr(extracting, "_staged", late)
    source.read(0, attempt="a-first")
    assert source.found(1) == []
    assert source.found(0) == [1, 2]


@pytest.mark.parametrize("text", ["", "{}", '{"read_at": "2026", "above": null, "upto": {"hour": "5"}}'])
def test_a_mark_that_cannot_be_read(night: Night, text: str) -> None:
    """By its path; nobody guesses where to go on."""
    source = Source(night)
    source.change(1, NOON)
    source.read(0)
    (kept,) = night.folder.rglob("~watermarks/*/*/*/*.json")
    kept.write_text(text)
    with pytest.raises(DataRefused) as caught:
        source.read(1)
    assert caught.value.message == f"A mark in staging cannot be read: {kept}."


def test_two_intervals_at_once(anywhere: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both read what has changed since the one before both; the third goes on behind the second."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.read(0)
    source.change(2, NOON + HOUR)
    staged = extracting._staged

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.undo()
        assert source.found(2) == [2]
        return staged(*args, **more)

    monkeypatch.setattr(extracting, "_staged", late)
    assert source.found(1) == [2]
    source.change(3, NOON + 2 * HOUR)
    assert source.found(3) == [3]


def test_marks_outlive_what_was_staged(anywhere: Night) -> None:
    """Retention deletes the rows of long ago, and the next interval still knows where to go on."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.read(0)
    gone = tidy(anywhere.staging, keep=timedelta(days=1), now=datetime.now(UTC) + timedelta(days=90))
    assert gone.intervals == 1
    assert not list(anywhere.folder.rglob("*.parquet"))
    source.change(2, NOON + HOUR)
    assert source.found(60) == [2]
    assert source.found(0) == [1]


def test_another_table_column_branch_or_step_begins_anew(anywhere: Night) -> None:
    """Their marks say nothing of it."""
    source = Source(anywhere)
    source.change(1, NOON)
    source.read(0)
    source.query = TableQuery(table="things", watermark="id")
    assert source.found(1) == [1]
    assert source.found(2) == []
    kept = [json.loads(path.read_text())["upto"] for path in sorted(anywhere.folder.rglob("~watermarks/*/*/*/*.json"))]
    assert {"int": "1"} in kept


def test_ranges_of_what_has_changed(served: Night) -> None:
    """Split and watermark go together."""
    source = Source(served)
    for number in range(40):
        source.change(number, NOON + number * HOUR)
    split = Split(by="id", into=4)
    assert source.found(0, split=split) == list(range(40))
    source.change(50, NOON + 50 * HOUR)
    source.change(3, NOON + 51 * HOUR)
    assert source.found(1, split=split) == [3, 50]


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
