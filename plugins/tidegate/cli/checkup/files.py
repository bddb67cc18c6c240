"""The project: its files, its ``include/``, and what its DAG files say."""

from __future__ import annotations

import ast
import os
import stat
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tidegate.cli.checkup.notes import counted, fine, note, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tidegate.cli.checkup.notes import Note
    from tidegate.model import Loaded, Project

FILES, INCLUDE, DAGS = "files", "include", "dags"


def files(loaded: Sequence[Loaded], folder: Path) -> Iterator[Note]:
    """Whether the pipeline files are right."""
    bad = [each.name for each in loaded if each.findings]
    if bad:
        yield wrong(
            FILES,
            f"{counted(len(bad), 'file is', 'files are')} wrong",
            where=", ".join(bad),
            mend=f"`tidegate validate {folder}` says what.",
        )
    else:
        yield fine(FILES, f"{counted(len(loaded), 'pipeline file is', 'pipeline files are')} right")


def include(project: Project) -> Iterator[Note]:
    """Whether the folder from which SQL and code are taken is one that others cannot write into."""
    place = project.include
    if place.name != "include":
        mend = "Keep pipelines under include/pipelines: files that they name lie under include/, and nowhere else."
        yield note(INCLUDE, f"{place} stands in for include/, which is not above the pipelines", mend=mend)
    open_to_all = [path for path in (place, *place.rglob("*")) if not path.is_symlink() and path.stat().st_mode & stat.S_IWOTH]
    if open_to_all:
        shown = ", ".join(os.path.relpath(path) for path in open_to_all[:3])
        what = f"everybody on this machine may write into {counted(len(open_to_all), 'file or folder', 'files and folders')} under include/"
        yield wrong(INCLUDE, what, where=shown, mend=f"chmod -R o-w {place}: workers run what lies there.")
    else:
        yield fine(INCLUDE, f"{place}")


def dag_files(dags_folder: Path, allow: Sequence[str]) -> Iterator[Note]:
    """Whether a DAG file builds the pipelines, and what it allows them to import."""
    calls = [(path, call) for path in sorted(dags_folder.rglob("*.py")) for call in _calls(path)]
    builders = [(path, call) for path, call in calls if _name(call) == "build_dags"]
    if not builders:
        mend = "Add dags/pipelines.py: `globals().update(build_dags(…/include/pipelines))`."
        yield wrong(DAGS, f"no file under {dags_folder} calls build_dags, so Airflow sees no pipeline", mend=mend)
        return
    yield fine(DAGS, f"{', '.join(dict.fromkeys(os.path.relpath(path) for path, _ in builders))} builds the pipelines")
    for path, call in calls:
        for prefix in _allowed(call):
            yield from _prefix(prefix, path)
    if missing := sorted(set(allow) - {prefix for _, call in builders for prefix in _allowed(call)}):
        what = f"--allow {', '.join(missing)} is said here, and no build_dags says it"
        yield wrong(
            DAGS, what, where=os.path.relpath(builders[0][0]), mend="Say allow= there too, or such files are refused by Airflow alone."
        )


def _prefix(prefix: str, path: Path) -> Iterator[Note]:
    where, top = os.path.relpath(path), prefix.partition(".")[0]
    if not top.isidentifier():
        yield wrong(
            DAGS, f"allow= has {prefix!r}, which is no prefix of an import path", where=where, mend="Write a package, such as acme."
        )
    elif top in sys.stdlib_module_names:
        what = f"allow= has {prefix!r}, which is Python's own: a pipeline file may call whatever is in it"
        yield wrong(DAGS, what, where=where, mend="Write a function under include/ or in a package of yours, and allow that.")
    elif find_spec(top) is None:
        mend = "Install it where Airflow runs, or remove it."
        yield note(DAGS, f"allow= has {prefix!r}, and there is no package {top} here", where=where, mend=mend)


def _calls(path: Path) -> Iterator[ast.Call]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):  # Airflow's list of import errors tells of it
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node) in {"build_dags", "CatchUpOperator"}:
            yield node


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _allowed(call: ast.Call) -> tuple[str, ...]:
    """The prefixes that a call allows, as far as they are written out."""
    for keyword in call.keywords:
        if keyword.arg == "allow":
            try:
                value = ast.literal_eval(keyword.value)
            except ValueError:
                return ()
            return tuple(str(prefix) for prefix in ([value] if isinstance(value, str) else value))
    return ()
