"""Tells a night in the log of the task that ends it: the default, needing no channel at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

DIGEST = "{{ tidegate.digest }}"


class LogNotifier(BaseNotifier):
    """Writes the digest into the task's log, a line each. Runs in a worker.

    :param message: A template; ``tidegate`` is the run's verdict.
    """

    template_fields: Sequence[str] = ("message",)

    def __init__(self, *, message: str = DIGEST) -> None:
        super().__init__()
        self.message = message

    def notify(self, context: Context) -> None:  # noqa: ARG002  the message is rendered already
        """Log the rendered message."""
        for line in self.message.splitlines():
            self.log.warning("alert: %s", line)

    async def async_notify(self, context: Context) -> None:
        """The same from the triggerer: nothing here waits."""
        self.notify(context)
