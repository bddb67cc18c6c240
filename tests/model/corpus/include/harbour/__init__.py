"""Functions that the good files name."""
