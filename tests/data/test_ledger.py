"""The ledger: what is known about loads and intervals, in order and once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from nights import DAY, END, START, Night, sale

from tidegate.data import ledger
from tidegate.data.engines import reading, writing
from tidegate.data.instants import compact, instant, stamp
from tidegate.data.ledger import IntervalRow
from tidegate.errors import IntervalUnknown, TidegateError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from tidegate.data.ledger import LoadRow

ROW = IntervalRow(
    pipeline="nightly",
    interval_start=instant(START),
    interval_end=instant(END),
    outcome="partial",
    sentence="9 of 10 regions: emea was down.",
    expected=10,
    arrived=9,
    missing=("emea",),
    record={"decided": {"by": "quorum"}, "größe": [1, None]},
    run_id="run-1",
    correlation_id="c-1",
    decided_at=stamp(END),
)


def test_before_anything_was_loaded(night: Night) -> None:
    """Asking a warehouse without a ledger gives nothing, and creates nothing."""
    with writing(night.url) as connection:
        assert ledger.held(connection, "nightly", START, END) == {}
        assert ledger.read_interval(connection, "nightly", START, END) is None
        assert ledger.intervals(connection) == []
    assert night.query("SELECT name FROM sqlite_master") == []


def test_an_interval_is_known_once(night: Night) -> None:
    """What is written last is what is known."""
    with writing(night.url) as connection:
        ledger.ensure(connection)
        ledger.ensure(connection)
        ledger.write_interval(connection, ROW)
        ledger.write_interval(connection, replace(ROW, outcome="complete", missing=()))
    with reading(night.url) as connection:
        assert ledger.read_interval(connection, "nightly", START, END) == replace(ROW, outcome="complete", missing=())
        assert ledger.read_interval(connection, "nightly", START, END + DAY) is None


def test_intervals_in_order(night: Night) -> None:
    """Intervals come in order of time, all or those of one pipeline."""
    with writing(night.url) as connection:
        ledger.ensure(connection)
        for pipeline, start in (("b", START + DAY), ("b", START), ("a", START)):
            row = replace(ROW, pipeline=pipeline, interval_start=instant(start), interval_end=instant(start + DAY))
            ledger.write_interval(connection, row)
        found = [(row.pipeline, row.interval_start[:10]) for row in ledger.intervals(connection)]
        assert found == [("a", "2026-01-01"), ("b", "2026-01-01"), ("b", "2026-01-02")]
        assert len(ledger.intervals(connection, "b")) == 2


def test_the_last_nights_that_were_loaded(night: Night) -> None:
    """Before a moment, the newest first; those that were short or overtaken loaded nothing, and tell nothing of what is usual."""
    with writing(night.url) as connection:
        ledger.ensure(connection)
        assert ledger.intervals_before(connection, "nightly", START, loaded=2) == []
        for number, outcome in enumerate(("complete", "partial", "short", "overtaken", "partial", "complete")):
            start = START + number * DAY
            row = replace(ROW, interval_start=instant(start), interval_end=instant(start + DAY), outcome=outcome)
            ledger.write_interval(connection, row)
        ledger.write_interval(connection, replace(ROW, pipeline="another"))
        found = ledger.intervals_before(connection, "nightly", START + 5 * DAY, loaded=2)
    assert [row.interval_start[:10] for row in found] == ["2026-01-05", "2026-01-02"]


def test_the_record_goes_with_the_rows(night: Night) -> None:
    """The completeness written in the load's transaction is there if and only if the rows are."""

    def record(connection: sa.Connection, _held: dict[str, LoadRow], _overtaken_by: None = None) -> None:
        ledger.write_interval(connection, ROW)

    def fail(connection: sa.Connection, held: dict[str, LoadRow], _overtaken_by: None) -> None:
        record(connection, held)
        raise TidegateError("no")

    part = night.stage([sale("2026-01-01", "emea", 1)])
    with pytest.raises(TidegateError, match="no"):
        night.load(part, in_transaction=fail)
    with reading(night.url) as connection:
        assert (ledger.intervals(connection), ledger.held(connection, "nightly", START, END)) == ([], {})
    night.load(part, in_transaction=record)
    with reading(night.url) as connection:
        assert ledger.intervals(connection) == [ROW]
        assert list(ledger.held(connection, "nightly", START, END)) == ["emea"]


def test_moments_sort_as_text() -> None:
    """Keys and fences sort like the moments they say."""
    moments = [datetime(2026, 1, 1, 0, 0, second, micro, tzinfo=UTC) for second in range(3) for micro in (0, 5, 500000)]
    for write in (instant, stamp):
        assert [write(moment) for moment in moments] == sorted(write(moment) for moment in moments)
    assert (compact(moments[0]), compact(moments[1])) == ("20260101T000000Z", "20260101T000000.000005Z")


def test_a_moment_without_a_zone() -> None:
    """Nobody can say which moment it is."""
    with pytest.raises(IntervalUnknown, match="2026-01-01 00:00:00 has no time zone"):
        instant(START.replace(tzinfo=None))
