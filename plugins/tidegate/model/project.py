"""The project around the pipelines: where ``include/`` is, and what a config may import and open."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.errors import FileMissing

if TYPE_CHECKING:
    from collections.abc import Iterable

ALLOWED_IMPORTS = ("airflow.providers.", "airflow.sdk.", "airflow.timetables.", "tidegate.")
"""Import paths that every project may name; a project adds its own when it builds its DAGs."""
_OURS = re.compile(r"tidegate\.((operators|notifications|timetables)\.)?[A-Z]\w*")
"""What of Tidegate a file may name: its public classes, and no function of its inside that imports or opens what it is told to."""

_TIMES = frozenset({"datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta"})
"""Values that YAML has no word for, and some operators want."""
TEMPLATES = "templates"
"""Where a project's templates lie, under ``include/``."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(@\d+)?\.[a-z]+")


def allowed(import_path: str, prefixes: Iterable[str]) -> bool:
    """Whether an import path is one of these prefixes, or lies below one; ``acme.alerts`` says nothing of ``acme.alerts_old``."""
    if import_path in _TIMES:
        return True
    below = any(import_path == prefix or import_path.startswith(f"{prefix.rstrip('.')}.") for prefix in prefixes)
    return below and (not import_path.startswith("tidegate.") or _OURS.fullmatch(import_path) is not None)


@dataclass(frozen=True, slots=True)
class Project:
    """What pipeline files are read against."""

    include: Path
    """SQL files and Python modules that a config names lie under this folder, and nowhere else."""
    allowed_imports: tuple[str, ...] = ALLOWED_IMPORTS
    shown_from: Path | None = None
    """The folder that findings tell paths from; by default paths are told as they are."""

    @classmethod
    def around(cls, pipelines: Path, *, allowed_imports: tuple[str, ...] = ()) -> Project:
        """The project of a file or folder of pipelines: the nearest folder above it that is named ``include``, else its own folder."""
        folder = pipelines.resolve()
        folder = folder if folder.is_dir() else folder.parent
        include = next((parent for parent in (folder, *folder.parents) if parent.name == "include"), folder)
        return cls(include, (*ALLOWED_IMPORTS, *allowed_imports))

    def allows(self, import_path: str) -> bool:
        """Whether a config may name this import path."""
        return allowed(import_path, self.allowed_imports)

    def file(self, name: str) -> Path:
        """The file of that name under ``include/``.

        :raises FileMissing: it is not there, or the name leads out of the folder.
        """
        path = self._inside(self.include, name)
        if not path.is_file():
            raise FileMissing(f"There is no file {name} under {self._place}.", hint=self._near(name))
        return path

    def own(self, folder: str, name: str) -> Path | None:
        """The file of that plain name in a folder of ``include/`` such as ``kinds``; None where there is none.

        :raises FileMissing: it is a link that leads out of ``include/``.
        """
        path = self.include / folder / name
        if not is_plain(name) or not path.is_file():
            return None
        self._inside(self.include, f"{folder}/{name}")
        return path

    @property
    def _place(self) -> str:
        """What messages call ``include/``: as short as it is plain."""
        shown = self.shown(self.include)
        return str(self.include.resolve()) if shown.startswith("..") else shown

    def _inside(self, folder: Path, name: str) -> Path:
        """The path that a name means from a folder.

        :raises FileMissing: it leads out of ``include/``, or no file can have it.
        """
        try:
            path = (folder / name).resolve()
            path.is_file()
        except (OSError, ValueError):
            raise FileMissing(f"No file can be named {name[:100]!r}.", hint="Name a file under include/.") from None
        if not path.is_relative_to(self.include.resolve()):
            raise FileMissing(f"{name} leads out of {self._place}.", hint="Files that a config names lie under include/.")
        return path

    def shown(self, path: Path) -> str:
        """What findings call a file."""
        return os.path.join(_relative(path.parent, self.shown_from or Path.cwd()), path.name)  # noqa: PTH118  half of pathlib's time

    def beside(self, path: Path, name: str) -> Path:
        """The file that another one names from its own folder.

        :raises FileMissing: it is not there, or lies outside of ``include/``.
        """
        found = self._inside(path.resolve().parent, name)
        if not found.is_file():
            raise FileMissing(f"There is no file {name} beside {path.name}.", hint="Name it from this file's folder, such as ../base.yaml.")
        return found

    def _near(self, name: str) -> str:
        from tidegate.model.findings import did_you_mean

        suffix = Path(name).suffix
        files = [str(path.relative_to(self.include)) for path in sorted(self.include.rglob(f"*{suffix}"))[:200]]
        return did_you_mean(name, files) or "Create it, or correct the name."


@lru_cache
def _relative(folder: Path, start: Path) -> str:
    found = os.path.relpath(folder, start)
    return "" if found == os.curdir else found


def is_plain(name: str) -> bool:
    """Whether a file has the name of a kind or a template, which leads nowhere else."""
    return _PLAIN.fullmatch(name) is not None


def is_file(text: str, suffix: str) -> bool:
    """Whether a text names a file; else it is the content itself."""
    return text.strip().endswith(suffix) and len(text.split()) == 1


def is_sql_file(text: str) -> bool:
    """Whether a ``query`` or ``sql`` names a file; else it is the statement itself."""
    return is_file(text, ".sql")
