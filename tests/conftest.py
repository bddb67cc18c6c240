"""What every test shares: an Airflow home of its own, and the servers of `servers.py`."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `--import-mode=importlib` leaves it out; helper modules stand here
sys.path.insert(
    1, str(Path(__file__).parents[1])
)  # the demo and the measurements are folders of this repository, not parts of the distribution

# Before anything imports Airflow: tests never read or write the home of the person who runs them.
_home = tempfile.TemporaryDirectory(prefix="tidegate-airflow-")
os.environ["AIRFLOW_HOME"] = _home.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

pytest_plugins = ("servers",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that start an Airflow come first: they are long, and of several workers none is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("scheduler") is None)
