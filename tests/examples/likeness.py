"""What two DAGs have in common, said the same way for both."""

from __future__ import annotations

import inspect
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import XComArg
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction

if TYPE_CHECKING:
    from airflow.sdk import DAG

_RUNS = 3
_OF_ITS_OWN = frozenset({
    "task_id", "start_date", "end_date", "python_callable", "op_args", "op_kwargs", "dag", "task_group", "default_args", "resources", "doc_md",
})  # fmt: skip
"""Arguments that are compared otherwise, or not at all: ids with their group, what functions are given whether by name or by position; not texts for people
and not the functions themselves."""


def plain(value: Any) -> bool:
    """Whether a value is data and nothing else."""
    if isinstance(value, dict):
        return all(map(plain, value.values()))
    if isinstance(value, list | tuple | set):
        return all(map(plain, value))
    return value is None or isinstance(value, str | int | float | timedelta | Path)


def arguments(task: Any) -> dict[str, Any]:
    """The data that an operator was given, by the names of its constructor's arguments."""
    names = {
        name for base in type(task).__mro__ if "__init__" in vars(base) for name in inspect.signature(vars(base)["__init__"]).parameters
    }
    found = {name: getattr(task, name) for name in names - _OF_ITS_OWN if hasattr(task, name)}
    data = [*getattr(task, "op_args", ()), *getattr(task, "op_kwargs", {}).values()]
    return {name: value.strip() if isinstance(value, str) else value for name, value in found.items() if plain(value)} | {
        "functions data": [value for value in data if plain(value)]
    }


def of_task(task: Any) -> dict[str, Any]:
    """Operator, place, order, data, and what it reads of other tasks."""
    mapped = isinstance(task, MappedOperator)
    given = {} if mapped else arguments(task)
    return {
        "operator": task.task_type,
        "mapped": sorted(task._get_specified_expand_input().value) if mapped else None,
        "group": task.task_group.group_id,
        "before": sorted(task.downstream_task_ids),
        "reads": sorted({(source.task_id, key) for source, key in XComArg.iter_xcom_references(task)}) if not mapped else reads(task),
        "trigger_rule": task.trigger_rule.value,
        "setup": task.is_setup,
        "teardown": (task.is_teardown, task.on_failure_fail_dagrun),
        "outlets": [(asset.name, asset.uri, asset.extra) for asset in task.outlets],
        "name": task.task_display_name,
        "retries": (task.retries, task.retry_delay, bool(task.retry_policy)),
        **given,
    }


def reads(task: MappedOperator) -> list[tuple[str, str]]:
    """What a mapped task is mapped over."""
    return sorted({(source.task_id, key) for source, key in task._get_specified_expand_input().iter_references()})


def of_dag(dag: DAG) -> dict[str, Any]:
    """All but what stands on the page, and when the first run is."""
    groups = {key: group for key, group in dag.task_group.get_task_group_dict().items() if key is not None}
    form = {name: dag.params.get_param(name) for name in dag.params}
    return {
        "tasks": {task.task_id: of_task(task) for task in dag.tasks},
        "groups": {key: (group.parent_group.group_id, group.tooltip, sorted(group.children)) for key, group in groups.items()},
        "labels": {(before, after): info["label"] for before, afters in dag.edge_info.items() for after, info in afters.items()},
        "params": json.loads(
            json.dumps({name: (field.value if field.has_value else "none", worded(field.schema)) for name, field in form.items()})
        ),
        "tags": sorted(dag.tags - {"tidegate"}),
        "catchup": dag.catchup,
        "timeout": dag.dagrun_timeout,
        "name": dag.dag_display_name,
    }


def worded(schema: dict[str, Any]) -> dict[str, Any]:
    """A form field's schema without the words for people."""
    return {word: value for word, value in schema.items() if word not in {"title", "description", "description_md"}}


def schedule(dag: DAG) -> Any:
    """The first runs, had it been on from its start; of a schedule by assets, which those are."""
    stored = DagSerialization.to_dict(dag)
    timetable = DagSerialization.from_dict(stored).timetable
    condition = stored["dag"]["timetable"].get("__var", {})
    found, last = [], None
    for _ in range(_RUNS):
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(earliest=dag.start_date, latest=None, catchup=True)
        )
        if info is None:
            break
        last = info.data_interval
        found.append(
            (_moment(info.logical_date), _moment(info.data_interval.start), _moment(info.data_interval.end), _moment(info.run_after))
        )
    assets = {word: value for word, value in condition.items() if "asset" in word}
    return {"runs": found, "assets": assets, "starts by itself": timetable.can_be_scheduled}


def _moment(value: datetime | None) -> str | None:
    return value.isoformat() if value is not None else None
