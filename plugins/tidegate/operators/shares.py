"""Finds the values by which rows are dealt out to the tasks of a transform."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tidegate.operators.base import TidegateOperator
from tidegate.operators.surroundings import staging_root
from tidegate.operators.transform import manifests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.data.manifest import Manifest
    from tidegate.operators.night import Night


class SharesOperator(TidegateOperator):
    """Deals the rows of all branches out by the values of some columns: one share for each value, NULL being one. Runs in a worker.

    Returns the shares; map a ``TransformOperator`` over them: ``.partial(parts=barrier.output).expand(share=shares.output)``. A load behind takes all of them,
    or none.

    :param by: The columns.
    :param parts: What upstream tasks returned: manifests, one or many; the same as the transform's.
    :param held: Manifests of branches that earlier runs staged for this interval; the same as the transform's.
    :param dimension: The column that holds the branch's name, such as ``region``.
    :raises DataRefused: there are more values than Airflow maps over, or they cannot be compared surely; not retried.
    """

    template_fields: Sequence[str] = ("parts", "held")
    ui_color = "#dcefd8"
    carries_rows = True

    def __init__(self, *, by: Sequence[str], parts: Any = None, held: Any = None, dimension: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = by
        self.parts = parts
        self.held = held
        self.dimension = dimension

    def work(self, night: Night) -> list[dict[str, Any]]:  # noqa: ARG002  of any night alike
        """Find the values; without rows that stand in, where these cannot be read beside the others."""
        from tidegate.data.wholes import gathered

        inputs = gathered(manifests([self.parts, self.held]))
        fresh = [part.instead or part for part in inputs if part.fresh]
        try:
            return self._found(inputs)
        except Exception as error:
            if fresh in ([], inputs):
                raise
            self.log.warning("Rows of an earlier interval cannot stand in here, and are left out: %s", error, exc_info=True)
            return self._found(fresh)

    def _found(self, inputs: Sequence[Manifest]) -> list[dict[str, Any]]:
        from airflow.sdk.configuration import conf

        from tidegate.data.parts import opened
        from tidegate.data.shares import shares_by_value
        from tidegate.data.staging import Staging

        with opened(Staging(staging_root()), inputs, dimension=self.dimension) as parts:
            shares = shares_by_value(inputs, list(self.by), parts, most=conf.getint("core", "max_map_length"))
        self.log.info("%s: %s values", ", ".join(self.by), len(shares))
        return [{**asdict(share), "by": list(share.by)} for share in shares]
