"""Pure decisions about nights: what a run is about, what is enough, whether to retry. No Airflow, no I/O, no clock of their own."""

from tidegate.resilience.completeness import Branch, BranchState, Completeness, Outcome
from tidegate.resilience.correlation import correlation_id
from tidegate.resilience.interval import Interval, requested_interval
from tidegate.resilience.quorum import Decision, Quorum, decide

__all__ = [
    "Branch",
    "BranchState",
    "Completeness",
    "Decision",
    "Interval",
    "Outcome",
    "Quorum",
    "correlation_id",
    "decide",
    "requested_interval",
]
