"""The reference, made from the source: ``python -m tidegate.cli.reference docs/reference`` writes the pages and the JSON Schema.

Meanings are the docstrings beside the fields. They are read here, by ``ast``, and not by pydantic, so that no DAG file pays for them when
it is parsed. A key without a meaning ends the generation.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
import types
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, StringConstraints

from tidegate.errors import TidegateError
from tidegate.model.check import RESERVED_PARAMS
from tidegate.model.durations import Duration
from tidegate.model.kinds import (
    KINDS,
    Accept,
    BarrierSettings,
    ColumnType,
    Connection,
    ExtractSettings,
    LoadSettings,
    Scalar,
    TransformSettings,
)
from tidegate.model.spec import NAME, Alert, BranchName, Effort, Name, Names, Notify, Pipeline, Retry, Schedule, Step, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

Json = dict[str, Any]

_MEANINGS: dict[tuple[type, str], str] = {
    (Pipeline, "tags"): "More tags for the DAG, by which Airflow's list of DAGs is filtered; ``tidegate`` is always among them.",
    (Retry, "delay"): "The first wait's upper bound; it doubles with every try.",
    (Retry, "max_delay"): "The upper bound of every wait.",
}
"""Of fields that have no docstring in the source, and whose type has none to lend."""

_DECIMAL = r"decimal(\(\s*\d+\s*,\s*\d+\s*\))?"
_PERCENT = r"^\s*(100(\.0+)?|\d{1,2}(\.\d+)?)\s*%\s*$"
_DURATION = r"^\s*((\d+(\.\d+)?)\s*(d|h|min|m|s)\s*)+$"
_IMPORT_PATH = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}"

# -- What a model says of itself ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of one model, as a reader of the reference meets it."""

    name: str
    words: str
    """Its type, for people."""
    schema: Json
    """Its type, for editors."""
    default: str
    """As it would be written in YAML; empty when the key is required or simply absent."""
    required: bool
    meaning: str
    """Markdown, in one line."""


def keys(model: type[BaseModel]) -> tuple[Key, ...]:
    """Every key of a model in the order of its source.

    :raises TidegateError: a key has no meaning.
    """
    hints = get_type_hints(model, include_extras=True)
    return tuple(_key(model, name, info, hints[name]) for name, info in model.model_fields.items())


def _key(model: type[BaseModel], name: str, info: FieldInfo, hint: Any) -> Key:
    meaning = next((told[name] for owner in model.__mro__ if name in (told := attribute_docstrings(owner))), "")
    meaning = meaning or next((_MEANINGS[owner, name] for owner in model.__mro__ if (owner, name) in _MEANINGS), "")
    if not meaning and (lender := _model_in(hint)) is not None:
        meaning = _first_paragraph(lender)
    if not meaning:
        raise TidegateError(f"{model.__name__}.{name} says nothing of what it means.", hint="Write a docstring below the field.")
    words, schema = _special(model, name) or _shape(hint)
    schema = {**schema, **_bounds(info.metadata)}
    default = "" if info.is_required() else _shown(info.get_default(call_default_factory=True))
    return Key(name=info.alias or name, words=words, schema=schema, default=default, required=info.is_required(), meaning=markdown(meaning))


def attribute_docstrings(owner: type) -> dict[str, str]:
    """The string below each annotated field of a class, by the field's name; empty for a class without source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    except (OSError, TypeError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return _docstrings_in(body)


def _docstrings_in(body: list[ast.stmt]) -> dict[str, str]:
    told: dict[str, str] = {}
    for field, below in pairwise(body):
        target = field.target if isinstance(field, ast.AnnAssign) else field.targets[0] if isinstance(field, ast.Assign) else None
        if isinstance(target, ast.Name) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            told[target.id] = inspect.cleandoc(str(below.value.value))
    return told


def markdown(text: str) -> str:
    """A docstring's text as one line of Markdown: ``code`` and roles become `code`."""
    line = " ".join(text.split())
    line = re.sub(r":\w+:`~?([^`]+)`", lambda match: f"`{match[1].rpartition('.')[2]}`", line)
    return line.replace("``", "`")


def _first_paragraph(owner: type) -> str:
    return inspect.cleandoc(owner.__doc__ or "").partition("\n\n")[0]


def _model_in(hint: Any) -> type[BaseModel] | None:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    return next((found for argument in get_args(hint) if (found := _model_in(argument)) is not None), None)


