"""From a YAML file to a frozen, checked pipeline: everything that is wrong is found in one go, and told with its place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tidegate.errors import ImportRefused, SpecError
from tidegate.model.check import check
from tidegate.model.check.subject import Subject
from tidegate.model.kind import BUILT_IN, Kind, Kinds, Settings, said_by
from tidegate.model.layers import Layers, merged
from tidegate.model.problems import validated
from tidegate.model.project import TEMPLATES, Project, is_file
from tidegate.model.spec import Pipeline
from tidegate.model.step import Step
from tidegate.model.tree import Tree
from tidegate.model.variables import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tidegate.model.document import Document
    from tidegate.model.findings import Finding
    from tidegate.model.functions import Function, Functions
    from tidegate.model.parts import Part
    from tidegate.model.yaml_source import Place


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PipelineSpec:
    """A pipeline that is right: the file's models, and what the steps' words mean."""

    pipeline: Pipeline
    tree: Tree
    settings: Mapping[str, Settings] = field(default_factory=dict)
    """Step path → settings, for steps of a kind."""
    own: Mapping[str, Mapping[str, Settings]] = field(default_factory=dict)
    """Step path → branch → settings, where a branch has some of its own."""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Step path → the kind, for kinds that are not built in."""
    functions: Mapping[str, Function] = field(default_factory=dict)
    """``module:function`` → what it takes, for python steps."""
    documentation: str = ""
    """The pipeline's ``doc_md``, read where it names a file."""

    @property
    def name(self) -> str:
        """The pipeline's name, which is the DAG's id."""
        return self.pipeline.pipeline

    def settings_of(self, step: str, branch: str | None) -> Settings | None:
        """The settings of a step for one branch."""
        return self.own.get(step, {}).get(branch or "") or self.settings.get(step)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Loaded:
    """What became of one file: a pipeline, or the findings that keep it from being one."""

    path: Path
    spec: PipelineSpec | None
    findings: tuple[Finding, ...]
    document: Document | None = None
    """The file with its layers merged, for those who ask where a value came from."""

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


class Reader:
    """Loads the pipelines of one project; layers, templates, modules and kinds that they share are read once.

    :param environment: Whose variables hold, such as ``prod``.
    """

    def __init__(self, project: Project, *, environment: str | None = None) -> None:
        self.project = project
        self.environment = environment
        self._layers = Layers(project)
        self._kinds = Kinds(project)
        self._has_templates = (project.include / TEMPLATES).is_dir()

    @cached_property
    def _functions(self) -> Functions:
        from tidegate.model.functions import Functions

        return Functions(self.project)

    def load(self, path: Path, *, name: str | None = None) -> Loaded:
        """Read, validate and check one pipeline file; never raises for what stands in it.

        :param name: What findings call the file; its path by default.
        """
        document = self._layers.read(path, name=name)
        spec = None
        if not document.findings or document.value is not None:
            try:
                spec = self._validated(document, path)
            except Exception as error:  # noqa: BLE001  a mistake of ours about one file must not take the others with it
                message = f"cannot be judged: {type(error).__name__}: {error}"
                document.report((), message, "This is a mistake in Tidegate; please report it with the file.")
        if document.findings:
            own = document.sources[0].file
            order = sorted(
                document.findings, key=lambda finding: (finding.file != own, finding.file, finding.line, finding.column, finding.path)
            )
            return Loaded(path, None, tuple(dict.fromkeys(order)), document)
        return Loaded(path, spec, (), document)

    def _validated(self, document: Document, path: Path) -> PipelineSpec | None:
        if not isinstance(document.value, dict):
            document.report((), "is not a mapping of keys to values", "Start with 'pipeline: <name>' and 'steps:'.")
            return None
        variables = resolve(document, self.environment)
        if self._has_templates:
            from tidegate.model.templates import Templates

            Templates(document, self.project, variables).expand()
        pipeline = validated(document, Pipeline, document.value, ())
        found = _Found(self._kinds)
        found.look(document, document.value.get("steps"), ("steps",), "")
        if pipeline is None or document.muted or found.unknown:
            self._remains(document, found, path)
            return None
        tree = Tree(pipeline)
        check(self._subject(document, found, pipeline, tree), path)
        if document.findings:
            return None
        named = {node.step.python for node in tree.steps if node.step.python}
        functions = {name: self._functions.find(name) for name in sorted(named)}
        return PipelineSpec(pipeline, tree, found.settings, found.own, found.kinds, functions, self._documentation(pipeline))

    def _subject(self, document: Document, found: _Found, pipeline: Pipeline, tree: Tree) -> Subject:
        return Subject(document, pipeline, tree, found.settings, found.own, found.kinds, self.project, lambda: self._functions, self._kinds)

    def _remains(self, document: Document, found: _Found, path: Path) -> None:
        """Judge what is right of a pipeline in which something is not."""
        from tidegate.model.remains import remains

        left = remains(document, found.settings, found.unknown)
        if left is not None:
            subject = self._subject(document, found, left.pipeline, left.tree)
            check(replace(subject, unsure=left.unsure, behind=left.behind, gone=left.gone), path)

    def _documentation(self, pipeline: Pipeline) -> str:
        text = (pipeline.doc_md or "").strip()
        return self.project.file(text).read_text(encoding="utf-8") if is_file(text, ".md") else text


