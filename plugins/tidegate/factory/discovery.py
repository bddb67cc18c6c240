"""From a folder of pipeline files to the DAGs that Airflow finds in a DAG file's globals."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import DAG, BaseOperator, get_parsing_context

from tidegate.errors import SpecError, TidegateError
from tidegate.factory.build import build_dag
from tidegate.factory.documentation import findings_documentation
from tidegate.model import Finding, Loaded, Project, load_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


def build_dags(folder: str | Path, *, allow: Iterable[str] = ()) -> dict[str, DAG]:
    """Every pipeline under a folder as a DAG, to be put into a DAG file's globals.

    A file that is wrong takes no other with it and does not vanish: its DAG stands in the UI with the findings on its page, and a run of
    it fails with them. When a task starts, only its own pipeline is read and built.

    :param folder: Pipelines, at any depth; the project's ``include/`` is the nearest folder of that name above.
    :param allow: Prefixes of import paths that configs may name, beyond Airflow's providers and SDK.
    :return: DAG id → DAG.
    """
    root = Path(folder)
    project = Project.around(root, allowed_imports=tuple(allow))
    dags: dict[str, DAG] = {}
    findings: dict[str, list[Finding]] = defaultdict(list)
    for loaded in load_folder(root, project, only=get_parsing_context().dag_id, shown_from=project.include.parent):
        findings[loaded.name] += loaded.findings  # files that share a name share a page
        dags[loaded.name] = broken_dag(loaded.name, findings[loaded.name]) if findings[loaded.name] else _build(loaded, project)
    return dags


def _build(loaded: Loaded, project: Project) -> DAG:
    try:
        return build_dag(loaded.require(), project)
    except TidegateError as error:
        return broken_dag(loaded.name, [Finding(str(loaded.path.name), 0, 0, "", error.message, error.hint)])
    except Exception as error:  # noqa: BLE001  one pipeline must not take the others with it, whatever Airflow says of it
        return broken_dag(loaded.name, [Finding(str(loaded.path.name), 0, 0, "", f"Airflow refuses it: {error}")])


def broken_dag(name: str, findings: Sequence[Finding]) -> DAG:
    """A DAG that stands for a file with findings: visible, explained, and failing when run."""
    with DAG(
        dag_id=name,
        description=f"Cannot run: its file has {len(findings)} finding(s).",
        schedule=None,
        tags=["tidegate", "broken"],
        doc_md=findings_documentation(name, findings),
        auto_register=False,
    ) as dag:
        BrokenPipelineOperator(task_id="findings", findings=tuple(findings), retries=0)
    return dag


class BrokenPipelineOperator(BaseOperator):
    """Fails with the findings of a pipeline's file. Runs in a worker, when somebody triggers the DAG in spite of its page.

    :param findings: What is wrong.
    """

    def __init__(self, *, findings: Sequence[Finding], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.findings = findings

    def execute(self, context: Any) -> None:  # noqa: ARG002  there is no night to read
        """Say what is wrong."""
        raise SpecError(self.findings)
