"""Plans to Airflow DAGs: the one place where both meet."""

from tidegate.factory.build import build_dag
from tidegate.factory.discovery import build_dags

__all__ = ["build_dag", "build_dags"]
