"""What is said of a step, or of all of them, as the arguments that every Airflow operator takes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tidegate.model.effort import WEIGHT_RULES, Effort
from tidegate.model.form import plain
from tidegate.plan.calls import Call
from tidegate.plan.values import asset, lowered, made, reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate.model.effort import Retry

_FIELDS = {name: number for number, name in enumerate(Effort.model_fields)}
_NAMES = {"timeout": "execution_timeout", "operator_resources": "resources"}
_UNSAID: dict[str, Any] = {
    "pool_slots": 1, "queue": "default", "priority_weight": 1, "weight_rule": "downstream", "trigger_rule": "all_success", "owner": "airflow",
    "email_on_retry": True, "email_on_failure": True, "do_xcom_push": True, "allow_nested_operators": True, "multiple_outputs": False,
    "depends_on_past": False, "ignore_first_depends_on_past": False, "wait_for_past_depends_before_skipping": False,
    "wait_for_downstream": False,
}  # fmt: skip
"""What Airflow takes where nobody says anything, for the keys of which it does not take None for that."""
_FIRST_WAIT, _OUR_FIRST_WAIT = timedelta(minutes=5), timedelta(seconds=30)


def effort(said: Effort, *, ours: bool = False, over: bool = False) -> dict[str, Any]:
    """Airflow's arguments for what is said, in the order of the model; nothing for what is not.

    :param ours: Whether it holds for an operator of Tidegate's, which has a retry policy by itself.
    :param over: Whether another layer may give a retry policy.
    """
    arguments: dict[str, Any] = {}
    for name in _order(said):
        value = getattr(said, name)
        if value is None:  # written as null: over what the defaults say
            arguments |= _taken_back(name, ours=ours)
            continue
        if name == "retry":
            arguments |= _retry(said, value, ours=ours, over=over)
            continue
        turn = _TURNS.get(name)
        if turn is None:
            arguments[name] = dict(value) if isinstance(value, dict) else list(value) if isinstance(value, tuple) else value
        else:
            arguments |= turn(value)
    return arguments


def _taken_back(name: str, *, ours: bool) -> dict[str, Any]:
    if name == "retry":
        return {"retry_delay": _OUR_FIRST_WAIT if ours else _FIRST_WAIT, "retry_policy": None}
    return {_NAMES.get(name, name): _UNSAID.get(name)}


def _order(said: Effort) -> list[str]:
    """The fields that are said, in the order of the model."""
    fields = _FIELDS.keys() & said.model_fields_set
    return sorted(fields, key=_FIELDS.__getitem__) if fields else []


def laid(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """One layer's arguments over another's. Params are a form, whose fields add up, as they do in Airflow."""
    if below.get("params") and above.get("params"):
        above = above | {"params": below["params"] | above["params"]}
    return below | above


def is_steady(said: Effort) -> bool:
    """Whether waits stay the same after all errors, which Airflow does by itself."""
    return said.retry is not None and said.retry.policy is None and said.retry.on is None and _evenly(said.retry)


def _evenly(retry: Retry) -> bool:
    return retry.jitter == "none" and retry.backoff == 1


def _retry(said: Effort, retry: Retry, *, ours: bool, over: bool) -> dict[str, Any]:
    arguments: dict[str, Any] = {"retry_delay": retry.delay}
    if isinstance(retry.on, dict) and "retries" not in said.model_fields_set:
        arguments = {"retries": max(retry.on.values()), **arguments}
    if retry.policy is not None:
        return arguments | {"retry_policy": made(retry.policy)}
    if is_steady(said) and not ours:
        return arguments | ({"retry_policy": None} if over else {})
    policy: dict[str, Any] = {"delay": retry.delay, "max_delay": retry.max_delay, "jitter": retry.jitter}
    if _evenly(retry):
        policy["max_delay"] = retry.delay
    if retry.backoff != _DOUBLING:
        policy["backoff"] = retry.backoff
    if retry.on is not None:
        policy["on"] = dict(retry.on) if isinstance(retry.on, dict) else list(retry.on)
    return arguments | {"retry_policy": Call("tidegate.operators.JitteredRetryPolicy", policy)}


_DOUBLING = 2.0


def _callbacks(name: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {name: references(value)}


def references(value: Any) -> Any:
    """One function or object, or a list of several."""
    found = [reference(item) for item in value]
    return found[0] if len(found) == 1 else found


def _weight_rule(value: str) -> dict[str, Any]:
    return {"weight_rule": value if value in WEIGHT_RULES else Call(value)}


_TURNS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "timeout": lambda value: {"execution_timeout": value},
    "executor_config": lambda value: {"executor_config": lowered(value, {}, str)},
    "operator_resources": lambda value: {"resources": dict(value)},
    "weight_rule": _weight_rule,
    "params": lambda value: {"params": plain(value)},
    "pre_execute": lambda value: {"pre_execute": reference(value)},
    "post_execute": lambda value: {"post_execute": reference(value)},
    "inlets": lambda value: {"inlets": [asset(term) for term in value]},
    "outlets": lambda value: {"outlets": [asset(term) for term in value]},
    **{
        name: _callbacks(name)
        for name in ("on_execute_callback", "on_failure_callback", "on_success_callback", "on_retry_callback", "on_skipped_callback")
    },
}
"""Field → Airflow's argument, where the two differ."""
