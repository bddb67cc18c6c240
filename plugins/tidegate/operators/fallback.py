"""Rows that stand in for branches that are missing: those that they staged for the newest earlier interval. Runs in a worker."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate.data.instants import instant
from tidegate.operators.surroundings import staging_root
from tidegate.resilience.completeness import BranchState
from tidegate.resilience.fallback import candidates

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from tidegate.data.manifest import Manifest
    from tidegate.data.staging import Staging
    from tidegate.operators.history import History
    from tidegate.resilience.completeness import Branch, Completeness
    from tidegate.resilience.interval import Interval

log = logging.getLogger(__name__)


def stand_ins(history: History, record: Completeness, staged: Collection[str], no_older_than: timedelta) -> list[Manifest]:
    """What stands in for the branches that a record lacks, under the record's interval; whatever cannot be used is left out, and the log says so.

    A branch whose own rows are in the warehouse needs nobody to stand in. Nor does one that was not chosen for this run, unless rows stand in
    for it already and a step behind combines all branches: what it makes would be without them.

    :param staged: Branches that staged rows for the interval itself, which are combined with what arrived.
    :param no_older_than: How long before the interval that of the rows may have begun.
    """
    from tidegate.data.staging import Staging

    loaded, own = history.loaded_from(), instant(record.interval.start)

    def needed(branch: Branch) -> bool:
        if branch.state is BranchState.EXCLUDED:
            return history.combined and loaded.get(branch.name, own) != own
        return loaded.get(branch.name) != own

    staging = Staging(staging_root())
    known = candidates(staging.intervals(record.pipeline), record.interval, no_older_than)
    missing = [branch.name for branch in record.missing if branch.name not in staged and needed(branch)]
    found = (_last_good(staging, record, history.step(name), name, known) for name in missing)
    return [manifest for manifest in found if manifest is not None]


def _last_good(staging: Staging, record: Completeness, step: str, name: str, known: Sequence[Interval]) -> Manifest | None:
    try:
        found = (staging.newest(record.pipeline, step, interval, name) for interval in known)
        manifest = next((manifest for manifest in found if manifest is not None), None)
        if manifest is None:
            log.info("%s is missing, and has staged nothing lately that could stand in", name)
            return None
        with staging.local_file(manifest):
            log.info("%s is missing: the rows that it staged for %s stand in", name, manifest.interval_start)
    except Exception as error:  # noqa: BLE001  rows that stand in must never cost those that arrived
        log.warning("%s is missing, and nothing stands in: %s", name, error)
        return None
    return replace(
        manifest,
        interval_start=instant(record.interval.start),
        interval_end=instant(record.interval.end),
        stale={name: manifest.interval_start},
    )
