"""Chooses among the steps behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.branch import BranchMixIn

from tidegate.errors import ConditionUnclear
from tidegate.model.findings import did_you_mean
from tidegate.operators.base import TidegateOperator
from tidegate.operators.surroundings import include_function, include_of
from tidegate.operators.when import asked, called

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from tidegate.operators.night import Night


class ChoiceOperator(TidegateOperator, BranchMixIn):
    """Lets some of the tasks right behind it go on, and skips the others. Runs in a worker.

    :param cases: Mappings of ``if``, a condition, to ``then``, task ids; the first that is true is taken.
    :param otherwise: Task ids for when none is true.
    :param python: ``module:function`` under include/ in place of cases; it returns one of ``names``, or several, or None for none of them.
    :param names: Name → task ids, for what the function returns.
    :raises ConditionUnclear: a condition is neither true nor false, or the function names nothing that it could choose; not retried.
    """

    inherits_from_skipmixin = True
    ui_color = "#f2e8d0"

    def __init__(
        self,
        *,
        cases: Sequence[Mapping[str, Any]] = (),
        otherwise: Sequence[str] = (),
        python: str | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cases = cases
        self.otherwise = otherwise
        self.python = python
        self.names = names

    def work(self, night: Night) -> Any:
        """Skip what is not chosen; returns the ids of the tasks that go on."""
        return self.do_branch(night.context, self.choose_branch(night.context))

    def choose_branch(self, context: Context) -> list[str]:
        """The ids of the tasks that go on."""
        if self.python is not None:
            return self._named(called(include_function(self.python, include_of(self)), context))
        for case in self.cases:
            if asked(case["if"], self, context):
                return list(case["then"])
        return list(self.otherwise)

    def _named(self, answer: Any) -> list[str]:
        names = self.names or {}
        chosen = [] if answer is None else [answer] if isinstance(answer, str) else list(answer)
        for name in chosen:
            if name not in names:
                hint = did_you_mean(str(name), names)
                raise ConditionUnclear(f"{self.python} chose {name!r}, which is no step behind {self.task_id}.", hint=hint)
        return [task_id for name in chosen for task_id in names[name]]
