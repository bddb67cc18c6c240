"""One checked pipeline to one Airflow DAG. Runs in the dag-processor and at every task's start, so it imports nothing heavy."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Param, TaskGroup

from tidegate.analysis.plan import Plan, plan
from tidegate.factory.documentation import dag_documentation
from tidegate.factory.tasks import outcome_task, task_for
from tidegate.model.spec import OUTCOME
from tidegate.resilience.interval import INTERVAL_END, INTERVAL_START
from tidegate.timetables import NightTimetable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.model import PipelineSpec, Project
    from tidegate.model.spec import Schedule

_INTERVAL_HELP = "Wins over the data interval above. Leave both bounds empty to take that one."


def build_dag(spec: PipelineSpec, project: Project) -> DAG:
    """The DAG of a pipeline: branch tasks in a group of their step, edges as the file says, ``outcome`` as the one leaf."""
    pipeline, schedule = spec.pipeline, spec.pipeline.schedule
    layout = plan(spec)
    with DAG(
        dag_id=spec.name,
        description=pipeline.description or None,
        schedule=_timetable(schedule) if schedule else None,
        catchup=schedule.catchup if schedule else False,
        start_date=_moment(schedule.start, schedule) if schedule and schedule.catchup else None,
        template_searchpath=[str(project.include)],
        default_args={"owner": pipeline.owner},
        tags=sorted({"tidegate", *pipeline.tags}),
        params=_params(spec),
        doc_md=dag_documentation(spec),
        auto_register=False,  # a DAG that fails half-way must not be found beside the one that tells why
    ) as dag:
        # Airflow asks for a start date where it is to catch up; the timetable has it, and on the DAG it would also bind manual runs.
        dag.start_date = None
        tasks: dict[str, Any] = {}
        groups: dict[str, TaskGroup] = {}
        for planned in _sources_first(layout):
            if planned.task_id == OUTCOME:
                tasks[OUTCOME] = outcome_task(spec)
            elif planned.branch is not None:
                if planned.step not in groups:
                    groups[planned.step] = TaskGroup(planned.step)
                with groups[planned.step]:
                    tasks[planned.task_id] = task_for(planned, spec, layout, tasks)
            else:
                tasks[planned.task_id] = task_for(planned, spec, layout, tasks)
        for upstream, downstream in layout.edges:
            tasks[upstream] >> tasks[downstream]
    return dag


def _sources_first(layout: Plan) -> Iterator[Any]:
    """The planned tasks, each after those it waits for: a task may be built from what its upstream returns."""
    from graphlib import TopologicalSorter

    upstream: dict[str, list[str]] = {task.task_id: [] for task in layout.tasks}
    for before, after in layout.edges:
        upstream[after].append(before)
    by_id = {task.task_id: task for task in layout.tasks}
    return (by_id[task_id] for task_id in TopologicalSorter(upstream).static_order())


def _timetable(schedule: Schedule) -> NightTimetable:
    end = _moment(schedule.end, schedule) if schedule.end else None
    return NightTimetable(schedule.cron, timezone=schedule.timezone, start=_moment(schedule.start, schedule), end=end)


def _moment(value: date | datetime, schedule: Schedule) -> datetime:
    """A date means its midnight in the schedule's zone; so does a time without a zone."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time.min)
    zone = UTC if schedule.timezone == "UTC" else ZoneInfo(schedule.timezone)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _params(spec: PipelineSpec) -> dict[str, Param]:
    """The trigger form: which branches, which interval."""
    offered: dict[str, dict[str, None]] = {}
    for step in spec.pipeline.steps.values():
        if step.dimension and step.branches:
            offered.setdefault(step.dimension, {}).update(dict.fromkeys(step.branches))
    form = {
        dimension: Param(
            list(branches),
            type="array",
            items={"type": "string", "enum": list(branches)},
            uniqueItems=True,
            examples=list(branches),
            title=f"Which {dimension}s",
            description=f"The run brings these {dimension}s; the others are excluded and keep what they have.",
        )
        for dimension, branches in offered.items()
    }
    for name, title in ((INTERVAL_START, "Interval start (inclusive)"), (INTERVAL_END, "Interval end (exclusive)")):
        form[name] = Param(None, type=["null", "string"], format="date-time", title=title, description=_INTERVAL_HELP)
    return form
