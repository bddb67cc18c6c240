"""What stands in Airflow for a file that is no pipeline yet: visible, explained, and failing when its time comes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator

from tidegate.errors import SpecError
from tidegate.factory.resolve import Resolver
from tidegate.model.document import Document
from tidegate.model.folder import dag_id
from tidegate.model.problems import validated
from tidegate.model.schedule import Schedule
from tidegate.model.yaml_source import Source, parse
from tidegate.plan.arguments import schedule_arguments
from tidegate.plan.calls import Call, Imported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.model import Finding, Loaded, Project

_BLOCK = re.compile(r"^schedule:.*(?:\n(?:[ \t]+.*)?)*", re.MULTILINE)


_MOST_TOLD = 50


def broken_dag(loaded: Loaded, findings: Sequence[Finding], project: Project) -> DAG:
    """A DAG for a file with findings. Its nights come when they would have come, and fail with the findings, so that nobody forgets them."""
    try:
        return _standing_in(loaded, findings, _schedule(loaded, project))
    except Exception:  # noqa: BLE001  a schedule that Airflow refuses is among the findings, or will be once they are mended
        return _standing_in(loaded, findings, {})


def _standing_in(loaded: Loaded, findings: Sequence[Finding], arguments: dict[str, Any]) -> DAG:
    with DAG(  # noqa: AIR002  the schedule is among the arguments where it can be read
        dag_id=dag_id(loaded.name),
        description=f"Cannot run: its file has {len(findings)} finding(s).",
        tags=["tidegate", "broken"],
        doc_md=_documentation(loaded.name, findings, scheduled=bool(arguments)),
        auto_register=False,
        **arguments,
    ) as dag:
        BrokenPipelineOperator(task_id="findings", findings=tuple(findings), retries=0)
    return dag


def _schedule(loaded: Loaded, project: Project) -> dict[str, Any]:
    """The pipeline's own schedule, where that part of the file is right; a file that is no YAML may still have a block that is."""
    source = loaded.document.sources[0] if loaded.document is not None else Source(str(loaded.path))
    value = loaded.document.value if loaded.document is not None else None
    said = value.get("schedule") if isinstance(value, dict) else None
    if value is None and (block := _BLOCK.search(source.text)):
        part = parse(Source(source.file), block[0])
        said = part.value.get("schedule") if isinstance(part.value, dict) and not part.findings else None
    if not isinstance(said, dict):
        return {}
    schedule = validated(Document([source]), Schedule, said, ("schedule",))
    if schedule is None:
        return {}
    arguments = schedule_arguments(schedule)
    return Resolver(Path(), {}).arguments(arguments) if _allowed(arguments, project) else {}


def _allowed(value: Any, project: Project) -> bool:
    """Whether a file may name all that a part of its plan imports; of a file with findings, nobody has looked yet."""
    match value:
        case Call(path, arguments, positional):
            return (path == "builtins.dict" or project.allows(path)) and _allowed((*arguments.values(), *positional), project)
        case Imported(path):
            return project.allows(path)
        case dict():
            return _allowed(tuple(value.values()), project)
        case list() | tuple():
            return all(_allowed(item, project) for item in value)
    return True


def _documentation(name: str, findings: Sequence[Finding], *, scheduled: bool) -> str:
    told = "\n\n".join(finding.render() for finding in findings[:_MOST_TOLD])
    if len(findings) > _MOST_TOLD:
        told += f"\n\nand {len(findings) - _MOST_TOLD} more: tidegate validate tells them all"
    when = (
        "It keeps its schedule: until then every run fails with these findings. Clear those runs afterwards, and their nights are made good."
        if scheduled
        else "**It does not run by itself:** its schedule is absent, or cannot be read."
    )
    return (
        f"### {name} cannot run\n\nIts file has {len(findings)} finding(s). Mend them, and this page becomes the pipeline's. {when}"
        f"\n\n```text\n{told}\n```"
    )


class BrokenPipelineOperator(BaseOperator):
    """Fails with the findings of a pipeline's file. Runs in a worker, at the pipeline's time or when somebody triggers the DAG in spite of its page.

    :param findings: What is wrong.
    """

    def __init__(self, *, findings: Sequence[Finding], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.findings = findings

    def execute(self, context: Any) -> None:  # noqa: ARG002  there is no night to read
        """Say what is wrong."""
        raise SpecError(self.findings)
