"""For kinds of your own: ``include/kinds/NAME.py`` holds ``KIND = Kind(settings=…, build=…)``, and steps say ``uses: NAME``."""

from tidegate.model.kind import Kind, Settings
from tidegate.plan.calls import Call, Imported, Included
from tidegate.plan.task import Task

__all__ = ["Call", "Imported", "Included", "Kind", "Settings", "Task"]
