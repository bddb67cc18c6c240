"""What earlier runs left, for a barrier: rows in the warehouse, what is usual, files in staging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tidegate.errors import TidegateError
from tidegate.operators.base import TidegateOperator
from tidegate.operators.extract import step_of
from tidegate.operators.surroundings import connection_url, staging_root
from tidegate.resilience.completeness import Branch, BranchState
from tidegate.resilience.patience import span, usual_seconds
from tidegate.resilience.quorum import usual_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from tidegate.data.manifest import Manifest
    from tidegate.operators.barrier import BarrierOperator
    from tidegate.operators.branches import Branches
    from tidegate.operators.night import Night

T = TypeVar("T")


def asked(task: TidegateOperator, question: Callable[[Connection], T], *, otherwise: str) -> T | None:
    """What the ledger of the load behind a task answers; None where there is none, or where it cannot be read.

    :param otherwise: What follows then, for the log.
    """
    from tidegate.data.engines import reading

    behind = (other for other in task.get_flat_relatives(upstream=False) if isinstance(other, TidegateOperator))
    conn_id = next((other.ledger_conn_id for other in behind if other.ledger_conn_id), None)
    if conn_id is None:
        task.log.info("No load stands behind whose ledger would tell of earlier nights, so %s.", otherwise)
        return None
    try:
        with reading(connection_url(conn_id), connection_name=conn_id) as connection:
            return question(connection)
    except TidegateError as error:
        task.log.warning("The ledger cannot be asked of earlier nights, so %s: %s", otherwise, error)
        return None


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

    def loaded_from(self) -> dict[str, str]:
        """Branch → the start of the interval that its rows in the warehouse are of, of all that it has rows for."""
        from tidegate.operators.records import loaded_from

        night = self.night
        return self._asked(
            lambda ledger: loaded_from(ledger, night.dag_id, night.interval), otherwise="nothing tells what it holds already"
        )

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

    def usual_seconds(self) -> dict[str, float]:
        """The seconds that each branch usually takes; one of whom nobody knows is waited for, and the log says so."""
        from tidegate.operators.records import branches_before

        night = self.night
        usual = self._asked(
            lambda ledger: usual_seconds(branches_before(ledger, night.dag_id, night.interval)), otherwise="nobody is late by history"
        )
        for name, seconds in usual.items():
            self.log.info("%s usually takes %s", name, span(seconds))
        if unknown := [name for name in self.barrier.branches if name not in usual]:
            self.log.info("Not late by history, for too few nights are known: %s", ", ".join(unknown))
        return usual

    def _asked(self, question: Callable[[Connection], dict[str, T]], *, otherwise: str) -> dict[str, T]:
        return asked(self.barrier, question, otherwise=otherwise) or {}

    @property
    def combined(self) -> bool:
        """Whether a task behind combines what arrives with what earlier runs staged."""
        return any(getattr(task, "held", None) is not None for task in self.barrier.get_flat_relatives(upstream=False))

    def settle(self, found: Mapping[str, tuple[Branch, dict[str, Any] | None]], branches: Branches) -> None:
        """Withdraw the rows of branches that failed behind them, so that no later run takes them; what arrived counts again."""
        several = [name for name in found if len(self.barrier.ends(name)) > 1]
        if not several or not (self.combined or self.barrier.last_good):
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

    def step(self, name: str) -> str:
        """The name that staging knows a branch's rows by."""
        return self.barrier.staged_as or step_of(self.barrier.ends(name)[0], name)

    def staged(self, arrived: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The manifests of branches that only earlier runs staged, where a task behind combines them with what arrived."""
        if not self.combined:
            return []
        from tidegate.data.staging import Staging

        night = self.night
        here = {manifest["branch"] for manifest in arrived}
        absent = [name for name in self.barrier.branches if name not in here]
        steps = {manifest["step"] for manifest in arrived} | {self.step(name) for name in absent}
        found: dict[str, Manifest] = {}
        for step in sorted(steps):
            committed = Staging(staging_root()).committed(night.dag_id, step, night.interval.start, night.interval.end)
            found |= {name: manifest for name, manifest in committed.items() if name in absent}
        return [manifest.as_dict() for manifest in found.values()]
