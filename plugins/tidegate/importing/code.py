"""Names of code: operators under the names that they have today, and functions as ``module:function`` under include/.

Nothing is imported; a name is only rewritten.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tidegate.model import moved_names

if TYPE_CHECKING:
    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value

_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def class_name(path: str) -> str:
    """The last part of an import path."""
    return path.rpartition(".")[2]


def imported(value: Value, desk: Desk) -> str | None:
    """The import path that a text gives, under today's name; None, and told of, where it is none."""
    path = moved_names.today(value.text or "")
    if not _PATH.fullmatch(path):
        desk.lost(value, f"{value.plain!r} is no import path", "Give the path of a class or function, such as acme.alerts.page.")
        return None
    if path.startswith(moved_names.GONE):
        desk.lost(value, f"Airflow 3 has no {path}", "Give the path that it has in its provider, airflow.providers.….")
        return path
    return desk.may_import(path, value)


def included(value: Value, desk: Desk) -> str | None:
    """``module:function`` for a function that dag-factory imports by its path; None, and told of, where the text is no path."""
    path = (value.text or "").strip().removeprefix("include.")
    if not _PATH.fullmatch(path):
        hint = "Put the function into a module under include/ and write module:function."
        desk.lost(value, f"{value.plain!r} names no function of a module", hint)
        return None
    module, _, name = path.rpartition(".")
    _place(module, f"the module {module}", value, desk)
    return f"{module}:{name}"


def function(value: Value, desk: Desk) -> str | None:
    """A function by its path: ``module:function`` where its module lies under include/ or around the importing file, else the path as it is."""
    path = value.text or ""
    if path.startswith("include.") or _is_around(path.rpartition(".")[0], desk):
        return included(value, desk)
    return imported(value, desk)


def _is_around(module: str, desk: Desk) -> bool:
    """Whether a module is one of the project's own: a file of its name stands in a folder above the importing file. It is not opened."""
    parts = module.split(".")
    if not all(parts):
        return False
    folders = [folder.joinpath(*parts) for folder in desk.file.resolve().parents]
    return any(place.with_suffix(".py").is_file() or (place / "__init__.py").is_file() for place in folders)


def in_file(stem: str, config: dict[str, Value], desk: Desk) -> str | None:
    """``module:function`` for the function that ``<stem>_name`` and ``<stem>_file`` give; None where neither is there, or one is missing."""
    name, file = config.get(f"{stem}_name"), config.get(f"{stem}_file")
    given = name or file
    if given is None:
        return None
    if name is None or file is None or name.text is None or file.text is None:
        missing = "file" if name is not None else "name"
        hint = "Put the function into a module under include/ and write module:function."
        desk.lost(given, f"the function's {missing} is missing", hint)
        return None
    module = _module(file.text)
    if module is None:
        hint = "Rename it to letters, digits and _, and put it under include/."
        desk.lost(file, f"{file.text} is no Python module that can be named", hint)
        return None
    _place(module, file.text, file, desk)
    return f"{module}:{name.text}"


def _module(source: str) -> str | None:
    """The module that a file should be under include/: what stands behind an ``include/`` or ``dags/`` of its path, else its own name."""
    parts = re.sub(r"^\$\{?\w+\}?/?", "", source.strip()).removesuffix(".py").split("/")
    for folder in ("include", "dags"):
        if folder in parts[:-1]:
            parts = parts[len(parts) - parts[::-1].index(folder) :]
            break
    else:
        parts = parts[-1:]
    module = ".".join(parts)
    return module if _MODULE.fullmatch(module) else None


def _place(module: str, source: str, value: Value, desk: Desk) -> None:
    """Tell once where a module must lie."""
    target = f"include/{module.replace('.', '/')}.py"
    desk.note(value, f"{source} must lie under include/", f"Put it there as {target}.", once=f"include {module}")
