"""A plan for people: as Python, as a table, as a drawing, and beside another plan. Nothing of Airflow is imported."""

from tidegate.render.python import to_python

__all__ = ["to_python"]
