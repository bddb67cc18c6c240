"""From a spec to tasks and edges, without Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.model import Project, load_pipeline
from tidegate.plan import Output, Plan, plan

CORPUS = Path(__file__).parent.parent / "model" / "corpus"


def planned(name: str) -> Plan:
    """The plan of a good file."""
    return plan(load_pipeline(CORPUS / "good" / f"{name}.yaml", Project(CORPUS / "include")).require())


def test_branches_become_tasks_and_all_of_them_lead_to_the_barrier() -> None:
    """In the order of the file."""
    layout = planned("combined")
    assert [task.task_id for task in layout.tasks] == ["extract.a", "extract.b", "arrived", "total", "load", "outcome"]
    assert tuple((edge.upstream, edge.downstream) for edge in layout.edges) == (
        ("extract.a", "arrived"),
        ("extract.b", "arrived"),
        ("arrived", "total"),
        ("total", "load"),
        ("load", "outcome"),
    )


@pytest.mark.parametrize("name", ["night", "one_source", "combined"])
def test_outcome_is_the_one_leaf_and_every_edge_joins_two_tasks(name: str) -> None:
    """Nothing ends beside it, nothing hangs in the air."""
    layout = planned(name)
    ids = {task.task_id for task in layout.tasks}
    assert ids - {edge.upstream for edge in layout.edges} == {"outcome"}
    assert {end for edge in layout.edges for end in (edge.upstream, edge.downstream)} <= ids


def test_a_step_over_what_arrives_is_one_task_that_airflow_maps() -> None:
    """Its branches are known only at run time."""
    (task,) = planned("night").of_step("cleaned")
    assert (task.task_id, task.branch, task.expand) == ("cleaned", None, {"part": Output("arrived")})
