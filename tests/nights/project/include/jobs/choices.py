"""Conditions and choices."""


def is_spoken(params):
    """Whether the run was given a word."""
    return bool(params["word"])


def ways(params):
    """The names of the steps that go on."""
    return ["north", "walk"] if params["word"] == "tide" else None
