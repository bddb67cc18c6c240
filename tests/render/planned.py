"""Plans made by hand, and what a plan and a DAG have in common, said the same way."""

from __future__ import annotations

import linecache
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tidegate.plan.calls import Call, Imported, Output, Zipped
from tidegate.plan.layout import Edge, Plan, PlannedGroup, PlannedTask
from tidegate.render import to_python

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import DAG

EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
BASH = "airflow.providers.standard.operators.bash.BashOperator"
PYTHON = "airflow.providers.standard.operators.python.PythonOperator"
SAMPLE = {"python_callable": Imported("builtins.print")}
REGIONS = ("northeast", "mid_atlantic", "southeast", "florida", "midwest", "plains", "texas", "mountain", "northwest", "california")


def task(
    task_id: str, *, group: str | None = None, uses: str = EMPTY, arguments: Mapping[str, Any] | None = None, **more: Any
) -> PlannedTask:
    """Plan a task."""
    label = task_id.removeprefix(f"{group}.") if group else task_id
    return PlannedTask(task_id, more.pop("step", task_id), Call(uses, arguments or {}), label=label, group=group, **more)


def group(group_id: str, parent: str | None = None, **arguments: Any) -> PlannedGroup:
    """Plan a group."""
    return PlannedGroup(group_id, arguments, step=group_id, label=group_id.rpartition(".")[2], parent=parent)


def edges(*lines: str) -> tuple[Edge, ...]:
    """Edges of lines such as ``a b > c``: every one before the arrow, to every one behind it."""
    pairs = [line.split(">") for line in lines]
    return tuple(Edge(before, after) for left, right in pairs for before in left.split() for after in right.split())


def plan(*parts: PlannedTask | PlannedGroup | Edge, name: str = "night", **arguments: Any) -> Plan:
    """Plan a pipeline from its parts, in their order."""
    groups = tuple(part for part in parts if isinstance(part, PlannedGroup))
    tasks = tuple(part for part in parts if isinstance(part, PlannedTask))
    return Plan(name, arguments, groups, tasks, tuple(part for part in parts if isinstance(part, Edge)))


def night(**arguments: Any) -> Plan:
    """Ten extracts in a group, a barrier, a mapped transform, checks in two nested groups, a load, an outcome."""
    effort = {"bash_command": "extract", "retries": 3, "retry_delay": timedelta(seconds=30), "execution_timeout": timedelta(minutes=45)}
    extracts = [
        task(
            f"extract.{region}",
            group="extract",
            uses=BASH,
            step="extract",
            bindings={"region": region},
            arguments={**effort, "pool": "erp"},
        )
        for region in REGIONS
    ]
    schedule = {"timezone": "Europe/Berlin", "start": datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))}
    given = {
        "description": "Sales of each day.",
        "schedule": Call("tidegate.timetables.NightTimetable", schedule, ("0 2 * * *",)),
        "start_date": datetime(2026, 1, 1, tzinfo=UTC),
        "catchup": True,
        "tags": ["sales", "tidegate"],
        "params": {"region": Call("airflow.sdk.Param", {"type": "array", "title": "Which regions"}, (list(REGIONS),))},
    }
    return plan(
        group("extract", tooltip="One task a region."),
        *extracts,
        task("arrived", uses=PYTHON, arguments=SAMPLE),
        task("by_product", uses=BASH, arguments={"cwd": "/"}, expand={"bash_command": Output("arrived")}),
        group("checks"),
        task("checks.rows", group="checks"),
        group("checks.deep", "checks"),
        task("checks.deep.sums", group="checks.deep"),
        task("checks.deep.keys", group="checks.deep"),
        task("load", uses=BASH, arguments={"bash_command": "load"}),
        task("outcome"),
        *(Edge(extract.task_id, "arrived") for extract in extracts),
        *edges("arrived > by_product", "by_product > checks.rows", "checks.rows > checks.deep.sums checks.deep.keys"),
        Edge("checks.deep.sums", "load", "rule", "only checked sums"),
        *edges("checks.deep.keys > load", "load > outcome"),
        **(given | arguments),
    )


