"""Functions that the pipelines call."""


def fetch(country, day):
    """The prices of a day."""


def check():
    """Whether they are right."""
