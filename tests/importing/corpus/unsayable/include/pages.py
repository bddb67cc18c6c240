"""Pages, and what they are made of."""


def read(lines=0):
    """So many lines."""
