"""What the steps of the examples call."""

from __future__ import annotations

import json
import random


def greet():
    """Say hello."""


def orders():
    """Orders and what each is worth."""
    return {"1001": 3.5, "1002": 4.5}


def total(order_data_dict):
    """What all orders are worth, as a mapping of one key."""
    return {"total_order_value": sum(order_data_dict.values())}


def shown(total_order_value):
    """Show what orders are worth."""
    return f"{total_order_value:.2f}"


def numbers():
    """Some numbers."""
    return [1, 2, 3]


def one_more(x):
    """The next number."""
    return x + 1


def one_more_of_text(num):
    """The next number; branches are text."""
    return int(num) + 1


def twice(num):
    """Twice the number."""
    return num * 2


def ten_more(num):
    """Ten more."""
    return num + 10


def summed(values):
    """The sum of what mapped tasks returned."""
    return sum(values)


def cluster():
    """The id of a cluster."""
    return "cluster"


def on_cluster(cluster_id):
    """Do something with a cluster."""
    return cluster_id


def valued(value, ts=None):
    """A value and the time of the run."""
    return f"{value} at {ts}"


def names(params) -> list[str]:
    """The names that the form gave."""
    return params["names"]


def languages(params):
    """The steps of the languages that the form chose."""
    return [f"generate_{name}_greeting" for name in ("english", "german", "french") if params[name]]


def hello(name):
    """A greeting."""
    return f"Hello {name}!"


def print_all(greetings1, greetings2, greetings3):
    """All greetings."""
    return [*(greetings1 or []), *(greetings2 or []), *(greetings3 or [])]


def all_of_it(params):
    """What the form gave, as text."""
    return json.dumps(params)


def message(dag_run):
    """The message that the run was given."""
    return dag_run.conf.get("message")


def any_way():
    """The name of one way on."""
    return f"branch_{random.choice('abcd')}"  # noqa: S311  no secret


def any_of(choices):
    """One of the names."""
    return random.choice(choices)  # noqa: S311  no secret


def yes():
    """Go on."""
    return True


def no():
    """Do not."""
    return False


def from_json(text):
    """What a text of JSON holds."""
    return json.loads(text)
