"""What works on rows hands on what it did, whatever a DAG's defaults say of results."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG

from tidegate.operators import BarrierOperator, ExtractOperator, LoadOperator, OutcomeOperator, TransformOperator

ARGUMENTS = {
    ExtractOperator: {"source_conn_id": "a", "query": "SELECT 1"},
    BarrierOperator: {"branches": {"emea": "extract.emea"}},
    TransformOperator: {"sql": "SELECT 1"},
    LoadOperator: {"warehouse_conn_id": "b", "table": "t", "replace": ["day"]},
}


@pytest.mark.parametrize("operator", ARGUMENTS)
def test_a_default_does_not_reach_what_works_on_rows(operator: type) -> None:
    """Without the result a branch would look as if a person had marked it a success."""
    with DAG("night", schedule=None, default_args={"do_xcom_push": False}):
        assert operator(task_id="works", **ARGUMENTS[operator]).do_xcom_push
        assert not OutcomeOperator(task_id="outcome").do_xcom_push


def test_a_default_does_not_reach_a_mapped_transform() -> None:
    """Each of its tasks is made anew in the worker."""
    with DAG("night", schedule=None, default_args={"do_xcom_push": False}):
        mapped = TransformOperator.partial(task_id="works", sql="SELECT 1").expand(part=[{"branch": "emea"}])
    assert mapped.unmap({"part": {"branch": "emea"}}).do_xcom_push
