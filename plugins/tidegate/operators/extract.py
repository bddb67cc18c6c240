"""Reads one branch's interval from its source and stages it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowSkipException

from tidegate.data.instants import stamp
from tidegate.errors import ConnectionUnknown
from tidegate.operators.base import TidegateOperator
from tidegate.operators.breakers import keep_away
from tidegate.operators.contracts import accepting, tell_quarantine
from tidegate.operators.stopping import EndsFromOutside, stop_of
from tidegate.operators.surroundings import api_behind, connection_url, sql_text, staging_root
from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.keys import ADOPT
from tidegate.resilience.patience import slowest_usual, span
from tidegate.resilience.quorum import usual_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Asset
    from sqlalchemy import URL

    from tidegate.data.hedging import Reader
    from tidegate.data.manifest import Manifest, StageKey
    from tidegate.data.staging import Staging
    from tidegate.data.stopping import Stop
    from tidegate.data.table_query import TableQuery
    from tidegate.model.accept import Accept
    from tidegate.operators.night import Night

FIRST_HEDGE = timedelta(minutes=10)
"""How long a first read may take where nobody says, or too few nights are known."""
GRACE = timedelta(minutes=1)
"""What a server gives a statement beyond the task's timeout, by which its worker cancels it where there still is one."""
FILES = "files"
"""What a source is called that needs no connection."""
WHOLE = "all"
"""The branch name of a step that is not repeated."""


def step_of(task_id: str, branch: str) -> str:
    """The step that a branch's task belongs to: its group, or itself when it stands alone."""
    return task_id.removesuffix(f".{branch}")


