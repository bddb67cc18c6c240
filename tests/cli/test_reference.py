"""The reference reads models that it has never seen: types, bounds, markers, places."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from tidegate.cli.reference.keys import keys
from tidegate.cli.reference.models import ROOTS, documented_models, kinds, models_in, place_of, places, takes_kinds
from tidegate.cli.reference.pipeline import anchor, heading, pipeline_page
from tidegate.cli.reference.schema import json_schema, of_kind, of_model
from tidegate.cli.reference.shapes import shape, short_forms
from tidegate.errors import TidegateError
from tidegate.model.parts import Part
from tidegate.model.shapes import Shape


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


class Tide(Part):
    """When the water is high."""

    at: str
    """The moment."""
    height: Annotated[float, Field(gt=0, lt=20)] = 1.5
    """In metres."""

    @model_validator(mode="before")
    @classmethod
    def _text_is_the_moment(cls, value: Any) -> Any:
        return {"at": value} if isinstance(value, str) else value


class Gate(Part):
    """What keeps the water out."""

    tides: dict[str, Tide] = Field(min_length=1)
    """The tides, by name."""
    inner: tuple[Gate, ...] = ()
    """The gates behind it."""


Gate.model_rebuild()
LISTED = Annotated[tuple[Tide, ...], BeforeValidator(_listed)]
MARKED = Annotated[str, StringConstraints(pattern="^x"), Shape("word with an x", {"type": "string", "pattern": "^x"})]
NAMED = Annotated[str, StringConstraints(pattern="^x"), Shape("x-word")]
TYPES = [
    (str, "text", {"type": "string"}),
    (str | None, "text", {"type": "string"}),
    (int | float, "number", {"type": "number"}),
    (dict[str, str | None], "mapping of names; each to text, or null", {"additionalProperties": {"type": ["string", "null"]}}),
    (date | datetime, "date, or time", None),
    (timedelta, "duration", None),
    (Literal["a", "b"], "one of `a`, `b`", {"enum": ["a", "b"]}),
    (Literal["a"] | None, "`a`", {"enum": ["a"]}),
    (tuple[int, ...], "list of whole numbers", {"type": "array", "items": {"type": "integer"}}),
    (list[bool], "list; each true or false", None),
    (dict[str, int], "mapping of names to whole numbers", {"type": "object", "additionalProperties": {"type": "integer"}}),
    (dict[str, Any], "mapping", {"type": "object"}),
    (Any, "anything", {}),
    (bool | str, "true or false, or text", {"type": ["boolean", "string"]}),
    (str | list[str], "text, or list of text", None),
    (Annotated[tuple[Literal["a", "b"], ...], BeforeValidator(_listed)], "one or several of `a`, `b`", None),
    (Annotated[tuple[str, ...] | None, BeforeValidator(_listed)], "text, or list of text", None),
    (Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | int)], "text, or whole number", None),
    (MARKED, "word with an x", {"type": "string", "pattern": "^x"}),
    (NAMED, "x-word", {"type": "string", "pattern": "^x"}),
    (tuple[NAMED, ...], "list of x-words", None),
    (Gate, "mapping", {"allOf": [{"$ref": "#/definitions/Gate"}]}),
    (Tide, "text, or mapping", {"anyOf": [{"type": "string"}, {"allOf": [{"$ref": "#/definitions/Tide"}]}]}),
]


@pytest.mark.parametrize(("hint", "words", "schema"), TYPES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_type_has_words_and_a_schema(hint: Any, words: str, schema: dict[str, Any] | None) -> None:
    """Read off the type; a Shape beside it has the last word, for what it says."""
    told, found = shape(hint)
    assert told == words
    jsonschema.Draft7Validator.check_schema(found)
    if schema is not None:
        assert {name: found[name] for name in schema} == schema


def test_a_type_that_nobody_knows_ends_the_generation() -> None:
    """And the message says where its words can be put."""
    with pytest.raises(TidegateError, match=r"no words for the type .* Put a Shape"):
        shape(complex)


def test_bounds_are_told_to_editors() -> None:
    """Of numbers, texts, lists and mappings; of a list that one value may stand for, the list's."""
    assert shape(Annotated[int, Field(ge=1, le=5)])[1] == {"type": "integer", "minimum": 1, "maximum": 5}
    assert shape(Annotated[float, Field(gt=1, lt=5, multiple_of=2)])[1] == {
        "type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 5, "multipleOf": 2,
    }  # fmt: skip
    assert shape(Annotated[str, StringConstraints(min_length=1, max_length=9)])[1] == {"type": "string", "minLength": 1, "maxLength": 9}
    assert shape(Annotated[dict[str, int], Field(max_length=1)])[1]["maxProperties"] == 1
    one, many = shape(Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=2)])[1]["anyOf"]
    assert (one, many["minItems"]) == ({"type": "string"}, 2)


