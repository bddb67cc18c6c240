"""What holds for every DAG of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tidegate import OutcomeOperator, build_dags

ROOT = Path(__file__).parent.parent


def every_dag() -> dict[str, Any]:
    """The DAGs of dags/, as the dag-processor finds them."""
    import runpy

    found: dict[str, Any] = {}
    for file in sorted((ROOT / "dags").glob("*.py")):
        found |= {value.dag_id: value for value in runpy.run_path(str(file)).values() if type(value).__name__ == "DAG"}
    return found


def breaches(dag: Any) -> list[str]:
    """How a DAG breaks the house's rules."""
    found = []
    doc = dag.doc_md or ""
    if "Owner" not in doc or "partial" not in doc:
        found.append("its page does not say who owns it and what to do when it is partial")
    if dag.default_args.get("owner") in {None, "airflow"}:
        found.append("nobody answers for it")
    if not isinstance(dag.task_dict.get("outcome"), OutcomeOperator) or [task.task_id for task in dag.leaves] != ["outcome"]:
        found.append("it does not end in one outcome")
    if "tidegate" not in dag.tags:
        found.append("it is not tagged")
    return found


@pytest.mark.parametrize("dag_id", sorted(every_dag()))
def test_every_dag_keeps_the_rules(dag_id: str) -> None:
    """Documented, owned, tagged, and ending in one honest leaf."""
    assert breaches(every_dag()[dag_id]) == []


def test_the_repositorys_pipelines_are_right() -> None:
    """None of them is a broken file's stand-in."""
    assert [dag_id for dag_id, dag in build_dags(ROOT / "include" / "pipelines").items() if "broken" in dag.tags] == []


def test_the_policy_can_fail() -> None:
    """A DAG without any of it breaks every rule."""
    from airflow.sdk import DAG

    assert len(breaches(DAG("bare", schedule=None))) == 4
