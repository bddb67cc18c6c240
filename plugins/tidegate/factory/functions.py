"""Functions under ``include/`` as Airflow takes them: their modules are imported when they are called, not while DAG files are parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate.model.functions import Function


def late(reference: str, include: Path) -> Callable[..., Any]:
    """A function that imports ``module:function`` when it is called, and calls it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        from tidegate.operators.surroundings import include_function

        return include_function(reference, include)(*args, **kwargs)

    module, _, call.__name__ = reference.partition(":")
    call.__module__, call.__qualname__ = module, call.__name__
    return call


def late_with_signature(function: Function, include: Path) -> Callable[..., Any]:
    """The same, with the parameters and the docstring of the function itself, as ``@task`` wants them."""
    call = late(function.reference, include)
    vars(call)["__signature__"] = function.signature  # inspect looks there
    call.__doc__ = function.doc
    call.__annotations__ = {"return": dict} if function.returns.partition("[")[0] in _MAPPINGS else {}
    return call


_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "typing.Dict", "typing.Mapping"})
