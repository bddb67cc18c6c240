"""Conditions are true, false, or refused; nothing in between."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk.exceptions import AirflowSkipException
from operators.by_hand import context, placed

from tidegate import When
from tidegate.errors import ConditionUnclear, ErrorClass, ImportRefused
from tidegate.operators.when import called

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def include(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module of conditions; the module is forgotten afterwards."""
    (tmp_path / "conditions.py").write_text(
        "def is_full(params):\n    return params['full']\n"
        "def everything(**context):\n    return context['run_id'] == 'run-1'\n"
        "def whole(context):\n    return len(context) > 3\n"
        "def unclear():\n    return 'perhaps'\n"
    )
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path
    sys.modules.pop("conditions", None)


def goes_on(condition: Any, include: Path, **params: Any) -> bool:
    """Whether a task with this condition executes."""
    task = placed(EmptyOperator, include)
    try:
        When(condition)(context(task, **params))
    except AirflowSkipException:
        return False
    return True


@pytest.mark.parametrize(
    ("condition", "goes"),
    [
        (True, True),
        (False, False),
        ("{{ params.full }}", True),
        ("{{ not params.full }}", False),
        ("{{ params.word == 'tide' }}", True),
        ("{% if params.full %}yes{% else %}no{% endif %}", True),
        ("{{ none }}", False),
        ("{{ '' }}", False),
        ("{{ ' ON ' }}", True),
        ("{{ 0 }}", False),
    ],
)
def test_a_template_says_true_or_false(tmp_path: Path, condition: Any, goes: bool) -> None:
    """As people and YAML write it."""
    assert goes_on(condition, tmp_path, full=True, word="tide") is goes


@pytest.mark.parametrize("text", ["{{ params.word }}", "{{ 2 }}", "{{ [] }}"])
def test_anything_else_is_refused_and_not_guessed(tmp_path: Path, text: str) -> None:
    """Most texts are true in Python; none of these says so."""
    with pytest.raises(ConditionUnclear, match=r"rendered to .*, which is neither true nor false") as told:
        goes_on(text, tmp_path, word="tide")
    assert told.value.error_class is ErrorClass.BUG


@pytest.mark.parametrize(("name", "goes"), [("is_full", True), ("everything", True), ("whole", True)])
def test_a_function_is_given_what_it_names(include: Path, name: str, goes: bool) -> None:
    """Some values of the context, all of them, or the context itself."""
    assert goes_on(f"conditions:{name}", include, full=True) is goes


def test_a_function_must_be_clear_and_there(include: Path) -> None:
    """It is judged like a template; a misspelt one is told with the nearest."""
    assert not goes_on("conditions:is_full", include, full=False)
    with pytest.raises(ConditionUnclear, match="'perhaps'"):
        goes_on("conditions:unclear", include)
    with pytest.raises(ImportRefused, match=r"Did you mean 'is_full'"):
        goes_on("conditions:is_ful", include)


def test_what_else_comes_before_a_task_comes_only_if_it_goes_on(tmp_path: Path) -> None:
    """The step's own ``pre_execute`` is not lost behind its condition."""
    seen: list[str] = []
    task = placed(EmptyOperator, tmp_path)
    When(condition=True, then=lambda context: seen.append(context["run_id"]))(context(task))
    with pytest.raises(AirflowSkipException):
        When(condition=False, then=lambda _: seen.append("never"))(context(task))
    assert seen == ["run-1"]


def test_a_parameter_that_no_context_has_keeps_its_default(tmp_path: Path) -> None:
    """And only names that are there are handed over."""
    task = placed(EmptyOperator, tmp_path)
    assert called(lambda run_id, other=7: (run_id, other), context(task)) == ("run-1", 7)
