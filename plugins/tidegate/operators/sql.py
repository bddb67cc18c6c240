"""Runs SQL where the rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from tidegate.errors import IntervalUnknown
from tidegate.operators.base import TidegateOperator
from tidegate.operators.extract import WHOLE
from tidegate.operators.stopping import EndsFromOutside
from tidegate.operators.surroundings import connection_url, sql_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tidegate.operators.night import Night


class SqlOperator(EndsFromOutside, TidegateOperator):
    """Runs SQL statements in a database, all in one transaction. Runs in a worker.

    A task that is tried again runs them again: write them so that this does no harm, such as a ``DELETE`` before the ``INSERT``.

    Returns ``{"rows": [3, 250]}``: how many rows each statement has changed.

    :param conn_id: Airflow connection of the database.
    :param sql: A ``.sql`` file under include/, or the statements with ``;`` between them; ``:interval_start``, ``:interval_end`` and ``:branch`` are
        bound.
    :param parameters: More values to bind, by name.
    :param branch: The branch's name, such as a region.
    :param dimension: What branches are, such as ``region``; runs may choose some of them by a param of this name.
    :param timezone: Zone of the interval's bounds for a database whose columns have none.
    :raises Unreachable: the database does not answer; retried.
    :raises QueryRefused: it rejects a statement; not retried.
    """

    template_fields: Sequence[str] = ("conn_id", "sql", "parameters")
    ui_color = "#e8e2f4"

    def __init__(
        self,
        *,
        conn_id: str,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        branch: str = WHOLE,
        dimension: str | None = None,
        timezone: str = "UTC",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.sql = sql
        self.parameters = parameters
        self.branch = branch
        self.dimension = dimension
        self.timezone = timezone

    def work(self, night: Night) -> dict[str, list[int]]:
        """Run the statements, and say how many rows they changed."""
        if self.branch not in night.chosen(self.dimension, [self.branch]):
            raise AirflowSkipException(f"{self.branch} is not chosen for this run")
        from tidegate.data.statements import run
        from tidegate.data.stopping import Stop

        text, name = sql_text(self.sql, self.include)
        try:
            interval = night.interval
        except IntervalUnknown:
            interval = None
        with self.stoppable(Stop()) as stop:
            rows = run(
                connection_url(self.conn_id),
                text,
                params=dict(self.parameters or {}),
                interval=interval,
                branch=self.branch,
                correlation_id=night.correlation_id,
                timezone=self.timezone,
                connection_name=self.conn_id,
                source_name=name,
                stop=stop,
            )
        self.log.info("%s changed %s rows", name, ", ".join(map(str, rows)))
        return {"rows": rows}
