"""Each task of a step as the call that makes its operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.model.form import plain
from tidegate.model.layers import merged
from tidegate.model.spec import OUTCOME
from tidegate.plan.calls import Call, Imported, Output
from tidegate.plan.effort import effort, laid
from tidegate.plan.layout import PlannedTask
from tidegate.plan.own import OURS, of_kind
from tidegate.plan.said import nearest, params_around, repeats
from tidegate.plan.values import asset, lowered, reference, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tidegate.model import PipelineSpec
    from tidegate.model.effort import Effort
    from tidegate.model.step import Step
    from tidegate.plan.lay import Instance, Layout

_EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
_PLAIN = frozenset({"uses", "needs", "with_"})


def task_of(spec: PipelineSpec, layout: Layout, instance: Instance) -> PlannedTask:
    """The planned task of one instance of a step."""
    node, step = instance.node, instance.node.step
    around = params_around(spec, node, instance.branches)
    budget = layout.budgets.get(node.path)
    if (
        step.uses is not None and "." in step.uses and step.model_fields_set <= _PLAIN and not around and budget is None
    ):  # most steps of most files
        call = Call(step.uses, lowered(step.with_, instance.bindings, lambda name: layout.id_of(name, instance)))
        return PlannedTask(instance.task_id, node.path, call, instance.label, instance.group, bindings=instance.bindings,
                           setup=node.path in spec.tree.setups)  # fmt: skip
    own = step.own_settings.get(instance.label) if instance.branches.get(node.path) == instance.label else None
    settings = spec.settings_of(node.path, instance.label if own is not None else None)
    common = _effort(spec, instance, step, ours=settings is not None)
    if own is not None:
        common = laid(common, _effort(spec, instance, own, ours=settings is not None))
    common |= _conditions(spec, instance, budget)
    if around:
        common["params"] = plain(around) | (common.get("params") or {})

    def find(name: str) -> str:
        return layout.id_of(name, instance)

    told: dict[str, Any] = {"expand": {}, "expand_kwargs": None}
    given = step.with_ if own is None else merged(step.with_, own.with_)
    if settings is not None:
        call, told["expand"] = of_kind(spec, layout, instance, settings, common)
    elif step.python is not None:
        if (several := nearest(spec, node, instance.branches, "multiple_outputs")) is not None:
            common["multiple_outputs"] = several  # else Airflow tells it by the function's annotation, whatever the defaults say
        call = Call("airflow.sdk.task", common)
        told |= _function(step, given, instance.bindings, find)
    else:
        call = Call(step.uses or "", {**common, **_arguments(given, instance.bindings, find)})
        told |= _mapping(step, instance.bindings, find)
    return PlannedTask(
        task_id=instance.task_id,
        step=node.path,
        call=call,
        label=instance.label,
        group=instance.group,
        bindings=instance.bindings,
        setup=step.setup or node.path in spec.tree.setups,
        teardown=tuple(find(name) for name in step.teardown) if step.teardown is not None else None,
        on_failure_fail_dagrun=step.on_failure_fail_dagrun,
        **told,
    )


def outcome_task(spec: PipelineSpec, tasks: Sequence[PlannedTask]) -> PlannedTask:
    """The leaf, which knows whom to tell and what to publish; and of a pipeline whose tasks load nothing, where its ledger is."""
    pipeline = spec.pipeline
    arguments: dict[str, Any] = {}
    if pipeline.alerts is not None:
        arguments["alerts"] = [
            Call(
                f"{OURS}AlertRoute",
                {"on": list(alert.on), "notifier": alert.notify.uses}
                | ({"arguments": lowered(alert.notify.with_, {}, str)} if alert.notify.with_ else {}),
            )
            for alert in pipeline.alerts
        ]
    paths = {task.call.path for task in tasks}
    if pipeline.ledger is not None and f"{OURS}BarrierOperator" in paths and f"{OURS}LoadOperator" not in paths:
        arguments["ledger_conn_id"] = pipeline.ledger
    if pipeline.publish:
        arguments["outlets"] = [asset(term) for term in pipeline.publish]
    return PlannedTask(OUTCOME, OUTCOME, Call(f"{OURS}OutcomeOperator", arguments), label=OUTCOME)


def _conditions(spec: PipelineSpec, instance: Instance, budget: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the step's other words mean for its operator."""
    step = instance.node.step
    found: dict[str, Any] = {}
    if step.display_name is not None:
        found["task_display_name"] = step.display_name
    for name, slots in step.holds.items():
        found |= {"pool": name, "pool_slots": slots}
    if step.when is not None:
        before = nearest(spec, instance.node, instance.branches, "pre_execute")
        then = {"then": reference(before)} if before is not None else {}
        found["pre_execute"] = Call(f"{OURS}When", then, (step.when,))
        if step.uses == _EMPTY and not nearest(spec, instance.node, instance.branches, "on_execute_callback"):
            found["on_execute_callback"] = Imported(f"{OURS}when.in_worker")
    if budget is not None:
        before = found.get("pre_execute") or nearest(spec, instance.node, instance.branches, "pre_execute")
        then = {"then": before if isinstance(before, Call) else reference(before)} if before is not None else {}
        found["pre_execute"] = Call(f"{OURS}Until", {**budget, **then})
    return found


def _effort(spec: PipelineSpec, instance: Instance, said: Effort, *, ours: bool) -> dict[str, Any]:
    return effort(said, ours=ours, over=repeats(spec, instance.node, instance.branches, said))


def _arguments(given: Mapping[str, Any], bindings: Mapping[str, str], find: Callable[[str], str]) -> dict[str, Any]:
    """Operator arguments; a mapping that only looks like one of the language's words stays data at the top."""
    return {word: lowered(value, bindings, find) for word, value in given.items()}


def _mapping(step: Step, bindings: Mapping[str, str], find: Callable[[str], str]) -> dict[str, Any]:
    found: dict[str, Any] = {"expand": _arguments(step.expand, bindings, find)}
    if step.expand_kwargs is not None:
        found["expand_kwargs"] = rows(step.expand_kwargs, bindings, find)
    return found


def _function(step: Step, given: Mapping[str, Any], bindings: Mapping[str, str], find: Callable[[str], str]) -> dict[str, Any]:
    found = _mapping(step, bindings, find) | {"function": step.python, "inputs": _arguments(given, bindings, find)}
    if step.mapped_over is not None and step.dimension is not None:
        found["expand"] = {step.dimension: Output(find(step.mapped_over))}
    return found
