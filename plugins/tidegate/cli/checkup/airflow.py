"""Airflow itself: its pools, its triggerer, the DAG that catches up, and where rows are staged. From its metadata database, as its own command reads it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tidegate.cli.checkup.notes import counted, fine, note, wrong
from tidegate.errors import Unreachable
from tidegate.model.resources import shared_resources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.orm import Session

    from tidegate.cli.checkup.asked import Asked
    from tidegate.cli.checkup.notes import Note
    from tidegate.model import PipelineSpec

POOLS, TRIGGERER, DAGS, CATCH_UP, STAGING = "pools", "triggerer", "dags", "catch-up", "staging"
_LEAST_FREE = 5
"""Percent of the disk under staging, below which it is worth a word."""


def dags_folder() -> Path:
    """Where Airflow looks for DAG files."""
    from airflow.configuration import conf

    return Path(str(conf.get("core", "dags_folder"))).expanduser()


@contextmanager
def metadata() -> Iterator[Session]:
    """A session of Airflow's metadata database.

    :raises Unreachable: it does not answer, or holds no Airflow.
    """
    from airflow.utils.session import create_session
    from sqlalchemy.exc import DBAPIError

    try:
        with create_session() as session:
            yield session
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        hint = "Run it where, and as whom, Airflow's own command runs."
        raise Unreachable(f"Airflow's metadata database does not take this: {reason}.", hint=hint) from None


def pools(session: Session, specs: Sequence[PipelineSpec], asked: Asked, folder: Path) -> Iterator[Note]:
    """Whether every pool is there, with as many slots as are declared, and as one task takes."""
    from airflow.models.pool import Pool

    slots = {pool.pool: pool.slots for pool in Pool.get_pools(session=session)}
    declared, contradictions = shared_resources(spec.pipeline for spec in specs)
    for told in contradictions:
        yield wrong(POOLS, told.rstrip("."), mend="A resource is one thing: declare it alike everywhere.")
    right, apply = 0, f"`tidegate apply {folder}` does so."
    for resource in declared:
        has, where = slots.get(resource.name), ", ".join(resource.pipelines)
        if has is None:
            yield wrong(
                POOLS,
                f"there is no pool {resource.name}, which is declared with {counted(resource.limit, 'slot')}",
                where=where,
                mend=f"Make it: {apply}",
            )
        elif 0 <= has < resource.limit:
            what = f"pool {resource.name} has {counted(has, 'slot')}, and {resource.limit} are declared"
            yield wrong(POOLS, what, where=where, mend=f"Give it as many: {apply}")
        elif has != resource.limit:
            much = "slots without end" if has < 0 else counted(has, "slot")
            what = f"pool {resource.name} has {much}, and {resource.limit} {'is' if resource.limit == 1 else 'are'} declared"
            yield note(POOLS, what, where=where, mend=f"To hold them to what is declared: {apply}")
        else:
            right += 1
    names = {resource.name for resource in declared}
    for (name, taken), users in asked.pools.items():
        if name not in slots and name not in names:
            mend = "Declare it under resources and run `tidegate apply`, or make it under Admin → Pools."
            yield wrong(POOLS, f"there is no pool {name}", where=str(users), mend=mend)
        elif 0 <= slots.get(name, taken) < taken:
            what = f"a task takes {counted(taken, 'slot')} of pool {name}, which has {slots[name]}, so it would wait for ever"
            yield wrong(POOLS, what, where=str(users), mend="Give the pool more slots, or the step fewer.")
    if right:
        yield fine(POOLS, f"{counted(right, 'pool has', 'pools have')} the slots that are declared")


def triggerer(session: Session, asked: Asked) -> Iterator[Note]:
    """Whether one is alive, where a step waits in it."""
    if not asked.deferring.steps:
        return
    from airflow.jobs.job import most_recent_job

    job = most_recent_job("TriggererJob", session=session)
    if job is not None and job.is_alive():
        yield fine(TRIGGERER, "one is alive")
        return
    since = f", the last one was seen at {job.latest_heartbeat:%Y-%m-%d %H:%M} UTC" if job is not None and job.latest_heartbeat else ""
    mend = "Start `airflow triggerer`: barriers that decide by a time wait in it."
    yield wrong(TRIGGERER, f"no triggerer is alive{since}", where=str(asked.deferring), mend=mend)


def dags(session: Session, specs: Sequence[PipelineSpec]) -> Iterator[Note]:
    """Whether Airflow knows the pipelines, and which of them are switched off."""
    from airflow.models import DagModel
    from sqlalchemy import select

    known = {dag.dag_id: dag for dag in session.scalars(select(DagModel).where(DagModel.is_stale.is_(False)))}
    lost = [spec.name for spec in specs if spec.name not in known]
    off = [spec.name for spec in specs if spec.name in known and known[spec.name].is_paused]
    if lost:
        mend = "Wait until the dag-processor has read them, or see `airflow dags list-import-errors`."
        yield wrong(DAGS, f"Airflow does not know {counted(len(lost), 'pipeline')}", where=", ".join(lost), mend=mend)
    if off:
        yield note(
            DAGS,
            f"{counted(len(off), 'pipeline is', 'pipelines are')} switched off",
            where=", ".join(off),
            mend="`airflow dags unpause` switches one on.",
        )
    if specs and not lost:
        yield fine(DAGS, f"Airflow knows {counted(len(specs), 'pipeline')}")


def catch_up(session: Session, asked: Asked) -> Iterator[Note]:
    """Whether a DAG looks after gaps, where there may be any."""
    if not asked.ledgers:
        return
    from airflow.models import DagModel
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import select

    tagged = session.scalars(select(DagModel).where(DagModel.is_stale.is_(False), DagModel.tags.any(name="tidegate")))
    off = {dag.dag_id: dag.is_paused for dag in tagged}
    rows = SerializedDagModel.get_latest_serialized_dags(dag_ids=list(off), session=session) if off else ()
    looking = [row.dag_id for row in rows if _catches_up(row)]
    if not looking:
        mend = "Add dags/tidegate_catch_up.py of the pack, with the tag tidegate; till then `tidegate catch-up` does it by hand."
        yield wrong(CATCH_UP, "no DAG has a CatchUpOperator, so nothing brings what nights lacked", mend=mend)
    elif all(off[dag_id] for dag_id in looking):
        mend = f"`airflow dags unpause {looking[0]}`; till then `tidegate catch-up` does it by hand."
        yield wrong(CATCH_UP, f"{', '.join(looking)} is switched off, so nothing brings what nights lacked", mend=mend)
    else:
        yield fine(CATCH_UP, f"{', '.join(looking)} looks after gaps")


def _catches_up(row: Any) -> bool:
    return any(task.task_type == "CatchUpOperator" for task in row.dag.tasks)


def staging() -> Iterator[Note]:
    """Whether rows can be staged from here: by writing a small file, reading it again, and taking it away."""
    from tidegate.operators.surroundings import staging_root

    root: Any = staging_root()
    mend = "Let the user that Airflow runs as write there, or name another place as [tidegate] staging of Airflow's configuration."
    probe, content = root / f".doctor-{uuid4().hex}", b"tide"
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(content)
        try:
            read = probe.read_bytes()
        finally:
            probe.unlink()
    except Exception as error:  # noqa: BLE001  each kind of store has its own
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        yield wrong(STAGING, f"{root} cannot be written: {reason or type(error).__name__}", mend=mend)
        return
    if read != content:
        yield wrong(STAGING, f"{root} gives back something else than was written", mend=mend)
        return
    yield fine(STAGING, f"{root} can be written")
    if isinstance(root, Path):
        total, _, free = shutil.disk_usage(root)
        if free * 100 < total * _LEAST_FREE:
            yield note(STAGING, f"the disk under {root} has {free / 1e9:.1f} GB left", mend="Make room before the next night.")
