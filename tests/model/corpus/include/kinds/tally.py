"""A kind with two versions."""

from tidegate.kinds import Call, Kind, Settings


class Tally(Settings):
    """What is counted."""

    table: str
    """Table to count."""


class TallyOfMany(Settings):
    """What is counted, of several."""

    tables: tuple[str, ...]
    """Tables to count."""
    after: str = ""
    """A step whose result is told beside it."""


def first(settings, task):
    """Count one table."""
    return Call("airflow.providers.standard.operators.bash.BashOperator", {"bash_command": task.fill(f"echo {settings.table}")})


def second(settings, task):
    """Count several."""
    command = f"echo {' '.join(settings.tables)}"
    env = {"env": {"BEFORE": task.output(settings.after)}} if settings.after else {}
    return Call("airflow.providers.standard.operators.bash.BashOperator", {"bash_command": task.fill(command), **env})


KINDS = (Kind(settings=Tally, build=first), Kind(settings=TallyOfMany, build=second, version=2))
