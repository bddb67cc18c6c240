"""What a pipeline amounts to in Airflow's terms, laid out without Airflow: what the factory builds, the renderer prints, a person is shown."""

from tidegate.plan.calls import Call, Imported, Included, Output, Zipped
from tidegate.plan.lay import judged, plan
from tidegate.plan.layout import Edge, Plan, PlannedGroup, PlannedTask

__all__ = ["Call", "Edge", "Imported", "Included", "Output", "Plan", "PlannedGroup", "PlannedTask", "Zipped", "judged", "plan"]
