"""What a test that plays nights may be told."""

from __future__ import annotations

from tidegate.errors import Refused


class Unplayable(Refused):
    """A play is told something that cannot happen in this pipeline, or is not told what it depends on."""