# -- Types, for people and for editors ------------------------------------------------------------------------------

_NAME_SCHEMA: Json = {"type": "string", "pattern": NAME, "maxLength": 100}
_BRANCH_SCHEMA: Json = {"type": "string", "pattern": r"^[A-Za-z0-9_-]+$", "maxLength": 100}
_SCALAR_SCHEMA: Json = {"type": ["string", "number", "boolean", "null"]}


def _one_or_many(one: Json) -> Json:
    return {"anyOf": [one, {"type": "array", "items": one}]}


_ALIASES: tuple[tuple[Any, str, Json], ...] = (
    (Duration, "duration", {"type": "string", "pattern": _DURATION}),
    (Name, "name", _NAME_SCHEMA),
    (BranchName, "branch name", _BRANCH_SCHEMA),
    (Names, "name, or list of names", _one_or_many(_NAME_SCHEMA)),
    (Zone, "time zone", {"type": "string", "minLength": 1}),
    (Connection, "connection id", {"type": "string", "minLength": 1}),
    (
        ColumnType,
        "column type",
        {"type": "string", "pattern": rf"^(int|float|{_DECIMAL}|text|bool|date|timestamp|timestamptz|bytes)$"},
    ),
    (Scalar, "text, number, true, false or null", _SCALAR_SCHEMA),
    (
        date | datetime,
        "date, or time",
        {"anyOf": [{"type": "string", "pattern": _DATE}, {"type": "string", "pattern": _MOMENT}]},
    ),
    (str, "text", {"type": "string"}),
    (int, "whole number", {"type": "integer"}),
    (bool, "true or false", {"type": "boolean"}),
    (Any, "anything", {}),
)
"""Type → what people call it → its JSON Schema."""


def _shape(hint: Any) -> tuple[str, Json]:  # noqa: PLR0911  a table of types
    """What people call a type, and its JSON Schema."""
    for alias, words, schema in _ALIASES:
        if hint == alias:
            return words, schema
    origin, arguments = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "mapping", {"allOf": [{"$ref": f"#/definitions/{hint.__name__}"}]}
    if origin in {Union, types.UnionType} and type(None) in arguments:
        left = [argument for argument in arguments if argument is not type(None)]
        return _shape(left[0] if len(left) == 1 else Union[tuple(left)])  # noqa: UP007  made at run time
    if origin is Literal:
        return "one of " + ", ".join(f"`{word}`" for word in arguments), {"enum": list(arguments)}
    if origin is tuple:
        words, schema = _shape(arguments[0])
        return f"list of {_several(words)}", {"type": "array", "items": schema}
    if origin is dict:
        return _mapping(arguments[0], arguments[1])
    if origin is Annotated:
        words, schema = _shape(arguments[0])
        takes_one = any(getattr(extra, "func", None) is not None for extra in arguments[1:])
        if takes_one and get_origin(arguments[0]) is tuple:
            return words.replace("list of ", "one, or a list of ", 1), {"anyOf": [schema["items"], schema]}
        return words, {**schema, **_bounds(arguments[1:])}
    raise TidegateError(f"There are no words for the type {hint}.", hint="Add it to the table of types in cli/reference.py.")


def _mapping(key: Any, value: Any) -> tuple[str, Json]:
    words, schema = _shape(value)
    names = {"propertyNames": _shape(key)[1]} if key is not str else {}
    told = "mapping" if words in {"anything", "mapping"} else f"mapping of names to {_several(words)}"
    return told, {"type": "object", **names, **({"additionalProperties": schema} if schema else {})}


def _several(words: str) -> str:
    return words if " of " in words or "," in words or words == "text" else f"{words}s"


def _bounds(metadata: Any) -> Json:
    """What pydantic checks of numbers, texts and lists, in JSON Schema's words."""
    found: Json = {}
    for bound in metadata:
        match bound:
            case Ge(ge=least):
                found["minimum"] = least
            case Le(le=most):
                found["maximum"] = most
            case MinLen(min_length=least):
                found["minItems"] = least
            case MaxLen(max_length=most):
                found["maxProperties"] = most
            case StringConstraints(min_length=int(least)):
                found["minLength"] = least
    return found


