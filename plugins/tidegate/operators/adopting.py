"""Rows that an earlier run staged, for a run that takes them in place of reading the source again. Runs in a worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tidegate.errors import DataRefused

if TYPE_CHECKING:
    from tidegate.data.manifest import Manifest, StageKey
    from tidegate.data.staging import Staging

log = logging.getLogger(__name__)


def adopted(staging: Staging, key: StageKey, question: str) -> Manifest | None:
    """The newest committed attempt of a branch and interval, whole and unharmed; None where the source must be read after all.

    Its manifest is that of the run that read it, so that the load's fence orders it by when it was read.

    :param question: What the source would be asked now: rows of another question are not taken.
    """
    try:
        manifest = staging.committed(key.pipeline, key.step, key.interval_start, key.interval_end).get(key.branch)
        if manifest is None:
            log.info("%s has staged nothing to adopt, so its source is read", key.branch)
            return None
        if manifest.question != question:
            log.info("%s has staged rows of another query, or of other settings, than it has now, so its source is read", key.branch)
            return None
        with staging.local_file(manifest):
            log.info("%s adopts attempt %s, staged at %s: its source is not read", key.branch, manifest.attempt, manifest.written_at)
    except DataRefused as error:
        log.warning("%s cannot adopt what was staged, so its source is read: %s", key.branch, error.message)
        return None
    return manifest
