"""From what a plan says to Airflow's objects: import paths become things, calls are called."""

from __future__ import annotations

from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from tidegate.errors import ImportRefused
from tidegate.factory.functions import Late
from tidegate.operators.imports import check_home, imported
from tidegate.plan.calls import Call, Imported, Included, Output, Zipped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Resolver:
    """Makes the objects of one DAG.

    :param include: The folder that ``module:function`` is looked for in.
    :param tasks: Task id → what :class:`Output` refers to; filled while the DAG is built.
    """

    def __init__(self, include: Path, tasks: Mapping[str, Any]) -> None:
        self.include = include
        self.tasks = tasks

    def arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument resolved."""
        return {name: value if type(value) in _PLAIN else self.value(value) for name, value in arguments.items()}

    def value(self, value: Any) -> Any:  # noqa: PLR0911  a table of types
        """A value of a plan as what Airflow takes."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is dict:
            return {key: self.value(item) for key, item in value.items()}
        if kind is list:
            return [self.value(item) for item in value]
        if kind is tuple:
            return tuple(self.value(item) for item in value)
        match value:
            case Call():
                return self.call(value)
            case Imported(path):
                return imported(path)
            case Included(reference):
                return Late(reference, self.include)
            case Output(task_id, key):
                output = self.tasks[task_id].output
                return output if key is None else output[key]
            case Zipped(arguments):
                from tidegate.operators.zipped import zipped

                return zipped(**self.arguments(arguments))
        return value

    def call(self, call: Call) -> Any:
        """The object that a call makes.

        :raises ImportRefused: its path leads nowhere, or it does not take the arguments.
        """
        make = imported(call.path)
        try:
            made = make(*(self.value(item) for item in call.positional), **self.arguments(call.arguments))
        except (TypeError, ValueError) as error:
            raise ImportRefused(f"{call.path} does not take these settings: {error}.", hint="Compare 'with' to its arguments.") from error
        if isinstance(made, _CODE) and call.path.startswith("airflow."):  # what a project allows of its own may wrap what it likes
            check_home(call.path, made)  # a function of Airflow's that imports is told what to import
        return made


_CODE = (type, FunctionType, BuiltinFunctionType, ModuleType)
_PLAIN = frozenset({str, int, float, bool, type(None)})
