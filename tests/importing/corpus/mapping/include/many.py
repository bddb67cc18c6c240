"""Functions that are called many times."""


def names():
    """Whom to call for."""


def one(name="", how="fast"):
    """Called for one of them."""
