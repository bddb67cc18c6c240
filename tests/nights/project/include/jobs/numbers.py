"""Steps that hand numbers to one another."""


def listed() -> list[int]:
    """A list to map over."""
    return [1, 2]


def named(few, *, ti=None) -> dict:
    """Several results by name, one of them from Airflow's context."""
    return {"few": few, "sum": sum(few), "task": ti.task_id}


def double(number):
    """One mapped task for each item."""
    return number * 2


def times(left, right, sign=1):
    """One mapped task for each pair."""
    return left * right * sign


def gathered(*, whole, part, doubles, crossed, paired, run_id, params):
    """Everything that came before, and two values of the context."""
    return {
        "whole": whole,
        "part": part,
        "doubles": list(doubles),
        "crossed": sorted(crossed),
        "paired": sorted(paired),
        "run_id": run_id,
        "word": params["word"],
    }
