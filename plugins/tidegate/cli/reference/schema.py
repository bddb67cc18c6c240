"""The JSON Schema of the pipeline file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tidegate.cli.reference.keys import keys
from tidegate.cli.reference.models import Model, called, documented_models, kinds, takes_kinds
from tidegate.cli.reference.words import first_paragraph, markdown
from tidegate.model.spec import Pipeline
from tidegate.model.step import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.cli.operators import Operator
    from tidegate.cli.reference.shapes import Json

OF_THE_STEP = "step"
"""Key of a settings model's ``json_schema_extra`` that says more of the step which has such settings."""
_VARIABLE: Json = {"type": "string", "pattern": r"\$\{[A-Za-z_]\w*\}", "description": "A variable, such as ${name}."}


def json_schema(operators: Sequence[Operator] = (), *, root: Model = Pipeline, own: Sequence[str] = ()) -> Json:
    """One JSON Schema (draft 7, which editors read best) for the whole file; ``with`` depends on ``uses``.

    :param operators: Operators whose arguments an editor is to complete, besides the settings of the built-in kinds.
    :param root: What the file is; a pipeline may also be a layer of others, which needs no name.
    :param own: The templates and kinds of a project, which ``uses`` may name too.
    """
    definitions = {model.__name__: of_model(model) for model in documented_models() if model is not root}
    for model in documented_models():
        if takes_kinds(model):
            definitions[model.__name__] |= _by_uses(model, operators, own)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Tidegate: {called(root)}",
        **(_pipeline() if root is Pipeline else _like_a_pipeline(root)),
        "definitions": {**definitions, "variable": _VARIABLE},
    }


def _pipeline() -> Json:
    """A pipeline, or a layer: what ``defaults.yaml`` and ``extends`` bring need not stand in the file."""
    told = of_model(Pipeline)
    told["required"] = [key for key in told.get("required", []) if key not in {"pipeline", "steps"}]
    return {
        **told,
        "allOf": [
            {"if": {"required": ["steps"]}, "then": {"required": ["pipeline"]}},
            {"if": {"required": ["pipeline"], "not": {"required": ["extends"]}}, "then": {"required": ["steps"]}},
        ],
    }


def _like_a_pipeline(root: Model) -> Json:
    """A file of another sort: what is a mapping of anything there, and has a pipeline's key, is as in a pipeline."""
    told, pipeline = of_model(root), of_model(Pipeline)["properties"]
    for key in keys(root):
        if key.schema.get("type") == "object" and "additionalProperties" not in key.schema and key.name in pipeline:
            told["properties"][key.name] = pipeline[key.name]
    return told


def of_model(model: Model) -> Json:
    """The schema of one model: its keys, and what it says of itself in ``json_schema_extra``."""
    told = keys(model)
    properties = {
        key.name: {
            **_or_variable(key.schema),
            "description": key.meaning.replace("`", ""),
            **({"examples": list(key.examples)} if key.examples else {}),
        }
        for key in told
    }
    required = [key.name for key in told if key.required]
    extra = model.model_config.get("json_schema_extra")
    return {
        "type": "object",
        "description": markdown(first_paragraph(model)).replace("`", ""),
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
        **({word: value for word, value in extra.items() if word != OF_THE_STEP} if isinstance(extra, dict) else {}),
    }


def _or_variable(schema: Json) -> Json:
    """A schema that also takes a variable wherever one may stand for a value that is no free text."""
    schema = {word: _inside(word, value) for word, value in schema.items()}
    if not _closed(schema):
        return schema
    alternatives = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return {"anyOf": [*alternatives, {"$ref": "#/definitions/variable"}]}


def _inside(word: str, value: Any) -> Any:
    if word in {"items", "additionalProperties"} and isinstance(value, dict):
        return _or_variable(value)
    if word == "anyOf":
        return [{inner: _inside(inner, item) for inner, item in one.items()} for one in value]
    return value


def _closed(schema: Json) -> bool:
    """Whether no text, or not every text, fits a schema, so that ``${name}`` would be marked as wrong."""
    if set(schema) == {"anyOf"}:
        return all(_closed(one) for one in schema["anyOf"])
    told = schema.get("type", ())
    kinds = {told} if isinstance(told, str) else set(told)
    return "enum" in schema or "pattern" in schema or (bool(kinds) and not kinds & {"string", "object"})


def _by_uses(model: Model, operators: Sequence[Operator], own: Sequence[str]) -> Json:
    """What ``uses`` may say, and what must then stand under ``with``."""
    key = next(key for key in keys(model) if key.name == "uses")
    words = [*kinds(), *own, *(operator.path for operator in operators)]
    properties = {
        **of_model(model)["properties"],
        "uses": {"anyOf": [{"enum": words}, key.schema], "description": key.meaning.replace("`", "")},
    }
    choices = [of_kind(kind, settings) for kind, settings in kinds().items()]
    of_groups = {key: told for key, told in of_model(Group)["properties"].items() if key not in {*properties, "steps", "serial"}}
    return {
        "properties": {**properties, **of_groups},
        "allOf": [_no_template(of_groups), *choices, *(_by_operator(operator) for operator in operators)],
    }


def _no_template(of_groups: Json) -> Json:
    """A step that uses a template becomes a group, and takes its keys; one that uses an operator or a built-in kind, or calls a function, does not."""
    uses = {"pattern": rf"\.|^({'|'.join(kinds())})(@\d+)?$"}
    return {"if": {"properties": {"uses": uses}}, "then": {"properties": dict.fromkeys(of_groups, False)}}


def of_kind(kind: str, settings: Model) -> Json:
    """What a step of a built-in kind must look like."""
    extra = settings.model_config.get("json_schema_extra")
    more: Any = extra.get(OF_THE_STEP, {}) if isinstance(extra, dict) else {}
    properties = {"with": {"$ref": f"#/definitions/{settings.__name__}"}, **more.get("properties", {})}
    required = [*(["with"] if _says_something(settings) else []), *more.get("required", [])]
    return {
        "if": {"properties": {"uses": {"pattern": rf"^{kind}(@\d+)?$"}}, "required": ["uses"]},
        "then": {**more, "properties": properties, **({"required": required} if required else {})},
    }


def _says_something(settings: Model) -> bool:
    """Whether a step of the kind needs a ``with`` at all: whether the settings are wrong when they are empty."""
    try:
        settings.model_validate({})
    except ValidationError:
        return True
    return False


def _by_operator(operator: Operator) -> Json:
    """The arguments that an editor completes; others are taken too, for an operator knows those of Airflow's base."""
    arguments = {name: {"description": meaning} if meaning else {} for name, meaning in operator.arguments.items()}
    told = {"description": operator.meaning} if operator.meaning else {}
    return {
        "if": {"properties": {"uses": {"const": operator.path}}, "required": ["uses"]},
        "then": {"properties": {"with": {"type": "object", **told, "properties": arguments}}},
    }
