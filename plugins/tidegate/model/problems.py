"""Pydantic's errors as findings: one a mistake, in words that fit a file written by a person, with what to do."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tidegate.model.airflow_names import DAG_ARGUMENTS, OPERATOR_ARGUMENTS, Elsewhere
from tidegate.model.findings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.model.document import Document

Model = TypeVar("Model", bound=BaseModel)
Place = tuple["str | int", ...]

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "date_type": "a date",
    "date_parsing": "a date",
    "date_from_datetime_parsing": "a date",
    "datetime_type": "a time",
    "datetime_parsing": "a time",
    "datetime_from_date_parsing": "a time",
}
"""Pydantic's error types that mean a value of the wrong type → what should stand there."""


def validated(document: Document, model: type[Model], value: Any, at: Place) -> Model | None:
    """The model of a value that stands at ``at`` in the document, or None and findings in the document."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems: dict[Place, list[Any]] = defaultdict(list)
        for problem in error.errors(include_url=False):
            problems[_place(problem["loc"])].append(problem)
        told = {finding.path for finding in document.findings}
        for loc, here in problems.items():
            dotted = ".".join(str(part) for part in (*at, *loc))
            if dotted in told or (here[0]["type"] == "value_error" and any(path.startswith(f"{dotted}.") for path in told)):
                continue  # the parser has said already what is wrong with this value, or with one inside of it
            # Where a value may be one of two things, pydantic also tells that it is not the other one.
            deeper = any(other[: len(loc)] == loc and len(other) > len(loc) for other in problems)
            if not (deeper and all(problem["type"] in _WANTED for problem in here)):
                document.report((*at, *loc), *_words(model, loc, here))
        return None


def _place(loc: Sequence[str | int]) -> Place:
    """The path of an error in the file, without the marks that pydantic adds for unions and keys."""
    return tuple(part for part in loc if isinstance(part, int) or not (part in _UNION_MARKS or part[:1] == "·" or "[" in part))


_UNION_MARKS = {"constrained-str", "str", "int", "float", "bool", "none", "date", "datetime"}


def _words(model: type[BaseModel], loc: Place, problems: Sequence[Any]) -> tuple[str, str]:  # noqa: C901, PLR0911, PLR0912  a table of words
    """What to say of the problems in one place: message and hint."""
    wanted = [_WANTED[problem["type"]] for problem in problems if problem["type"] in _WANTED]
    if wanted == ["text"] and isinstance(problems[0]["input"], int | float):
        return f"{_shown(problems[0]['input'])} is a number, and text should stand here", f'Quote it: "{problems[0]["input"]}".'
    if wanted:
        return f"{_shown(problems[0]['input'])} is not {' or '.join(dict.fromkeys(wanted))}", "Compare it with docs/reference/pipeline.md."
    problem = problems[0]
    kind, context, last = problem["type"], problem.get("ctx", {}), str(loc[-1]) if loc else ""
    match kind:
        case "extra_forbidden":
            return _unknown_key(last, _keys(model, loc[:-1]))
        case "missing":
            return f"the key '{last}' is missing", "Add it; docs/reference/pipeline.md tells what it means."
        case "string_pattern_mismatch":
            return f"{_shown(problem['input'])} does not fit", _pattern_hint(context["pattern"])
        case "string_too_long":
            return f"{_shown(problem['input'])} is too long", f"Use at most {context['max_length']} characters."
        case "string_too_short" | "too_short":
            return "there is nothing in it", "Give at least one."
        case "too_long":
            return f"there are {context.get('actual_length') or 'too many'} in it", f"Give at most {context['max_length']}."
        case "greater_than_equal":
            return f"{_shown(problem['input'])} is too small", f"Give {context['ge']} or more."
        case "less_than_equal":
            return f"{_shown(problem['input'])} is too large", f"Give {context['le']} or less."
        case "literal_error":
            return f"{_shown(problem['input'])} is none of the words that fit", f"Choose among {context['expected']}."
        case "value_error":
            message, _, hint = str(context["error"]).partition("; ")
            return message, f"{hint[:1].upper()}{hint[1:]}." if hint else ""
        case _:
            return problem["msg"][:1].lower() + problem["msg"][1:], "Compare it with docs/reference/pipeline.md."


def _unknown_key(word: str, known: Sequence[str]) -> tuple[str, str]:
    """What to say of a key that no model has: what it is called here, where people know it by another name."""
    if word == "<<":
        return (
            "merge keys are not supported",
            "Write the keys out, or share them under 'defaults', in a folder's defaults.yaml or by 'extends'.",
        )
    here = _ELSEWHERE.get(word) or (OPERATOR_ARGUMENTS if "retries" in known else DAG_ARGUMENTS).get(word)
    if isinstance(here, Elsewhere):
        return f"unknown key '{word}': it {here.why}", here.hint
    if here is not None and here.partition(".")[0] in known:
        return f"unknown key '{word}'", f"Here it is called '{here}'."
    listed = f"Known keys: {', '.join(known)}." if len(known) <= _FEW else "The reference page docs/reference/pipeline.md lists all keys."
    near = did_you_mean(word, known)
    return f"unknown key '{word}'", f"{near} {listed}" if near.startswith("Did") else listed


_FEW = 16
_ELSEWHERE = {
    "dag_id": "pipeline", "name": "pipeline", "schedule_interval": "schedule", "cron": "schedule.cron", "tasks": "steps", "jobs": "steps",
    "task_groups": "steps", "operator": "uses", "kind": "uses", "dependencies": "needs", "depends_on": "needs", "upstream": "needs",
    "matrix": "for_each", "strategy": "for_each", "arguments": "with", "args": "with", "config": "with", "if": "when", "condition": "when",
    "vars": "variables", "env": "variables", "parameters": "params", "inputs": "params", "callbacks": "on_failure_callback",
    "python_callable": "python", "catchup": "schedule.catchup", "timezone": "schedule.timezone",
}  # fmt: skip
"""Words that other tools, and older Airflows, have for keys of ours."""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004  what fits a line


def _pattern_hint(pattern: str) -> str:
    if "decimal" in pattern:
        return "Types are int, float, decimal, decimal(p,s), text, bool, date, timestamp, timestamptz and bytes."
    return "Names have letters, digits, '_' and '-'; those of pipelines, steps and dimensions start with a letter or '_'."


def _keys(model: Any, loc: Place) -> list[str]:
    """The keys that a model, or the model found at ``loc`` below it, knows."""
    here = model
    for part in loc:
        if get_origin(here) in {dict, tuple, list}:
            here = [argument for argument in get_args(here) if argument is not Ellipsis][-1]
        elif (found := _only_model(here)) is not None:
            fields = {info.alias or name: info.annotation for name, info in found.model_fields.items()}
            here = fields.get(str(part))
    found = _only_model(here)
    return sorted(info.alias or name for name, info in found.model_fields.items()) if found is not None else []


def _only_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside ``X | None``, ``Annotated[X, …]`` or X itself."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _only_model(argument)) is not None), None)
