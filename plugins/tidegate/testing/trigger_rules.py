"""Airflow's trigger rules: what becomes of a task, given what has become of the tasks right before it.

``airflow.ti_deps.deps.trigger_rule_dep`` says the same about rows of a database; ``tests/testing/test_scheduler.py`` holds both side by side. A mapped
task counts as one here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SUCCESS, FAILED, SKIPPED, UPSTREAM_FAILED = "success", "failed", "skipped", "upstream_failed"
START = "start"
"""What a rule says of a task that may run."""


@dataclass(slots=True)
class Before:
    """How many of the tasks right before a task have ended, and how."""

    total: int
    success: int = 0
    failed: int = 0
    upstream_failed: int = 0
    skipped: int = 0
    setups: int = 0
    """Of all of them, those that are setups."""
    setups_success: int = 0
    setups_skipped: int = 0

    @property
    def unsuccessful(self) -> int:
        """Those that failed, or did not run because others had."""
        return self.failed + self.upstream_failed

    @property
    def done(self) -> bool:
        """Whether all have ended."""
        return self.success + self.failed + self.upstream_failed + self.skipped >= self.total


def _all_success(before: Before) -> str | None:
    if before.unsuccessful:
        return UPSTREAM_FAILED
    if before.skipped:
        return SKIPPED
    return START if before.done else None


def _all_failed(before: Before) -> str | None:
    if before.success or before.skipped:
        return SKIPPED
    return START if before.done else None


def _all_done(before: Before) -> str | None:
    return START if before.done else None


def _all_done_min_one_success(before: Before) -> str | None:
    if before.skipped:
        return SKIPPED
    if not before.done:
        return None
    return START if before.success else UPSTREAM_FAILED


def _all_done_setup_success(before: Before) -> str | None:
    if not before.done:
        return None
    if before.setups and before.setups_skipped >= before.setups:
        return SKIPPED
    return UPSTREAM_FAILED if before.setups and not before.setups_success else START


def _all_skipped(before: Before) -> str | None:
    if before.success or before.unsuccessful:
        return SKIPPED
    return START if before.done else None


def _one_success(before: Before) -> str | None:
    if before.success:
        return START
    if not before.done:
        return None
    return SKIPPED if before.skipped == before.total else UPSTREAM_FAILED


def _one_failed(before: Before) -> str | None:
    if before.unsuccessful:
        return START
    return SKIPPED if before.done else None


def _one_done(before: Before) -> str | None:
    if before.success or before.failed:
        return START
    return SKIPPED if before.done else None


def _none_failed(before: Before) -> str | None:
    if before.unsuccessful:
        return UPSTREAM_FAILED
    return START if before.done else None


def _none_failed_min_one_success(before: Before) -> str | None:
    if before.unsuccessful:
        return UPSTREAM_FAILED
    if before.skipped == before.total:
        return SKIPPED
    return START if before.done else None


def _none_skipped(before: Before) -> str | None:
    if before.skipped:
        return SKIPPED
    return START if before.done else None


def _always(before: Before) -> str | None:  # noqa: ARG001  that is the rule
    return START


RULES: dict[str, Callable[[Before], str | None]] = {
    "all_success": _all_success,
    "all_failed": _all_failed,
    "all_done": _all_done,
    "all_done_min_one_success": _all_done_min_one_success,
    "all_done_setup_success": _all_done_setup_success,
    "all_skipped": _all_skipped,
    "always": _always,
    "none_failed": _none_failed,
    "none_failed_min_one_success": _none_failed_min_one_success,
    "none_skipped": _none_skipped,
    "one_done": _one_done,
    "one_failed": _one_failed,
    "one_success": _one_success,
}
"""Every rule of Airflow → what it says: start, skipped, upstream_failed, or None while it waits."""