class _Found:
    """The settings of all steps of a kind, wherever they stand."""

    def __init__(self, registry: Kinds) -> None:
        self.settings: dict[str, Settings] = {}
        self.own: dict[str, dict[str, Settings]] = {}
        self.kinds: dict[str, Kind] = {}
        self.unknown: set[Place] = set()
        """Places of the steps whose kind is not known, or not looked up."""
        self._registry = registry

    def look(self, document: Document, steps: Any, at: Place, within: str) -> None:
        """Validate what stands under ``with`` of every step of a kind."""
        for name, body in steps.items() if isinstance(steps, dict) else ():
            path = f"{within}.{name}" if within else str(name)
            if not isinstance(body, dict):
                continue
            if "steps" in body:
                self.look(document, body["steps"], (*at, name, "steps"), path)
            elif isinstance(body.get("uses"), str) and "." not in body["uses"]:
                if _has_settings(body):
                    self._step(document, body, (*at, name), path)
                if path not in self.kinds and body["uses"].partition("@")[0] not in BUILT_IN:
                    self.unknown.add((*at, name))

    def _step(self, document: Document, body: dict[str, Any], at: Place, path: str) -> None:
        model = self._model(document, body["uses"], at, path)
        if model is None:
            return
        try:
            self._settings(document, model, body, at, path)
        except (Exception, SystemExit) as error:
            if path not in self.kinds:
                raise
            message = f"the kind '{body['uses']}' ({self.kinds[path].where}) cannot judge its settings: {said_by(error)}"
            document.report((*at, "with"), message, "Mend the kind; a validator refuses a value by ValueError.")

    def _settings(self, document: Document, model: type[Settings], body: dict[str, Any], at: Place, path: str) -> None:
        given = body.get("with", {})
        found = validated(document, model, given, (*at, "with"))
        if found is not None:
            self.settings[path] = found
        over = next(iter(body["for_each"].values()), None) if isinstance(body.get("for_each"), dict) and body["for_each"] else None
        for branch, own in over.items() if isinstance(over, dict) else ():
            if isinstance(own, dict) and isinstance(own.get("with"), dict):
                here = (*at, "for_each", next(iter(body["for_each"])), branch, "with")
                told_of = {*given, *_keys(model)} - own["with"].keys() if found is None else ()
                settings = validated(document, model, merged(given, own["with"]), here, told_of=told_of)
                if settings is not None:
                    self.own.setdefault(path, {})[branch] = settings

    def _model(self, document: Document, uses: str, at: Place, path: str) -> type[Settings] | None:
        name, _, version = uses.partition("@")
        if name in BUILT_IN:
            for file in self._registry.namesakes(name):
                told = f"'{name}' is a kind of Tidegate's own, and {file}, which has its name, is not looked at"
                document.report((*at, "uses"), told, "Rename the file.")
            if version:
                document.report((*at, "uses"), f"the kind '{name}' has no versions", f"Write uses: {name}.")
            from tidegate.model.kinds import KINDS

            return KINDS[name]
        try:
            kinds = self._registry.find(name)
        except ImportRefused as error:
            document.report((*at, "uses"), error.message.rstrip("."), error.hint)
            return None
        wanted = [kind for kind in kinds if not version or str(kind.version) == version]
        if kinds and not wanted:
            known = ", ".join(str(kind.version) for kind in kinds)
            document.report((*at, "uses"), f"the kind '{name}' has no version {version}", f"Its versions: {known}.")
        if not wanted:
            return None
        self.kinds[path] = wanted[-1]
        return wanted[-1].settings


def load_pipeline(path: Path, project: Project | None = None, *, name: str | None = None, environment: str | None = None) -> Loaded:
    """Read, validate and check one pipeline file; never raises for what stands in it.

    :param name: What findings call the file; its path by default.
    :param environment: Whose variables hold, such as ``prod``.
    """
    return Reader(project or Project.around(path), environment=environment).load(path, name=name)


def _has_settings(body: dict[str, Any]) -> bool:
    """Whether a step's settings can be judged: where a misspelt key may have hidden them, the misspelling alone is told."""
    return isinstance(body.get("with", {}), dict) and ("with" in body or _keys(Step).issuperset(body))


def _keys(model: type[Part]) -> set[str]:
    return {info.alias or name for name, info in model.model_fields.items()}
