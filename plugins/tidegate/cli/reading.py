"""How pipeline files are read: the options that every command which reads them shares, in one place.

A field of :class:`Reading` is an option of each such command. A command takes part by ``@reads_pipelines`` and a keyword ``reading``.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from tidegate.model import Finding, Loaded, Project, load_folder, load_pipeline
from tidegate.model.layers import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

Allow = Annotated[list[str] | None, typer.Option(help="A prefix of import paths that configs may name; give it once for each.")]
Env = Annotated[str | None, typer.Option(metavar="NAME", help="The environment whose variables hold, such as prod.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a person may say about how files are read."""

    allow: Allow = None
    env: Env = None

    def project(self, path: Path) -> Project:
        """The project around a pipeline file, or around a folder of them."""
        return Project.around(path, allowed_imports=tuple(self.allow or ()))

    def load(self, paths: Iterable[Path]) -> list[Loaded]:
        """Every pipeline of some files and folders, each once; what is not there is a finding.

        A folder's ``defaults.yaml`` stands for the folder, whose pipelines it is part of.
        """
        loaded = [loaded for path in paths for loaded in self._load(path.parent if path.name == DEFAULTS and path.is_file() else path)]
        return list({result.path.resolve(): result for result in loaded}.values())

    def _load(self, path: Path) -> list[Loaded]:
        if not path.exists():
            return [_nothing(path, "there is no such file", "Check the path; pipelines lie under include/pipelines.")]
        project = self.project(path)
        if not path.is_dir():
            return [load_pipeline(path, project, environment=self.env)]
        empty = _nothing(path, "there is no pipeline file in this folder", "Pipelines are files that end in .yaml or .yml.")
        return load_folder(path, project, environment=self.env) or [empty]


def _nothing(path: Path, message: str, hint: str) -> Loaded:
    return Loaded(path, None, (Finding(str(path), 0, 0, "", message, hint),))


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