def _special(model: type[BaseModel], name: str) -> tuple[str, Json] | None:
    """Keys whose rule is in a validator, or in the checks between the parts, where no type shows it."""
    special: dict[tuple[type, str], tuple[str, Json]] = {
        (Step, "uses"): (
            "kind, or import path",
            {"anyOf": [{"enum": list(KINDS)}, {"type": "string", "pattern": _IMPORT_PATH}]},
        ),
        (Step, "for_each"): (
            "mapping of one name to a list of branch names, or to the name of a barrier",
            {
                "type": "object",
                "maxProperties": 1,
                "propertyNames": {**_NAME_SCHEMA, "not": {"enum": sorted(RESERVED_PARAMS)}},
                "additionalProperties": {
                    "anyOf": [_NAME_SCHEMA, {"type": "array", "items": _BRANCH_SCHEMA, "minItems": 1, "uniqueItems": True}]
                },
            },
        ),
        (Pipeline, "steps"): (
            "mapping of names to steps",
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {**_NAME_SCHEMA, "not": {"const": "outcome"}},
                "additionalProperties": {"$ref": "#/definitions/Step"},
            },
        ),
        (Notify, "uses"): ("import path", {"type": "string", "pattern": _IMPORT_PATH}),
        (BarrierSettings, "at_least"): (
            "whole number, or percentage",
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": _PERCENT}]},
        ),
        (TransformSettings, "python"): (
            "`module:function`",
            {"type": "string", "pattern": r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"},
        ),
        (LoadSettings, "table"): ("`table`, or `schema.table`", {"type": "string", "pattern": r"^[^.]+(\.[^.]+)?$"}),
        (LoadSettings, "replace"): (
            "column name, or list of column names",
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        ),
        (BarrierSettings, "required"): ("branch name, or list of branch names", _one_or_many(_BRANCH_SCHEMA)),
        (Alert, "on"): (
            "one or several of `complete`, `partial`, `failed`, `recovered`",
            _one_or_many({"enum": ["complete", "partial", "failed", "recovered"]}),
        ),
    }
    if name == "params":
        schema: Json = {
            "type": "object",
            "propertyNames": {"not": {"enum": sorted(RESERVED_PARAMS)}},
            "additionalProperties": _SCALAR_SCHEMA,
        }
        return "mapping of names to text, numbers, true, false or null", schema
    return special.get((model, name))


def _shown(value: Any) -> str:
    """A default as it would be written in YAML; empty for what is simply absent."""
    match value:
        case None | "" | ():
            return ""
        case bool():
            return str(value).lower()
        case timedelta():
            seconds = int(value.total_seconds())
            return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"
        case tuple() if all(isinstance(item, str) for item in value):
            return f"[{', '.join(value)}]"
        case str() | int():
            return str(value)
        case _:
            return ""


# -- The page of the pipeline file ----------------------------------------------------------------------------------

GENERATED = "<!-- Made by `make docs` from the source. Edit the docstrings there. -->"

_PIPELINE_HEAD = f"""{GENERATED}

# The pipeline file

One YAML file under `include/pipelines/` is one pipeline, and one DAG. This page lists every key. `tidegate validate FILE` checks a file, and
[pipeline.schema.json](pipeline.schema.json) lets an editor complete keys and mark mistakes: put this line first in the file.

```yaml
# yaml-language-server: $schema=../../docs/reference/pipeline.schema.json
```

- A **name** has letters, digits, `_` and `-`, starts with a letter or `_`, and has at most 100 characters. A **branch name** may also start
  with a digit.
- A **duration** is a number with its unit, or several: `30s`, `45m`, `1h30m`, `2d`. `min` may stand for `m`.
- A **time zone** is an IANA name, such as `Europe/Berlin`.
- Scalars follow YAML 1.2: `no`, `on`, `yes`, `12:30` and `0123` are text. `404` is a number; a branch of that name is written `"404"`.
- `{{region}}` stands for the branch's name in a step with `for_each: {{region: […]}}`: in the `connection` of an extract, and anywhere under
  the `with` of an Airflow operator. Inside `{{…}}` and `[…]`, text that holds braces is quoted: `"sales_{{region}}"`.
- `{{{{ … }}}}` is a template of Airflow's, rendered when the task runs, in the fields that the operator renders (see
  [operators.md](operators.md)).
- Files that the pipeline names lie under `include/`. An unknown key is an error. YAML anchors and aliases work; merge keys (`<<`) do not.
"""

