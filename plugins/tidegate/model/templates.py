"""Templates: groups of steps that are written once, with typed parameters, and used like a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tidegate.errors import FileMissing
from tidegate.model.document import Document, Mount
from tidegate.model.effort import Effort
from tidegate.model.findings import did_you_mean
from tidegate.model.kind import BUILT_IN
from tidegate.model.layers import merged
from tidegate.model.parts import Flag, Name, Part, Whole
from tidegate.model.problems import shown, validated
from tidegate.model.project import TEMPLATES
from tidegate.model.step import Group
from tidegate.model.variables import substituted
from tidegate.model.yaml_source import read_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tidegate.model.project import Project
    from tidegate.model.yaml_source import Place, Source

_DEEPEST = 8
_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "list": (list,),
    "mapping": (dict,),
}
_ABSENT: Any = object()
_OF_ONE = frozenset({
    "trigger_rule", "inlets", "outlets", "map_index_template", "multiple_outputs", "doc", "doc_json", "doc_yaml", "doc_rst",
})  # fmt: skip
"""What may be said of one step, and makes no sense of all steps of a template at once."""


class Parameter(Part):
    """What a template wants to be told."""

    type: Literal["text", "int", "float", "bool", "list", "mapping"] = "text"
    """The type of the value."""
    default: Any = None
    """The value where none is given; without this key the parameter must be given."""
    description: str = ""
    """What it is for."""


class Template(Part):
    """Steps to be used in many places: ``include/templates/NAME.yaml``. A step that ``uses: NAME`` becomes a group of them."""

    template: Name
    """Its name; the file has the same, or ``NAME@1`` for a version that is not the newest."""
    version: Whole = Field(default=1, ge=1)
    """Steps that pin ``NAME@2`` get version 2."""
    description: str = ""
    """What it is for."""
    parameters: dict[Name, Parameter] = Field(default_factory=dict)
    """Name → parameter, for ``${name}`` inside; a step gives them under ``with``."""
    serial: Flag = False
    """Whether the steps run one after the other, in the order of the file."""
    defaults: dict[str, Any] = Field(default_factory=dict)
    """For all steps inside, as under a pipeline's ``defaults``."""
    steps: dict[str, Any] = Field(min_length=1)
    """As in a pipeline."""

    @property
    def pinned(self) -> str:
        """Name and version, as a step pins it."""
        return f"{self.template}@{self.version}"


