"""Moved here from beside the DAGs."""


def is_open():
    """Whether the shop is open."""
