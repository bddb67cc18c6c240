"""Brings an interval's rows into the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tidegate.data.instants import instant
from tidegate.errors import LoadRefused, TidegateError
from tidegate.operators.barrier import RECORD_KEY, BarrierOperator
from tidegate.operators.base import TidegateOperator
from tidegate.operators.surroundings import connection_url, staging_root
from tidegate.operators.transform import manifests
from tidegate.resilience.completeness import Completeness, names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.data.manifest import Manifest
    from tidegate.data.staging import Staging
    from tidegate.operators.night import Night
    from tidegate.resilience.interval import Interval

BEFORE_KEY = "before"
"""XCom key of the interval's outcome as it was before the load."""
OVERTAKEN = "overtaken_by"
"""Of what a load returns, the later interval whose rows are the whole table, in words; where it was too late for its own."""


class LoadOperator(TidegateOperator):
    """Brings rows into a table in one transaction with the ledger, so that a rerun changes nothing and a crash leaves nothing half. Runs in a worker.

    The completeness record of the barrier upstream is part of that transaction. Pushes the record as the warehouse now knows it, earlier runs' branches among it.
    What was read by a watermark it marks as loaded, beside staging.

    :param warehouse_conn_id: Airflow connection of the warehouse.
    :param table: ``table`` or ``schema.table``.
    :param mode: ``replace``, ``append``, ``merge`` or ``swap``: what becomes of the rows that are there. By default what the key columns say.
    :param replace: Key columns, which must tell days and branches apart: rows that share a key with new ones go.
    :param merge: Key columns, over which the table has a unique index: a new row changes the one that has its key, or is added.
    :param create: Whether a table that is not there is made from the data.
    :param add_columns: Whether columns of the rows that the table lacks are added to it.
    :param parts: What upstream tasks returned: manifests, one or many.
    :raises LoadRefused: rows would be lost, doubled or mixed up; nothing was written; not retried.
    """

    template_fields: Sequence[str] = ("warehouse_conn_id", "table", "parts")
    ui_color = "#e6dcf2"
    carries_rows = True

    def __init__(
        self,
        *,
        warehouse_conn_id: str,
        table: str,
        mode: Literal["replace", "append", "merge", "swap"] | None = None,
        replace: Sequence[str] = (),
        merge: Sequence[str] = (),
        create: bool = True,
        add_columns: bool = False,
        parts: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id
        self.table = table
        self.mode = mode
        self.replace = replace
        self.merge = merge
        self.create = create
        self.add_columns = add_columns
        self.parts = parts
        self.told_as = _told_as(self.task_id, warehouse_conn_id, table)

    @property
    def ledger_conn_id(self) -> str:
        """The ledger lies beside the data."""
        return self.warehouse_conn_id

    @property
    def barrier(self) -> BarrierOperator | None:
        """The barrier upstream whose record is written into the ledger in the load's transaction."""
        return next((task for task in self.get_flat_relatives(upstream=True) if isinstance(task, BarrierOperator)), None)

    def work(self, night: Night) -> dict[str, Any]:
        """Load everything or nothing."""
        from tidegate.data.load import load
        from tidegate.data.staging import Staging
        from tidegate.operators.records import write_record

        barrier = self.barrier
        report = night.ti.xcom_pull(task_ids=barrier.task_id, key=RECORD_KEY) if barrier else None
        record = Completeness.from_dict(report) if report else None
        pushed: dict[str, Any] = {}

        def write_completeness(connection: Any, held: dict[str, Any], overtaken_by: Interval | None) -> None:
            if barrier is not None and record is not None:
                pushed[BEFORE_KEY], written = write_record(
                    connection, record, held, owner=self.owner, expire=barrier.expire, overtaken_by=overtaken_by
                )
                pushed[RECORD_KEY] = written.as_dict()

        staging = Staging(staging_root())
        schema, _, table = self.table.rpartition(".")
        done = load(
            connection_url(self.warehouse_conn_id),
            target_table=table,
            schema=schema or None,
            mode=self.mode or ("merge" if self.merge else "replace"),
            replace=tuple(self.replace),
            merge=tuple(self.merge),
            create=self.create,
            add_columns=self.add_columns,
            parts=self._of_this_run(night, record),
            staging=staging,
            pipeline=night.dag_id,
            interval_start=night.interval.start,
            interval_end=night.interval.end,
            run_id=night.run_id,
            correlation_id=night.correlation_id,
            chosen=frozenset(names(record.asked)) if record and len(record.asked) < len(record.branches) else None,
            in_transaction=write_completeness,
            connection_name=self.warehouse_conn_id,
        )
        self._tell_marks(staging, done.marks)
        for key, value in pushed.items():
            night.ti.xcom_push(key=key, value=value)
        self.log.info("%s rows into %s: %s", done.rows, self.table, ", ".join(done.loaded) or "nothing new")
        if done.unfit:
            self.log.warning("Rows of an earlier interval cannot stand in here, and are left out: %s", done.unfit)
        told = {"rows": done.rows, "branches": list(done.loaded), "superseded": list(done.superseded)}
        if done.overtaken_by is not None:
            self.log.warning("Not loaded, because the table already holds %s, which is newer", done.overtaken_by)
            return {**told, OVERTAKEN: str(done.overtaken_by)}
        if done.superseded:
            self.log.warning("Not loaded, because the warehouse already holds a newer attempt: %s", ", ".join(done.superseded))
        return told

    def _tell_marks(self, staging: Staging, marks: Sequence[str]) -> None:
        """Let later intervals go on behind what was loaded. Where they cannot be told they read it once more, which changes nothing."""
        if not marks:
            return
        from tidegate.data.watermarks import tell_loaded

        try:
            tell_loaded(staging, marks, load=self.told_as)
        except Exception as error:  # noqa: BLE001  the rows are there
            told = error.message if isinstance(error, TidegateError) else error
            self.log.warning("The rows are loaded, and the next interval reads them once more, for it could not be told: %s", told)

    def _of_this_run(self, night: Night, record: Completeness | None) -> list[Manifest]:
        """The parts to load: of this run's interval, and of branches that arrived in this run.

        Airflow keeps what a mapped task of an earlier try returned, though its branch is gone from this one.

        :raises LoadRefused: a part is of another interval, or there is nothing to load.
        """
        interval = (night.dag_id, instant(night.interval.start), instant(night.interval.end))
        parts = []
        for part in manifests(self.parts):
            if (part.pipeline, part.interval_start, part.interval_end) != interval:
                message = f"The rows of {part.branch} were staged by {part.pipeline} for {part.interval_start} to {part.interval_end}."
                raise LoadRefused(message, hint="A load takes the rows of its own run's interval only.")
            if record is None or _wanted(part, record):
                parts.append(part)
            else:
                self.log.warning("Not loaded, because %s did not arrive in this run: attempt %s", part.branch, part.attempt)
        if not parts:
            raise LoadRefused("No step handed rows to this load.", hint="Clear the steps before it, so that they bring their rows again.")
        return parts


def told_as(task: Any) -> str:
    """A load as marks know it: with its table as that is written, for another table has none of the rows. Any other task: by its id."""
    if (words := getattr(task, "partial_kwargs", None)) is not None:
        return _told_as(task.task_id, words.get("warehouse_conn_id"), words.get("table"))
    return getattr(task, "told_as", task.task_id)  # type: ignore[no-any-return]


def _told_as(task_id: str, warehouse: str | None, table: str | None) -> str:
    return f"{task_id} {warehouse} {table}"


def _wanted(part: Manifest, record: Completeness) -> bool:
    """Whether a part has rows of a branch that arrived, or those that stand in for one that did not."""
    arrived, stale = ({branch.name for branch in found} for found in (record.arrived, record.stale))
    return any(branch in (stale if branch in part.stale else arrived) for branch in part.branches)
