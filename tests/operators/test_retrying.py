"""Retries that know what a retry can mend."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import DAG, RetryAction

from tidegate import ExtractOperator, JitteredRetryPolicy
from tidegate.errors import DataRefused, Unreachable


@pytest.mark.parametrize(("error", "action"), [(DataRefused("no column"), RetryAction.FAIL), (Unreachable("gone"), RetryAction.RETRY)])
def test_what_a_retry_cannot_mend_fails_at_once(error: Exception, action: RetryAction) -> None:
    """Whatever number of retries is left."""
    assert JitteredRetryPolicy().evaluate(error, 1, 5).action is action


def test_a_policy_survives_serialization() -> None:
    """Plain JSON types, and back."""
    policy = JitteredRetryPolicy(delay=timedelta(seconds=3), max_delay=timedelta(minutes=1), jitter="none")
    assert JitteredRetryPolicy.deserialize(policy.serialize()).serialize() == policy.serialize()
    assert policy.evaluate(Unreachable("gone"), 2, 5).retry_delay == timedelta(seconds=6)


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
