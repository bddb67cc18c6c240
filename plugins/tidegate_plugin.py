"""Registers Tidegate where this folder is Airflow's plugins folder and the distribution is not installed by pip."""

from importlib.metadata import entry_points

if not any(point.name == "tidegate" for point in entry_points(group="airflow.plugins")):
    from tidegate.plugin import TidegatePlugin  # noqa: F401  found by Airflow's plugin loader
