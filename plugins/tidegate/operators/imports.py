"""What an import path names. Light, since DAG files are parsed with it."""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType
from typing import Any

from tidegate.errors import ImportRefused


@cache
def imported(path: str) -> Any:
    """What a path names: ``package.module.Name``, or ``package.module:Name.attribute``.

    It must be of the same top-level package as its path: a module holds all that it imports, and ``airflow.some_module.Popen`` is none of Airflow's.

    :raises ImportRefused: it leads nowhere, or to what another package defines.
    """
    module_name, _, names = path.partition(":") if ":" in path else path.rpartition(".")
    try:
        found: Any = importlib.import_module(module_name)
        for name in names.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ImportRefused(f"{path} cannot be imported: {error}.", hint="Is its provider installed, and the name right?") from None
    check_home(path, found)
    return found


def check_home(path: str, found: Any) -> None:
    """See that a thing is of the top-level package of the path that led to it.

    :raises ImportRefused: it is another package's.
    """
    home = found.__name__ if isinstance(found, ModuleType) else getattr(found, "__module__", None)
    if isinstance(home, str) and _package(home) != _package(path):
        raise ImportRefused(f"{path} leads to what {home} defines.", hint="Name it where it is defined, if that is allowed.")


def _package(path: str) -> str:
    """The top-level package, without the underscore that C's half of a module has, such as ``_decimal``."""
    return path.replace(":", ".").partition(".")[0].lstrip("_")
