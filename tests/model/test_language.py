"""The good files together say all that the language has: every key of every model, every word where only some words may stand."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest
from corpus_project import GOOD, INCLUDE
from pydantic import BaseModel

from tidegate.model import load_pipeline
from tidegate.model.kinds import KINDS
from tidegate.model.spec import Pipeline
from tidegate.model.templates import Template
from tidegate.model.yaml_source import read_source

Model = type[BaseModel]


def inside(hint: Any) -> list[Any]:
    """A type and all types that it is made of."""
    return [hint, *(part for argument in get_args(hint) for part in inside(argument))] if get_origin(hint) is not Literal else [hint]


def reachable(*roots: Model) -> list[Model]:
    """Models, and all models that stand under their keys."""
    found = list(roots)
    for model in found:  # grows while it is walked
        parts = [part for info in model.model_fields.values() for part in inside(info.annotation)]
        found += [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel) and part not in found]
    return list(dict.fromkeys(found))


def declaring(model: Model, field: str) -> Model:
    """The model that a key is written in: ``retries`` is Effort's, though a step has it."""
    return next(base for base in reversed(model.__mro__) if field in vars(base).get("__annotations__", {}))


def key(model: Model, field: str) -> str:
    """What a key is called in the file, and whose it is."""
    return f"{declaring(model, field).__name__}.{model.model_fields[field].alias or field}"


MODELS = reachable(Pipeline, Template, *KINDS.values())
KEYS = sorted({key(model, field) for model in MODELS for field in model.model_fields})
WORDS = sorted(
    {
        f"{key(model, field)}: {word}"
        for model in MODELS
        for field, info in model.model_fields.items()
        for part in inside(info.annotation)
        if get_origin(part) is Literal
        for word in get_args(part)
    }
)


def said(value: Any) -> set[str]:
    """Every key that stands in a loaded value, and ``key: word`` for those that have a text or several."""
    match value:
        case BaseModel():
            found = set()
            for field in value.model_fields_set:
                name, item = key(type(value), field), getattr(value, field)
                texts = item if isinstance(item, tuple) else (item,)
                found |= {name, *(f"{name}: {text}" for text in texts if isinstance(text, str))} | said(item)
            return found
        case dict():
            return set().union(*map(said, value.values()))
        case list() | tuple():
            return set().union(*map(said, value))
    return set()


@pytest.fixture(scope="module")
def corpus() -> set[str]:
    """What the pipelines and the templates of the corpus say."""
    found: set[str] = set()
    for path in GOOD:
        spec = load_pipeline(path).require()
        found |= said(spec.pipeline) | said(dict(spec.settings)) | said([dict(own) for own in spec.own.values()])
    for path in (INCLUDE / "templates").glob("*.yaml"):
        found |= said(Template.model_validate(read_source(path).value))
    return found


def test_the_walk_meets_the_whole_language() -> None:
    """A walk that loses its way would prove nothing."""
    assert len(KEYS) > 150
    assert {"Step.with", "ChoiceSettings.else", "Case.if", "Reference.import", "Effort.retries", "AssetTerm.all", "Parameter.type"} <= set(
        KEYS
    )
    assert {"Effort.trigger_rule: one_done", "Pipeline.allowed_run_types: manual", "Schedule.interval: tick"} <= set(WORDS)


@pytest.mark.parametrize("name", KEYS)
def test_every_key_stands_in_a_good_file(corpus: set[str], name: str) -> None:
    """A key that no file says is a key that no test takes through to Airflow."""
    assert name in corpus


@pytest.mark.parametrize("word", WORDS)
def test_every_word_stands_in_a_good_file(corpus: set[str], word: str) -> None:
    """Trigger rules, kinds of run, events: each is accepted where it may stand."""
    assert word in corpus
