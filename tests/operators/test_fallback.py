"""What a barrier finds to stand in, and what a transform makes of it."""

from __future__ import annotations

import json
import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import TimeoutPosix
from operators.by_hand import context, placed
from records import FLORIDA, NIGHT, TEXAS, record

from tidegate import BarrierOperator, SharesOperator, TransformOperator
from tidegate.data.instants import stamp
from tidegate.data.manifest import Manifest, StageKey
from tidegate.data.staging import Staging
from tidegate.data.wholes import gathered
from tidegate.errors import DataRefused, TimedOut
from tidegate.operators.fallback import stand_ins
from tidegate.operators.history import History
from tidegate.operators.night import Night
from tidegate.operators.transform import OMITTED, manifests
from tidegate.resilience.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WEEK = timedelta(days=7)
YESTERDAY = Interval(NIGHT.start - timedelta(days=1), NIGHT.start)
CONF = {"interval_start": NIGHT.start.isoformat(), "interval_end": NIGHT.end.isoformat()}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Manifest]:
    """Commit one row of a branch as an attempt of its own."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))

    def committed(branch: str, interval: Interval = YESTERDAY, cents: int | str = 7) -> Manifest:
        key = StageKey(pipeline="sales", step="extract", interval_start=interval.start, interval_end=interval.end, branch=branch)
        rows = pa.table({"cents": [cents]})
        attempt = f"a{interval.start:%d}"
        with Staging(tmp_path / "staging").writer(key, rows.schema, attempt=attempt, correlation_id="c", read_at=stamp()) as writer:
            for batch in rows.to_batches():
                writer.write(batch)
        return writer.manifest

    return committed


@pytest.fixture
def history(tmp_path: Path) -> History:
    """What a barrier without a load behind it knows."""
    barrier = placed(BarrierOperator, tmp_path, branches={"texas": "extract.texas", "florida": "extract.florida"}, last_good=WEEK)
    return History(barrier, Night.of(context(barrier, conf=CONF)))


def found(history: History, staged: tuple[str, ...] = ()) -> list[Manifest]:
    """What stands in on a night without florida."""
    return stand_ins(history, record(TEXAS, FLORIDA), staged, WEEK)


def test_the_newest_rows_stand_in_under_tonights_interval(stage: Callable[..., Manifest], history: History) -> None:
    """They keep their file and their times; nothing stands in for what arrived, or was staged for tonight and is combined with it."""
    stage("texas")
    stage("florida", Interval(YESTERDAY.start - timedelta(days=1), YESTERDAY.start))
    newest = stage("florida")
    stage("florida", NIGHT)
    (manifest,) = found(history)
    assert manifest.stale == {"florida": "2017-12-22T00:00:00+00:00"}
    assert (manifest.interval_start, manifest.interval_end) == ("2017-12-23T00:00:00+00:00", "2017-12-24T00:00:00+00:00")
    assert (manifest.path, manifest.read_at, manifest.attempt) == (newest.path, newest.read_at, newest.attempt)
    assert found(history, staged=("florida",)) == []


def test_the_log_tells_why_nothing_stands_in(
    stage: Callable[..., Manifest], history: History, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing staged lately; a file that is not what it was; a receipt that nobody can read."""
    caplog.set_level(logging.INFO)
    stage("florida", Interval(NIGHT.start - timedelta(days=9), NIGHT.start - timedelta(days=8)))
    assert found(history) == []
    assert "florida is missing, and has staged nothing lately that could stand in" in caplog.text
    path = tmp_path / "staging" / stage("florida").path
    path.write_bytes(b"what?")
    assert found(history) == []
    assert "florida is missing, and nothing stands in: The staged file of extract for florida is damaged" in caplog.text
    path.with_suffix(".json").write_text("{")
    assert found(history) == []
    assert "nothing stands in: A manifest in staging cannot be read" in caplog.text


def made(tmp_path: Path, sql: str, **given: Any) -> dict[str, Any]:
    """What a transform returns."""
    task = placed(TransformOperator, tmp_path, sql=sql, **given)
    done: dict[str, Any] = task.execute(context(task, conf=CONF))
    json.dumps(done)
    return done


def test_a_combination_is_made_with_what_stands_in_and_without(stage: Callable[..., Manifest], history: History, tmp_path: Path) -> None:
    """So that the load can choose; a transform behind it makes both, too."""
    parts = [stage("texas", NIGHT).as_dict(), found(history)[0].as_dict() if stage("florida") else {}]
    first = made(tmp_path, "SELECT count(*) AS n, count($stale_from) AS old FROM input", parts=parts)
    second = Manifest.from_dict(made(tmp_path, "SELECT n + 1 AS n FROM input", parts=first))
    assert second.instead is not None
    assert (second.branches, second.stale) == (("texas", "florida"), {"florida": "2017-12-22T00:00:00+00:00"})
    assert (second.instead.branches, second.instead.stale, second.instead.instead) == (("texas",), {}, None)
    alone = Manifest.from_dict(made(tmp_path, "SELECT count(*) AS n FROM input", parts=parts[:1]))
    assert alone.instead is None