_PIPELINE_TAIL = """## Column types

| word | staged as | remark |
|---|---|---|
| `int` | 64-bit integer | |
| `float` | 64-bit float | |
| `decimal` | decimal of 38 digits, 9 of them behind the point | `decimal(12,2)` gives another size |
| `text` | string | |
| `bool` | boolean | |
| `date` | date | |
| `timestamp` | a clock's reading, without a zone, to the microsecond | |
| `timestamptz` | a moment, kept in UTC, to the microsecond | a value without a zone is read in the step's `timezone` |
| `bytes` | binary | |

A value that its type cannot hold exactly is refused. A column that is not declared takes the type of its first values.

## What is checked between the parts

- The pipeline and its file share one name. No step is named `outcome`, which is the task in which every pipeline ends.
- Every step under `needs` exists, and the steps do not wait for each other in a circle.
- A barrier needs exactly one extract, and that extract has a `for_each`. A transform or a load takes its rows from exactly one step that is
  an extract, a barrier or a transform; an extract with branches is joined by a barrier first.
- Only an extract or an Airflow operator is repeated over named branches. Only a transform is repeated over what arrived at a barrier, which it
  then needs.
- The branches under `required` exist, and a count under `at_least` is not more than there are branches.
- Every file that is named exists under `include/`. Every import path begins with a prefix that is allowed.

## Not in this version

A barrier has no `decide_by` and no `coverage`: it decides when every branch has ended. There are no breakers, no groups within steps, no
named resources, no published assets, no undo steps, and no catch-up that starts by itself.
"""

_SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("The pipeline", "", Pipeline),
    ("`schedule`", "schedule", Schedule),
    ("`defaults`", "defaults", Effort),
    ("`retry`, in `defaults` and in a step", "retry", Retry),
    ("A step", "steps.<step>", Step),
    ("`with` of an `extract`", "steps.<step>.with", ExtractSettings),
    ("`accept` of an `extract`", "steps.<step>.with.accept", Accept),
    ("`with` of a `barrier`", "steps.<step>.with", BarrierSettings),
    ("`with` of a `transform`", "steps.<step>.with", TransformSettings),
    ("`with` of a `load`", "steps.<step>.with", LoadSettings),
    ("An alert", "alerts[]", Alert),
    ("`notify` of an alert", "alerts[].notify", Notify),
)
"""Heading, path, model, in the order of reading."""


def documented_models() -> tuple[type[BaseModel], ...]:
    """Every model that the page shows."""
    return tuple(model for _, _, model in _SECTIONS)


