"""Computes new rows from staged rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tidegate.errors import TimedOut
from tidegate.operators.base import TidegateOperator
from tidegate.operators.contracts import accepting, tell_quarantine
from tidegate.operators.extract import WHOLE
from tidegate.operators.surroundings import include_function, sql_text, staging_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.data.manifest import Manifest, Share
    from tidegate.operators.night import Night

OMITTED = "omitted"
"""Marks what a transform returns of rows that stand in and that it could not use: why."""


class TransformOperator(TidegateOperator):
    """Turns staged rows into new staged rows: by SQL in DuckDB, or by a pandas function. Runs in a worker.

    Give ``part`` to work on one branch (map over it: ``.expand(part=barrier.output)``), or ``parts`` to combine all that arrived; with ``by``, ``into`` and
    ``share`` on a share of their rows (map over it: ``.expand(share=[0, 1, 2, 3])`` with ``into=4``, or over what a ``SharesOperator`` returned). Returns the
    manifest of the new rows.

    Rows that stand in for a missing branch's make no night worse: what cannot be computed with them is computed without.

    :param sql: A ``.sql`` file under include/, or the statement, reading from ``input``; ``$interval_start``, ``$interval_end``,
        ``$branch`` and ``$stale_from`` are bound. ``stale`` lists the branches for which rows stand in.
    :param python: ``module:function`` under include/, taking and giving a DataFrame.
    :param parameters: More values: bound to the SQL, or passed to the function by name.
    :param part: One manifest, or an extract's return value.
    :param parts: Many of them.
    :param held: Manifests of branches that earlier runs staged for this interval; a combination needs them too.
    :param by: Columns by which the rows of all branches are dealt out: rows of equal values are in one share, whatever branch they are of.
    :param into: How many shares there are. A load takes all of them or none.
    :param share: Which one this task is given, from 0; or one of those that a ``SharesOperator`` returned, which says ``by`` and ``into`` itself.
    :param dimension: The column of ``input`` that holds the branch's name, such as ``region``.
    :param step: The name that staging knows the rows by; the task's id by default.
    :param timezone: Zone in which the interval's bounds are given.
    :param accept: What the new rows must be like, by the words of ``accept`` in a pipeline file.
    :raises QueryRefused: DuckDB rejects the SQL; not retried.
    :raises DataRefused: the new rows are not what is accepted; not retried.
    :raises TimedOut: the task was ended while DuckDB was at work in its function; retried.
    """

    template_fields: Sequence[str] = ("sql", "python", "parameters", "part", "parts", "held")
    ui_color = "#dcefd8"
    carries_rows = True

    def __init__(
        self,
        *,
        sql: str | None = None,
        python: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        part: Any = None,
        parts: Any = None,
        held: Any = None,
        by: Sequence[str] = (),
        into: int | None = None,
        share: int | Mapping[str, Any] | None = None,
        dimension: str | None = None,
        step: str | None = None,
        timezone: str = "UTC",
        accept: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.python = python
        self.parameters = parameters
        self.part = part
        self.parts = parts
        self.held = held
        self.by = by
        self.into = into
        self.share = share
        self.dimension = dimension
        self.step = step
        self.timezone = timezone
        self.accept = accept

    @property
    def share_name(self) -> str:
        """What people call the share that the task is given."""
        return str(self.share["name"]) if isinstance(self.share, Mapping) else f"part {(self.share or 0) + 1} of {self.into}"

    def work(self, night: Night) -> dict[str, Any]:
        """Read the parts, compute, stage."""
        from tidegate.data.shares import dealt_of
        from tidegate.data.wholes import gathered

        inputs = gathered(manifests(self.part if self.part is not None else [self.parts, self.held]))
        if isinstance(self.share, Mapping):
            inputs = dealt_of(self.share, inputs)
        if self.part is not None and not inputs:
            return dict(self.part)  # what stands in was left out by the step before
        fresh = [part.instead or part for part in inputs if part.fresh]
        if fresh == inputs:
            return self._made(night, inputs).as_dict()
        try:
            made = self._made(night, inputs)
        except Exception as error:
            if _cut_off(error):
                raise TimedOut(
                    f"{self.task_id} was ended while DuckDB was at work in it.", hint="Give it more time, or less to do."
                ) from error
            self.log.warning("Rows of an earlier interval cannot stand in here, and are left out: %s", error, exc_info=True)
            if not fresh:
                return {"branch": inputs[0].branch, OMITTED: str(error)}
            return self._made(night, fresh).as_dict()
        return replace(made, instead=self._made(night, fresh) if fresh else None).as_dict()

    def _made(self, night: Night, inputs: Sequence[Manifest]) -> Manifest:
        from tidegate.data.manifest import StageKey
        from tidegate.data.staging import Staging, new_attempt
        from tidegate.data.transform import set_aside_before, transform_python, transform_sql
        from tidegate.model.accept import AcceptResult

        share = self._share(inputs)
        branch = inputs[0].branch if self.part is not None else WHOLE if share is None else share.name
        shared: dict[str, Any] = {
            "params": dict(self.parameters or {}),
            "key": StageKey(
                pipeline=night.dag_id,
                step=self.step or night.task_id,
                interval_start=night.interval.start,
                interval_end=night.interval.end,
                branch=branch,
            ),
            "staging": Staging(staging_root()),
            "attempt": new_attempt(night.run_id, night.try_number),
            "correlation_id": night.correlation_id,
            "dimension": self.dimension,
            "timezone": self.timezone,
            "accept": accepting(AcceptResult, self.accept),
            "share": share,
        }
        if self.python:
            made = transform_python(inputs, include_function(self.python, self.include), **shared)
        else:
            statement, name = sql_text(self.sql or "", self.include)
            made = transform_sql(inputs, statement, source_name=name, **shared)
        self.log.info("%s: %s rows in, %s rows out", branch, sum(manifest.rows for manifest in inputs), made.rows)
        tell_quarantine(self, made, made.quarantined - set_aside_before(inputs, share))
        return made

    def _share(self, inputs: Sequence[Manifest]) -> Share | None:
        """The share of these rows that the task is given."""
        from tidegate.data.shares import rebased, share_of

        if isinstance(self.share, Mapping):
            return rebased(self.share, inputs)
        return share_of(inputs, self.by, number=self.share, of=self.into) if self.share is not None and self.into is not None else None


def _cut_off(error: BaseException | None) -> bool:
    """Whether a task's time was over while DuckDB was at work in a function of the project's: DuckDB forgets what ended it."""
    while error is not None:
        if isinstance(error, RuntimeError) and str(error) == "Query interrupted":
            return True
        error = error.__cause__ or error.__context__
    return False


def manifests(value: Any) -> list[Any]:
    """The manifests in whatever upstream tasks returned: one, a list of them, a mapped task's results, an extract's return value.

    :return: ``Manifest`` objects, in order.
    """
    from tidegate.data.manifest import Manifest

    if value is None:
        return []
    if isinstance(value, dict):
        if OMITTED in value:
            return []
        return [Manifest.from_dict(value.get("manifest", value))]
    return [manifest for item in value for manifest in manifests(item)]
