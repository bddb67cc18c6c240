"""One plan to one Airflow DAG. Runs in the dag-processor and at every task's start, so it imports nothing heavy."""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, Label, TaskGroup
from airflow.sdk.definitions.param import ParamsDict

from tidegate.errors import ImportRefused, TidegateError
from tidegate.factory.functions import late_with_signature
from tidegate.factory.resolve import Resolver
from tidegate.model.findings import did_you_mean
from tidegate.operators.imports import imported
from tidegate.plan.calls import Included

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from tidegate.plan import Plan, PlannedTask


def build_dag(plan: Plan, include: Path) -> DAG:
    """The DAG of a plan: its tasks in their groups, its edges, nothing else.

    :param include: The project's ``include/``, where templates and functions lie.
    :raises ImportRefused: an import path leads nowhere, or an operator does not take its settings.
    """
    tasks: dict[str, Any] = {}
    resolver = Resolver(include, tasks)
    arguments = resolver.arguments(plan.arguments)
    # auto_register: a DAG that fails half-way must not be found beside the one that tells why
    dag = DAG(plan.name, template_searchpath=[str(include)], auto_register=False, **arguments)  # noqa: AIR002  among the arguments
    if plan.bounds_in_timetable:
        # Airflow asks for a start date where it is to catch up; the timetable has it, and on the DAG it would also bind manual runs.
        dag.start_date = None
    params, dag.params = dag.params, _without(dag.params, plan.arguments.get("params", ()))
    groups: dict[str | None, TaskGroup] = {None: dag.task_group}
    for planned in plan.groups:
        settings = resolver.arguments(planned.arguments)
        groups[planned.group_id] = TaskGroup(planned.label, parent_group=groups[planned.parent], dag=dag, **settings)
    for task in _sources_first(plan):
        group = groups[task.group]
        try:
            if task.function is None:
                tasks[task.task_id] = _task(task, plan, resolver, dag, group)
            else:
                with dag, group:
                    tasks[task.task_id] = _task(task, plan, resolver, dag, group)
        except TidegateError as error:
            error.step = task.step
            raise
    _connect(plan, tasks)
    dag.params = params
    return dag


def _without(params: ParamsDict, names: Collection[str]) -> ParamsDict:
    """Params without some, for the time in which tasks are made.

    Airflow copies a DAG's params into each task, and merges the two again where one runs. The trigger form names every branch: of 200, the copies were
    nine tenths of what is stored, and took seconds to serialize.
    """
    return ParamsDict({name: param for name, param in params.items() if name not in names})  # type: ignore[no-untyped-call]


def _sources_first(plan: Plan) -> list[PlannedTask]:
    """The planned tasks, each after those it waits for: a task may be built from what its upstream returns."""
    order = {task.task_id: number for number, task in enumerate(plan.tasks)}
    if all(order[edge.upstream] < order[edge.downstream] for edge in plan.edges):
        return list(plan.tasks)
    from graphlib import TopologicalSorter

    upstream: dict[str, list[str]] = {task.task_id: [] for task in plan.tasks}
    for edge in plan.edges:
        upstream[edge.downstream].append(edge.upstream)
    return [plan.tasks[order[task_id]] for task_id in TopologicalSorter(upstream).static_order()]


def _task(task: PlannedTask, plan: Plan, resolver: Resolver, dag: DAG, group: TaskGroup) -> Any:
    """The operator of a planned task."""
    arguments = resolver.arguments(task.call.arguments)
    operator = None if task.function is not None else _operator_class(task, arguments)
    if hasattr(operator, "get_python_source"):
        arguments |= _with_their_source(task, resolver)
    try:
        if operator is None:
            return _decorated(task, plan, resolver, arguments)
        if not task.mapped:
            return operator(task_id=task.label, dag=dag, task_group=group, **arguments)
        partial = operator.partial(task_id=task.label, dag=dag, task_group=group, **arguments)
        if task.expand:
            return partial.expand(**resolver.arguments(task.expand))
        return partial.expand_kwargs(resolver.value(task.expand_kwargs))
    except TidegateError:
        raise
    except Exception as error:
        raise ImportRefused(
            f"Step '{task.step}' uses {task.function or task.call.path}, which does not take these settings: {error}.",
            hint="Compare 'with' to its arguments.",
        ) from error


def _operator_class(task: PlannedTask, arguments: Mapping[str, Any]) -> type[BaseOperator]:
    """The operator that a task uses.

    :raises ImportRefused: there is none of that path, or it takes no argument of a name that is given.
    """
    operator = imported(task.call.path)
    if not (isinstance(operator, type) and issubclass(operator, BaseOperator)):
        raise ImportRefused(f"Step '{task.step}' uses {task.call.path}, which is no Airflow operator.", hint="Name an operator's class.")
    known = _arguments(operator)
    for word in (*arguments, *task.expand):
        if word not in known:
            raise ImportRefused(f"Step '{task.step}': {operator.__name__} takes no '{word}'.", hint=did_you_mean(word, known))
    return operator


def _with_their_source(task: PlannedTask, resolver: Resolver) -> dict[str, Any]:
    """The functions for an operator that runs them in another Python, to which it sends their source: such a function is imported at once."""
    from tidegate.operators.surroundings import include_function

    functions = {name: value.reference for name, value in task.call.arguments.items() if isinstance(value, Included)}
    return {name: include_function(reference, resolver.include) for name, reference in functions.items()}


def _decorated(task: PlannedTask, plan: Plan, resolver: Resolver, arguments: dict[str, Any]) -> Any:
    """A task that calls a function, as ``@task`` makes it."""
    function = late_with_signature(plan.functions[task.function or ""], resolver.include)
    decorated = imported(task.call.path)(task_id=task.label, **arguments)(function)
    inputs = resolver.arguments(task.inputs)
    if not task.mapped:
        return decorated(**inputs).operator
    partial = decorated.partial(**inputs) if inputs else decorated
    if task.expand:
        return partial.expand(**resolver.arguments(task.expand)).operator
    return partial.expand_kwargs(resolver.value(task.expand_kwargs)).operator


@cache
def _arguments(operator: type[BaseOperator]) -> frozenset[str]:
    """The names of all arguments that an operator's class and its bases take."""
    found: set[str] = set()
    for base in operator.__mro__:
        if "__init__" in vars(base):
            found |= set(inspect.signature(vars(base)["__init__"]).parameters)
    return frozenset(found - {"self", "args", "kwargs"})


def _connect(plan: Plan, tasks: dict[str, Any]) -> None:
    for task in plan.tasks:
        if task.setup:
            tasks[task.task_id].as_setup()
    for task in plan.tasks:
        if task.teardown is not None:
            setups = [tasks[task_id] for task_id in task.teardown]
            tasks[task.task_id].as_teardown(setups=setups or None, on_failure_fail_dagrun=task.on_failure_fail_dagrun)
    for edge in plan.edges:
        upstream, downstream = tasks[edge.upstream], tasks[edge.downstream]
        if edge.label:
            upstream.set_downstream(downstream, edge_modifier=Label(edge.label))  # ``>> Label >>`` would take all of the group along
        else:  # what ``>>`` comes to for two tasks of one DAG, without asking each of the two for its DAG again
            upstream.downstream_task_ids.add(edge.downstream)
            downstream.upstream_task_ids.add(edge.upstream)
