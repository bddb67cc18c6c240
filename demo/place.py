"""Where the demo works, and the Airflow that it uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo.data import REGIONS, Databases
from tidegate.testing import LocalAirflow

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".tidegate" / "demo"
UP = ROOT / ".tidegate" / "up"


def connections(databases: Databases) -> dict[str, dict[str, Any]]:
    """Return the Airflow connections of the ten regions and the warehouse."""
    regional = {f"sales_{region}": {"conn_type": "sqlite", "host": str(databases.region(region))} for region in REGIONS}
    return {**regional, "warehouse": {"conn_type": "sqlite", "host": str(databases.warehouse)}}


def local_airflow(work: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None) -> LocalAirflow:
    """Return an Airflow over this repository's DAGs and the databases in ``work/data``; not started yet."""
    return LocalAirflow(
        work / "airflow",
        dags=ROOT / "dags",
        plugins=ROOT / "plugins",
        connections=connections(Databases(work / "data")),
        settings=settings,
        port=port,
    )
