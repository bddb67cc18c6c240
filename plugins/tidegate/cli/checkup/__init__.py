"""What ``tidegate doctor`` looks at, a module for each thing; each gives notes, and none changes anything."""

from tidegate.cli.checkup.asked import Asked, asked_of
from tidegate.cli.checkup.notes import Note, Standing

__all__ = ["Asked", "Note", "Standing", "asked_of"]
