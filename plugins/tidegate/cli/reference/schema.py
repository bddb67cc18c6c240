"""The JSON Schema of the pipeline file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.cli.reference.keys import keys
from tidegate.cli.reference.pipeline import documented_models
from tidegate.cli.reference.words import first_paragraph, markdown
from tidegate.model.kinds import KINDS, BarrierSettings
from tidegate.model.spec import Pipeline

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tidegate.cli.reference.shapes import Json


def json_schema() -> Json:
    """One JSON Schema (draft 7, which editors read best) for the whole file; ``with`` depends on ``uses``."""
    models = {model.__name__: model for model in documented_models() if model is not Pipeline}
    definitions = {name: _object(model) for name, model in models.items()}
    definitions["Step"] |= {"allOf": [_by_kind(kind, settings) for kind, settings in KINDS.items()] + [_by_operator()]}
    definitions["TransformSettings"]["oneOf"] = [
        {"required": [name], "properties": {name: {"type": "string"}}} for name in ("sql", "python")
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A Tidegate pipeline",
        **_object(Pipeline),
        "definitions": definitions,
    }


def _object(model: type[BaseModel]) -> Json:
    told = keys(model)
    properties = {key.name: {**key.schema, "description": key.meaning.replace("`", "")} for key in told}
    required = [key.name for key in told if key.required]
    return {
        "type": "object",
        "description": markdown(first_paragraph(model)).replace("`", ""),
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _by_kind(kind: str, settings: type[BaseModel]) -> Json:
    """What a step of a built-in kind must look like."""
    listed: Json = {"additionalProperties": {"type": "array"}}
    mapped: Json = {"additionalProperties": {"type": "string"}}
    for_each = {"extract": listed, "transform": mapped}.get(kind, {"maxProperties": 0})
    needs_settings = settings is not BarrierSettings
    return {
        "if": {"properties": {"uses": {"const": kind}}, "required": ["uses"]},
        "then": {
            "properties": {"with": {"$ref": f"#/definitions/{settings.__name__}"}, "for_each": for_each},
            **({"required": ["with"]} if needs_settings else {}),
        },
    }


def _by_operator() -> Json:
    """An Airflow operator takes any arguments, and is repeated over named branches only."""
    return {
        "if": {"properties": {"uses": {"not": {"enum": list(KINDS)}}}, "required": ["uses"]},
        "then": {"properties": {"for_each": {"additionalProperties": {"type": "array"}}}},
    }