class Templates:
    """Puts the bodies of templates in place of the steps that use them."""

    def __init__(self, document: Document, project: Project, variables: Mapping[str, Any]) -> None:
        self._document = document
        self._project = project
        self._variables = variables
        self._known: dict[str, tuple[Source, Template] | None] = {}

    def expand(self) -> None:
        """Rewrite the document's steps; findings for what does not fit."""
        steps = self._document.value.get("steps")
        if isinstance(steps, dict):
            self._document.value = {**self._document.value, "steps": self._steps(steps, ("steps",), ())}

    def _steps(self, steps: dict[str, Any], at: Place, within: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._step(body, (*at, name), within) for name, body in steps.items()}

    def _step(self, body: Any, at: Place, within: tuple[str, ...]) -> Any:
        if not isinstance(body, dict):
            return body
        if isinstance(body.get("steps"), dict):
            return {**body, "steps": self._steps(body["steps"], (*at, "steps"), within)}
        uses = body.get("uses")
        if not isinstance(uses, str) or "." in uses or uses in BUILT_IN:
            return body
        found = self._find(uses, at)
        if found is None:
            return body
        source, template = found
        if self._project.own("kinds", f"{template.template}.py") is not None:
            told = f"there is a kind of this name beside the template: include/kinds/{template.template}.py"
            self._document.report((*at, "uses"), told, "Rename one of the two.")
        if template.pinned in within or len(within) >= _DEEPEST:
            told = "in a circle" if template.pinned in within else f"more than {_DEEPEST} deep"
            self._document.report(
                (*at, "uses"), f"templates use each other {told}: {' → '.join([*within, template.pinned])}", "Remove one."
            )
            return {"uses": "airflow.sdk.BaseOperator"}
        return self._expanded(body, source, template, at, within)

    def _expanded(self, body: dict[str, Any], source: Source, template: Template, at: Place, within: tuple[str, ...]) -> dict[str, Any]:
        group_keys = {info.alias or name for name, info in Group.model_fields.items()} - {"steps", "serial"}
        effort_keys = {info.alias or name for name, info in Effort.model_fields.items()}
        for word in sorted(set(body) - group_keys - effort_keys - {"uses", "with"}):
            self._document.report((*at, word), f"a step that uses a template takes no '{word}'", "Write it in the template, or remove it.")
        for word in sorted(_OF_ONE & set(body)):
            told = f"'{word}' would hold for every step of the template '{template.template}'"
            self._document.report((*at, word), told, "Write it in the template, of the step that is meant.")
        values = {**self._variables, **self._arguments(body.get("with", {}), template, (*at, "with"))}
        inner = (*at, "steps")
        self._document.mounts.append(Mount(inner, source, ("steps",)))
        steps = substituted(self._document, template.steps, values, inner)
        own = {word: value for word, value in body.items() if word in effort_keys - group_keys - _OF_ONE}
        group = {word: value for word, value in body.items() if word in group_keys}
        group["defaults"] = merged(merged(template.defaults, own), body.get("defaults", {}))
        if template.serial:
            group["serial"] = True
        return {**group, "steps": self._steps(steps, inner, (*within, template.pinned))}

    def _arguments(self, given: Any, template: Template, at: Place) -> dict[str, Any]:
        if not isinstance(given, dict):
            self._document.report(at, "is not a mapping of parameters to values", "Write with: {parameter: value}.")
            self._document.muted.append((*at[:-1], "steps"))
            return {}
        for word in given:
            if word not in template.parameters:
                hint = did_you_mean(word, template.parameters) or "It takes no parameters."
                self._document.report((*at, word), f"the template '{template.template}' has no parameter '{word}'", hint)
        values = {}
        for name, parameter in template.parameters.items():
            value = given.get(name, _ABSENT)
            if value is _ABSENT:
                value = parameter.default
                if "default" not in parameter.model_fields_set:
                    told = f": {parameter.description}" if parameter.description else ""
                    self._document.muted.append((*at[:-1], "steps"))
                    self._document.report(
                        at, f"the template '{template.template}' wants '{name}'{told}", f"Add {name}, which is {parameter.type}."
                    )
            elif not isinstance(value, _TYPES[parameter.type]) or (isinstance(value, bool) and parameter.type != "bool"):
                self._document.muted.append((*at[:-1], "steps"))
                self._document.report(
                    (*at, name),
                    f"{shown(value)} is not {parameter.type}",
                    f"The template '{template.template}' wants {name} as {parameter.type}.",
                )
            values[name] = value
        return values

    def _find(self, uses: str, at: Place) -> tuple[Source, Template] | None:
        name, _, version = uses.partition("@")
        try:
            newest = self._project.own(TEMPLATES, f"{name}.yaml")
            if newest is None:
                return None
            found = self._read(newest)
            if found is None or not version or version == str(found[1].version):
                return found
            if (older := self._project.own(TEMPLATES, f"{uses}.yaml")) is not None:
                return self._read(older)
        except FileMissing as error:
            self._document.report((*at, "uses"), error.message.rstrip("."), error.hint)
            return None
        self._document.report(
            (*at, "uses"), f"the template '{name}' has no version {version}", f"Its newest version is {found[1].version}."
        )
        return found

    def _read(self, path: Path) -> tuple[Source, Template] | None:
        if path.name not in self._known:
            source = read_source(path, name=self._project.shown(path))
            template, document = checked(source, path.name)
            self._document.findings += document.findings
            self._known[path.name] = (source, template) if template is not None else None
        return self._known[path.name]


def checked(source: Source, file: str) -> tuple[Template | None, Document]:
    """A template by itself, and the findings about it."""
    document = Document([source], source.value, list(source.findings))
    template = None
    if isinstance(source.value, dict):
        template = validated(document, Template, source.value, ())
        if template is not None and template.template != file.partition(".")[0].partition("@")[0]:
            document.report(("template",), f"the template is named '{template.template}', its file '{file}'", "They share one name.")
    elif not document.findings:
        document.report((), "is not a mapping of keys to values", "Start with 'template: <name>' and 'steps:'.")
    return template, document
