"""A module among the kinds that holds none."""

KINDS = ["quality"]
