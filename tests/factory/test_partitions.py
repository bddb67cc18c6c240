"""Partitions of assets become partitions of runs by the mappers that a file names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.serialization.serialized_objects import DagSerialization

from tidegate.factory import build_dag
from tidegate.model import Project, load_pipeline
from tidegate.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = """\
pipeline: rollup
schedule:
  assets: [sales, {name: returns, uri: "s3://shop/returns"}]
  partitions:
    default: {uses: airflow.sdk.StartOfDayMapper}
    by_asset: {"s3://shop/returns": {uses: airflow.sdk.IdentityMapper}}
steps:
  roll_up: {uses: airflow.providers.standard.operators.empty.EmptyOperator}
"""


def test_the_scheduler_finds_an_assets_own_mapper(tmp_path: Path) -> None:
    """By its name and its URI, whichever the file says; other assets have the default."""
    path = tmp_path / "rollup.yaml"
    path.write_text(NIGHT)
    dag = build_dag(plan(load_pipeline(path, Project(tmp_path)).require()), tmp_path)
    stored: Any = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    found = [stored.get_partition_mapper(**asked) for asked in ({"name": "returns"}, {"uri": "s3://shop/returns"}, {"name": "sales"})]
    assert [type(mapper).__name__ for mapper in found] == ["IdentityMapper", "IdentityMapper", "StartOfDayMapper"]
