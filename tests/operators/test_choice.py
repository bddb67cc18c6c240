"""A choice lets some go on, and says so when it cannot."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk.exceptions import DownstreamTasksSkipped
from operators.by_hand import context, placed

from tidegate import ChoiceOperator
from tidegate.errors import ConditionUnclear
from tidegate.operators.base import FAILURE_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASES = [{"if": "{{ params.rows > 100 }}", "then": ["large", "told"]}, {"if": "{{ params.rows > 0 }}", "then": ["small"]}]


@pytest.fixture
def include(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module that chooses; the module is forgotten afterwards."""
    (tmp_path / "chosen.py").write_text("def ways(params):\n    return params['ways']\n")
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("chosen", None)


@pytest.mark.parametrize(("rows", "ways"), [(500, ["large", "told"]), (5, ["small"]), (0, ["none"])])
def test_the_first_true_case_is_taken_else_the_rest(tmp_path: Path, rows: int, ways: list[str]) -> None:
    """Never two cases."""
    task = placed(ChoiceOperator, tmp_path, cases=CASES, otherwise=["none"])
    assert task.choose_branch(context(task, rows=rows)) == ways


def test_what_is_not_chosen_is_skipped_and_that_is_no_failure(tmp_path: Path) -> None:
    """Airflow is told by an exception; nothing is left for a join to take for a reason."""
    task = placed(ChoiceOperator, tmp_path, cases=CASES, otherwise=["none"])
    task >> [EmptyOperator(task_id=name, dag=task.dag) for name in ("large", "told", "small", "none")]
    given, left = context(task, rows=5), []
    given["ti"].task, given["ti"].map_index = task, -1
    given["ti"].xcom_push = lambda key, value: left.append((key, value))
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        task.execute(given)
    assert sorted(skipped.value.tasks) == [("large", -1), ("none", -1), ("told", -1)]
    assert FAILURE_KEY not in dict(left)


def test_a_failure_is_told_as_that_of_any_kind(tmp_path: Path) -> None:
    """In the words that a barrier and the outcome show."""
    task = placed(ChoiceOperator, tmp_path, cases=[{"if": "{{ params.word }}", "then": ["a"]}])
    given, left = context(task, word="tide"), []
    given["ti"].xcom_push = lambda key, value: left.append((key, value))
    with pytest.raises(ConditionUnclear):
        task.execute(given)
    assert [(key, value["error"]) for key, value in left] == [(FAILURE_KEY, "ConditionUnclear")]


def test_without_else_nothing_goes_on(tmp_path: Path) -> None:
    """All that stands behind is skipped."""
    task = placed(ChoiceOperator, tmp_path, cases=CASES)
    assert task.choose_branch(context(task, rows=0)) == []


def test_a_case_that_is_neither_true_nor_false_fails(tmp_path: Path) -> None:
    """The next one is not tried."""
    task = placed(ChoiceOperator, tmp_path, cases=[{"if": "{{ params.word }}", "then": ["a"]}, {"if": "{{ 1 }}", "then": ["b"]}])
    with pytest.raises(ConditionUnclear, match="'tide'"):
        task.choose_branch(context(task, word="tide"))


@pytest.mark.parametrize(
    ("answer", "ways"),
    [
        ("north", ["north"]),
        (["north", "regions"], ["north", "regions.a", "regions.b"]),
        (("regions",), ["regions.a", "regions.b"]),
        (None, []),
    ],
)
def test_a_function_names_steps_and_the_tasks_in_which_they_begin_go_on(include: Path, answer: Any, ways: list[str]) -> None:
    """A repeated step is several tasks."""
    names = {"north": ["north"], "regions": ["regions.a", "regions.b"]}
    task = placed(ChoiceOperator, include, python="chosen:ways", names=names)
    assert task.choose_branch(context(task, ways=answer)) == ways


def test_a_name_that_is_no_step_behind_it_is_told(include: Path) -> None:
    """Airflow itself would skip everything without a word."""
    task = placed(ChoiceOperator, include, python="chosen:ways", names={"north": ["north"]})
    with pytest.raises(ConditionUnclear, match=r"chose 'nort', which is no step behind asked\. Did you mean 'north'\?"):
        task.choose_branch(context(task, ways="nort"))
