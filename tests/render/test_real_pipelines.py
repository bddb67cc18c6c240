"""Files as they are: what is rendered is, to the last argument, the DAG that the factory builds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.definitions.param import ParamsDict
from airflow.serialization.serialized_objects import DagSerialization
from corpus_project import GOOD
from planned import built

from tidegate.factory import build_dag
from tidegate.factory.durations import with_durations
from tidegate.model import load_pipeline
from tidegate.plan import plan
from tidegate.render import as_dict, difference, rows, to_mermaid, to_python, to_svg

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[2]
FILES = [
    *GOOD,
    *sorted(
        path
        for folder in ("include/pipelines", "tests/render/project/include/pipelines")
        for path in (ROOT / folder).rglob("*.yaml")
        if path.name != "defaults.yaml"
    ),
]


def stored(dag: DAG) -> dict[str, Any]:
    """What Airflow would store of a DAG, apart from where its file lies, and from the copies of its form that Airflow gives to tasks."""
    for task in dag.tasks:
        task.params = ParamsDict.filter_params_by_source(task.params, "task")  # type: ignore[arg-type]
    document: dict[str, Any] = alike(DagSerialization.to_dict(dag)["dag"])
    return {key: value for key, value in document.items() if key not in {"fileloc", "relative_fileloc", "_processor_dags_folder"}}


def alike(value: Any) -> Any:
    """The two places where Airflow stores source code, without it: functions that the factory loads late have another one.

    Of a hook it is left that there is one; of a zip that Python maps by a function, the zip.
    """
    if isinstance(value, list):
        return [alike(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "map" and "callables" in value:
        return alike(value["arg"])
    return {key: key in value if key in {"_pre_execute_hook", "_post_execute_hook"} else alike(item) for key, item in value.items()}


@pytest.mark.filterwarnings("ignore:Setting email:DeprecationWarning")  # the corpus says every key, also those that Airflow
@pytest.mark.filterwarnings("ignore:The airflow.security.permissions:DeprecationWarning")  # means to give up
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rendered_python_stores_what_the_factory_stores(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks, groups, edges, labels, arguments, form, schedule: all that Airflow knows of a DAG."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    include = next(parent for parent in path.parents if parent.name == "include")
    planned = with_durations(plan(load_pipeline(path).require()))
    rendered = built(to_python(planned), __file__=str(include.parent / "dags" / "rendered.py"))
    assert stored(rendered) == stored(build_dag(planned, include))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_view_shows_it(path: Path) -> None:
    """Nothing that a file may say is more than a view can take."""
    planned = plan(load_pipeline(path).require())
    assert len(rows(planned)) == len(as_dict(planned)["tasks"]) == len(planned.tasks)
    assert to_mermaid(planned).count("subgraph") == len(planned.groups)
    assert to_svg(planned).startswith("<svg")
    assert difference(planned, plan(load_pipeline(path).require())) == ()
