"""Every good file of the corpus in Airflow itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from corpus_project import GOOD, PIPELINES

from tidegate.factory import build_dags

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting email:DeprecationWarning"),  # the corpus says every key, also those that Airflow
    pytest.mark.filterwarnings("ignore:The airflow.security.permissions:DeprecationWarning"),  # means to give up
]


@pytest.mark.parametrize("environment", [None, "prod"])
def test_no_good_file_becomes_a_stand_in(environment: str | None) -> None:
    """Each is built as what it says, in each environment."""
    dags = build_dags(PIPELINES, environment=environment)
    assert sorted(dags) == sorted(path.stem for path in GOOD)
    assert [(name, dag.doc_md) for name, dag in dags.items() if "broken" in dag.tags] == []


def test_airflow_finds_stores_and_restores_all(tmp_path: Path) -> None:
    """Its own DagBag takes them without an error, and what the scheduler reads back has the same tasks and edges."""
    (tmp_path / "pipelines.py").write_text(
        f"# an Airflow dag file\nfrom tidegate import build_dags\nglobals().update(build_dags({str(PIPELINES)!r}))\n"
    )
    bag = DagBag(tmp_path)
    assert bag.import_errors == {}
    assert sorted(bag.dags) == sorted(path.stem for path in GOOD)
    for dag in bag.dags.values():
        restored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert {task.task_id: task.downstream_task_ids for task in restored.tasks} == {
            task.task_id: task.downstream_task_ids for task in dag.tasks
        }
        assert restored.timetable.summary
