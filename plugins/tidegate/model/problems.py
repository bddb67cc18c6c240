"""Pydantic's errors as findings: one a mistake, in words that fit a file written by a person, with what to do."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from tidegate.model.findings import did_you_mean
from tidegate.model.keys import keys_at, unknown_key
from tidegate.model.parts import FUNCTION, IMPORT_PATH

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from tidegate.model.document import Document

Model = TypeVar("Model", bound=BaseModel)
Place = tuple["str | int", ...]

_TEXT, _WHOLE, _FLAG, _LIST, _MAPPING = "text", "a whole number", "true or false", "a list", "a mapping of keys to values"
_WANTED = {
    "string_type": _TEXT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": _FLAG,
    "bool_parsing": _FLAG,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "date_type": "a date",
    "date_parsing": "a date",
    "date_from_datetime_parsing": "a date",
    "datetime_type": "a time",
    "datetime_parsing": "a time",
    "datetime_from_date_parsing": "a time",
}
"""Pydantic's error types that mean a value of the wrong type → what should stand there."""


def validated(document: Document, model: type[Model], value: Any, at: Place, *, told_of: Collection[str] = ()) -> Model | None:
    """The model of a value that stands at ``at`` in the document, or None and findings in the document.

    :param told_of: Keys of which nothing is told, for it was told elsewhere.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems: dict[Place, list[Any]] = defaultdict(list)
        for problem in error.errors(include_url=False):
            problems[place_in(problem["loc"], value)].append(problem)
        told = {finding.path for finding in document.findings}
        renamed = _renamed(model, problems)
        for loc, here in problems.items():
            dotted = ".".join(str(part) for part in (*at, *loc))
            if (
                (loc and loc[0] in told_of)
                or here[0]["type"] == "default_factory_not_called"  # it wants a value that is refused
                or loc in renamed
                or dotted in told
                or (here[0]["type"] == "value_error" and any(path.startswith(f"{dotted}.") for path in told))
            ):
                continue  # the parser has said already what is wrong with this value, or with one inside of it
            if not all(is_other_way(loc, problem, problems) for problem in here):
                report(document, (*at, *loc), *words_of(model, loc, here))
        return None


def report(document: Document, place: Place, message: str, hint: str) -> None:
    """Tell what is wrong with a value; of keys that do not go together and come from several files, the place of each."""
    value = document.at(place)
    named = [word for word in dict.fromkeys(_WORD.findall(message)) if word in value] if isinstance(value, dict) else []
    places = {word: document.place((*place, word)) for word in named}
    if len({source.file for source, _, _ in places.values()}) > 1:
        told = ", ".join(f"'{word}' stands in {source.file}:{line}" for word, (source, line, _) in places.items())
        hint = f"{hint} Here {told}."
    document.report(place, message, hint)


_WORD = re.compile(r"\w+")


def is_other_way(place: Place, problem: Any, places: Iterable[Place]) -> bool:
    """Whether a problem only tells that a value, which may be one of two things and has its problem further in, is not the other one."""
    return problem["type"] in _WANTED and any(other[: len(place)] == place and len(other) > len(place) for other in places)


def _renamed(model: type[BaseModel], problems: dict[Place, list[Any]]) -> set[Place]:
    """The keys that are missing because they are misspelt, which is told already."""
    hints = {
        loc: unknown_key(str(loc[-1]), keys_at(model, here[0]["loc"][:-1]))[1]
        for loc, here in problems.items()
        if here[0]["type"] == "extra_forbidden"
    }
    missing = [loc for loc, here in problems.items() if here[0]["type"] == "missing"]
    return {loc for loc in missing if any(other[:-1] == loc[:-1] and f"'{loc[-1]}'" in hint for other, hint in hints.items())}


def place_in(loc: Sequence[str | int], value: Any) -> Place:
    """The path of an error in the file, without the marks that pydantic adds for unions and keys, and the key that a list is short for."""
    found: list[str | int] = []
    here: Any = value
    for part in loc:
        if (isinstance(here, dict) and part in here) or (isinstance(here, list) and isinstance(part, int) and part < len(here)):
            here = here[part]  # type: ignore[index]
        elif isinstance(part, str) and (part in _UNION_MARKS or part[:1] == "·" or "[" in part or isinstance(here, list)):
            continue
        found.append(part)
    return tuple(found)


_UNION_MARKS = {"constrained-str", "str", "int", "float", "bool", "none", "date", "datetime"}


def words_of(model: type[BaseModel], loc: Place, problems: Sequence[Any]) -> tuple[str, str]:  # noqa: C901, PLR0911  a table of words
    """What to say of the problems in one place: message and hint."""
    wanted = [_WANTED[problem["type"]] for problem in problems if problem["type"] in _WANTED]
    if choice := next((problem for problem in problems if problem["type"] == "literal_error"), None):
        return _choice(choice, wanted)
    if wanted:
        return _mistyped(model, problems[0], tuple(dict.fromkeys(wanted)))
    problem = problems[0]
    kind, context, last = problem["type"], problem.get("ctx", {}), str(loc[-1]) if loc else ""
    match kind:
        case "extra_forbidden":
            return unknown_key(last, keys_at(model, problem["loc"][:-1]))
        case "missing":
            return f"the key '{last}' is missing", "Add it; docs/reference/pipeline.md tells what it means."
        case "string_pattern_mismatch":
            return f"{shown(problem['input'])} does not fit", _pattern_hint(context["pattern"], problem["input"])
        case "string_too_long":
            return f"{shown(problem['input'])} is too long", f"Use at most {context['max_length']} characters."
        case "string_too_short" | "too_short":
            return "there is nothing in it", "Give at least one."
        case "too_long":
            given = problem["input"]
            names = f": {', '.join(map(str, given))}" if isinstance(given, dict | list | tuple) else ""
            return f"there are {len(given) if names else 'too many'} in it{names}", f"Give at most {context['max_length']}."
        case "greater_than_equal":
            return f"{shown(problem['input'])} is too small", f"Give {context['ge']} or more."
        case "less_than_equal":
            return f"{shown(problem['input'])} is too large", f"Give {context['le']} or less."
        case "value_error":
            message, _, hint = str(context["error"]).partition("; ")
            return message, f"{hint[:1].upper()}{hint[1:]}{'' if hint.endswith('?') else '.'}" if hint else ""
        case _:
            return problem["msg"][:1].lower() + problem["msg"][1:], "Compare it with docs/reference/pipeline.md."


def _choice(problem: Any, others: Sequence[str]) -> tuple[str, str]:
    """Of a word that is none of those that fit."""
    expected, given = problem["ctx"]["expected"], problem["input"]
    words = expected.replace(" or ", ", ").replace("'", "").split(", ")
    near = did_you_mean(given, words) if isinstance(given, str) else ""
    hint = f"{near} Choose among {expected}" if near.startswith("Did") else f"Choose among {expected}"
    rest = f", or write {' or '.join(others)}" if others else ""
    return f"{shown(given)} is none of the words that fit", f"{hint}{rest}."


def _mistyped(model: type[BaseModel], problem: Any, wanted: tuple[str, ...]) -> tuple[str, str]:
    """Of a value of the wrong type."""
    given = problem["input"]
    known = keys_at(model, problem["loc"]) if _MAPPING in wanted else []
    if wanted == (_TEXT,) and isinstance(given, int | float) and not isinstance(given, bool):
        return f"{shown(given)} is a number, and text should stand here", f'Quote it: "{given}".'
    if given is None:
        return f"there is nothing here, and {' or '.join(wanted)} should stand here", "Give it a value, or remove the key."
    return f"{shown(given)} is not {' or '.join(wanted)}", _instead(given, wanted, known)


def _instead(given: Any, wanted: tuple[str, ...], known: Sequence[str]) -> str:  # noqa: C901, PLR0911  a table of words
    """What to write in place of a value."""
    match wanted[0]:
        case "a whole number" | "a number" if isinstance(given, str) and given.strip().lstrip("+-").isdecimal():
            return f"Write {given.strip()}, without quotes."
        case "a whole number":
            return "Write a number such as 3."
        case "true or false":
            return "Write true or false; yes, no, on and off are text."
        case "a list" if isinstance(given, str | int | float):
            return f"Write it in brackets: [{shown(given).strip(chr(39))}]."
        case "a list":
            return "Write a list: [a, b], or one item a line behind a dash."
        case "a mapping of keys to values" if "cron" in known and "catchup" in known:
            return 'Write it as {cron: "0 2 * * *", start: 2026-01-01}.'
        case "a mapping of keys to values" if "uses" in known and "python" in known:
            return "Write it as {uses: kind or import path, with: {…}}."
        case "a mapping of keys to values" if isinstance(given, list):
            return "Write 'name: value' for each, without a dash: here every item has a name."
        case "a mapping of keys to values":
            return f"Its keys are {', '.join(known[:_FEW])}." if known else "Write it as {name: value}."
        case "text" if len(wanted) > 1:
            return f"Write {' or '.join(wanted)} here."
        case "text":
            return f'Quote it if it is text: "{shown(given)}".' if isinstance(given, bool | date) else "Write text here."
        case "a date" | "a time":
            return "Write it as 2026-01-31, or 2026-01-31T02:00:00+01:00."
    return "Compare it with docs/reference/pipeline.md."


_FEW = 16


def shown(value: Any) -> str:
    """A value as the file may have it, short enough for a line."""
    if isinstance(value, dict):
        text = "{" + ", ".join(f"{key}: {shown(item)}" for key, item in list(value.items())[:_FEW]) + "}"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(shown(item) for item in value[:_FEW])}]"
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    else:
        text = value.isoformat() if isinstance(value, date) else repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004  what fits a line


def _pattern_hint(pattern: str, given: str) -> str:
    if "decimal" in pattern:
        return "Types are int, float, decimal, decimal(p,s), text, bool, date, timestamp, timestamptz and bytes."
    if pattern == rf"^{FUNCTION}$":
        return "Write module:function, such as jobs.sales:count for the function count in include/jobs/sales.py."
    if pattern == rf"^{IMPORT_PATH}$":
        if re.fullmatch(FUNCTION, given):
            return f"Write {{import: {given}}} where a function may stand; 'uses' is the import path of a class."
        return "Write an import path, such as airflow.providers.standard.operators.bash.BashOperator."
    return "Names have letters, digits, '_' and '-'; those of pipelines, steps and dimensions start with a letter or '_'."