def every_feature() -> Plan:
    """Mapping in each of its ways, setups and teardowns, labels within and across groups, outputs of later groups."""
    return plan(
        task("list", uses=PYTHON, arguments=SAMPLE),
        task("names", uses=PYTHON, arguments=SAMPLE),
        group("first"),
        task("first.a", group="first", uses=BASH, arguments={"bash_command": "a"}),
        task("first.c", group="first", uses=BASH, arguments={"bash_command": Output("middle", "command")}),
        task("middle", uses=BASH, arguments={"bash_command": Output("first.a")}),
        task("make", setup=True),
        task("more", setup=True),
        task("alone", setup=True),
        task("drop", teardown=("make", "more"), on_failure_fail_dagrun=True),
        task("late", teardown=()),
        task("crossed", uses=BASH, expand={"bash_command": ["a", "b"], "env": [{"A": "1"}, {"A": "2"}]}),
        task("written", uses=BASH, expand_kwargs=[{"bash_command": "a"}, {"bash_command": "b", "env": {"A": "1"}}]),
        task("returned", uses=BASH, expand_kwargs=Output("list")),
        task("zipped", uses=BASH, expand_kwargs=Zipped({"bash_command": Output("list"), "cwd": Output("names")})),
        task("one", uses=BASH, expand_kwargs=Zipped({"bash_command": Output("list")})),
        task("both", uses=BASH, expand_kwargs=Zipped({"bash_command": ["a", "b"], "cwd": ["/", "/tmp"]})),  # noqa: S108
        task("class-1"),
        group("empty"),
        *edges("list names > zipped", "list > one returned", "first.a > middle", "middle > first.c", "make more > crossed written"),
        *edges("crossed written > drop", "make more > drop", "drop > late", "alone > class-1"),
        Edge("crossed", "both", "resource", 'the "erp"'),
        Edge("written", "both", "resource", 'the "erp"'),
        Edge("first.a", "both", "rule", "checked"),
        Edge("first.c", "both", "rule", "checked"),
        Edge("class-1", "first.a", "data", "then"),
    )


def built(source: str, **names: Any) -> DAG:
    """Run rendered Python and find its DAG. Airflow asks for the source of some functions, which is in no file here."""
    linecache.cache["night.py"] = (len(source), None, source.splitlines(keepends=True), "night.py")
    scope: dict[str, Any] = {"__name__": "rendered", "__file__": str(Path("/project/dags/night.py")), **names}
    exec(compile(source, "night.py", "exec"), scope)  # noqa: S102  what is tested is that it runs
    return scope["dag"]  # type: ignore[no-any-return]


def rendered(planned: Plan) -> DAG:
    """Run what a plan is rendered to."""
    return built(to_python(planned))


def of_plan(planned: Plan) -> dict[str, Any]:
    """Say what a plan's DAG must have."""
    setups = {setup for one in planned.tasks for setup in one.teardown or ()}
    return {
        "tasks": {one.task_id: (one.call.path.rpartition(".")[2], one.mapped, one.group) for one in planned.tasks},
        "setups": {one.task_id for one in planned.tasks if one.setup} | setups,
        "teardowns": {one.task_id: one.on_failure_fail_dagrun for one in planned.tasks if one.teardown is not None},
        "edges": {(edge.upstream, edge.downstream) for edge in planned.edges}
        | {(setup, one.task_id) for one in planned.tasks for setup in one.teardown or ()},
        "labels": {(edge.upstream, edge.downstream): edge.label for edge in planned.edges if edge.label},
        "groups": {one.group_id: one.parent for one in planned.groups},
    }


def of_dag(dag: DAG) -> dict[str, Any]:
    """Say the same of a DAG."""
    tasks = dag.tasks
    groups = {key: value for key, value in dag.task_group.get_task_group_dict().items() if key is not None}
    return {
        "tasks": {one.task_id: (one.task_type, one.is_mapped, one.task_group.group_id) for one in tasks},
        "setups": {one.task_id for one in tasks if one.is_setup},
        "teardowns": {one.task_id: one.on_failure_fail_dagrun for one in tasks if one.is_teardown},
        "edges": {(one.task_id, after) for one in tasks for after in one.downstream_task_ids},
        "labels": {(before, after): info["label"] for before, afters in dag.edge_info.items() for after, info in afters.items()},
        "groups": {key: value.parent_group.group_id for key, value in groups.items()},
    }
