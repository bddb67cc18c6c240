"""How pipeline files are read: the options that every command which reads them shares, in one place.

A field of :class:`Reading` is an option of each such command. A command takes part by ``@reads_pipelines`` and a keyword ``reading``.
"""

from __future__ import annotations

import inspect
import os
from collections import defaultdict
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from tidegate.cli.writing import for_people
from tidegate.model import Finding, Loaded, Project, Reader, load_folder
from tidegate.model.folder import load_file
from tidegate.model.layers import DEFAULTS
from tidegate.model.project import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Allow = Annotated[list[str] | None, typer.Option(help="A prefix of import paths that configs may name; give it once for each.")]
Env = Annotated[str | None, typer.Option(metavar="NAME", help="The environment whose variables hold, such as prod.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a person may say about how files are read."""

    allow: Allow = None
    env: Env = None

    def project(self, path: Path) -> Project:
        """The project around a pipeline file, or around a folder of them. A link to a file lies where the link lies, as it does for the DAGs."""
        place = path.parent if path.is_symlink() and not path.is_dir() else path
        return Project.around(place, allowed_imports=tuple(self.allow or ()))

    def load(self, paths: Iterable[Path]) -> list[Loaded]:
        """Every pipeline of some files and folders, each once; what is not there is a finding.

        A folder's ``defaults.yaml`` stands for the folder, whose pipelines it is part of.
        """
        with for_people():
            return _each_once(loaded for path in _meant(paths) for loaded in self._pipelines(path) or [_empty(path)])

    def judge(self, paths: Iterable[Path]) -> list[Loaded]:
        """The same with the templates that lie there, and those of the project in which something is wrong."""
        found: list[Loaded] = []
        with for_people():
            for path in _meant(paths):
                project = self.project(path)
                pipelines = [] if _of_templates(path, project) else self._pipelines(path)
                templates = _templates(path, project, [*found, *pipelines])
                inside = [result for result in templates if _place(result.path).is_relative_to(_place(path))]
                found += pipelines + inside or [_empty(path)]
                found += [result for result in templates if result.findings and path.is_dir()]
        return _each_once(found)

    def _pipelines(self, path: Path) -> list[Loaded]:
        """The pipelines of a folder, or a file as one; none where there is none."""
        if not os.path.lexists(path):
            return []
        project = self.project(path)
        if _of_templates(path, project):
            return [_nothing(path, "a template is no pipeline", "Name a pipeline that uses it.")]
        if path.is_dir():
            found = load_folder(path, project, environment=self.env)
        else:
            found = [load_file(Reader(project, environment=self.env), path)]
        return [_built(loaded) for loaded in found]


def _built(loaded: Loaded) -> Loaded:
    """The same with what the project's own kinds cannot build."""
    if loaded.spec is None or not loaded.spec.kinds:
        return loaded
    from tidegate.plan import judged

    return judged(loaded)


def _meant(paths: Iterable[Path]) -> Iterator[Path]:
    """The files and folders, a folder in place of its defaults."""
    for path in paths:
        yield path.parent if path.name == DEFAULTS and path.is_file() else path


def _place(path: Path) -> Path:
    """Where a file lies: a link is a file of its own, and a folder the one that it leads to."""
    return Path(os.path.realpath(path)) if path.is_dir() else Path(os.path.realpath(path.parent), path.name)


def _each_once(loaded: Iterable[Loaded]) -> list[Loaded]:
    return list({_place(result.path): result for result in loaded}.values())


def _of_templates(path: Path, project: Project) -> bool:
    return _place(path).is_relative_to(project.include / TEMPLATES)


def _templates(path: Path, project: Project, loaded: Sequence[Loaded]) -> list[Loaded]:
    """The project's templates, or the one that is named; of one that a pipeline uses, what was told of it already."""
    from tidegate.model.template_files import judged, template_files

    told: dict[str, dict[Finding, None]] = defaultdict(dict)
    for finding in (finding for result in loaded for finding in result.findings):
        told[finding.file][finding] = None
    files = {_place(file): Path(project.shown(file)) for file in template_files(project)}
    if not path.is_dir():
        files = {_place(path): path} if _of_templates(path, project) and os.path.lexists(path) else {}
    return [Loaded(shown, None, tuple(told[project.shown(file)]) or judged(file, project)) for file, shown in files.items()]


def _nothing(path: Path, message: str, hint: str) -> Loaded:
    return Loaded(path, None, (Finding(str(path), 0, 0, "", message, hint),))


def _empty(path: Path) -> Loaded:
    if not os.path.lexists(path):
        return _nothing(path, "there is no such file", "Check the path; pipelines lie under include/pipelines.")
    return _nothing(path, "there is no pipeline file in this folder", "Pipelines are files that end in .yaml or .yml.")


def reads_pipelines(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes the options of :class:`Reading` besides its own, and gets them as ``reading``."""
    hints = get_type_hints(Reading, include_extras=True)
    shared = [
        inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name])
        for option in fields(Reading)
    ]
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "reading"]

    @wraps(command)
    def with_reading(**given: Any) -> None:
        reading = Reading(**{option.name: given.pop(option.name) for option in shared})
        command(**given, reading=reading)

    parameters = [*own, *shared]
    vars(with_reading)["__signature__"] = signature.replace(parameters=parameters)
    with_reading.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_reading
