"""Run a real Airflow on this machine: for tests, for the demo, and for ``make up``."""

from __future__ import annotations

from tidegate.testing.leftovers import address_of, stop_leftovers
from tidegate.testing.local_airflow import LocalAirflow
from tidegate.testing.rest import AirflowApi, TaskView

__all__ = ["AirflowApi", "LocalAirflow", "TaskView", "address_of", "stop_leftovers"]
