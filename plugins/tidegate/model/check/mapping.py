"""What a step is mapped over at run time: lists, results, or several of them side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.model.airflow_names import OPERATOR_ARGUMENTS
from tidegate.model.problems import shown

if TYPE_CHECKING:
    from tidegate.model.check.subject import Subject
    from tidegate.model.tree import Node
    from tidegate.model.yaml_source import Place


def check_mapping(subject: Subject, node: Node) -> None:
    """Report what Airflow, or the first run, would refuse to map over."""
    step = node.step
    for word, value in step.expand.items():
        if word in step.with_:
            hint = "Remove it from 'with', or from 'expand'."
            subject.report((*node.at, "expand", word), f"'{word}' is given under 'with' already", hint)
        if word in OPERATOR_ARGUMENTS and step.python is None:
            subject.report((*node.at, "expand", word), f"'{word}' is the same for all tasks that are mapped", "Write it beside 'uses'.")
        if not isinstance(value, list | dict):
            _no_list(subject, (*node.at, "expand", word), value)
    rows, at = step.expand_kwargs, (*node.at, "expand_kwargs")
    match rows:
        case None | {"from": _} | {"literal": _} | {"uses": _} | {"import": _}:
            return
        case list():
            for index, row in enumerate(rows):
                if not isinstance(row, dict):
                    subject.report((*at, index), f"{shown(row)} is no mapping of arguments", "Write {argument: value}.")
        case {"zip": dict(columns)} if columns and len(rows) == 1:
            _zipped(subject, (*at, "zip"), columns)
        case _:
            subject.report(
                at, f"{shown(rows)} says no arguments", "Give a list of mappings, {from: step}, or {zip: {argument: list or {from: step}}}."
            )


def _zipped(subject: Subject, at: Place, columns: dict[str, Any]) -> None:
    lengths = {word: len(value) for word, value in columns.items() if isinstance(value, list)}
    for word, value in columns.items():
        if not isinstance(value, list) and not (isinstance(value, dict) and "from" in value):
            _no_list(subject, (*at, word), value)
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"'{word}' has {length}" for word, length in lengths.items())
        subject.report(at, f"its lists are not equally long: {told}", "Zip takes one value of each for every task.")


def _no_list(subject: Subject, at: Place, value: Any) -> None:
    subject.report(at, f"{shown(value)} is no list", "Give a list, or {from: step} for what a step returned.")
