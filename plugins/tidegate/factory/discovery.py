"""From a folder of pipeline files to the DAGs that Airflow finds in a DAG file's globals."""

from __future__ import annotations

import gc
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import get_parsing_context

from tidegate.errors import TidegateError
from tidegate.factory.build import build_dag
from tidegate.factory.durations import with_durations
from tidegate.model import Finding, Loaded, Project, each_of_folder
from tidegate.plan import judged, plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow.sdk import DAG


def build_dags(folder: str | Path, *, allow: Iterable[str] = (), environment: str | None = None) -> dict[str, DAG]:
    """Every pipeline under a folder as a DAG, to be put into a DAG file's globals.

    A file that is wrong takes no other with it and does not vanish: its DAG stands in the UI with the findings on its page, keeps its schedule
    where that can be read, and every run of it fails with the findings. When a task starts, only its own pipeline is read and built.

    :param folder: Pipelines, at any depth; the project's ``include/`` is the nearest folder of that name above.
    :param allow: Prefixes of import paths that configs may name, beyond Airflow's providers and SDK.
    :param environment: Whose variables hold, such as ``prod``.
    :return: DAG id → DAG.
    """
    root = Path(folder)
    around = Project.around(root, allowed_imports=tuple(allow))
    project = Project(around.include, around.allowed_imports, shown_from=around.include.parent)
    dags: dict[str, DAG] = {}
    findings: dict[str, list[Finding]] = defaultdict(list)
    with _nothing_to_collect(dags):
        for loaded in each_of_folder(root, project, only=get_parsing_context().dag_id, environment=environment):
            findings[loaded.name] += loaded.findings  # files that share a name share a page
            dags[loaded.name] = _broken(loaded, findings[loaded.name], project) if findings[loaded.name] else _build(loaded, project)
    return dags


_MANY = 50
"""DAGs from which on it pays to tell the garbage collector about them."""


@contextmanager
def _nothing_to_collect(dags: dict[str, DAG]) -> Iterator[None]:
    """Python's cyclic garbage collector looks again and again through DAGs that all stay; with hundreds of them that is a sixth of the time.

    Many DAGs are handed to it as old ones, by freezing all that is there and thawing it at once, which costs no look at any of it.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if len(dags) > _MANY:
            gc.freeze()
            gc.unfreeze()
        gc.enable()


def _broken(loaded: Loaded, findings: Sequence[Finding], project: Project) -> DAG:
    from tidegate.factory.broken import broken_dag

    return broken_dag(loaded, findings, project)


def _build(loaded: Loaded, project: Project) -> DAG:
    try:
        dag = build_dag(with_durations(plan(loaded.require())), project.include)
        _validate(dag)
    except TidegateError as error:
        if findings := judged(loaded).findings:
            return _broken(loaded, findings, project)
        return _broken(loaded, [_placed(loaded, error.step, error.message.rstrip("."), error.hint)], project)
    except Exception as error:  # noqa: BLE001  one pipeline must not take the others with it, whoever says what of it
        from tidegate.factory.blame import blamed

        return _broken(loaded, [_placed(loaded, "", *blamed(error))], project)
    return dag


def _placed(loaded: Loaded, step: str, message: str, hint: str) -> Finding:
    """A finding in the place of a step, or of the argument of it that the message names; else of the whole file."""
    hint = hint or "Airflow's documentation of what is named there tells what it takes."
    if loaded.document is None or loaded.spec is None or step not in loaded.spec.tree.nodes:
        return Finding(loaded.path.name, 0, 0, "", message, hint)
    node = loaded.spec.tree.nodes[step]
    named = [word for word in (*node.step.with_, *node.step.expand) if message.endswith(f"takes no '{word}'")]
    within = ("with" if named[0] in node.step.with_ else "expand", named[0]) if named else ("uses",)
    loaded.document.report((*node.at, *within), message, hint)
    return loaded.document.findings.pop()


def _validate(dag: DAG) -> None:
    """Ask Airflow now what it asks when it takes a DAG from a file: there, the answer would make the DAG vanish."""
    dag.validate()  # type: ignore[no-untyped-call]
    if names := sorted({task.executor for task in dag.tasks if task.executor}):
        from airflow.executors.executor_loader import ExecutorLoader

        for name in names:
            ExecutorLoader.lookup_executor_name_by_str(name, validate_teams=False)
