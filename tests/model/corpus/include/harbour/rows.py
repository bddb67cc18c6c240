"""Functions that steps call."""


def ships() -> list[str]:
    """A list to be mapped over."""
    return ["ada", "bea"]


def crews() -> dict[str, int]:
    """A mapping, one XCom for each key."""
    return {"ada": 3, "bea": 5}


def unload(ship, crane="north", ds=None):
    """One ship; ``ds`` is Airflow's."""
    return {"ship": ship, "crane": crane}


def weigh(tons, ship="ada"):
    """One load."""
    return tons


def report(lists, **kwargs):
    """What came of all."""
    return len(lists)
