"""Functions that count."""


def some(count):
    """A few numbers."""


def add(one, other):
    """Both together."""


def total(of, first=0, plain=""):
    """All together."""
