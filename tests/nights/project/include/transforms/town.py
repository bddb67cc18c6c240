"""The town's own transforms."""

import pandas as pd


def total(frame, interval_start):
    """One row: the day, its items, its cents."""
    return pd.DataFrame({"day": [interval_start.strftime("%Y-%m-%d")], "items": [len(frame)], "cents": [int(frame["cents"].sum())]})
