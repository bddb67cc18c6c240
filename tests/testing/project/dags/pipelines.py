"""The DAGs that Airflow finds here: the pipelines that are played and run."""

from pathlib import Path

from tidegate import build_dags

globals().update(build_dags(Path(__file__).parents[1] / "include" / "pipelines"))