def test_what_a_model_takes_in_place_of_a_mapping_is_asked_of_it() -> None:
    """Only its validators know."""
    assert short_forms(Tide) == (str,)
    assert short_forms(Gate) == ()
    assert shape(LISTED)[0] == "text, or mapping, or a list of them"


def test_a_union_of_models_is_told_apart_by_what_only_one_must_have() -> None:
    """So that an editor marks what is wrong with the one that is meant."""
    choice = shape(Gate | Tide)[1]
    assert choice["if"] == {"required": ["tides"]}
    assert choice["then"] == {"allOf": [{"$ref": "#/definitions/Gate"}]}


def test_models_are_found_wherever_a_type_mentions_them() -> None:
    """With the path of what may be one."""
    found = dict(models_in(dict[str, tuple[Tide, ...]] | Gate | None, ("tides",)))
    assert found == {("tides", "<tide>[]"): Tide, ("tides",): Gate}


def test_keys_say_what_the_model_says() -> None:
    """Default, bounds, meaning; a key is written as its alias."""
    at, height = keys(Tide)
    assert (at.name, at.required, at.default, at.meaning) == ("at", True, "", "The moment.")
    assert (height.default, height.schema) == ("1.5", {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 20})
    assert "with" in {key.name for model in documented_models() if takes_kinds(model) for key in keys(model)}


class Sluice(Part):
    """Lets the water through."""

    model_config = ConfigDict(json_schema_extra={"step": {"properties": {"for_each": {"maxProperties": 0}}}, "minProperties": 1})
    width: int
    """In metres."""


def test_settings_may_say_more_of_themselves_and_of_their_step() -> None:
    """Beside the model, where no key shows it: ``step`` is about the step, the rest about the settings."""
    step = of_kind("sluice", Sluice)
    assert step["then"]["properties"] == {"with": {"$ref": "#/definitions/Sluice"}, "for_each": {"maxProperties": 0}}
    assert step["then"]["required"] == ["with"]
    told = of_model(Sluice)
    assert (told["minProperties"], "step" in told) == (1, False)


# -- The language as it is ------------------------------------------------------------------------------------------


def test_every_place_leads_to_a_documented_model() -> None:
    """The walk begins with the file, meets the kinds' settings under a step's ``with``, and ends although groups hold steps."""
    assert places()[0].model is ROOTS[0][1]
    assert {place.kind for place in places()} == {"", *kinds()}
    assert {place.model for place in places()} <= set(documented_models())
    for kind, settings in kinds().items():
        place = place_of(settings)
        assert place is not None
        assert (place.kind, place.path[-1]) == (kind, "with")


def test_every_reference_in_the_schema_leads_somewhere() -> None:
    """Those that models write by hand as well."""
    schema = json_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    named = set(_references(schema))
    assert named
    assert {name for name in named if name.removeprefix("#/definitions/") not in schema["definitions"]} == set()


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return [*own, *(found for item in value.values() for found in _references(item))]
    return [found for item in value for found in _references(item)] if isinstance(value, list) else []


def test_examples_beside_a_field_fit_it() -> None:
    """An example that the schema refuses would mislead."""
    definitions = json_schema()["definitions"]
    for model in documented_models():
        for key in keys(model):
            for value in key.examples:
                jsonschema.validate(value, {**key.schema, "definitions": definitions})


def test_headings_tell_models_apart() -> None:
    """And the page's own links lead to them."""
    headings = [heading(model) for model in documented_models()]
    assert len(set(headings)) == len(headings)
    page = pipeline_page()
    for told in headings:
        assert f"\n## {told}\n" in page
    anchors = {anchor(told) for told in headings}
    assert all(link in anchors for link in page.split("](#")[1:] for link in [link.partition(")")[0]])


def test_variables_may_stand_for_what_is_no_text() -> None:
    """``${name}`` alone keeps its type, so an editor must not mark it under a number."""
    valid = jsonschema.Draft7Validator(json_schema())
    step = {"uses": "extract", "with": {"connection": "c", "query": "q", "batch_rows": "${rows}"}, "retries": "${tries}"}
    assert valid.is_valid({"pipeline": "p", "steps": {"s": step}})
    assert not valid.is_valid({"pipeline": "p", "steps": {"s": {**step, "retries": "two"}}})


def test_a_layer_needs_no_name() -> None:
    """``defaults.yaml`` lies among the pipelines, and what is extended may bring the steps."""
    valid = jsonschema.Draft7Validator(json_schema())
    assert valid.is_valid({"owner": "me"})
    assert valid.is_valid({"pipeline": "p", "extends": "../base.yaml"})
    assert not valid.is_valid({"pipeline": "p"})
    assert not valid.is_valid({"steps": {"s": {"uses": "extract", "with": {"connection": "c", "query": "q"}}}})
    assert not valid.is_valid({"ownr": "me"})
