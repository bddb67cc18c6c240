"""Notifiers: ways to tell people what became of a night."""

from tidegate.notifications.log import LogNotifier

__all__ = ["LogNotifier"]
