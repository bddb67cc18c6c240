"""The breakers of pipelines, in Airflow's metadata database. Runs where Airflow's own command runs."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tidegate.errors import Refused, Unreachable
from tidegate.model.findings import did_you_mean
from tidegate.resilience.breaker import Breaker
from tidegate.resilience.keys import BREAKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered of one branch, and where."""

    pipeline: str
    step: str
    branch: str
    breaker: Breaker
    damage: str = ""
    """Why it cannot be read, and counts as closed."""
    asset_id: int = 0

    @property
    def told(self) -> tuple[str, ...]:
        """One line for a person, in columns."""
        breaker = self.breaker
        since = f"{breaker.since:%Y-%m-%d}" if breaker.since is not None else ""
        return self.pipeline, self.step, self.branch, str(breaker.stance), str(breaker.nights), since, self.damage or breaker.reason

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to tell: it is closed, and its last night was a good one."""
        return not self.damage and self.breaker == Breaker(counted=self.breaker.counted)


def kept(pipeline: str | None = None) -> list[Kept]:
    """The breakers of a pipeline, or of all, in the order of their names.

    :raises Refused: the pipeline has none.
    :raises Unreachable: the metadata database does not answer, or holds no Airflow.
    """
    with _session() as session:
        return _found(session, pipeline)


def change(pipeline: str, branch: str, turn: Callable[[Breaker], Breaker]) -> list[Kept]:
    """Change the breakers of a branch: of each step that has one.

    :return: What they are now.
    :raises Refused: the pipeline has no breaker of such a branch.
    :raises Unreachable: the metadata database does not answer, or holds no Airflow.
    """
    with _session() as session:
        known = _found(session, pipeline)
        changed = [replace(each, breaker=turn(each.breaker), damage="") for each in known if each.branch == branch]
        if not changed:
            hint = did_you_mean(branch, dict.fromkeys(each.branch for each in known))
            raise Refused(f"No branch '{branch}' of {pipeline} has a breaker.", hint=hint)
        for each in changed:
            _write(session, each)
        return changed


@contextmanager
def _session() -> Iterator[Session]:
    from airflow.utils.session import create_session
    from sqlalchemy.exc import DBAPIError

    try:
        with create_session() as session:
            yield session
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise Unreachable(
            f"Airflow's metadata database does not take this: {reason}.", hint="Run it where, and as whom, Airflow's own command runs."
        ) from None


def _found(session: Session, pipeline: str | None) -> list[Kept]:
    from airflow.models.asset import AssetModel, TaskInletAssetReference
    from sqlalchemy import select

    mine = f"{BREAKERS}:{pipeline}:" if pipeline is not None else f"{BREAKERS}:"
    asked = (
        select(AssetModel.id, AssetModel.name, TaskInletAssetReference.task_id)
        .join(TaskInletAssetReference, TaskInletAssetReference.asset_id == AssetModel.id)
        .where(AssetModel.name.startswith(mine, autoescape=True), AssetModel.active.has())
        .order_by(AssetModel.name, TaskInletAssetReference.task_id)
    )
    found: list[Kept] = []
    for asset_id, name, task_id in session.execute(asked):
        dag_id, _, step = name.removeprefix(f"{BREAKERS}:").partition(":")
        if (branch := _branch(task_id, step)) is not None:
            breaker, damage = _read(session, asset_id, branch)
            found.append(Kept(dag_id, step, branch, breaker, damage, asset_id))
    if pipeline is not None and not found:
        raise Refused(
            f"{pipeline} has no breakers that Airflow knows.", hint="Give an extract breaker: {open_after: 3}, and let Airflow parse it."
        )
    return found


def _branch(task_id: str, step: str) -> str | None:
    """What a task's id has besides its step; None for the task of another step, such as the barrier."""
    left = task_id.split(".")
    for name in step.split("."):
        if name not in left:
            return None
        left.remove(name)
    return ".".join(left) or None


def _read(session: Session, asset_id: int, branch: str) -> tuple[Breaker, str]:
    from airflow.state import AssetScope, get_state_backend

    stored: Any = get_state_backend().get(AssetScope(asset_id=asset_id), branch, session=session)
    try:
        return (Breaker() if stored is None else Breaker.from_dict(json.loads(stored))), ""
    except ValueError as error:
        return Breaker(), str(error)


def _write(session: Session, each: Kept) -> None:
    from airflow._shared.state import AssetStateStoreWriterKind
    from airflow.state import AssetScope, get_state_backend
    from airflow.state.metastore import MetastoreBackend

    backend, scope, value = get_state_backend(), AssetScope(asset_id=each.asset_id), json.dumps(each.breaker.as_dict())
    if isinstance(backend, MetastoreBackend):
        backend.set_asset_state_store(scope, each.branch, value, kind=AssetStateStoreWriterKind.API, session=session)
    else:
        backend.set(scope, each.branch, value, session=session)
