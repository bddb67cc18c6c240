"""Airflow's arguments of every operator, under the names that they have in a pipeline file; for a task, and for ``default_args``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.errors import ErrorClass
from tidegate.importing import assets, code, moments, objects
from tidegate.importing.callbacks import OF_TASKS, callbacks, keys_of
from tidegate.importing.objects import LOST
from tidegate.importing.writing import Block
from tidegate.model.effort import Effort
from tidegate.model.spans import human

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.importing.desk import Desk
    from tidegate.importing.source import Value

_NUMBERS = ("retries", "pool_slots", "priority_weight", "max_active_tis_per_dag", "max_active_tis_per_dagrun")
_FLAGS = (
    *("depends_on_past", "ignore_first_depends_on_past", "wait_for_past_depends_before_skipping", "wait_for_downstream"),
    *("email_on_retry", "email_on_failure", "do_xcom_push", "multiple_outputs", "allow_nested_operators", "render_template_as_native_obj"),
)
_TEXTS = (
    *("pool", "queue", "executor", "run_as_user", "weight_rule", "owner", "map_index_template", "logger_name"),
    *("doc", "doc_md", "doc_json", "doc_yaml", "doc_rst"),
)
_RULES = {"dummy": "always", "none_failed_or_skipped": "none_failed_min_one_success"}
_RETRY = ("retry_delay", "retry_delay_sec", "max_retry_delay", "retry_exponential_backoff", "retry_policy")
_FOREVER = timedelta(days=1)
"""Airflow lets no wait grow beyond it."""
_USUAL_DELAY = timedelta(minutes=5)
"""Airflow's ``default_task_retry_delay``, unless its config says otherwise."""

ORDER = (
    *("needs", "uses", "python", "display_name", "owner", "retries", "retry", "timeout", "pool", "pool_slots", "queue", "executor"),
    *("executor_config", "run_as_user", "operator_resources", "priority_weight", "weight_rule", "trigger_rule", "depends_on_past"),
    *("ignore_first_depends_on_past", "wait_for_past_depends_before_skipping", "wait_for_downstream", "email", "email_on_retry"),
    *("email_on_failure", "params", *OF_TASKS, "pre_execute", "post_execute", "map_index_template", "max_active_tis_per_dag"),
    *(
        "max_active_tis_per_dagrun",
        "do_xcom_push",
        "multiple_outputs",
        "inlets",
        "outlets",
        "doc",
        "doc_md",
        "doc_json",
        "doc_yaml",
        "doc_rst",
    ),
    *("logger_name", "allow_nested_operators", "render_template_as_native_obj", "with", "expand", "expand_kwargs"),
)
"""The keys of a step, as they stand in a file."""


def effort(config: dict[str, Value], desk: Desk, below: dict[str, Value] | None = None) -> None:
    """Put what a mapping says of trying, waiting, running and telling into the step, or the ``defaults``, at the desk.

    :param below: The default arguments under a task's own, which complete what it says of retries.
    """
    for key, value in config.items():
        if value.plain is None:
            if key in KEYS and (below or {}).get(key) is not None:
                if (name := _SAID[key][0] if key in _SAID else "") in _MAY_BE_NULL:
                    desk.into[name] = None
                    continue
                hint = "Move what should not be everyone's from 'defaults' to the steps that need it."
                desk.lost(value, "a step cannot take back what the defaults say", hint)
        elif key in _SAID:
            name, say = _SAID[key]
            said = say(value, desk)
            if said is not LOST and said is not None:
                desk.into[name] = said
    desk.into.update(callbacks(OF_TASKS, config, desk))
    if any(key in config for key in _RETRY) and (retry := _retry({**(below or {}), **config}, desk)):
        desk.into["retry"] = retry
    for key, (message, hint) in _UNSAYABLE.items():
        if key in config:
            desk.lost(config[key], message, hint)


def _plain(value: Value, desk: Desk) -> Any:
    return objects.plain(value, desk)


def number(value: Value, desk: Desk) -> Any:
    """A whole number; a text of digits is one."""
    if value.text is not None and re.fullmatch(r"-?\d+", value.text.strip()):
        return int(value.text)
    if isinstance(value.plain, int) and not isinstance(value.plain, bool):
        return value.plain
    desk.lost(value, f"{value.plain!r} is no whole number", "Write a number.")
    return LOST


def flag(value: Value, desk: Desk) -> Any:
    """True or false, as YAML or as Python writes it."""
    if isinstance(value.plain, bool):
        return value.plain
    if str(value.plain).strip().lower() in {"true", "false"}:
        return str(value.plain).strip().lower() == "true"
    desk.lost(value, f"{value.plain!r} is neither true nor false", "Write true or false.")
    return LOST


