"""What a plan writes down and operators read: keys of XCom and of what a run is triggered with, and how long gaps stay open."""

from datetime import timedelta

INTERVAL_START = "interval_start"
INTERVAL_END = "interval_end"
BREAKERS = "tidegate:breakers"
"""What the names of assets begin with in whose state breakers are kept; then follow the pipeline and the step."""
HELD_KEY = "held"
"""The manifests of branches that earlier runs staged for this interval."""
ADOPT = "adopt"
"""A run's wish: rows that an earlier run staged are taken in place of reading the source again."""
CATCH_UP = "catch_up"
"""Says of a run that it brings what an earlier one lacked."""
EXPIRE = timedelta(days=30)
"""How long a gap stays open where the barrier does not say."""