class ExtractOperator(EndsFromOutside, TidegateOperator):
    """Stages the rows that a query gives for the run's interval, as Parquet that commits by its manifest. Runs in a worker.

    A run whose conf says ``adopt: true`` takes the rows that an earlier run staged of this branch and interval, where there are any and the
    query is still the same.

    Returns ``{"branch": …, "manifest": …}``: what became of the branch, and the receipt of its rows.

    :param source_conn_id: Airflow connection of the database.
    :param query: A ``.sql`` file under include/, or the statement; ``:interval_start``, ``:interval_end`` and ``:branch`` are bound. None where a
        table is read.
    :param table: ``table`` or ``schema.table`` that is read, in place of a query.
    :param columns: Its columns that are read; all by default.
    :param interval_column: Its column that says which interval a row is of; all rows are read by default.
    :param look_back: How long before the interval's start, or before the mark, it is read from.
    :param watermark: Its column that grows with each change, in place of an interval column: what has changed since the interval before is read. The task
        writes down beside staging up to where.
    :param settled_by: Of a watermark, the ids of the loads that must have brought an interval's rows before a later one goes on behind them; none where it
        is enough that they are staged.
    :param split: The ranges in which the table is read side by side, such as ``{"by": "order_id", "into": 4}``: give the task as many slots of its pool.
    :param files: Path or URL of CSV, JSON or Parquet files that are read, in place of a query; it may be a pattern, and may use ``%Y`` and the like
        for the interval's start in ``timezone``. ``source_conn_id`` is then the connection of their store, or none.
    :param delimiter: What stands between the values of a CSV file; no double quote, line's end or NUL.
    :param http: What is asked of an HTTP API in place of a query, by the words of ``http`` in a pipeline file:
        ``{"path": "/v1/orders", "page": {"next": "links.next"}}``. ``source_conn_id`` is then a connection of type http, or a URL.
    :param parameters: More values to bind, by name.
    :param branch: The branch's name, such as a region.
    :param dimension: What branches are, such as ``region``; runs may choose some of them by a param of this name.
    :param step: The name that staging knows the rows by; the task's id without its branch by default.
    :param accept: What rows must be like to have arrived, by the words of ``accept`` in a pipeline file:
        ``{"min_rows": 0, "columns": {"id": "int"}}``.
    :param timezone: Zone of timestamps that the source stores without one.
    :param batch_rows: Rows held in memory at once, and fewer where they are wide.
    :param hedge_conn_id: Connection of another database with the same rows, which is read as well where the first is slow; the first to
        finish wins.
    :param hedge_after: How long the first read may take until then, or ``p95`` for as long as it takes at most in 95 of 100 nights;
        the second begins at once where the first is unreachable or timed out.
    :param breakers: An asset in whose state the breakers of the step's branches are kept; the barrier behind has it too. None for no breaker.
    :param open_after: Bad nights in a row after which the breaker of the branch opens.
    :raises Unreachable: the source does not answer; retried.
    :raises TimedOut: it ends the query, which takes too long; retried.
    :raises AuthRefused: it does not let the login in; not retried.
    :raises BreakerOpen: the breaker is open and the probe failed, or a person isolated the branch; not retried.
    :raises QueryRefused: it rejects the query; not retried.
    :raises DataRefused: the rows are not what is accepted; not retried.
    :raises Stopped: nobody waits for the rows any more; not retried.
    """

    template_fields: Sequence[str] = ("source_conn_id", "query", "table", "files", "http", "parameters", "hedge_conn_id")
    ui_color = "#d7ecf7"
    carries_rows = True

    def __init__(
        self,
        *,
        source_conn_id: str = FILES,
        query: str | None = None,
        table: str | None = None,
        columns: Sequence[str] = (),
        interval_column: str | None = None,
        look_back: timedelta = timedelta(0),
        split: Mapping[str, Any] | None = None,
        watermark: str | None = None,
        settled_by: Sequence[str] = (),
        files: str | None = None,
        delimiter: str = ",",
        http: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        branch: str = WHOLE,
        dimension: str | None = None,
        step: str | None = None,
        accept: Mapping[str, Any] | None = None,
        timezone: str = "UTC",
        batch_rows: int = 50_000,
        hedge_conn_id: str | None = None,
        hedge_after: timedelta | str = FIRST_HEDGE,
        breakers: Asset | None = None,
        open_after: int = 3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_conn_id = source_conn_id
        self.query = query
        self.table = table
        self.columns = columns
        self.interval_column = interval_column
        self.look_back = look_back
        self.split = split
        self.watermark = watermark
        self.settled_by = settled_by
        self.files = files
        self.delimiter = delimiter
        self.http = http
        self.parameters = parameters
        self.branch = branch
        self.dimension = dimension
        self.step = step
        self.accept = accept
        self.timezone = timezone
        self.batch_rows = batch_rows
        self.hedge_conn_id = hedge_conn_id
        self.hedge_after = hedge_after
        self.breakers = breakers
        self.open_after = open_after
        if breakers is not None:
            self.inlets = [*self.inlets, breakers]

    def work(self, night: Night) -> dict[str, Any]:
        """Read, stage, and say what arrived."""
        if self.branch not in night.chosen(self.dimension, [self.branch]):
            raise AirflowSkipException(f"{self.branch} is not chosen for this run")
        from tidegate.data.manifest import StageKey
        from tidegate.data.staging import Staging
        from tidegate.operators.adopting import adopted
        from tidegate.operators.lateness import bring_what_is_late

        staging = Staging(staging_root())
        key = StageKey(
            pipeline=night.dag_id,
            step=self.step or step_of(night.task_id, self.branch),
            interval_start=night.interval.start,
            interval_end=night.interval.end,
            branch=self.branch,
        )
        started, manifest, read_from = (
            stamp(),
            adopted(staging, key, self._question) if night.asked.get(ADOPT) and self.watermark is None else None,
            "",
        )
        if manifest is not None:
            started, ended = manifest.read_at, manifest.written_at
        else:
            manifest, read_from = self._read(night, staging, key)
            ended = stamp()
        branch = Branch(
            name=self.branch,
            state=BranchState.ARRIVED,
            rows=manifest.rows,
            seconds=(datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds(),
            started=started,
            ended=ended,
            read_from=read_from,
            quarantined=manifest.quarantined,
        )
        self.log.info("%s arrived: %s rows, %s bytes, attempt %s", self.branch, manifest.rows, manifest.bytes, manifest.attempt)
        tell_quarantine(self, manifest, manifest.quarantined)
        bring_what_is_late(self, night)
        return {"branch": asdict(branch), "manifest": manifest.as_dict()}

    def _read(self, night: Night, staging: Staging, key: StageKey) -> tuple[Manifest, str]:
        """The rows that were read, and from where in words where two were asked."""
        keep_away(self, night)
        from tidegate.data.hedging import hedged

        with self.stoppable(stop_of(night)) as stop:
            first, second = self._readers(night, staging, key)
            won = hedged(first, second, after=self._patience(night), stop=stop)
        if won.read_from:
            self.log.info("%s was read from %s", self.branch, won.read_from)
        return won.manifest, won.read_from

    def _readers(self, night: Night, staging: Staging, key: StageKey) -> tuple[Reader, Reader | None]:
        """How the rows are read, and how else, where there is another way."""
        from tidegate.data.extract import extract, extract_files, extract_http
        from tidegate.data.hedging import Reader
        from tidegate.data.staging import new_attempt

        shared: dict[str, Any] = {
            "key": key,
            "staging": staging,
            "accept": self._accept,
            "correlation_id": night.correlation_id,
            "timezone": self.timezone,
            "batch_rows": self.batch_rows,
            "usual": self._usual(night),
        }

        def attempt(stop: Stop, name: str) -> dict[str, Any]:
            return {**shared, "attempt": new_attempt(night.run_id, night.try_number), "connection_name": name, "stop": stop}

        if self.files is not None:
            from tidegate.data.sources.files import found

            path, conn_id = self._path(night, self.files), self.source_conn_id

            def read_files(stop: Stop) -> Manifest:
                return extract_files(
                    lambda: found(path), source_name=str(path), delimiter=self.delimiter, question=self._question, **attempt(stop, conn_id)
                )

            return Reader(conn_id, read_files), None
        if self.http is not None:
            from tidegate.model.http import Http

            api, asked, conn_id = api_behind(self.source_conn_id), accepting(Http, self.http, "http"), self.source_conn_id
            return Reader(conn_id, lambda stop: extract_http(api, asked, question=self._question, **attempt(stop, conn_id))), None
        from tidegate.data.cuts import Split

        statement, source_name = self._statement
        split, settled_by = Split(**self.split) if self.split is not None else None, self._settled_by()

        def reader(conn_id: str, url: URL) -> Reader:
            def read(stop: Stop) -> Manifest:
                how: dict[str, Any] = {"split": split, "params": dict(self.parameters or {}), "limit": self._limit}
                return extract(url, statement, source_name=source_name, settled_by=settled_by, **how, **attempt(stop, conn_id))

            return Reader(conn_id, read)

        url = self.hedge_url()
        second = reader(self.hedge_conn_id, url) if self.hedge_conn_id and url is not None else None
        return reader(self.source_conn_id, connection_url(self.source_conn_id)), second

    def _settled_by(self) -> list[str]:
        """The loads of a watermark, each with the table that it has now."""
        from tidegate.operators.load import told_as

        tasks = self.dag.task_dict if self.settled_by else {}
        return [told_as(tasks[load]) if load in tasks else load for load in self.settled_by]

    def _path(self, night: Night, files: str) -> Any:
        """Where the files of the run's interval lie."""
        dated = night.interval.start.astimezone(ZoneInfo(self.timezone)).strftime(files)
        if "://" not in dated:
            return Path(dated)
        return ObjectStoragePath(dated, conn_id=None if self.source_conn_id == FILES else self.source_conn_id)

    @property
    def _statement(self) -> tuple[str | TableQuery, str]:
        """What is asked, and its name in messages."""
        if self.table is None:
            return sql_text(self.query or "", self.include)
        from tidegate.data.table_query import TableQuery

        return TableQuery(
            table=self.table,
            columns=tuple(self.columns),
            interval_column=self.interval_column,
            look_back=self.look_back,
            watermark=self.watermark,
        ), self.table

    @cached_property
    def _accept(self) -> Accept:
        from tidegate.model.accept import Accept

        return accepting(Accept, self.accept)

    def _usual(self, night: Night) -> int | None:
        """The branch's usual rows, where the contract asks; None where too little is known of them."""
        if self._accept.rows is None:
            return None
        from tidegate.operators.history import asked
        from tidegate.operators.records import nights_before

        otherwise = f"any number of rows will do for {self.branch}"
        nights = asked(self, lambda ledger: nights_before(ledger, night.dag_id, night.interval), otherwise=otherwise)
        usual = usual_rows(nights or []).get(self.branch)
        if usual is None:
            self.log.info("Too few nights are known, so %s", otherwise)
        return usual

    @property
    def _question(self) -> str:
        """What the source is asked, in a few digits."""
        from tidegate.data.manifest import question

        if self.files is not None:
            return question([self.files, self.delimiter], params=None, accept=self._accept, timezone=self.timezone)
        if self.http is not None:
            return question(dict(self.http), params=None, accept=self._accept, timezone=self.timezone)
        return question(self._statement[0], params=self.parameters, accept=self._accept, timezone=self.timezone)

    @property
    def _limit(self) -> timedelta | None:
        """How long the source lets a statement run: a while more than the task itself would."""
        timeout: timedelta | None = self.execution_timeout
        return timeout + GRACE if timeout is not None else None

    def _patience(self, night: Night) -> timedelta:
        """How long the first read may take, until the second begins."""
        if isinstance(self.hedge_after, timedelta):
            return self.hedge_after
        if not self.hedge_conn_id:
            return FIRST_HEDGE
        from tidegate.operators.history import asked
        from tidegate.operators.records import branches_before

        otherwise = f"{self.branch} is hedged after {FIRST_HEDGE}"
        nights = asked(self, lambda ledger: branches_before(ledger, night.dag_id, night.interval), otherwise=otherwise)
        seconds = slowest_usual(nights or [], self.branch)
        if seconds is None:
            self.log.info("Too few nights are known, so %s", otherwise)
            return FIRST_HEDGE
        self.log.info("%s is hedged after %s, in which it ends in 95 of 100 nights", self.branch, span(seconds))
        return timedelta(seconds=seconds)

    def hedge_url(self) -> URL | None:
        """The other database. One that cannot be asked keeps no night from reading the first, and the log says so."""
        if not self.hedge_conn_id:
            return None
        try:
            return connection_url(self.hedge_conn_id)
        except ConnectionUnknown as error:
            self.log.warning("%s is read without a hedge: %s", self.branch, error)
            return None
