"""What the pipelines here call, or mean to."""


def twice(frame):
    """The rows as they are."""
    return frame


def count(table, schema="public"):
    """How many rows a table has."""
    return len(table) + len(schema)


def is_monday(context):
    """Whether a run is about a Monday."""
    return context["logical_date"].weekday() == 0
