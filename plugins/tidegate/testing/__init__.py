"""What tests of pipelines need: are all files right, what becomes of a night when something fails; and a real Airflow on this machine.

Names load on first use: playing a night imports no Airflow, and checking files does so only to build their DAGs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.testing.errors import Unplayable as Unplayable
    from tidegate.testing.judging import Alert as Alert
    from tidegate.testing.leftovers import address_of as address_of
    from tidegate.testing.leftovers import stop_leftovers as stop_leftovers
    from tidegate.testing.local_airflow import LocalAirflow as LocalAirflow
    from tidegate.testing.night import Night as Night
    from tidegate.testing.rest import AirflowApi as AirflowApi
    from tidegate.testing.rest import TaskView as TaskView
    from tidegate.testing.result import Result as Result
    from tidegate.testing.validity import check_pipelines as check_pipelines
    from tidegate.testing.validity import pipelines_are_valid as pipelines_are_valid

_HOMES = {
    "AirflowApi": "rest",
    "Alert": "judging",
    "LocalAirflow": "local_airflow",
    "Night": "night",
    "Result": "result",
    "TaskView": "rest",
    "Unplayable": "errors",
    "address_of": "leftovers",
    "check_pipelines": "validity",
    "pipelines_are_valid": "validity",
    "stop_leftovers": "leftovers",
}
__all__ = [
    "AirflowApi",
    "Alert",
    "LocalAirflow",
    "Night",
    "Result",
    "TaskView",
    "Unplayable",
    "address_of",
    "check_pipelines",
    "pipelines_are_valid",
    "stop_leftovers",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidegate.testing' has no attribute '{name}'")
    return getattr(import_module(f"tidegate.testing.{_HOMES[name]}"), name)
