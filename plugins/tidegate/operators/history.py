"""What earlier runs left, for a barrier: rows in the warehouse, what is usual, files in staging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.errors import TidegateError
from tidegate.operators.base import TidegateOperator
from tidegate.operators.extract import step_of
from tidegate.operators.surroundings import connection_url, staging_root
from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.quorum import usual_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from tidegate.data.manifest import Manifest
    from tidegate.operators.barrier import BarrierOperator
    from tidegate.operators.branches import Branches
    from tidegate.operators.night import Night


class History:
    """What is known of the interval, and of those before it, when a barrier decides."""

    def __init__(self, barrier: BarrierOperator, night: Night) -> None:
        self.barrier = barrier
        self.night = night
        self.log = barrier.log

    def held(self) -> dict[str, int]:
        """Branch → source rows, of those that the warehouse holds already."""
        from tidegate.operators.records import held_rows

        night = self.night
        return self._asked(lambda ledger: held_rows(ledger, night.dag_id, night.interval), otherwise="this run must have enough by itself")

    def usual(self) -> dict[str, int]:
        """The usual rows of each branch; what nobody knows yet keeps no night from going on, and the log says so."""
        from tidegate.operators.records import nights_before

        night = self.night
        usual = self._asked(
            lambda ledger: usual_rows(nights_before(ledger, night.dag_id, night.interval)), otherwise="nothing is judged by coverage"
        )
        if unknown := [name for name in self.barrier.branches if name not in usual]:
            self.log.info("Not judged by coverage, for too few nights are known: %s", ", ".join(unknown))
        return usual

    def _asked(self, question: Callable[[Connection], dict[str, int]], *, otherwise: str) -> dict[str, int]:
        """What the ledger of the load behind answers; nothing where there is none, or where it cannot be read.

        :param otherwise: What follows then, for the log.
        """
        from tidegate.data.engines import reading

        behind = (task for task in self.barrier.get_flat_relatives(upstream=False) if isinstance(task, TidegateOperator))
        conn_id = next((task.ledger_conn_id for task in behind if task.ledger_conn_id), None)
        if conn_id is None:
            self.log.info("No load stands behind whose ledger would tell of earlier nights, so %s.", otherwise)
            return {}
        try:
            with reading(connection_url(conn_id), connection_name=conn_id) as connection:
                return question(connection)
        except TidegateError as error:
            self.log.warning("The ledger cannot be asked of earlier nights, so %s: %s", otherwise, error)
            return {}

    @property
    def _combined(self) -> bool:
        """Whether a task behind combines what arrives with what earlier runs staged."""
        return any(getattr(task, "held", None) is not None for task in self.barrier.get_flat_relatives(upstream=False))

    def settle(self, found: Mapping[str, tuple[Branch, dict[str, Any] | None]], branches: Branches) -> None:
        """Withdraw the rows of branches that failed behind them, so that no later run combines them; what arrived counts again."""
        several = [name for name in found if len(self.barrier.ends(name)) > 1]
        if not several or not self._combined:
            return
        from tidegate.data.manifest import Manifest
        from tidegate.data.staging import Staging

        staging = Staging(staging_root())
        for name in several:
            branch, manifest = found[name]
            if manifest is not None:
                staging.restore(Manifest.from_dict(manifest))
            elif branch.state is BranchState.FAILED and branches.state(carrier := self.barrier.ends(name)[0]) == "success":
                report = self.night.ti.xcom_pull(task_ids=carrier)
                if isinstance(report, dict) and (receipt := report.get("manifest", report)).get("branch") == name:
                    staging.withdraw(Manifest.from_dict(receipt))

    def staged(self, arrived: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The manifests of branches that only earlier runs staged, where a task behind combines them with what arrived."""
        if not self._combined:
            return []
        from tidegate.data.staging import Staging

        night = self.night
        here = {manifest["branch"] for manifest in arrived}
        absent = [name for name in self.barrier.branches if name not in here]
        named = {self.barrier.staged_as} if self.barrier.staged_as else {step_of(self.barrier.ends(name)[0], name) for name in absent}
        steps = {manifest["step"] for manifest in arrived} | named
        found: dict[str, Manifest] = {}
        for step in sorted(steps):
            committed = Staging(staging_root()).committed(night.dag_id, step, night.interval.start, night.interval.end)
            found |= {name: manifest for name, manifest in committed.items() if name in absent}
        return [manifest.as_dict() for manifest in found.values()]
