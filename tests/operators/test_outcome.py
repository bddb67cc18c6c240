"""What the last task of a night leaves where too little arrived, and the warehouse may be away, too."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseNotifier
from operators.by_hand import context
from records import FLORIDA, NIGHT, TEXAS, record

from tidegate import AlertRoute, BarrierOperator, LoadOperator, OutcomeOperator
from tidegate.data.engines import reading
from tidegate.data.gaps import read_gaps
from tidegate.errors import NightFailed, Unreachable
from tidegate.operators.barrier import RECORD_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate.resilience.verdict import Verdict

ENDED = {"arrived": "failed", "load": "upstream_failed"}
SHORT = record(TEXAS, FLORIDA, met=False)
NOT_TOLD = "Not recorded in the ledger behind warehouse, so nothing catches it up: clear outcome once that answers."


class Told(BaseNotifier):
    """Keeps what it is told."""

    verdicts: tuple[Verdict, ...] = ()

    def notify(self, context: Any) -> None:
        """Keep it."""
        self.verdicts = (*self.verdicts, context["tidegate"])


@pytest.fixture
def told() -> Told:
    """Somebody who is told of every night."""
    return Told()


@pytest.fixture
def judge(told: Told) -> Callable[..., dict[str, Any]]:
    """Let the outcome of a short night work; what it leaves."""
    with DAG("sales", schedule=None):
        barrier = BarrierOperator(task_id="arrived", branches={"texas": "texas", "florida": "florida"})
        load = LoadOperator(task_id="load", warehouse_conn_id="warehouse", table="sales", replace=["day"])
        outcome = OutcomeOperator(task_id="outcome", alerts=[AlertRoute(on=["failed"], notifier=told)], retries=2, owner="analytics")
        [EmptyOperator(task_id=name) for name in ("texas", "florida")] >> barrier >> load >> outcome

    def work(tried: int) -> dict[str, Any]:
        left: dict[str, Any] = {}
        given = context(outcome, conf={"interval_start": NIGHT.start.isoformat(), "interval_end": NIGHT.end.isoformat()})
        ti = given["ti"]
        ti.try_number, ti.max_tries = tried, 2
        ti.get_task_breadcrumbs = lambda *_: [{"task_id": name, "state": state, "map_index": -1} for name, state in ENDED.items()]
        ti.xcom_push = lambda key, value: left.update({key: value})
        ti.xcom_pull = lambda task_ids, key, **_: SHORT.as_dict() if (task_ids, key) == ("arrived", RECORD_KEY) else None
        with pytest.raises(NightFailed):
            outcome.execute(given)
        return left

    return work


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the warehouse away: nobody listens at its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": port, "schema": "sales"})
    )


@pytest.mark.usefixtures("away")
def test_a_missed_night_whose_warehouse_is_away_is_tried_again_before_it_is_told(judge: Callable[..., Any], told: Told) -> None:
    """Its gaps must be written; nobody is told of it twice."""
    for tried in (1, 2):
        with pytest.raises(Unreachable):
            judge(tried)
    assert told.verdicts == ()


@pytest.mark.usefixtures("away")
def test_the_last_try_says_that_nothing_will_catch_the_night_up(
    judge: Callable[..., Any], told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the verdict, the alert and the record; clearing the task writes the gaps once the warehouse is back."""
    left = judge(3)
    (verdict,) = told.verdicts
    assert (verdict.word, verdict.unrecorded) == ("failed", ("warehouse",))
    assert verdict.sentence == left["note"] == f"{SHORT.sentence} {NOT_TOLD}"
    assert NOT_TOLD in verdict.digest
    assert left[RECORD_KEY]["unrecorded"] == ["warehouse"]

    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}))
    assert judge(4)[RECORD_KEY]["unrecorded"] == []
    with reading(sa.URL.create("sqlite", database=str(tmp_path / "warehouse.db"))) as connection:
        assert [(gap.branch, gap.owner) for gap in read_gaps(connection, "sales")] == [("florida", "analytics"), ("texas", "analytics")]


@pytest.mark.usefixtures("away")
def test_what_no_try_mends_is_told_at_once(judge: Callable[..., Any], told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no such connection: the first try tells it, for it is the only one."""
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE")
    judge(1)
    assert [verdict.unrecorded for verdict in told.verdicts] == [("warehouse",)]


def test_a_night_without_a_barrier_says_that_a_later_one_has_overtaken_it(told: Told) -> None:
    """The load knows it, and no record does."""
    with DAG("sales", schedule=None):
        load = LoadOperator(task_id="load", warehouse_conn_id="warehouse", table="sales", mode="swap")
        outcome = OutcomeOperator(task_id="outcome", alerts=[AlertRoute(on=["complete", "partial", "failed"], notifier=told)])
        load >> outcome
    done: dict[str, Any] = {"rows": 0, "branches": [], "superseded": ["all"], "overtaken_by": "2017-12-24"}
    given = context(outcome, conf={"interval_start": NIGHT.start.isoformat(), "interval_end": NIGHT.end.isoformat()})
    given["ti"].get_task_breadcrumbs = lambda *_: [{"task_id": "load", "state": "success", "map_index": -1}]
    given["ti"].xcom_pull = lambda task_ids, key="return_value", **_: done if (task_ids, key) == ("load", "return_value") else None
    sentence = "night for 2017-12-23 was not loaded: the table already holds 2017-12-24, which is newer."
    assert outcome.execute(given) == {"verdict": "overtaken", "sentence": sentence}
    del done["overtaken_by"]
    assert outcome.execute(given)["verdict"] == "complete"
    assert [verdict.word for verdict in told.verdicts] == ["complete"]
