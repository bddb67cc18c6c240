"""Conditions: whether a step runs at all."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from tidegate.errors import ConditionUnclear
from tidegate.operators.surroundings import include_function, include_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0", "none", "null", ""})


def truth(value: Any, told: str) -> bool:
    """Whether a rendered condition is true.

    :param told: The condition as it was written, for the error.
    :raises ConditionUnclear: it is neither; an empty text, ``none`` and the like are false.
    """
    if not isinstance(value, str):
        return bool(value)
    word = value.strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise ConditionUnclear(f"{told} rendered to {value!r}, which is neither true nor false.", hint="Compare it, as in {{ x == 'y' }}.")


def asked(condition: Any, task: Any, context: Context) -> bool:
    """The truth of a condition in a run: true or false, a template, or ``module:function`` of the context under include/."""
    if not isinstance(condition, str):
        return bool(condition)
    if "{{" in condition or "{%" in condition:
        return truth(task.render_template(condition, context), condition)
    return truth(called(include_function(condition, include_of(task)), context), condition)


def called(function: Callable[..., Any], context: Context) -> Any:
    """What a function returns, given those values of the context that its parameters name, or all of them for ``**kwargs``."""
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return function(**context)
    if list(parameters) == ["context"]:
        return function(context)
    known = dict(context)
    return function(**{name: known[name] for name in parameters if name in known})


def in_worker(context: Context) -> None:
    """Has Airflow run an empty operator in a worker, as an ``on_execute_callback``: without one its scheduler marks it done, and asks no condition."""


class When:
    """Skips a task unless its condition is true. Called in the worker, right before the task executes.

    :param condition: True, false, a template, or ``module:function`` under include/.
    :param then: What else is to be called before the task executes.
    """

    def __init__(self, condition: bool | str, *, then: Callable[[Context], Any] | None = None) -> None:  # noqa: FBT001
        self.condition = condition
        self.then = then

    def __call__(self, context: Context) -> None:
        """Airflow's ``pre_execute`` hook."""
        if not asked(self.condition, context["task"], context):
            raise AirflowSkipException(f"Not now: {self.condition}")
        if self.then is not None:
            self.then(context)