def words(value: Value, desk: Desk) -> Any:
    """A text."""
    if isinstance(value.plain, dict | list):
        desk.lost(value, "it is no text", "Write a text.")
        return LOST
    return desk.text(value)


def _addresses(value: Value, desk: Desk) -> Any:
    listed = [address for item in value.items for address in re.split(r"[,;]\s*", desk.text(item)) if address]
    return listed[0] if len(listed) == 1 else listed


def _rule(value: Value, desk: Desk) -> Any:
    text = words(value, desk)
    return _RULES.get(text, text)


def _assets(value: Value, desk: Desk) -> Any:
    listed = assets.several(value, desk)
    return (listed[0] if len(listed) == 1 else listed) if listed else LOST


def _function(value: Value, desk: Desk) -> Any:
    return code.function(value, desk)


def params(value: Value, desk: Desk) -> Any:
    """Params by name: a plain default, or a mapping of JSON Schema for a ``Param``; a plain mapping stands under ``default``."""
    said: dict[str, Any] = {}
    for name, item in desk.mapping(value).items():
        if "__type__" in item.mapping:
            made = objects.made(item, desk)
            found = _schema(made) if isinstance(made, dict) else made
        elif item.mapping:
            found = {"default": objects.mapping(item.mapping, desk), "type": "object"}
        else:
            found = objects.plain(item, desk)
        if found is not LOST:
            said[name] = found
    return said or LOST


def _schema(made: dict[str, Any]) -> dict[str, Any]:
    """The words of a ``Param`` as the mapping that stands for it."""
    said = dict(made.get("with", {}))
    schema = said.pop("schema", {})
    return {**said, **(schema if isinstance(schema, dict) else {})}


def _retry(config: dict[str, Value], desk: Desk) -> Block | None:
    """The waits between tries. Airflow's do not grow unless it is told to, and are not spread; and it retries after whatever error."""
    given = {key: value for key, value in config.items() if key in _RETRY and value.plain is not None}
    if not given:
        return None
    if (policy := given.get("retry_policy")) is not None:
        made = objects.plain(policy, desk)
        return None if made is LOST else Block(policy=made)
    asked = given.get("retry_delay") or given.get("retry_delay_sec")
    delay = (moments.span(asked) if asked is not None else None) or _USUAL_DELAY
    if asked is not None and moments.duration(asked, desk) is None:
        return None
    backoff = _backoff(given.get("retry_exponential_backoff"))
    longest = moments.span(given["max_retry_delay"]) if "max_retry_delay" in given else None
    out = Block(delay=human(delay))
    if backoff > 1:
        out["max_delay"] = human(longest or _FOREVER)
        if backoff != _DOUBLING:
            out["backoff"] = backoff
    else:
        out["backoff"] = 1
    out["jitter"] = "none"
    if backoff > 1:
        out["on"] = [str(kind) for kind in ErrorClass]
    return out


_DOUBLING = 2


def _backoff(value: Value | None) -> float:
    if value is None or value.plain in (False, 0):
        return 1
    return value.plain if isinstance(value.plain, int | float) and not isinstance(value.plain, bool) else _DOUBLING


_SAID: dict[str, tuple[str, Callable[[Value, Desk], Any]]] = {
    **{key: (key, number) for key in _NUMBERS},
    **{key: (key, flag) for key in _FLAGS},
    **{key: (key, words) for key in _TEXTS},
    "task_concurrency": ("max_active_tis_per_dag", number),
    "task_display_name": ("display_name", words),
    "trigger_rule": ("trigger_rule", _rule),
    "execution_timeout": ("timeout", moments.duration),
    "execution_timeout_secs": ("timeout", moments.duration),
    "resources": ("operator_resources", _plain),
    "executor_config": ("executor_config", _plain),
    "email": ("email", _addresses),
    "params": ("params", params),
    "inlets": ("inlets", _assets),
    "outlets": ("outlets", _assets),
    "pre_execute": ("pre_execute", _function),
    "post_execute": ("post_execute", _function),
}
"""dag-factory's key → the language's, and how its value is read."""
_NO_SLA = ("Airflow 3 has no SLAs", "Give the pipeline a 'deadline': [{reference: queued, within: 2h, callback: …}].")
_MAY_BE_NULL = frozenset(name for name, info in Effort.model_fields.items() if info.default is None)
"""Keys by which a step takes back what the defaults say."""
_UNSAYABLE = {"sla": _NO_SLA, "sla_secs": _NO_SLA}
KEYS = {*_SAID, *_RETRY, *_UNSAYABLE, *keys_of(OF_TASKS)}
"""All keys that :func:`effort` reads; what else a task gives is an argument of its operator."""
