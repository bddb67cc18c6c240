"""A plan as the Python that somebody would have written for Airflow by hand."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tidegate.plan.calls import Included, Zipped
from tidegate.render.blocks import Block, blocks
from tidegate.render.edges import edge_statements
from tidegate.render.expressions import call, expression, keywords, mapped_by, plainly_zipped
from tidegate.render.names import Names
from tidegate.render.source import INDENT, Bracketed, Chain, Node, Text, quoted, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.plan.layout import Plan, PlannedTask

INCLUDE = 'INCLUDE = Path(__file__).resolve().parents[1] / "include"  # SQL files and modules'
SEARCHED = "sys.path.append(str(INCLUDE))  # last: a module of the project never hides one of Python's"
UNBOUND = "dag.start_date = None  # the timetable has the bounds; as the DAG's they would bind runs by hand too"


def to_python(plan: Plan, *, doc: str = "") -> str:
    """The DAG file of a pipeline, without Tidegate's factory: it makes the same tasks, groups and edges. Nothing is imported to write it.

    The file is meant to stand in ``dags/``, beside ``include/``. Of Tidegate it imports what the pipeline runs: operators, timetables.

    :param doc: The module's docstring; by default the DAG's ``doc_md``, which then refers to it.
    :return: Source of at most 120 columns as far as texts allow, sorted and laid out as ruff does; the same plan, the same text.
    :raises TypeError: the plan holds something that it may not hold.
    """
    functional = frozenset(task.task_id for task in plan.tasks if task.function is not None)
    names = Names(
        functional=functional, variables={task.task_id: "_" for task in plan.tasks} | dict.fromkeys(map(_function, plan.tasks), "_")
    )
    doc = doc or _documentation(plan)
    _lines(plan, names, doc)  # learns what is imported, so that variables keep away from it
    names.variables.clear()
    for group in plan.groups:
        if group.group_id in _left_and_entered_again(blocks(plan)):
            names.variable(group.group_id)
    for task in plan.tasks:
        names.variable(task.task_id)
        if plainly_zipped(task.expand_kwargs):
            names.variable(_function(task))
    body = _lines(plan, names, doc)
    if names.included:
        names.modules.add("sys")
        names.path("pathlib.Path")
    imports, own = names.import_lines()
    functions = [line for task in plan.tasks if plainly_zipped(task.expand_kwargs) for line in _zip_function(task, names)]
    head = [_docstring(doc), "", *imports, *(["", INCLUDE] if "Path" in "".join(imports) else [])]
    searched = [SEARCHED, "", *(f"{line}  # noqa: E402" for line in own)] if own else []
    return "\n".join([*head, *searched, *functions, *([""] if functions else []), "", *body, ""])


def _lines(plan: Plan, names: Names, doc: str) -> list[str]:
    """Everything from ``with DAG(`` on."""
    written = [("doc_md=", Text("__doc__")) if pair == ("doc_md=", Text(quoted(doc))) else pair for pair in keywords(plan.arguments, names)]
    if "template_searchpath" not in plan.arguments:
        written.append(("template_searchpath=", Text("[str(INCLUDE)]")))
        names.path("pathlib.Path")
    head = Bracketed(names.path("airflow.sdk.DAG"), "()", (("", Text(quoted(plan.name))), *written))
    content = [f"{INDENT}{UNBOUND}"] if plan.bounds_in_timetable else []
    for section in (_block(blocks(plan), names, 1), edge_statements(plan, names), _ends(plan, names)):
        statements = list(section)
        content += ["", *statements] if content and statements else statements
    return [write(head, before="with ", after=" as dag:"), *(content or [f"{INDENT}pass"])]


def _block(block: Block, names: Names, depth: int) -> Iterator[str]:
    """The statements of a block, with an empty line around each group."""
    for number, item in enumerate(block.items):
        if number and any(isinstance(one, Block) for one in block.items[number - 1 : number + 1]):
            yield ""
        if not isinstance(item, Block):
            yield _task(item, names, depth)
            continue
        group = item.group
        assert group is not None  # noqa: S101  only the outermost block has none
        variable = names.variables.get(group.group_id, "")
        label = group.label or group.group_id.rpartition(".")[2]
        made = Bracketed(names.path("airflow.sdk.TaskGroup"), "()", (("", Text(quoted(label))), *keywords(group.arguments, names)))
        if not item.items:
            yield write(made, depth=depth)
            continue
        if item.again:
            yield f"{INDENT * depth}with {variable}:"
        else:
            yield write(made, before="with ", after=f" as {variable}:" if variable else ":", depth=depth)
        yield from _block(item, names, depth + 1)


def _task(task: PlannedTask, names: Names, depth: int) -> str:
    """``name = Operator(…)``, ``Operator.partial(…).expand(…)``, or ``task(…)(function)(…)``."""
    label = task.label or (task.task_id.removeprefix(f"{task.group}.") if task.group else task.task_id)
    made = call(task.call.path, {"task_id": label, **task.call.arguments}, names, task.call.positional)
    parts: list[Node] = [made]
    if task.function is not None:
        parts.append(Bracketed("", "()", (("", expression(Included(task.function), names)),)))
        if task.inputs or not task.mapped:
            parts.append(Bracketed(".partial" if task.mapped else "", "()", keywords(task.inputs, names)))
    elif task.mapped:
        parts = [Bracketed(f"{made.head}.partial", made.brackets, made.items)]
    if task.expand:
        parts.append(Bracketed(".expand", "()", keywords(task.expand, names)))
    if task.expand_kwargs is not None:
        parts.append(Bracketed(".expand_kwargs", "()", (("", _mappings(task, names)),)))
    return write(Chain(tuple(parts)) if len(parts) > 1 else made, before=f"{names.variables[task.task_id]} = ", depth=depth)


def _mappings(task: PlannedTask, names: Names) -> Node:
    value = task.expand_kwargs
    if isinstance(value, Zipped) and plainly_zipped(value):
        return mapped_by(value, names.variables[_function(task)], names)
    return expression(value, names)


def _function(task: PlannedTask) -> str:
    return f"{task.task_id}_arguments"


def _zip_function(task: PlannedTask, names: Names) -> Iterator[str]:
    """The function that names the arguments of one mapped task, at the top of the module, where Airflow can read its source."""
    assert isinstance(task.expand_kwargs, Zipped)  # noqa: S101  asked before
    wanted = list(task.expand_kwargs.arguments)
    parameter = "values" if len(wanted) > 1 else "value"
    items = tuple((f"{quoted(name)}: ", Text(f"values[{index}]" if len(wanted) > 1 else "value")) for index, name in enumerate(wanted))
    yield from ("", "", f"def {names.variables[_function(task)]}({parameter}):")
    yield f'{INDENT}"""The arguments of one mapped task of {task.task_id}."""'
    yield from write(Bracketed("", "{}", items), before="return ", depth=1).split("\n")


def _ends(plan: Plan, names: Names) -> list[str]:
    """What makes tasks setups and teardowns."""
    covered = {setup for task in plan.tasks for setup in task.teardown or ()}
    lines = [f"{INDENT}{names.variables[task.task_id]}.as_setup()" for task in plan.tasks if task.setup and task.task_id not in covered]
    for task in plan.tasks:
        if task.teardown is None:
            continue
        setups: list[Node] = [Text(names.variables[setup]) for setup in task.teardown]
        arguments: list[tuple[str, Node]] = []
        if setups:
            arguments.append(("setups=", setups[0] if len(setups) == 1 else Bracketed("", "[]", tuple(("", setup) for setup in setups))))
        if task.on_failure_fail_dagrun:
            arguments.append(("on_failure_fail_dagrun=", Text("True")))
        lines.append(write(Bracketed(f"{names.variables[task.task_id]}.as_teardown", "()", tuple(arguments)), depth=1))
    return lines


def _left_and_entered_again(block: Block) -> set[str]:
    found = {block.group.group_id} if block.group and block.again else set()
    return found.union(*(_left_and_entered_again(item) for item in block.items if isinstance(item, Block)))


def _documentation(plan: Plan) -> str:
    """What the module's docstring says by itself: the DAG's page where it can stand in one as it is."""
    page = plan.arguments.get("doc_md")
    if isinstance(page, str) and not page.endswith(".md") and ast.literal_eval(_docstring(page)) == page:
        return page
    return f"The pipeline {plan.name}, written for Airflow itself."


def _docstring(text: str) -> str:
    """A docstring as a formatter leaves it: no space at the ends of lines, quotes at the end kept apart."""
    lines = [line.rstrip() for line in text.strip().split("\n")]
    body = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{body} """' if body.endswith('"') else f'"""{body}"""'
