"""Whether a step runs, and which of those behind a branch go on: templates that are whole, functions that get what they want, ways that exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tidegate.errors import FileMissing

if TYPE_CHECKING:
    from tidegate.model.check.subject import Subject
    from tidegate.model.kinds import ChoiceSettings
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place

_TEMPLATE = re.compile(r"\{\{|\{%")
_PAIRS = (("{{", "}}"), ("{%", "%}"))
_WRITE = 'Write a template such as "{{ params.full }}"'


def check_condition(subject: Subject, at: Place, condition: str) -> None:
    """Report a ``when`` that is neither a template nor a function of the context."""
    if _TEMPLATE.search(condition):
        _whole(subject, at, condition)
    elif ":" in condition:
        _of_context(subject, at, condition)
    else:
        subject.report(at, f"{condition!r} is no condition", f"{_WRITE}, or module:function.")


def check_choice(subject: Subject, node: Node, settings: ChoiceSettings, at: Place) -> None:
    """Report a branch step that cannot choose, or chooses what does not wait for it."""
    if settings.python is not None:
        _of_context(subject, (*at, "python"), settings.python)
    for index, case in enumerate(settings.cases):
        if _TEMPLATE.search(case.if_):
            _whole(subject, (*at, "cases", index, "if"), case.if_)
        else:
            hint = f"{_WRITE}; a function chooses by python: module:function instead of cases."
            subject.report((*at, "cases", index, "if"), f"{case.if_!r} is no condition", hint)
        for name in case.then:
            _way(subject, node, (*at, "cases", index, "then"), name)
    for name in settings.else_:
        _way(subject, node, (*at, "else"), name)


def _whole(subject: Subject, at: Place, template: str) -> None:
    for opens, closes in _PAIRS:
        if template.count(opens) != template.count(closes):
            subject.report(at, f"{template!r} is no whole template", f"Close each {opens} by {closes}.")


def _of_context(subject: Subject, at: Place, reference: str) -> None:
    """A function that is called with those values of Airflow's context that its parameters name."""
    try:
        function = subject.functions.find(reference)
    except FileMissing as error:
        subject.report(at, error.message.rstrip("."), error.hint)
        return
    if list(function.signature.parameters) == ["context"]:
        return
    for word in function.misfits(set())[1]:
        subject.report(
            at,
            f"{reference} wants '{word}', which Airflow's context has not",
            "Name its parameters as in the context, or give it **context.",
        )


def _way(subject: Subject, node: Node, at: Place, name: str) -> None:
    target = subject.tree.find(name, node)
    if target is None:
        subject.unknown_step(at, name, node)
    elif not any(need.node is node for _, need in subject.tree.needs(target.node)):
        subject.report(at, f"'{name}' does not need '{node.name}', so it cannot be chosen here", f"Write needs: {node.name} in '{name}'.")
