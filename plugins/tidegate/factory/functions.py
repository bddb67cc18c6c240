"""Functions under ``include/`` as Airflow takes them: their modules are imported when they are called, not while DAG files are parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Signature
    from pathlib import Path

    from tidegate.model.functions import Function


class Late:
    """A function that imports ``module:function`` when it is called, and calls it. Whoever asks for its parameters gets those of the function itself."""

    def __init__(self, reference: str, include: Path) -> None:
        self._reference = reference
        self._include = include
        self.__module__, _, self.__name__ = reference.partition(":")
        self.__qualname__ = self.__name__

    def __repr__(self) -> str:
        return f"<function {self._reference}>"

    @property
    def __signature__(self) -> Signature:
        """What :mod:`inspect` finds, and so Airflow, which hands a function those values of the context that it names."""
        from tidegate.model.functions import Functions
        from tidegate.model.project import Project

        return Functions(Project(self._include)).find(self._reference).signature

    @property
    def __wrapped__(self) -> Callable[..., Any]:
        """Source for :mod:`inspect`: Airflow stores that of a partial's function, and takes no object without any."""
        return Late.__call__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns."""
        from tidegate.operators.surroundings import include_function

        return include_function(self._reference, self._include)(*args, **kwargs)


def late_with_signature(function: Function, include: Path) -> Callable[..., Any]:
    """The same as a plain function with the parameters and the docstring of the function itself, as ``@task`` wants them."""
    late = Late(function.reference, include)

    def plain(*args: Any, **kwargs: Any) -> Any:
        return late(*args, **kwargs)

    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        return await late(*args, **kwargs)

    call: Any = asynchronous if function.asynchronous else plain  # Airflow asks which of the two it is
    call.__module__, call.__name__, call.__qualname__ = late.__module__, late.__name__, late.__qualname__
    call.__signature__ = function.signature  # inspect looks there
    call.__doc__ = function.doc
    call.__annotations__ = {"return": dict} if function.returns.partition("[")[0] in _MAPPINGS else {}
    return call  # type: ignore[no-any-return]


_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "typing.Dict", "typing.Mapping"})
