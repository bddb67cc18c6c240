"""Retries that know what a retry can mend."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, RetryAction, RetryDecision
from airflow.sdk.exceptions import AirflowTaskTimeout
from operators.by_hand import context, placed

from tidegate import ExtractOperator, JitteredRetryPolicy
from tidegate.errors import AuthRefused, DataRefused, TidegateError, TimedOut, Unreachable
from tidegate.operators.base import FAILURE_KEY

if TYPE_CHECKING:
    from pathlib import Path


def decided(
    policy: JitteredRetryPolicy, error: BaseException, *, tries: int = 1, most: int = 5, retries: int | None = None
) -> RetryDecision:
    """What becomes of a try, in a task with so many retries."""
    context: Any = {"ti": SimpleNamespace(task=SimpleNamespace(retries=most if retries is None else retries))}
    return policy.evaluate(error, tries, most, context)


@pytest.mark.parametrize(
    ("error", "action", "reason"),
    [
        (AuthRefused("no"), RetryAction.FAIL, "auth: a retry would end the same way (AuthRefused)"),
        (DataRefused("no column"), RetryAction.FAIL, "bad_data: a retry would end the same way (DataRefused)"),
        (Unreachable("gone"), RetryAction.RETRY, "unreachable (Unreachable): trying again in 30 s"),
        (AirflowTaskTimeout("45m"), RetryAction.RETRY, "timeout (AirflowTaskTimeout): trying again in 30 s"),
    ],
)
def test_what_a_retry_cannot_mend_fails_at_once(error: BaseException, action: RetryAction, reason: str) -> None:
    """Whatever number of retries is left; the log says why."""
    found = decided(JitteredRetryPolicy(jitter="none"), error)
    assert (found.action, found.reason) == (action, reason)


@pytest.mark.parametrize(
    ("most", "tries", "reason"),
    [(2, 3, "unreachable (Unreachable): 2 retries did not help"), (0, 1, "unreachable (Unreachable): the task has no retries")],
)
def test_when_no_retry_is_left_the_reason_says_so(most: int, tries: int, reason: str) -> None:
    """Airflow ends the task as it does without a policy."""
    found = decided(JitteredRetryPolicy(), Unreachable("gone"), tries=tries, most=most)
    assert (found.action, found.reason) == (RetryAction.DEFAULT, reason)


@pytest.mark.parametrize("on", [None, ["timeout", "unreachable"], {"unreachable": 5, "timeout": 1}])
def test_a_policy_survives_serialization(on: Any) -> None:
    """Plain JSON types, the same each time, and back."""
    policy = JitteredRetryPolicy(delay=timedelta(seconds=3), max_delay=timedelta(minutes=1), jitter="none", on=on)
    again = JitteredRetryPolicy.deserialize(json.loads(json.dumps(policy.serialize())))
    assert json.dumps(again.serialize()) == json.dumps(policy.serialize())
    assert again.retried == policy.retried
    assert policy.evaluate(Unreachable("gone"), 2, 5).retry_delay == timedelta(seconds=6)


def test_a_policy_has_its_own_classes() -> None:
    """A word of the list, or a number of retries of the mapping; what is not named is not retried."""
    listed, numbered = JitteredRetryPolicy(on=["bad_data"]), JitteredRetryPolicy(on={"unreachable": 3, "timeout": 1})
    assert decided(listed, DataRefused("not yet")).action is RetryAction.RETRY
    assert decided(listed, Unreachable("gone")).action is RetryAction.FAIL
    assert [decided(numbered, TimedOut("slow"), tries=tries).action for tries in (1, 2)] == [RetryAction.RETRY, RetryAction.FAIL]
    assert decided(numbered, TimedOut("slow"), tries=2).reason == "timeout: 1 retry at most (TimedOut)"
    assert [decided(numbered, Unreachable("gone"), tries=tries).action for tries in (3, 4)] == [RetryAction.RETRY, RetryAction.FAIL]


def test_a_cleared_task_begins_its_count_again() -> None:
    """Airflow's number of the try goes on, and with it the greatest that it allows: waits are short again, numbers of retries are whole."""
    policy = JitteredRetryPolicy(jitter="none", delay=timedelta(seconds=3), on={"timeout": 1})
    first = decided(policy, TimedOut("slow"), tries=4, most=5, retries=2)  # it was cleared after its third try
    assert (first.action, first.retry_delay) == (RetryAction.RETRY, timedelta(seconds=3))
    assert decided(policy, TimedOut("slow"), tries=5, most=5, retries=2).action is RetryAction.FAIL


def test_a_failed_try_leaves_its_class(tmp_path: Path) -> None:
    """Beside the reason, where joins and alerts find it."""
    left: list[dict[str, Any]] = []
    task = placed(ExtractOperator, tmp_path, source_conn_id="nobody_knows_it", query="SELECT 1")
    around = context(task, conf={"interval_start": "2026-03-02T00:00:00+00:00", "interval_end": "2026-03-03T00:00:00+00:00"})
    around["ti"].xcom_push = lambda **words: left.append(words)
    with pytest.raises(TidegateError):
        task.execute(around)
    assert [(words["key"], words["value"]["class"], words["value"]["error"]) for words in left] == [
        (FAILURE_KEY, "bug", "ConnectionUnknown")
    ]


def test_default_args_hold_for_an_operator_written_by_hand() -> None:
    """Its waits grow from the DAG's delay, or follow the DAG's own policy."""
    own = JitteredRetryPolicy(jitter="none")
    with DAG("slow", schedule=None, default_args={"retry_delay": timedelta(minutes=9)}):
        slow = ExtractOperator(task_id="a", source_conn_id="x", query="SELECT 1")
    with DAG("own", schedule=None, default_args={"retry_policy": own}):
        obeying = ExtractOperator(task_id="a", source_conn_id="x", query="SELECT 1")
    assert isinstance(slow.retry_policy, JitteredRetryPolicy)
    assert slow.retry_policy.delay == slow.retry_delay == timedelta(minutes=9)
    assert obeying.retry_policy is own
