"""Callbacks and steps that leave a line in a file, for whoever looks later."""

import os
from pathlib import Path


def write(context, word="called"):
    """One line for each call: the DAG, the word."""
    with (Path(os.environ["AIRFLOW_HOME"]) / "told.txt").open("a") as file:
        file.write(f"{context['dag'].dag_id} {word}\n")


def open_till():
    """Prepare something that must be taken down again."""
    return "till 7"


def spill(till):
    """Fail."""
    message = f"{till} is on the floor"
    raise RuntimeError(message)


def close_till(till):
    """Take it down."""
    return f"{till} closed"


def perhaps(params):
    """Fail where the run asks for it."""
    if params["fail"]:
        message = "as it was asked to"
        raise RuntimeError(message)
    return "done"


def heard(triggering_asset_events):
    """What the events that started this run carry."""
    return [event.extra for events in triggering_asset_events.values() for event in events]
