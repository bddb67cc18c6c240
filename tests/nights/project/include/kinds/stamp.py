"""A kind of the town's own, in two versions."""

from tidegate.kinds import Call, Kind, Settings, Task


class StampSettings(Settings):
    """What is stamped."""

    text: str
    """The words on the stamp."""


def build(settings: StampSettings, task: Task) -> Call:
    """The second version says where it stands."""
    return Call("airflow.providers.standard.operators.bash.BashOperator", {"bash_command": f"echo {settings.text} at {task.step}"})


def build_first(settings: StampSettings, task: Task) -> Call:
    """The first version did not."""
    return Call("airflow.providers.standard.operators.bash.BashOperator", {"bash_command": f"echo {settings.text}"})


KINDS = (Kind(StampSettings, build_first, version=1), Kind(StampSettings, build, version=2))
