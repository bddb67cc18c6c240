"""Airflow's pools, in its metadata database: what they are, and what they are to become. Runs where Airflow's own command runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate.model.resources import Shared


@dataclass(frozen=True, slots=True)
class Change:
    """What a declared resource means for the pool of its name."""

    resource: Shared
    before: int | None
    """Slots that the pool has; None where there is no such pool."""
    redescribed: bool = False
    """Whether the pool has another description than the one declared."""

    @property
    def needed(self) -> bool:
        """Whether the pool is not yet as it is declared."""
        return self.before != self.resource.limit or self.redescribed

    def told(self, *, done: bool) -> str:
        """One line for a person."""
        name, limit = self.resource.name, _slots(self.resource.limit)
        if not self.needed:
            return f"{name}: has {limit}, as declared"
        if self.before is None:
            return f"{name}: {'created' if done else 'would be created'} with {limit}"
        changed = "changed" if done else "would be changed"
        if self.before == self.resource.limit:
            return f"{name}: description {changed}"
        return f"{name}: {changed} from {_slots(self.before)} to {limit}"


def apply_pools(resources: Iterable[Shared], *, write: bool) -> list[Change]:
    """Make the pools of declared resources, or only tell what would be made. Every other pool is left alone, and what is not declared of a pool stays.

    :raises Unreachable: the metadata database does not answer, or holds no Airflow.
    """
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy.exc import DBAPIError

    changes = []
    try:
        with create_session() as session:
            for resource in resources:
                pool = Pool.get_pool(resource.name, session=session)
                description = resource.description or (pool.description if pool else None) or ""
                redescribed = pool is not None and description != (pool.description or "")
                change = Change(resource, pool.slots if pool else None, redescribed)
                changes.append(change)
                if write and change.needed:
                    Pool.create_or_update_pool(
                        name=resource.name,
                        slots=resource.limit,
                        description=description,
                        include_deferred=pool.include_deferred if pool else False,
                        team_name=pool.team_name if pool else None,
                        session=session,
                    )
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise Unreachable(
            f"Airflow's metadata database does not take this: {reason}.", hint="Run it where, and as whom, Airflow's own command runs."
        ) from None
    return changes


def _slots(count: int) -> str:
    return "1 slot" if count == 1 else f"{count} slots"
