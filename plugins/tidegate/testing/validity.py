"""Whether all pipelines of a folder are right: the files, and the DAGs that this Airflow makes of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.model import Finding, Project, load_folder
from tidegate.model.folder import pipeline_files
from tidegate.testing.places import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tidegate.model import Loaded, PipelineSpec


def check_pipelines(
    folder: str | Path, *, environment: str | None = None, allow: Iterable[str] = (), build: bool = True
) -> dict[str, PipelineSpec]:
    """All pipelines under a folder by name, if nothing is wrong with any of them. Needs no pytest.

    :param folder: A relative path is looked for from the working directory upwards.
    :param environment: Whose variables hold, such as ``prod``.
    :param allow: Prefixes of import paths that configs may name, as in the DAG file.
    :param build: Whether each is also built by this Airflow, which takes seconds once; operators and functions are imported then.
    :raises AssertionError: files have findings, or there is no file; the message is all of the findings, each with its place and what to do.
    """
    __tracebackhide__ = True
    checked = _checked(folder, environment, allow, build=build)
    _nothing_found([finding for _, findings in checked for finding in findings])
    return {loaded.name: loaded.require() for loaded, _ in checked}


def pipelines_are_valid(
    folder: str | Path, *, environment: str | None = None, allow: Iterable[str] = (), build: bool = True
) -> Callable[..., None]:
    """A test for pytest, one case a pipeline file, to be named in a test module.

    Say ``test_pipelines = pipelines_are_valid("include/pipelines")``. Files are listed when tests are collected, and read when the first case runs. Takes what :func:`check_pipelines` takes.
    """
    import pytest

    root = place(folder)
    files = pipeline_files(root) if root.is_dir() else []

    @cache
    def checked() -> dict[Path, list[Finding]]:
        return {loaded.path: findings for loaded, findings in _checked(folder, environment, allow, build=build)}

    @pytest.mark.parametrize("pipeline", files or [root], ids=[file.stem for file in files] or [str(folder)])
    def test(pipeline: Path) -> None:
        """The file is right, and Airflow makes a DAG of it."""
        try:
            _nothing_found(checked().get(pipeline, []) if files else _no_file(folder))
        except AssertionError as error:
            pytest.fail(str(error), pytrace=False)

    return test


def _nothing_found(findings: Iterable[Finding]) -> None:
    """Fail with all findings, each told once: a layer that is wrong is found with every pipeline above it."""
    __tracebackhide__ = True
    told = list(dict.fromkeys(finding.render() for finding in findings))
    if told:
        raise AssertionError(f"{len(told)} finding(s).\n\n" + "\n\n".join(told))


def _no_file(folder: str | Path) -> list[Finding]:
    what = "there is no pipeline file in this folder" if place(folder).is_dir() else "there is no such folder"
    return [Finding(str(folder), 0, 0, "", what, "Pipelines are files that end in .yaml or .yml, under include/pipelines.")]


def _checked(folder: str | Path, environment: str | None, allow: Iterable[str], *, build: bool) -> list[tuple[Loaded, list[Finding]]]:
    """Every file with all that is wrong with it."""
    root, allowed = place(folder), tuple(allow)
    around = Project.around(root, allowed_imports=allowed)
    project = Project(around.include, around.allowed_imports, shown_from=Path.cwd())
    loaded = load_folder(root, project, environment=environment) if root.is_dir() else []
    if not loaded:
        _nothing_found(_no_file(folder))
    refused = _refused(root, allowed, environment) if build else {}
    return [(each, list(each.findings) or [_in(each, project, finding) for finding in refused.get(each.name, [])]) for each in loaded]


def _in(loaded: Loaded, project: Project, finding: Finding) -> Finding:
    """A finding of the factory's, with the file as all others here name it; one in a template keeps that."""
    return replace(finding, file=project.shown(loaded.path)) if Path(finding.file).name in {"", loaded.path.name} else finding


def _refused(root: Path, allow: tuple[str, ...], environment: str | None) -> dict[str, list[Finding]]:
    """Pipeline → what Airflow has against it, and what to do: while it is built, and when it is read and stored."""
    from airflow.serialization.serialized_objects import DagSerialization

    from tidegate.factory import build_dags
    from tidegate.factory.broken import BrokenPipelineOperator

    found: dict[str, list[Finding]] = {}
    for name, dag in build_dags(root, allow=allow, environment=environment).items():
        broken: list[Any] = [task for task in dag.tasks if isinstance(task, BrokenPipelineOperator)]
        if broken:
            found[name] = [finding for task in broken for finding in task.findings]
            continue
        checked: Any = dag
        try:
            checked.validate()
            checked.check_cycle()
            DagSerialization.to_dict(dag)
        except Exception as error:  # noqa: BLE001  whatever Airflow says of it
            message = f"Airflow refuses the DAG: {type(error).__name__}: {error}"
            found[name] = [Finding("", 0, 0, "", message, "Airflow would show this as an import error.")]
    return found
