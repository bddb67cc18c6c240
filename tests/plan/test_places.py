"""Where a pipeline's ledger is, by what its file and its folder say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate.model import Project
from tidegate.model.folder import load_folder
from tidegate.plan.places import all_places

if TYPE_CHECKING:
    from pathlib import Path

STEPS = """
steps:
  extract: {for_each: {region: [north, south]}, uses: extract, with: {connection: "sales_{region}", query: SELECT 1 AS n}}
  arrived: {needs: extract, uses: barrier}
"""
LOAD = "  load: {needs: arrived, uses: load, with: {connection: warehouse, table: sales, replace: [n]}}\n"
EMPTY = "\nsteps: {run: {uses: airflow.providers.standard.operators.empty.EmptyOperator}}\n"


@pytest.mark.parametrize(
    ("text", "ledgers"),
    [
        pytest.param(STEPS, ("shared",), id="that of the folder's defaults"),
        pytest.param(f"\nledger: own{STEPS}", ("own",), id="the pipeline's own word goes before"),
        pytest.param(STEPS + LOAD, ("warehouse",), id="a load's lies beside its rows"),
        pytest.param(EMPTY, (), id="where no barrier decides there is nothing to record"),
    ],
)
def test_a_ledger_is_where_the_load_is_or_where_the_file_says(tmp_path: Path, text: str, ledgers: tuple[str, ...]) -> None:
    """One ledger for a pipeline, and none that nobody writes."""
    folder = tmp_path / "include" / "pipelines"
    folder.mkdir(parents=True)
    (folder / "defaults.yaml").write_text("ledger: shared\n")
    (folder / "sales.yaml").write_text(f"pipeline: sales{text}")
    found, wrong = all_places(load_folder(folder, Project.around(folder)))
    assert (wrong, found["sales"].ledgers) == ([], ledgers)
