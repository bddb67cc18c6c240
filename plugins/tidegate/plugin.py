"""Tidegate as an Airflow plugin."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from tidegate import timetables
from tidegate.listeners import run_note


class TidegatePlugin(AirflowPlugin):
    """Registers the timetable of pipelines, and the listener that puts each night's sentence on its run. Loaded by every Airflow process."""

    name = "tidegate"
    timetables = [timetables.NightTimetable, timetables.EveryTimetable, timetables.MomentsTimetable]  # noqa: RUF012
    listeners = [run_note]  # noqa: RUF012  Airflow's own type
