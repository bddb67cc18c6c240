"""What follows from a spec without running it. Knows no Airflow."""

from tidegate.analysis.plan import Plan, PlannedTask, plan

__all__ = ["Plan", "PlannedTask", "plan"]
