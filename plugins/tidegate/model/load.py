"""From a YAML file to a frozen, checked pipeline: everything that is wrong is found in one go, and told with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tidegate.errors import SpecError
from tidegate.model.check import check
from tidegate.model.document import Document, read_document
from tidegate.model.findings import Finding, did_you_mean
from tidegate.model.kinds import KINDS, Settings
from tidegate.model.project import Project
from tidegate.model.spec import Pipeline

if TYPE_CHECKING:
    from pathlib import Path

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A pipeline that is right: the file's models, and the settings of each step by its kind."""

    pipeline: Pipeline
    settings: dict[str, Settings] = field(default_factory=dict)
    """Step name → settings, for the built-in kinds."""

    @property
    def name(self) -> str:
        """The pipeline's name, which is the DAG's id."""
        return self.pipeline.pipeline


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of one file: a pipeline, or the findings that keep it from being one."""

    path: Path
    spec: PipelineSpec | None
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The pipeline's name, which is also the file's."""
        return self.path.stem

    def require(self) -> PipelineSpec:
        """The pipeline.

        :raises SpecError: the file has findings.
        """
        if self.spec is None:
            raise SpecError(self.findings)
        return self.spec


def load_pipeline(path: Path, project: Project | None = None, *, name: str | None = None) -> Loaded:
    """Read, validate and check one pipeline file; never raises for what stands in it.

    :param name: What findings call the file; its path by default.
    """
    project = project or Project.around(path)
    document = read_document(path, name=name)
    spec = None
    if not document.findings or document.value is not None:
        spec = _validated(document, path, project)
    if document.findings:
        findings = sorted(document.findings, key=lambda finding: (finding.line, finding.column, finding.path))
        return Loaded(path, None, tuple(findings))
    return Loaded(path, spec, ())


def _validated(document: Document, path: Path, project: Project) -> PipelineSpec | None:
    if not isinstance(document.value, dict):
        document.report((), "is not a mapping of keys to values", "Start with 'pipeline: <name>' and 'steps:'.")
        return None
    pipeline = _model(document, Pipeline, document.value, ())
    settings: dict[str, Settings] = {}
    steps = document.value.get("steps")
    for step, body in steps.items() if isinstance(steps, dict) else ():
        kind = KINDS.get(body.get("uses", "")) if isinstance(body, dict) and isinstance(body.get("uses"), str) else None
        if kind is not None and isinstance(body.get("with", {}), dict):
            found = _model(document, kind, body.get("with", {}), ("steps", step, "with"))
            if found is not None:
                settings[step] = found
    if pipeline is None:
        return None
    spec = PipelineSpec(pipeline, settings)
    check(document, pipeline, settings, path, project)
    return spec


def _model(document: Document, model: type[Model], value: Any, at: tuple[str | int, ...]) -> Model | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            _report(document, model, at, problem)
        return None


def _report(document: Document, model: type[BaseModel], at: tuple[str | int, ...], problem: Any) -> None:
    """Rewrite one of pydantic's errors as a finding."""
    loc: tuple[str | int, ...] = tuple(part for part in problem["loc"] if not _is_union_tag(part))
    kind, path = problem["type"], (*at, *loc)
    while path and isinstance(path[-1], str) and path[-1] == "[key]":
        path = path[:-1]
    last = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        known = _keys(model, loc[:-1])
        hint = did_you_mean(last, known)
        if hint.startswith("Did"):
            hint += f" Known keys: {', '.join(known)}."
        document.report(path, f"unknown key '{last}'", hint)
    elif kind == "missing":
        document.report(path, f"the key '{last}' is missing", "Add it; see docs/reference/pipeline.md.")
    elif kind == "string_pattern_mismatch":
        document.report(path, f"{problem['input']!r} does not fit", _pattern_hint(problem["ctx"]["pattern"]))
    elif kind == "value_error":
        message, _, hint = str(problem["ctx"]["error"]).partition("; ")
        document.report(path, message, f"{hint[:1].upper()}{hint[1:]}." if hint else "")
    else:
        message = problem["msg"][:1].lower() + problem["msg"][1:]
        document.report(path, f"{message}, not {problem['input']!r}" if kind.endswith("_type") else message)


def _is_union_tag(part: str | int) -> bool:
    """Pydantic puts the tried member of a union into an error's place; no key looks like that."""
    return isinstance(part, str) and (part in {"constrained-str", "str", "int", "date", "datetime"} or "[" in part) and part != "[key]"


def _pattern_hint(pattern: str) -> str:
    if "decimal" in pattern:
        return "Types are int, float, decimal, decimal(p,s), text, bool, date, timestamp, timestamptz and bytes."
    return "Names have letters, digits, '_' and '-'; those of pipelines, steps and dimensions start with a letter or '_'."


def _keys(model: Any, loc: tuple[str | int, ...]) -> list[str]:
    """The keys that a model, or the model found at ``loc`` below it, knows."""
    for part in loc:
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            model = _inner(model)
            continue
        fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
        annotation = fields.get(str(part))
        model = _inner(annotation) if _is_container(annotation) else _only_model(annotation)
        if _is_container(annotation):
            model = annotation
    model = _only_model(model)
    if model is None:
        return []
    return sorted(info.alias or name for name, info in model.model_fields.items())


def _is_container(annotation: Any) -> bool:
    return get_origin(annotation) in {dict, tuple, list}


def _inner(annotation: Any) -> Any:
    """The value type of a container."""
    arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    return arguments[-1] if arguments else annotation


def _only_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside ``X | None``, ``Annotated[X, …]`` or X itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _only_model(argument)) is not None), None)
