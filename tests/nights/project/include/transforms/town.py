"""The town's own transforms."""

from pathlib import Path

import pandas as pd


def total(frame, interval_start):
    """One row: the day, its items, its cents."""
    return pd.DataFrame({"day": [interval_start.strftime("%Y-%m-%d")], "items": [len(frame)], "cents": [int(frame["cents"].sum())]})


def by_price(frame, interval_start):
    """One row a price: in how many shops, and how often. It fails for 105 as long as there is a file named ``jammed`` beside the project."""
    if (Path(__file__).parents[3] / "jammed").exists() and (frame["cents"] == 105).any():
        raise RuntimeError("jammed")
    prices = frame.groupby("cents", as_index=False).agg(shops=("shop", "nunique"), items=("id", "count"))
    return prices.assign(day=interval_start.strftime("%Y-%m-%d"))
