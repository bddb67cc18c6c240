"""What puts out the lamp."""

import os
import shutil
from pathlib import Path


def change(bad_until, data_interval_start=None):
    """The lighthouse's database is away up to a day, and there after it; a run by hand changes no weather."""
    if data_interval_start is None:
        return
    town = Path(os.environ["AIRFLOW_HOME"]).parent
    (town / "lamp.db").unlink(missing_ok=True)
    if f"{data_interval_start:%Y-%m-%d}" > bad_until:
        shutil.copy(town / "anna.db", town / "lamp.db")
