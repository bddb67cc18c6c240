"""Code and files that a pipeline names: allowed, there, and given what they take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tidegate.errors import FileMissing
from tidegate.model.airflow_names import OPERATOR_ARGUMENTS, Elsewhere
from tidegate.model.findings import did_you_mean
from tidegate.model.kinds import KINDS, ChoiceSettings, ExtractSettings, TransformSettings
from tidegate.model.parts import Made, Part, Reference
from tidegate.model.project import is_file, is_sql_file
from tidegate.model.spec import Notify
from tidegate.model.step import Step
from tidegate.model.values import specials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate.model.check.subject import Subject
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place

_PLACEHOLDER = re.compile(r"(?<![{$])\{([A-Za-z_]\w*)\}(?!\})")
_TRUE = re.compile(r"\{\{|\{%")


def check_arguments(subject: Subject) -> None:
    """Report what is wrong with the code, files and results that steps name."""
    pipeline = subject.pipeline
    _file(subject, ("doc_md",), pipeline.doc_md or "")
    for at, code in _code_in(pipeline, ()):
        subject.code(at, code)
    for index, alert in enumerate(pipeline.alerts or ()):
        subject.import_path(("alerts", index, "notify", "uses"), alert.notify.uses)
    for at, word, value in specials([pipeline.defaults.with_, pipeline.user_defined_macros], ("defaults", "with")):
        if word != "from":
            subject.code((*at, word), value[word])
    for node in subject.tree.steps:
        _step(subject, node)


def _step(subject: Subject, node: Node) -> None:
    step, at = node.step, node.at
    of_kind = node.uses in KINDS or node.path in subject.kinds
    for here, word, special in () if of_kind else node.specials:
        if word == "from":
            _result(subject, node, here, special)
        else:
            subject.code((*here, word), special[word])
    if isinstance(step.when, str) and not _TRUE.search(step.when):
        if ":" in step.when:
            subject.code((*at, "when"), step.when)
        else:
            subject.report(
                (*at, "when"), f"{step.when!r} is no condition", 'Write a template such as "{{ params.full }}", or module:function.'
            )
    if step.python is not None:
        _function(subject, node, step)
    elif of_kind:
        for word in ("expand", "expand_kwargs"):
            if getattr(step, word):
                subject.report((*at, word), f"a step of the kind '{node.uses}' is not mapped over arguments", "Use for_each.")
    elif "." in (step.uses or ""):
        _operator(subject, node, step)
    else:
        words = [*KINDS, *subject.registry.names(), *_templates(subject)]
        subject.report(
            (*at, "uses"), f"there is no kind '{node.uses}'", did_you_mean(node.uses, words) + " Or give an operator's import path."
        )
    for branch_or_none, settings in [(None, subject.settings.get(node.path)), *subject.own.get(node.path, {}).items()]:
        if settings is not None:
            _kind(
                subject,
                node,
                settings,
                (*at, "with") if branch_or_none is None else (*at, "for_each", node.body.dimension or "", branch_or_none, "with"),
            )


def _templates(subject: Subject) -> list[str]:
    return sorted(path.stem for path in (subject.project.include / "templates").glob("*.yaml") if "@" not in path.stem)


def _operator(subject: Subject, node: Node, step: Step) -> None:
    subject.import_path((*node.at, "uses"), step.uses or "")
    for place, words in (("with", step.with_), ("expand", step.expand)):
        for word in words:
            known = OPERATOR_ARGUMENTS.get(word)
            if isinstance(known, Elsewhere):
                subject.report((*node.at, place, word), f"'{word}' {known.why}", known.hint)
            elif known is not None and place == "with":
                subject.report(
                    (*node.at, place, word), f"'{word}' is said of the step, not under 'with'", f"Write it beside 'uses', as {known}."
                )
    if subject.tree.dimensions:
        placed = node.dimensions
        for word in _words([step.with_, step.expand, step.expand_kwargs]):
            if word not in placed and word in subject.tree.dimensions:
                subject.report((*node.at, "with"), f"{{{word}}} stands for nothing here", f"The step is not repeated over {word}.")


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PLACEHOLDER.findall(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _words(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _words(item)


def _function(subject: Subject, node: Node, step: Step) -> None:
    at = node.at
    try:
        function = subject.functions.find(step.python or "")
    except FileMissing as error:
        subject.report((*at, "python"), error.message.rstrip("."), error.hint)
        return
    mapped = set(step.expand) | ({step.dimension} if step.mapped_over is not None and step.dimension else set())
    if step.expand_kwargs is not None:
        rows = step.expand_kwargs
        if not isinstance(rows, list):
            return
        mapped |= {name for row in rows if isinstance(row, dict) for name in row}
    unknown, missing = function.misfits(set(step.with_) | mapped)
    for word in unknown:
        place = next(
            (
                place
                for place in ("with", "expand", "expand_kwargs")
                if word in (getattr(step, f"{place}_".rstrip("_"), None) or step.with_ or ())
            ),
            "with",
        )
        hint = did_you_mean(word, function.signature.parameters) or "It takes no arguments."
        subject.report((*at, place, word), f"{step.python} takes no '{word}'", hint)
    for word in missing:
        subject.report((*at, "with"), f"{step.python} wants '{word}'", f"Add it under 'with' of '{node.name}'.")


def _result(subject: Subject, node: Node, at: Place, special: Mapping[str, Any]) -> None:
    name = special["from"]
    target = subject.tree.find(name, node)
    if target is None:
        subject.unknown_step((*at, "from"), name, node)
        return
    if target.node.is_group:
        subject.report(
            (*at, "from"),
            f"'{name}' is a group, which returns nothing",
            f"Name a step in it, such as {name}.{next(iter(target.node.children))}.",
        )
        return
    shared = {other.path for other in node.lineage}
    many = [other for other in target.node.lineage if other.body.branches and other.path not in shared and other.path not in target.picks]
    if many:
        branch = many[0].body.branches[0]
        subject.report(
            (*at, "from"),
            f"'{name}' is {len(many[0].body.branches)} tasks, one for each {many[0].body.dimension}",
            f"Name one of them, such as {many[0].name}.{branch}, or put this step into a group with it.",
        )


def _kind(subject: Subject, node: Node, settings: Any, at: Place) -> None:
    match settings:
        case ExtractSettings():
            _file(subject, (*at, "query"), settings.query)
            for key, text in (("connection", settings.connection), ("query", settings.query if is_sql_file(settings.query) else "")):
                _placeholders(subject, node, (*at, key), text)
        case TransformSettings():
            if settings.sql is not None:
                _file(subject, (*at, "sql"), settings.sql)
            if settings.python is not None:
                subject.code((*at, "python"), settings.python)
        case ChoiceSettings():
            if settings.python is not None:
                subject.code((*at, "python"), settings.python)
            for place, names in [
                *((("cases", i, "then"), case.then) for i, case in enumerate(settings.cases)),
                (("else",), settings.else_),
            ]:
                for name in names:
                    _way(subject, node, (*at, *place), name)
    if isinstance(settings, ExtractSettings | TransformSettings):
        from tidegate.model.check.structure import RESERVED_PARAMS

        for name in sorted(RESERVED_PARAMS & set(settings.params)):
            subject.report((*at, "params", name), f"'{name}' is bound already", "Choose another name for this parameter.")


def _way(subject: Subject, node: Node, at: Place, name: str) -> None:
    target = subject.tree.find(name, node)
    if target is None:
        subject.unknown_step(at, name, node)
    elif not any(need.node is node for _, need in subject.tree.needs(target.node)):
        subject.report(at, f"'{name}' does not need '{node.name}', so it cannot be chosen here", f"Write needs: {node.name} in '{name}'.")


def _file(subject: Subject, at: Place, text: str) -> None:
    if (is_sql_file(text) or is_file(text, ".md")) and "{" not in text:
        try:
            subject.project.file(text.strip())
        except FileMissing as error:
            subject.report(at, error.message.rstrip("."), error.hint)


def _placeholders(subject: Subject, node: Node, at: Place, text: str) -> None:
    for word in _PLACEHOLDER.findall(text):
        if word not in node.dimensions:
            hint = did_you_mean(word, node.dimensions) or "This step has no for_each; write the name in full."
            subject.report(at, f"{{{word}}} stands for nothing here", hint)


def _code_in(value: Any, at: Place) -> Iterator[tuple[Place, str]]:
    """Every import path in the models, except those of steps' own arguments."""
    if isinstance(value, Notify):
        return
    if isinstance(value, Step) and not _CODE.intersection(value.model_fields_set):
        return
    if isinstance(value, Reference):
        key, code = ("import", value.import_) if value.import_ is not None else ("uses", value.uses or "")
        yield (*at, key), code
    elif isinstance(value, Made):
        yield (*at, "uses"), value.uses
    elif isinstance(value, Part):
        for name in value.model_fields_set:
            yield from _code_in(getattr(value, name), (*at, name.rstrip("_")))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _code_in(item, (*at, key))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _code_in(item, (*at, index))


_CODE = frozenset({
    "retry", "weight_rule", "on_execute_callback", "on_failure_callback", "on_success_callback", "on_retry_callback", "on_skipped_callback",
    "pre_execute", "post_execute", "inlets", "outlets", "for_each",
})  # fmt: skip
"""The keys of a step that may hold import paths, ``with`` and its like apart."""


def fill(text: str, bindings: Mapping[str, str]) -> str:
    """``text`` with ``{region}`` replaced by the branch's name; ``{{ }}`` is Airflow's and stays."""
    return _PLACEHOLDER.sub(lambda match: bindings.get(match[1], match[0]), text)
