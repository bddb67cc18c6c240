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
    from collections.abc import Callable, Collection, Iterator, Mapping

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
        behind = self.barrier.get_flat_relatives(upstream=False)
        return any(getattr(task, "partial_kwargs", vars(task)).get("held") is not None for task in behind)

    def settle(self, found: Mapping[str, tuple[Branch, dict[str, Any] | None]], branches: Branches) -> set[str]:
        """Withdraw the rows of branches that failed behind them, so that no later run takes them; what arrived counts again.

        :return: The files of branches that have not ended behind them: nobody knows yet whether their rows are right.
        """
        from tidegate.data.staging import Staging

        staging, unjudged = Staging(staging_root()), set()
        for name, (branch, _) in found.items():
            arrived = branch.state is BranchState.ARRIVED
            if arrived and self.night.try_number == 1:  # nothing that this run has staged can have been withdrawn yet
                continue
            for receipt in self._receipts(name, branches):
                if arrived:
                    staging.restore(receipt)
                elif branch.state is BranchState.FAILED:
                    staging.withdraw(receipt)
                else:
                    unjudged.add(receipt.path)
        return unjudged

    def _receipts(self, name: str, branches: Branches) -> Iterator[Manifest]:
        """What the tasks of a branch have handed on that have succeeded."""
        from tidegate.data.manifest import Manifest

        ends = self.barrier.ends(name)
        before = (task for end in ends for task in self.barrier.dag.get_task(end).get_flat_relatives(upstream=True))
        own = (task.task_id for task in before if getattr(task, "branch", None) == name)
        for task_id in dict.fromkeys((*ends, *self.barrier.members(name), *own)):
            if branches.state(task_id) != "success":
                continue
            report = self.night.ti.xcom_pull(task_ids=task_id)
            receipt = report.get("manifest", report) if isinstance(report, dict) else None
            if isinstance(receipt, dict) and receipt.get("branch") == name and "attempt" in receipt:
                yield Manifest.from_dict(receipt)

    def step(self, name: str) -> str:
        """The name that staging knows a branch's rows by."""
        return self.barrier.staged_as or step_of(self.barrier.ends(name)[0], name)

    def staged(self, arrived: list[dict[str, Any]], without: Collection[str] = ()) -> list[dict[str, Any]]:
        """The manifests of branches that only earlier runs staged, where a task behind combines them with what arrived.

        :param without: Files that do not count.
        """
        if not self.combined:
            return []
        from tidegate.data.staging import Staging

        night = self.night
        here = {manifest["branch"] for manifest in arrived}
        absent = [name for name in self.barrier.branches if name not in here]
        steps = {manifest["step"] for manifest in arrived} | {self.step(name) for name in absent}
        found: dict[str, Manifest] = {}
        for step in sorted(steps):
            folder = night.dag_id, step, night.interval.start, night.interval.end
            committed = Staging(staging_root()).committed(*folder, without=without)
            found |= {name: manifest for name, manifest in committed.items() if name in absent}
        return [manifest.as_dict() for manifest in found.values()]
