"""The ``tidegate`` command."""

from tidegate.cli.main import app

__all__ = ["app"]
