"""What no single key shows: names that must exist, cycles, joins that make sense, files that must be there."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from tidegate.errors import FileMissing
from tidegate.model.findings import did_you_mean
from tidegate.model.kinds import KINDS, BarrierSettings, ExtractSettings, LoadSettings, Settings, TransformSettings
from tidegate.model.project import is_sql_file
from tidegate.model.quantity import AtLeast
from tidegate.model.spec import OUTCOME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tidegate.model.document import Document
    from tidegate.model.project import Project
    from tidegate.model.spec import Pipeline, Step

_PLACEHOLDER = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)\}(?!\})")
RESERVED_PARAMS = frozenset({"interval_start", "interval_end", "branch"})
"""Names that every query may bind already."""
_THE_DAGS = frozenset({"task_id", "dag", "task_group", "start_date", "end_date"})
"""Arguments of every operator that would take a task out of its place, or out of its runs."""
_FEEDS = {"barrier": {"extract"}, "transform": {"extract", "barrier", "transform"}, "load": {"extract", "barrier", "transform"}}


def check(document: Document, pipeline: Pipeline, settings: Mapping[str, Settings], path: Path, project: Project) -> None:
    """Report everything that is wrong between the parts of a pipeline whose parts are right."""
    if pipeline.pipeline != path.stem:
        document.report(
            ("pipeline",),
            f"the pipeline is named '{pipeline.pipeline}', its file '{path.name}'",
            f"A pipeline and its file share one name: rename the file to {pipeline.pipeline}{path.suffix}, or the pipeline to {path.stem}.",
        )
    _names(document, pipeline)
    _cycles(document, pipeline)
    _one_of_each(document, pipeline)
    for name, step in pipeline.steps.items():
        _step(document, pipeline, name, step, project)
        if name in settings:
            _settings(document, pipeline, name, settings[name], project)
    for index, alert in enumerate(pipeline.alerts):
        _import_path(document, ("alerts", index, "notify", "uses"), alert.notify.uses, project)


def _names(document: Document, pipeline: Pipeline) -> None:
    if OUTCOME in pipeline.steps:
        document.report(("steps", OUTCOME), f"'{OUTCOME}' is the name of the step that ends every pipeline", "Name yours otherwise.")
    for name, step in pipeline.steps.items():
        for index, need in enumerate(step.needs):
            if need not in pipeline.steps:
                at = ("steps", name, "needs", index)
                document.report(at, f"there is no step '{need}'", did_you_mean(need, set(pipeline.steps) - {name}))


def _cycles(document: Document, pipeline: Pipeline) -> None:
    graph = {name: [need for need in step.needs if need in pipeline.steps] for name, step in pipeline.steps.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        document.report(
            ("steps", circle[0], "needs"),
            f"steps wait for each other in a circle: {' → '.join(circle)}",
            "Remove one of these needs.",
        )


def _one_of_each(document: Document, pipeline: Pipeline) -> None:
    """An interval has one record, so a pipeline has one barrier to decide about it and one load to commit it."""
    for kind in ("barrier", "load"):
        found = [name for name, step in pipeline.steps.items() if step.uses == kind]
        for name in found[1:]:
            document.report(
                ("steps", name), f"a pipeline has one {kind}, and '{found[0]}' is that already", "Make a second pipeline of this part."
            )


def _step(document: Document, pipeline: Pipeline, name: str, step: Step, project: Project) -> None:
    at = ("steps", name)
    if step.uses not in KINDS:
        if "." in step.uses:
            _import_path(document, (*at, "uses"), step.uses, project)
        else:
            document.report(
                (*at, "uses"), f"there is no kind '{step.uses}'", did_you_mean(step.uses, KINDS) + " Or give an operator's import path."
            )
        for word in sorted(_THE_DAGS & set(step.with_)):
            document.report((*at, "with", word), f"'{word}' is the pipeline's to say, not the step's", "Remove it.")
        if step.mapped_over is not None:
            document.report((*at, "for_each"), "only a transform can be repeated over what arrived", "List the branches by name.")
        return
    _repetition(document, pipeline, name, step)
    _feeds(document, pipeline, name, step)


def _import_path(document: Document, at: tuple[str | int, ...], import_path: str, project: Project) -> None:
    if not project.allows(import_path):
        prefixes = ", ".join(f"{prefix}*" for prefix in project.allowed_imports)
        document.report(at, f"'{import_path}' may not be imported", f"Allowed are {prefixes}; add others by allow= in dags/pipelines.py.")


def _repetition(document: Document, pipeline: Pipeline, name: str, step: Step) -> None:
    at = ("steps", name, "for_each")
    over = step.mapped_over
    if step.dimension in RESERVED_PARAMS:
        document.report(at, f"'{step.dimension}' already has a meaning in every query", "Name the dimension otherwise, such as region.")
    if over is None:
        if step.branches and step.uses != "extract":
            document.report(
                at,
                f"a {step.uses} is not repeated over named branches",
                "Write for_each: {part: <barrier>} in a transform, or leave it out.",
            )
        return
    if step.uses != "transform":
        document.report(
            at, f"{_a(step.uses)} cannot be repeated over what arrived", "Only a transform can; an extract lists its branches by name."
        )
    elif over not in pipeline.steps or pipeline.steps[over].uses != "barrier":
        barriers = [other for other, candidate in pipeline.steps.items() if candidate.uses == "barrier"]
        document.report(
            at, f"'{over}' is no barrier of this pipeline", did_you_mean(over, barriers) or "Add a barrier, or list branches by name."
        )
    elif over not in step.needs:
        document.report(at, f"it is repeated over '{over}', which it does not need", f"Write needs: {over}.")


def _feeds(document: Document, pipeline: Pipeline, name: str, step: Step) -> None:
    """A step that works on rows has exactly one step to take them from."""
    allowed = _FEEDS.get(step.uses)
    if allowed is None or any(need not in pipeline.steps for need in step.needs):
        return
    sources = [need for need in step.needs if need in pipeline.steps and pipeline.steps[need].uses in allowed]
    at = ("steps", name, "needs")
    words = " or ".join(_a(kind) for kind in sorted(allowed))
    if len(sources) != 1:
        found = f"it needs {len(sources)} of them: {', '.join(sources)}" if sources else "it needs none"
        document.report(
            at,
            f"{_a(step.uses)} takes its rows from exactly one step that is {words}; {found}",
            f"Name one such step under needs of '{name}'.",
        )
        return
    source = pipeline.steps[sources[0]]
    if step.uses == "barrier" and not source.branches:
        document.report(
            at, f"there is nothing to decide: '{sources[0]}' is not repeated", f"Give '{sources[0]}' a for_each, or drop this barrier."
        )
    if step.uses == "transform" and step.mapped_over is None and source.mapped_over is not None:
        document.report(
            at,
            f"'{name}' combines what '{sources[0]}' made of each branch, which a catch-up of one branch cannot do again",
            f"Combine right behind '{source.mapped_over}', and do there what '{sources[0]}' does.",
        )
    if step.uses != "barrier" and source.uses == "extract" and source.branches:
        document.report(
            at, f"'{sources[0]}' has {len(source.branches)} branches and no barrier joins them", "Put a barrier between the two."
        )


def _settings(document: Document, pipeline: Pipeline, name: str, settings: Settings, project: Project) -> None:
    at = ("steps", name, "with")
    match settings:
        case ExtractSettings():
            _file(document, (*at, "query"), settings.query, project)
            _placeholders(document, (*at, "connection"), settings.connection, pipeline.steps[name].dimension)
            _params(document, (*at, "params"), settings.params)
        case TransformSettings():
            if settings.sql is not None:
                _file(document, (*at, "sql"), settings.sql, project)
            if settings.python is not None:
                _module(document, (*at, "python"), settings.python, project)
            _params(document, (*at, "params"), settings.params)
        case BarrierSettings():
            _quorum(document, pipeline, name, settings)
        case LoadSettings():
            if settings.table.count(".") > 1 or not all(settings.table.split(".")):
                document.report((*at, "table"), f"'{settings.table}' is no table", "Write table, or schema.table.")
            if "{{" in settings.connection:
                document.report(
                    (*at, "connection"), "a load's connection is no template", "Name the connection: other steps ask its ledger too."
                )


def _quorum(document: Document, pipeline: Pipeline, name: str, settings: BarrierSettings) -> None:
    at = ("steps", name, "with")
    branches = [branch for need in pipeline.steps[name].needs if need in pipeline.steps for branch in pipeline.steps[need].branches]
    if not branches:
        return
    for index, branch in enumerate(settings.required):
        if branch not in branches:
            document.report((*at, "required", index), f"there is no branch '{branch}'", did_you_mean(branch, branches))
    bound = AtLeast.parse(settings.at_least)
    if not bound.percent and bound.amount > len(branches):
        document.report(
            (*at, "at_least"), f"{bound} can never arrive: there are {len(branches)} branches", "Lower it, or write a percentage."
        )


def _file(document: Document, at: tuple[str | int, ...], text: str, project: Project) -> None:
    if is_sql_file(text) and "{{" not in text:
        try:
            project.file(text.strip())
        except FileMissing as error:
            document.report(at, error.message.rstrip("."), error.hint)


def _module(document: Document, at: tuple[str | int, ...], reference: str, project: Project) -> None:
    try:
        project.file(reference.partition(":")[0].replace(".", "/") + ".py")
    except FileMissing as error:
        document.report(at, error.message.rstrip("."), error.hint)


def _placeholders(document: Document, at: tuple[str | int, ...], text: str, dimension: str | None) -> None:
    for word in _PLACEHOLDER.findall(text):
        if word != dimension:
            hint = did_you_mean(word, [dimension]) if dimension else "This step has no for_each; write the name in full."
            document.report(at, f"{{{word}}} stands for nothing here", hint)


def _params(document: Document, at: tuple[str | int, ...], params: Mapping[str, object]) -> None:
    for name in sorted(RESERVED_PARAMS & set(params)):
        document.report((*at, name), f"'{name}' is bound already", "Choose another name for this parameter.")


def fill(text: str, dimension: str | None, branch: str) -> str:
    """``text`` with ``{region}`` replaced by the branch's name; ``{{ }}`` is Airflow's and stays."""
    return _PLACEHOLDER.sub(lambda match: branch if match[1] == dimension else match[0], text)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