def test_what_cannot_be_made_with_it_is_made_without(stage: Callable[..., Manifest], history: History, tmp_path: Path) -> None:
    """A part of its own is handed on as omitted, and the transform behind it hands that on; what has nothing to do with it fails as ever."""
    fresh, _ = stage("texas", NIGHT).as_dict(), stage("florida")
    old = found(history)[0].as_dict()
    sql = "SELECT CASE WHEN $stale_from IS NULL THEN 1 ELSE error('no such column') END AS n FROM input"
    both = Manifest.from_dict(made(tmp_path, sql, parts=[fresh, old]))
    assert (both.branches, both.stale, both.instead) == (("texas",), {}, None)
    omitted = made(tmp_path, sql, part=old)
    assert "no such column" in omitted[OMITTED]
    assert made(tmp_path, sql, part=omitted) == omitted
    assert manifests([fresh, omitted]) == [Manifest.from_dict(fresh)]
    with pytest.raises(Exception, match="nowhere"):
        made(tmp_path, "SELECT * FROM nowhere", parts=[fresh, old])


def test_a_share_that_cannot_be_made_with_it_makes_all_without(stage: Callable[..., Manifest], history: History, tmp_path: Path) -> None:
    """What the other shares have made without it is there, so nothing is computed again; where all can use it, the load has the choice."""
    parts = [stage("texas", NIGHT).as_dict(), found(history)[0].as_dict() if stage("florida", cents=8) else {}]

    def whole(sql: str) -> Manifest:
        """What all shares make."""
        done = [made(tmp_path, sql, parts=parts, by=["cents"], into=2, share=number) for number in range(2)]
        (one,) = gathered(manifests(done))
        return one

    both = whole("SELECT cents FROM input")
    assert (both.rows, both.branches, both.stale.keys()) == (2, ("texas", "florida"), {"florida"})
    assert both.instead is not None
    assert (both.instead.rows, both.instead.branches) == (1, ("texas",))
    alone = whole("SELECT CASE WHEN cents = 8 THEN error('no such sale') ELSE cents END AS cents FROM input")
    assert (alone.rows, alone.branches, alone.stale, alone.instead) == (1, ("texas",), {}, None)


@pytest.mark.parametrize(("cents", "branches"), [(8, ("texas", "florida")), ("eight", ("texas",))])
def test_values_are_found_among_what_stands_in_as_far_as_it_can_be_read(
    stage: Callable[..., Manifest], history: History, tmp_path: Path, cents: int | str, branches: tuple[str, ...]
) -> None:
    """And the shares are of the same rows: of all, or of tonight's alone."""
    parts = [stage("texas", NIGHT).as_dict(), found(history)[0].as_dict() if stage("florida", cents=cents) else {}]
    task = placed(SharesOperator, tmp_path, by=["cents"], parts=parts, dimension="city")
    shares = task.execute(context(task, conf=CONF))
    assert [share["name"] for share in shares] == ["cents=7", "cents=8"][: len(branches)]
    done = [made(tmp_path, "SELECT cents, $branch AS b FROM input", parts=parts, share=json.loads(json.dumps(share))) for share in shares]
    (whole,) = gathered(manifests(done))
    assert (whole.rows, whole.branches, whole.files[0].branch) == (len(branches), branches, "cents=7")


def test_values_that_cannot_be_found(stage: Callable[..., Manifest], tmp_path: Path) -> None:
    """Nothing is left out for that: where no rows stand in, it fails."""
    task = placed(SharesOperator, tmp_path, by=["dollars"], parts=[stage("texas", NIGHT).as_dict()])
    with pytest.raises(DataRefused, match='no column "dollars", which by names'):
        task.execute(context(task, conf=CONF))


def test_a_task_whose_time_is_over_does_not_begin_anew(stage: Callable[..., Manifest], history: History, tmp_path: Path) -> None:
    """Its SQL ends with what ended it, its own use of DuckDB with a timeout; neither is taken for rows that cannot stand in."""
    stage("florida")
    parts = [stage("texas", NIGHT).as_dict(), found(history)[0].as_dict()]
    endless = "SELECT count(*) AS n FROM range(300000) AS a, range(1000000) AS b WHERE (a.range * b.range) % 7 = 3"
    (tmp_path / "slow.py").write_text("def sums(frame):\n    raise RuntimeError('Query interrupted')  # as DuckDB says it\n")
    began = time.monotonic()
    for given, told in (({"sql": endless}, AirflowTaskTimeout), ({"python": "slow:sums"}, TimedOut)):
        task = placed(TransformOperator, tmp_path, **given, parts=parts)
        with pytest.raises(told), TimeoutPosix(1, "over"):
            task.execute(context(task, conf=CONF))
    assert time.monotonic() - began < 60
