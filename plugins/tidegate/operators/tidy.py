"""Deletes staged files that nobody will ask for any more."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from tidegate.operators.base import TidegateOperator
from tidegate.operators.surroundings import staging_days, staging_root

if TYPE_CHECKING:
    from tidegate.operators.night import Night


class TidyOperator(TidegateOperator):
    """Deletes what was staged for intervals that ended long ago, unless something was written to them since. Runs in a worker.

    Rows that a warehouse holds are not touched. A catch-up of an interval that was tidied away reads its sources again.

    Returns how many intervals, files and bytes were deleted.

    :param days: Days that files are kept behind the end of their interval: ``[tidegate] staging_days`` of Airflow's configuration by default, which is 30;
        0 for ever.
    """

    ui_color = "#e4e4e4"

    def __init__(self, *, days: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.days = days

    def work(self, night: Night) -> dict[str, int]:  # noqa: ARG002
        """Delete, and say how much."""
        from tidegate.data.retention import tidy
        from tidegate.data.staging import Staging

        days = staging_days() if self.days is None else self.days
        if not days:
            raise AirflowSkipException("[tidegate] staging_days is 0: staged files are kept for ever")
        done = tidy(Staging(staging_root()), keep=timedelta(days=days), now=datetime.now(UTC))
        self.log.info(
            "%s intervals that ended more than %s days ago: %s files, %s bytes deleted", done.intervals, days, done.files, done.bytes
        )
        return asdict(done)
