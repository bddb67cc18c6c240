"""The operators and sensors that are installed here, with the arguments that each takes. Importing them imports Airflow."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from tidegate.cli.reference.words import Docstring, markdown
from tidegate.cli.writing import for_people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_GROUP = "apache_airflow_provider"
_OF_ANY_CALL = {"self", "args", "kwargs"}


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator as an editor shows it."""

    path: str
    """Its import path."""
    meaning: str
    """The first paragraph of its docstring, in Markdown."""
    arguments: Mapping[str, str] = field(default_factory=dict)
    """Argument → what its docstring says of it; without those that every operator has."""


@dataclass(slots=True)
class Installed:
    """What was found here, and what could not be imported."""

    operators: list[Operator] = field(default_factory=list)
    """Sorted by path."""
    failed: dict[str, str] = field(default_factory=dict)
    """Module → why its import failed, such as a package that is an extra of the provider's."""


def installed(allows: Callable[[str], bool]) -> Installed:
    """Every operator and sensor of every provider that is installed and may be named.

    :param allows: Whether a pipeline may name an import path.
    """
    found = Installed()
    with warnings.catch_warnings(), for_people():
        warnings.simplefilter("ignore")  # a provider's deprecations are not about what somebody asks here
        for module in sorted({module for info in _providers() for module in modules_of(info) if allows(f"{module}.")}):
            try:
                found.operators += _operators_in(module)
            except Exception as error:  # noqa: BLE001  a provider may fail in any way, and the others are worth having
                found.failed[module] = f"{type(error).__name__}: {error}"
    found.operators.sort(key=lambda operator: operator.path)
    return found


def _providers() -> Iterator[Mapping[str, Any]]:
    for point in entry_points(group=_GROUP):
        try:
            yield point.load()()
        except Exception:  # noqa: BLE001, S112  a broken provider is Airflow's to tell of
            continue


def modules_of(info: Mapping[str, Any]) -> Iterator[str]:
    """Modules that hold operators, by a provider's own word."""
    for section in ("operators", "sensors"):
        for entry in info.get(section, ()):
            yield from entry["python-modules"]
    for entry in info.get("transfers", ()):
        yield entry["python-module"]


def _operators_in(module: str) -> list[Operator]:
    from airflow.sdk import BaseOperator

    return [
        described(found, BaseOperator)
        for name, found in vars(import_module(module)).items()
        if isinstance(found, type) and issubclass(found, BaseOperator) and found.__module__ == module and not name.startswith(("_", "Base"))
    ]


def described(operator: type, base: type) -> Operator:
    """An operator's own arguments and those of the classes between it and the base of all operators."""
    common = set(_parameters(base))
    arguments: dict[str, str] = {}
    for owner in operator.__mro__[: operator.__mro__.index(base)]:
        told = Docstring.of(owner).parameters
        for name, parameter in _parameters(owner).items():
            if name not in common | _OF_ANY_CALL and not name.startswith("_") and not arguments.get(name):
                arguments[name] = _meaning(told.get(name, ""), parameter.default)
    return Operator(f"{operator.__module__}.{operator.__qualname__}", markdown(_opening(operator)), arguments)


def _parameters(owner: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(owner.__init__).parameters


def _opening(operator: type) -> str:
    return inspect.cleandoc(operator.__doc__ or "").partition("\n\n")[0]


def _meaning(text: str, default: Any) -> str:
    told = markdown(text.partition("\n\n")[0])
    shown = isinstance(default, bool | int | float | str) and default != ""
    return f"{told} Default: `{default}`.".strip() if shown and "efault" not in told else told
