"""What a barrier makes of the rows that its branches have staged, by what the steps behind them say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup
from operators.by_hand import context
from records import NIGHT

from tidegate import BarrierOperator, ExtractOperator, TransformOperator
from tidegate.data.instants import stamp
from tidegate.data.manifest import StageKey
from tidegate.data.staging import Staging
from tidegate.errors import QuorumMissed
from tidegate.operators.barrier import RECORD_KEY
from tidegate.resilience.keys import HELD_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONF = {"interval_start": NIGHT.start.isoformat(), "interval_end": NIGHT.end.isoformat()}
SHAPES = {
    "a check": ("{0}.extract", "{0}.check"),
    "a check that alone is the end": ("{0}.check",),
    "a check in a step of its own": ("check_{0}",),
}
ENDED = {"texas.extract": "success", "texas.check": "success", "check_texas": "success", "florida.extract": "success"}


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staging:
    """The folder in which all rows wait."""
    monkeypatch.setenv("AIRFLOW__TIDEGATE__STAGING", str(tmp_path / "staging"))
    return Staging(tmp_path / "staging")


@pytest.fixture
def stage(staging: Staging) -> Callable[..., dict[str, Any]]:
    """Commit one row of a branch, and return what its extract does."""

    def committed(branch: str, attempt: str) -> dict[str, Any]:
        key = StageKey(pipeline="night", step="extract", interval_start=NIGHT.start, interval_end=NIGHT.end, branch=branch)
        rows = pa.table({"cents": [7]})
        with staging.writer(key, rows.schema, attempt=attempt, correlation_id="c", read_at=stamp()) as writer:
            writer.write(rows.to_batches()[0])
        return {"branch": {"name": branch, "state": "arrived", "rows": 1}, "manifest": writer.manifest.as_dict()}

    return committed


def barrier_of(ends: tuple[str, ...], **given: Any) -> BarrierOperator:
    """A barrier behind two branches, each of an extract and a check, in front of a transform that combines them."""
    branches = {name: [end.format(name) for end in ends] for name in ("texas", "florida")}
    with DAG("night", schedule=None):
        barrier = BarrierOperator(task_id="arrived", branches=branches, at_least=1, staged_as="extract", **given)
        for name in branches:
            with TaskGroup(name):
                extract = ExtractOperator(task_id="extract", source_conn_id="c", query="q", branch=name)
                check = EmptyOperator(task_id="check")
            apart = EmptyOperator(task_id=f"check_{name}")
            extract >> [check, apart]
            [check, apart] >> barrier
    return barrier


def decided(barrier: BarrierOperator, ended: dict[str, str], returned: dict[str, Any], *, tried: int = 1) -> dict[str, Any]:
    """What the barrier leaves for others, where some tasks have ended and the others are at work."""
    given, left = context(barrier, returned=returned, conf=CONF), {}
    ti = given["ti"]
    ti.try_number = tried
    ti.get_task_breadcrumbs = lambda *_: [{"task_id": task_id, "state": state, "map_index": -1} for task_id, state in ended.items()]
    ti.get_task_states = lambda **_: {"run-1": dict.fromkeys(barrier.dag.task_ids, "running") | ended}
    ti.xcom_push = lambda key, value: left.update({key: value})
    ti.xcom_pull = lambda task_ids, **more: returned.get(task_ids) if "key" not in more else None
    try:
        barrier.execute(given)
    except QuorumMissed:
        assert not left[RECORD_KEY]["met"]
    return left


@pytest.mark.parametrize("ends", SHAPES.values(), ids=SHAPES)
def test_what_a_step_behind_refused_is_not_taken_again(
    staging: Staging, stage: Callable[..., dict[str, Any]], ends: tuple[str, ...]
) -> None:
    """Whatever the end of the branch is, and whether or not anything combines. A check that is cleared and passes lets them count again."""
    returned = {f"{name}.extract": stage(name, f"{name}-1") for name in ("texas", "florida")}
    barrier = barrier_of(ends)
    refused = {**ENDED, "florida.check": "failed", "check_florida": "failed"}
    decided(barrier, refused, returned)
    assert list(staging.committed("night", "extract", NIGHT.start, NIGHT.end)) == ["texas"]
    decided(barrier, {**ENDED, "florida.check": "success", "check_florida": "success"}, returned, tried=2)
    assert list(staging.committed("night", "extract", NIGHT.start, NIGHT.end)) == ["florida", "texas"]


def test_what_a_step_behind_has_not_passed_is_not_combined(staging: Staging, stage: Callable[..., dict[str, Any]]) -> None:
    """The check of a late branch may still refuse its rows: what an earlier run staged is combined in their place, and catch-up may take them."""
    stage("florida", "florida-0")
    returned = {f"{name}.extract": stage(name, f"{name}-1") for name in ("texas", "florida")}
    barrier = barrier_of(SHAPES["a check"], early=True)
    with barrier.dag:
        TransformOperator(task_id="combine", sql="SELECT 1", parts=barrier.output, held=barrier.output)
    left = decided(barrier, ENDED, returned)
    assert [branch["state"] for branch in left[RECORD_KEY]["branches"]] == ["arrived", "late"]
    assert [manifest["attempt"] for manifest in left[HELD_KEY]] == ["florida-0"]
    newest = staging.committed("night", "extract", NIGHT.start, NIGHT.end)["florida"]
    assert newest.attempt == "florida-1"
