"""Lists and results side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from operators.by_hand import context

from tidegate.errors import DataRefused
from tidegate.operators.zipped import zipped

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture
def tasks() -> dict[str, Any]:
    """Two tasks that return something."""
    with DAG("night", schedule=None):
        return {name: EmptyOperator(task_id=name) for name in ("days", "sizes")}


def rows(value: Any, tasks: Mapping[str, Any], **returned: Any) -> list[Any]:
    """What the mapped tasks get."""
    found = value.resolve(context(tasks["days"], returned=returned))
    return [found[index] for index in range(len(found))]


def test_lists_alone_are_rows_at_once() -> None:
    """While the DAG is built."""
    assert zipped(a=[1, 2], b=["x", "y"]) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_lists_of_different_lengths_are_refused_at_once() -> None:
    """No value is dropped in silence."""
    with pytest.raises(ValueError, match=r"longer|shorter"):
        zipped(a=[1, 2], b=[1])


def test_a_list_and_a_result_are_rows_at_run_time(tasks: dict[str, Any]) -> None:
    """Named as they were given."""
    value = zipped(size=[7, 8], day=tasks["days"].output)
    assert rows(value, tasks, days=["mon", "tue"]) == [{"day": "mon", "size": 7}, {"day": "tue", "size": 8}]


def test_several_results_are_as_long_as_the_shortest(tasks: dict[str, Any]) -> None:
    """As Airflow's own zip has it, by which its scheduler counts the tasks."""
    value = zipped(day=tasks["days"].output, size=tasks["sizes"].output)
    assert rows(value, tasks, days=["mon", "tue", "wed"], sizes=[1, 2]) == [{"day": "mon", "size": 1}, {"day": "tue", "size": 2}]


def test_a_list_that_does_not_fit_the_result_is_told(tasks: dict[str, Any]) -> None:
    """Its length is known before, the result's only at run time."""
    value = zipped(size=[7, 8, 9], day=tasks["days"].output)
    with pytest.raises(DataRefused, match="'size' lists 3 values for 'zip', but 2 were returned"):
        rows(value, tasks, days=["mon", "tue"])


def test_the_scheduler_sees_airflows_own_zip() -> None:
    """It reads the DAG without this package's class, and waits for the tasks whose results are in it."""
    with DAG("night", schedule=None) as dag:
        days = EmptyOperator(task_id="days")
        BashOperator.partial(task_id="mapped").expand_kwargs(zipped(bash_command=days.output, cwd=["/tmp", "/"]))  # noqa: S108
    read = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("mapped")
    assert type(read._get_specified_expand_input().value).__module__.startswith("airflow.")
    assert read.upstream_task_ids == {"days"}