def pipeline_page() -> str:
    """``pipeline.md``."""
    parts = [_PIPELINE_HEAD]
    for heading, path, model in _SECTIONS:
        lines = [f"## {heading}", "", markdown(_first_paragraph(model)), "", "| key | type | default | meaning |", "|---|---|---|---|"]
        for key in keys(model):
            default = "required" if key.required else (f"`{key.default}`" if key.default else "")
            dotted = f"{path}.{key.name}" if path else key.name
            lines.append(f"| `{dotted}` | {key.words} | {default} | {_cell(key.meaning)} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join([*parts, _PIPELINE_TAIL])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# -- The schema -----------------------------------------------------------------------------------------------------


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
        "description": markdown(_first_paragraph(model)).replace("`", ""),
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


# -- The page of the operators --------------------------------------------------------------------------------------

_OPERATORS_HEAD = f"""{GENERATED}

# Operators

What the pipeline file builds, and what a DAG in Python may use directly: `from tidegate import ExtractOperator`. All arguments are keywords;
those of Airflow's `BaseOperator` are taken too. [Write operators in Python](../how-to/write-operators-in-python.md) shows a whole DAG.
"""


def operators_page() -> str:
    """``operators.md``. Imports the operators, and with them Airflow."""
    import tidegate.operators as package
    from tidegate.operators import base

    parts = [_OPERATORS_HEAD, _every_operator(base.TidegateOperator)]
    for name in package.__all__:
        described = getattr(package, name)
        parts.append(_class_section(described) if Docstring.of(described).parameters else _fields_section(described))
    return "\n".join(parts)


def _every_operator(owner: type) -> str:
    docstring = Docstring.of(owner)
    lines = ["## Every operator", "", markdown(docstring.text), ""]
    lines += _parameters(owner, docstring)
    key = _constants("base")["FAILURE_KEY"][0]
    lines += [
        "",
        f"A try that fails pushes XCom `{key}`: its reason, the class of its error, when it started and ended. The join reads it.",
        "",
    ]
    return "\n".join(lines)


def _class_section(owner: type) -> str:
    docstring = Docstring.of(owner)
    lines = [f"## `{owner.__name__}`", ""]
    lines += [line for paragraph in docstring.text.split("\n\n") for line in (markdown(paragraph), "")]
    lines += _parameters(owner, docstring)
    if templated := [f"`{name}`" for name in vars(owner).get("template_fields", ())]:
        lines += ["", f"Airflow renders templates in {', '.join(templated)}."]
    if pushed := xcoms(owner):
        lines += ["", "| XCom key | what it holds |", "|---|---|"]
        lines += [f"| `{key}` | {_cell(markdown(meaning))} |" for key, meaning in pushed]
    if docstring.raises:
        lines += ["", "| raises | when |", "|---|---|"]
        lines += [f"| [`{name}`](errors.md) | {_cell(markdown(when))} |" for name, when in docstring.raises.items()]
    return "\n".join([*lines, ""])


def _fields_section(owner: Any) -> str:
    told = attribute_docstrings(owner)
    lines = [f"## `{owner.__name__}`", "", markdown(_first_paragraph(owner)), "", "| field | default | meaning |", "|---|---|---|"]
    for field in fields(owner):
        default = field.default if field.default is not MISSING else ""
        shown = f"`{default!r}`" if default != "" else ""
        lines.append(f"| `{field.name}` | {shown} | {_cell(markdown(told[field.name]))} |")
    return "\n".join([*lines, ""])


def _parameters(owner: Any, docstring: Docstring) -> list[str]:
    lines = ["| parameter | default | meaning |", "|---|---|---|"]
    signature = inspect.signature(owner.__init__)
    for name, meaning in docstring.parameters.items():
        default = signature.parameters[name].default
        shown = "required" if default is inspect.Parameter.empty else _argument(default)
        lines.append(f"| `{name}` | {shown} | {_cell(markdown(meaning))} |")
    return lines


def _argument(default: Any) -> str:
    if isinstance(default, timedelta):
        return f"`{_shown(default)}`"
    shown = "" if default is None or default == () else f"`{default!r}`"
    return shown if len(shown) < 40 else "told in the log"  # noqa: PLR2004  the one long default is the LogNotifier's route


def xcoms(owner: type) -> list[tuple[str, str]]:
    """The XCom keys that an operator's own code pushes, with the docstrings of their constants."""
    constants = {name: told for module in ("base", "barrier", "load", "outcome") for name, told in _constants(module).items()}
    source = inspect.getsource(owner)
    names = dict.fromkeys(re.findall(r"(?:xcom_push\(key=|pushed\[)([A-Z_]+_KEY)", source))
    told = {name: (value, meaning.removeprefix("XCom key of ")) for name, (value, meaning) in constants.items()}
    return [(value, meaning[:1].upper() + meaning[1:]) for value, meaning in (told[name] for name in names)]


def _constants(module: str) -> dict[str, tuple[str, str]]:
    """Each ``X_KEY`` of an operator module → its value and its docstring."""
    from importlib import import_module

    found = import_module(f"tidegate.operators.{module}")
    told = _docstrings_in(ast.parse(inspect.getsource(found)).body)
    return {name: (getattr(found, name), meaning) for name, meaning in told.items() if name.endswith("_KEY")}


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring taken apart."""

    text: str
    parameters: dict[str, str]
    raises: dict[str, str]

    @classmethod
    def of(cls, owner: Any) -> Docstring:
        """Split the prose from the ``:param:`` and ``:raises:`` fields."""
        head, *entries = re.split(r"^:", inspect.cleandoc(owner.__doc__ or ""), flags=re.MULTILINE)
        parameters: dict[str, str] = {}
        raises: dict[str, str] = {}
        for entry in entries:
            if match := re.match(r"(param|raises) (\w+): (.*)", entry, flags=re.DOTALL):
                (parameters if match[1] == "param" else raises)[match[2]] = match[3].strip()
        return cls(head.strip(), parameters, raises)


# -- All of it ------------------------------------------------------------------------------------------------------


def pages() -> Iterator[tuple[str, str]]:
    """File name and text of everything that is generated."""
    yield "pipeline.md", pipeline_page()
    yield "pipeline.schema.json", json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    yield "operators.md", operators_page()


def write(folder: Path) -> list[Path]:
    """Write what is generated into a folder, and say which files were not so before."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, text in pages():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    for written in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference")):
        print(f"wrote {written}")  # noqa: T201  a command that says what it did
