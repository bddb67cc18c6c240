"""One planned task to one Airflow operator."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from tidegate.errors import ImportRefused
from tidegate.model.check import fill
from tidegate.model.findings import did_you_mean
from tidegate.model.kinds import BarrierSettings, ExtractSettings, LoadSettings, TransformSettings
from tidegate.model.spec import OUTCOME, Retry
from tidegate.operators.barrier import HELD_KEY, BarrierOperator
from tidegate.operators.extract import ExtractOperator
from tidegate.operators.load import LoadOperator
from tidegate.operators.outcome import AlertRoute, OutcomeOperator
from tidegate.operators.retrying import JitteredRetryPolicy
from tidegate.operators.surroundings import imported
from tidegate.operators.transform import TransformOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate.analysis.plan import Plan, PlannedTask
    from tidegate.model import PipelineSpec
    from tidegate.model.spec import Effort, Pipeline, Step

DEFAULT_RETRIES = 2


def task_for(planned: PlannedTask, spec: PipelineSpec, layout: Plan, built: Mapping[str, Any]) -> Any:
    """The operator of a planned task, to be called inside its DAG and group.

    :param built: Task id → operator, of all tasks before this one.
    :raises ImportRefused: an operator's import path leads nowhere, or to no operator.
    """
    step = spec.pipeline.steps[planned.step]
    task_id = planned.branch or planned.step
    common = {"task_id": task_id, **effort(spec.pipeline, step)}
    match spec.settings.get(planned.step):
        case ExtractSettings() as settings:
            return _extract(planned, step, settings, common)
        case BarrierSettings() as settings:
            source = _source(spec, planned.step, "extract")
            branches = {task.branch: task.task_id for task in layout.of_step(source) if task.branch}
            dimension = spec.pipeline.steps[source].dimension
            return BarrierOperator(
                branches=branches, at_least=settings.at_least, required=settings.required, dimension=dimension or "branch", **common
            )
        case TransformSettings() as settings:
            return _transform(planned, spec, settings, built, common)
        case LoadSettings() as settings:
            source = _source(spec, planned.step, "extract", "barrier", "transform")
            return LoadOperator(
                warehouse_conn_id=settings.connection,
                table=settings.table,
                replace=settings.replace,
                parts=built[source].output,
                **common,
            )
        case _:
            return _any_operator(planned, step, common)


def outcome_task(spec: PipelineSpec) -> OutcomeOperator:
    """The leaf, which knows whom to tell."""
    routes = [AlertRoute(on=alert.on, notifier=alert.notify.uses, arguments=alert.notify.with_) for alert in spec.pipeline.alerts]
    arguments = effort(spec.pipeline, None)
    return OutcomeOperator(task_id=OUTCOME, alerts=tuple(routes), **arguments)


def barrier_of(spec: PipelineSpec, step: str) -> str | None:
    """The nearest barrier upstream of a step, along the steps that rows flow through."""
    current = step
    while current is not None:
        if isinstance(spec.settings.get(current), BarrierSettings):
            return current
        sources = [need for need in spec.pipeline.steps[current].needs if need in spec.settings]
        if not sources:
            return None
        current = sources[0]
    return None


def effort(pipeline: Pipeline, step: Step | None) -> dict[str, Any]:
    """Airflow's arguments for retries, timeout, pool and queue: the step's word, else the pipeline's, else ours."""

    def said(name: str) -> Any:
        levels: tuple[Effort | None, ...] = (step, pipeline.defaults)
        return next((value for level in levels if level is not None and (value := getattr(level, name)) is not None), None)

    retries, retry, timeout = said("retries"), said("retry") or Retry(), said("timeout")
    arguments: dict[str, Any] = {
        "retries": DEFAULT_RETRIES if retries is None else retries,
        "retry_delay": retry.delay,
        "retry_policy": JitteredRetryPolicy(delay=retry.delay, max_delay=retry.max_delay, jitter=retry.jitter),
    }
    if timeout is not None:
        arguments["execution_timeout"] = timeout
    arguments |= {name: value for name in ("pool", "queue") if (value := said(name)) is not None}
    return arguments


def _source(spec: PipelineSpec, step: str, *kinds: str) -> str:
    steps = spec.pipeline.steps
    return next(need for need in steps[step].needs if steps[need].uses in kinds)


def _extract(planned: PlannedTask, step: Step, settings: ExtractSettings, arguments: dict[str, Any]) -> ExtractOperator:
    named: dict[str, Any] = {"branch": planned.branch, "dimension": step.dimension} if planned.branch else {}
    return ExtractOperator(
        source_conn_id=fill(settings.connection, step.dimension, planned.branch or ""),
        query=settings.query,
        parameters=dict(settings.params),
        step=planned.step,
        min_rows=settings.accept.min_rows,
        columns=dict(settings.accept.columns),
        timezone=settings.timezone,
        batch_rows=settings.batch_rows,
        **named,
        **arguments,
    )


def _transform(
    planned: PlannedTask, spec: PipelineSpec, settings: TransformSettings, built: Mapping[str, Any], arguments: dict[str, Any]
) -> Any:
    source = _source(spec, planned.step, "extract", "barrier", "transform")
    barrier = barrier_of(spec, planned.step)
    dimension = spec.pipeline.steps[_source(spec, barrier, "extract")].dimension if barrier else None
    words: dict[str, Any] = {
        "sql": settings.sql,
        "python": settings.python,
        "parameters": dict(settings.params),
        "dimension": dimension,
        "timezone": settings.timezone,
        "step": planned.step,
    }
    if planned.mapped_over:
        template = "{{ task.part['branch'] }}"
        return TransformOperator.partial(**words, map_index_template=template, **arguments).expand(part=built[source].output)
    held = built[source].output[HELD_KEY] if source == barrier else None
    return TransformOperator(parts=built[source].output, held=held, **words, **arguments)


def _any_operator(planned: PlannedTask, step: Step, arguments: dict[str, Any]) -> Any:
    operator = imported(step.uses)
    if not (isinstance(operator, type) and issubclass(operator, BaseOperator)):
        raise ImportRefused(f"Step '{planned.step}' uses {step.uses}, which is no Airflow operator.", hint="Name an operator's class.")
    words = _filled(step.with_, step.dimension, planned.branch) if planned.branch else step.with_
    known = _arguments(operator)
    for word in words:
        if word not in known:
            raise ImportRefused(f"Step '{planned.step}': {operator.__name__} takes no '{word}'.", hint=did_you_mean(word, known))
    try:
        return operator(**{**arguments, **words})
    except Exception as error:
        raise ImportRefused(
            f"Step '{planned.step}' uses {step.uses}, which does not take these settings: {error}.", hint="Compare 'with' to its arguments."
        ) from error


def _arguments(operator: type[BaseOperator]) -> set[str]:
    """The names of all arguments that an operator's class and its bases take."""
    found: set[str] = set()
    for base in operator.__mro__:
        if "__init__" in vars(base):
            found |= set(inspect.signature(vars(base)["__init__"]).parameters)
    return found - {"self", "args", "kwargs"}


def _filled(value: Any, dimension: str | None, branch: str) -> Any:
    if isinstance(value, str):
        return fill(value, dimension, branch)
    if isinstance(value, dict):
        return {key: _filled(item, dimension, branch) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, dimension, branch) for item in value]
    return value
