"""What Airflow calls around steps and runs."""


def told(context, channel="log"):
    """A callback; ``channel`` is given beforehand."""
    return channel


async def late(**kwargs):
    """What happens when a run is not ready in time."""


def late_in_a_worker(**kwargs):
    """The same, where it is no coroutine."""


def before(context):
    """Right before a step executes."""


def after(context, result=None):
    """Right after it."""


def is_spring_tide(params):
    """A condition; it asks for one name of the context."""
    return bool(params["spring"])


def way_out(params):
    """The name of the step that goes on."""
    return "north" if params["spring"] else "south"


def loud(text):
    """A filter of templates."""
    return text.upper()


def wave(height):
    """A macro of templates."""
    return height * 2
