"""What to say of a key that no model has: what it is called here, where it belongs, or what it may have been meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from tidegate.model.airflow_names import DAG_ARGUMENTS, OPERATOR_ARGUMENTS, Elsewhere
from tidegate.model.effort import Effort
from tidegate.model.findings import did_you_mean
from tidegate.model.step import GROUP_MARK, SHARES_MARK, STEP_MARK, Group, Shares, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_FEW = 16
_NO_KEY = Elsewhere("is the name itself that stands before the colon", "Remove it.")
_GONE = Elsewhere("is gone from Airflow 3", "Remove it.")
_A_TEMPLATE = Elsewhere("begins a template, and this file is read as a pipeline", "Move the file to include/templates.")
_ELSEWHERE: dict[str, tuple[str | Elsewhere, ...]] = {
    "dag_id": ("pipeline",), "name": ("pipeline", _NO_KEY), "schedule_interval": ("schedule",), "cron": ("schedule.cron",),
    "tz": ("timezone", "schedule.timezone"), "timezone": ("schedule.timezone",), "tasks": ("steps",), "jobs": ("steps",),
    "task_groups": ("steps",), "operator": ("uses",), "kind": ("uses",), "type": ("uses",), "dependencies": ("needs",), "depends_on": ("needs",),
    "upstream": ("needs",), "matrix": ("for_each",), "strategy": ("for_each",), "arguments": ("with",), "args": ("with",), "config": ("with",),
    "if": ("when",), "when": ("if",), "condition": ("when", "if"), "default": ("else",), "vars": ("variables",), "env": ("variables",),
    "parameters": ("params",), "inputs": ("params",), "callbacks": ("on_failure_callback",), "python_callable": ("python",),
    "catchup": ("schedule.catchup",), "start": ("schedule.start",), "concurrency": ("max_active_tasks",), "default_view": (_GONE,),
    "orientation": (_GONE,), "sql": ("query",), "conn_id": ("connection",), "table_name": ("table",), "pools": ("resources",), "template": (_A_TEMPLATE,),
    "tries": ("retries", "on"),
}  # fmt: skip
"""Words that other tools, and older Airflows, have for keys of ours; of several, the first that fits the place."""
_MARKED: dict[str | int, type[BaseModel]] = {STEP_MARK: Step, GROUP_MARK: Group, SHARES_MARK: Shares}
_EFFORT = frozenset(info.alias or name for name, info in Effort.model_fields.items())


def unknown_key(word: str, known: Sequence[str]) -> tuple[str, str]:
    """Message and hint for a word that is none of the keys that are known in its place."""
    if word == "<<":
        return (
            "merge keys are not supported",
            "Write the keys out, or share them under 'defaults', in a folder's defaults.yaml or by 'extends'.",
        )
    for here in _names_here(word, known):
        if isinstance(here, Elsewhere):
            return f"unknown key '{word}': it {here.why}", here.hint
        if here.partition(".")[0] in known:
            return f"unknown key '{word}'", f"Here it is called '{here}'."
    return f"unknown key '{word}'", _belongs(word, known) or _near(word, known)


def _near(word: str, known: Sequence[str]) -> str:
    listed = f"Known keys: {', '.join(known)}." if len(known) <= _FEW else "The reference page docs/reference/pipeline.md lists all keys."
    near = did_you_mean(word, known)
    if near.startswith("Did"):
        return f"{near} {listed}"
    return f"What an operator or a function takes stands under 'with'. {listed}" if "retries" in known and "with" in known else listed


def _names_here(word: str, known: Sequence[str]) -> Iterator[str | Elsewhere]:
    """What Airflow's or another tool's word may be called here."""
    if "retries" in known and word in OPERATOR_ARGUMENTS:
        yield OPERATOR_ARGUMENTS[word]
    for here in _ELSEWHERE.get(word, ()):
        if not isinstance(here, Elsewhere) or here is _GONE or ("pipeline" if here is _A_TEMPLATE else "uses") in known:
            yield here
    if "schedule" in known and word in DAG_ARGUMENTS:
        yield DAG_ARGUMENTS[word]


def _belongs(word: str, known: Sequence[str]) -> str:
    """Where a step's key belongs that stands in a pipeline or a group."""
    said = OPERATOR_ARGUMENTS.get(word, word if word in _EFFORT else None)
    if "defaults" not in known or "steps" not in known:
        return ""
    whose = "" if "pipeline" in known else " of the group"
    if isinstance(said, str) and said.partition(".")[0] in _EFFORT:
        return f"It is said of steps: write it in a step, or for all of them under 'defaults'{whose}, as '{said}'."
    if word in {"uses", "python", "with", "when", "expand", "expand_kwargs", "holds", "setup", "teardown"}:
        return f"{'A group' if whose else 'A pipeline'} holds steps: write it in one of them."
    return ""


def keys_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys that are known where a pydantic error stands.

    :param loc: The error's location, with the marks that pydantic puts into it.
    """
    here: list[Any] = [model]
    for part in loc:
        here = _below(here, part)
    models = [found for found in here if isinstance(found, type) and issubclass(found, BaseModel)]
    return sorted({info.alias or name for found in models[:1] for name, info in found.model_fields.items()})


def _below(here: list[Any], part: str | int) -> list[Any]:
    """What may stand one part further down."""
    if part in _MARKED:
        return [_MARKED[part]]
    found: list[Any] = []
    for annotation in here:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = {info.alias or name: info.annotation for name, info in annotation.model_fields.items()}
            found += _alternatives(fields[str(part)]) if part in fields else []
        elif origin is dict and isinstance(part, str):
            found += _alternatives(arguments[1])
        elif origin in {tuple, list} and isinstance(part, int):
            found += _alternatives(arguments[0])
    return found or here  # a mark, of a union or of a validator


def _alternatives(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without what pydantic is told beside them."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in {tuple, list, dict, None}:
        return [annotation]
    return [found for argument in get_args(annotation) for found in _alternatives(argument)] or [annotation]
