"""A kind in two versions."""

from tidegate.kinds import Call, Kind, Settings


class One(Settings):
    """Version 1."""

    table: str


class Two(Settings):
    """Version 2."""

    table: str
    at_least: int = 1


def build(settings, task):
    """The operator."""
    return Call("airflow.providers.standard.operators.bash.BashOperator", {"bash_command": f"echo {settings.table}"})


KINDS = (Kind(settings=One, build=build, version=1), Kind(settings=Two, build=build, version=2))
