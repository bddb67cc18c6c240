"""The villages' pipelines as Airflow DAGs."""

from pathlib import Path

from tidegate import build_dags

globals().update(build_dags(Path(__file__).parent.parent / "include" / "pipelines"))
