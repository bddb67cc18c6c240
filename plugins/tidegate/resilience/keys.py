"""Names that a plan writes down and operators read: keys of XCom, and of what a run is triggered with."""

INTERVAL_START = "interval_start"
INTERVAL_END = "interval_end"
HELD_KEY = "held"
"""The manifests of branches that earlier runs staged for this interval."""
