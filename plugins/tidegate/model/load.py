"""From a YAML file to a frozen, checked pipeline: everything that is wrong is found in one go, and told with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.errors import SpecError
from tidegate.model.check import check
from tidegate.model.document import Document, read_document
from tidegate.model.kinds import KINDS, Settings
from tidegate.model.problems import validated
from tidegate.model.project import Project
from tidegate.model.spec import Pipeline, Step

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate.model.findings import Finding


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
        try:
            spec = _validated(document, path, project)
        except Exception as error:  # noqa: BLE001  a mistake of ours about one file must not take the others with it
            document.report(
                (), f"cannot be judged: {type(error).__name__}: {error}", "This is a mistake in Tidegate; please report it with the file."
            )
    if document.findings:
        findings = sorted(document.findings, key=lambda finding: (finding.line, finding.column, finding.path))
        return Loaded(path, None, tuple(findings))
    return Loaded(path, spec, ())


def _validated(document: Document, path: Path, project: Project) -> PipelineSpec | None:
    if not isinstance(document.value, dict):
        document.report((), "is not a mapping of keys to values", "Start with 'pipeline: <name>' and 'steps:'.")
        return None
    pipeline = validated(document, Pipeline, document.value, ())
    settings: dict[str, Settings] = {}
    steps = document.value.get("steps")
    for step, body in steps.items() if isinstance(steps, dict) else ():
        kind = KINDS.get(body["uses"]) if isinstance(body, dict) and isinstance(body.get("uses"), str) else None
        if kind is not None and _has_settings(body):
            found = validated(document, kind, body.get("with", {}), ("steps", step, "with"))
            if found is not None:
                settings[step] = found
    if pipeline is None:
        return None
    spec = PipelineSpec(pipeline, settings)
    check(document, pipeline, settings, path, project)
    return spec


def _has_settings(body: dict[str, Any]) -> bool:
    """Whether a step's settings can be judged: where a misspelt key may have hidden them, the misspelling alone is told."""
    words = {info.alias or name for name, info in Step.model_fields.items()}
    return isinstance(body.get("with", {}), dict) and ("with" in body or set(body) <= words)
