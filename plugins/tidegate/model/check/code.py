"""Code that is named anywhere but in steps' own arguments: each import path may be imported, each function is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.model.effort import WEIGHT_RULES, Effort
from tidegate.model.findings import did_you_mean
from tidegate.model.parts import Made, Part, Reference
from tidegate.model.problems import shown
from tidegate.model.schedule import Watcher
from tidegate.model.spec import Notify
from tidegate.model.step import Step
from tidegate.model.values import misspelt, specials, stands_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate.model.check.subject import Subject
    from tidegate.model.yaml_source import Place


def check_code(subject: Subject, value: Any, at: Place) -> None:
    """Report import paths and functions in a model and all that it holds, arguments that objects are made with among them."""
    match value:
        case Reference():
            if value.import_ is not None:
                subject.code((*at, "import"), value.import_)
            else:
                subject.import_path((*at, "uses"), value.uses or "")
            _given(subject, value, at)
        case Made():
            subject.import_path((*at, "uses"), value.uses)
            _given(subject, value, at)
        case Watcher() | Notify():
            subject.import_path((*at, "uses"), value.uses)
            check_objects(subject, value.with_, (*at, "with"))
        case dict() | tuple() | Part():
            if isinstance(value, Effort):
                _effort(subject, value, at)
            for part, item in _inside(value):
                if not (type(item) is str or (type(item) is Step and item.model_fields_set.isdisjoint(_CODE))):  # nearly all there is
                    check_code(subject, item, (*at, part))


def check_slips(subject: Subject, value: Any, at: Place) -> None:
    """Report mappings that would be plain data, and lose what they stand for, because one of their keys is misspelt."""
    for here, word, near in misspelt(value, at):
        hint = f"Did you mean '{near}'? Data that have both keys are written as {{literal: {{…}}}}."
        subject.report(here, f"'{here[-1]}' is no key beside '{word}', so that the mapping is plain data", hint)


def check_objects(subject: Subject, value: Any, at: Place) -> None:
    """Report objects and functions in plain data where no step's result can be."""
    check_slips(subject, value, at)
    for here, word, special in specials(value, at):
        if word == "from":
            subject.report(
                (*here, "from"),
                "a step's result can stand under a step's own 'with' only",
                "Write it under 'with' of the step that takes it.",
            )
        else:
            check_object(subject, here, word, special)


def check_object(subject: Subject, at: Place, word: str, special: Mapping[str, Any]) -> None:
    """Report what is wrong with one object or function: its path, or what its arguments stand in."""
    if word == "import":
        subject.code((*at, word), special[word])
    else:
        subject.import_path((*at, word), special[word], function=f"{{import: {special[word]}}}")
    for key, kind, hint in (("with", dict, "Write them as {name: value}."), ("args", list, "Write them as [value, value].")):
        if key in special and not isinstance(special[key], kind):
            subject.report((*at, key), f"{shown(special[key])} gives no arguments", hint)


def check_environment(subject: Subject, settings: Mapping[str, Any], at: Place) -> None:
    """Report what the settings of Jinja's environment name: it imports its extensions by their paths."""
    for name, value in settings.items():
        check_objects(subject, value, (*at, name))
    extensions = settings.get("extensions", [])
    if not isinstance(extensions, list):
        subject.report((*at, "extensions"), f"{shown(extensions)} is not a list", "Write the import paths of extensions: [jinja2.ext.do].")
        return
    for index, extension in enumerate(extensions):
        here = (*at, "extensions", index)
        if isinstance(extension, str):
            if not extension.startswith("jinja2.ext."):
                subject.import_path(here, extension)
        elif not (isinstance(extension, dict) and stands_for(extension) == "import"):
            subject.report(here, f"{shown(extension)} names no extension", "Write its import path, such as jinja2.ext.do.")


def _given(subject: Subject, value: Reference | Made, at: Place) -> None:
    check_objects(subject, value.with_, (*at, "with"))
    check_objects(subject, value.args, (*at, "args"))


def _effort(subject: Subject, value: Effort, at: Place) -> None:
    if value.weight_rule is not None and value.weight_rule not in WEIGHT_RULES:
        if "." in value.weight_rule:
            subject.import_path((*at, "weight_rule"), value.weight_rule)
        else:
            hint = f"{did_you_mean(value.weight_rule, WEIGHT_RULES)} Or give the import path of a strategy."
            subject.report((*at, "weight_rule"), f"there is no weight rule '{value.weight_rule}'", hint)
    if value.executor_config is not None:
        check_objects(subject, value.executor_config, (*at, "executor_config"))


def _inside(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, tuple):
        yield from enumerate(value)
    else:
        for name in value.model_fields_set:
            yield name.rstrip("_"), getattr(value, name)


_CODE = frozenset({
    "retry", "on_execute_callback", "on_failure_callback", "on_success_callback", "on_retry_callback", "on_skipped_callback", "pre_execute",
    "post_execute", "inlets", "outlets", "for_each", "weight_rule", "executor_config",
})  # fmt: skip
"""The keys of a step below which code may be named, ``with`` and its like apart."""
